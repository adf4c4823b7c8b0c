# SPDX-License-Identifier: Apache-2.0
"""Mounts, the root file system, devices: what does not fit a unit test because it needs a whole container."""
import os
import pathlib
import resource
import socket
import subprocess
import time

import pytest

from tests.kernel import needs_tmpfs_idmap
from tests.user import ROOT, UID, chmod, chown, needs_root


def line_of(text, where):
    """Fields of /proc/self/mountinfo for the last mount at WHERE: (options, optional fields, type, super options)."""
    found = None
    for line in text.splitlines():
        fields = line.split()
        if len(fields) > 6 and fields[4] == where:
            dash = fields.index("-")
            found = (fields[5].split(","), fields[6:dash], fields[dash + 1], fields[dash + 3].split(","))
    assert found, f"nothing is mounted at {where}:\n{text}"
    return found


def mountinfo(husk, bundle, where, **more):
    return line_of(husk.out(bundle.sh("cat /proc/self/mountinfo"), **more), where)


# ---- order, places -------------------------------------------------------------------------------------------------

def test_mounts_are_made_in_the_listed_order(husk, bundle, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/file").write_text("inner")
    bundle.mount("/a", "t", "tmpfs", []).mount("/a/b/c", tmp_path / "d").mount("/a/b/c", "t", "tmpfs", [])
    assert husk.out(bundle.sh("ls /a/b/c | wc -l")).strip() == "0"


def test_a_relative_destination_is_beneath_the_root(husk, bundle):
    bundle.mount("x/y", "t", "tmpfs", ["mode=700"])
    assert husk.out(bundle.sh("stat -f -c %T /x/y; stat -c %a /x/y")).split() == ["tmpfs", "700"]


def test_a_mount_over_the_root_is_the_root(husk, bundle, tmp_path):
    bundle.config["mounts"].insert(0, {"destination": "/", "type": "bind", "source": str(bundle.rootfs),
                                       "options": ["rbind", "nosuid"]})
    assert "nosuid" in mountinfo(husk, bundle, "/")[0]


def test_a_file_a_socket_and_a_device_can_be_bound(husk, bundle, tmp_path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(tmp_path / "sock"))
    (tmp_path / "file").write_text("text")
    bundle.mount("/x/file", tmp_path / "file").mount("/x/sock", tmp_path / "sock").mount("/x/null", "/dev/null")
    assert husk.out(bundle.sh("cat /x/file; test -S /x/sock && test -c /x/null && echo ' all'")) == "text all\n"


def test_a_missing_source_is_named(husk, bundle):
    husk.refuse(bundle.mount("/x", "/no/such/thing"), "mounts[6]", "/no/such/thing", "no such file or directory")


def test_a_file_does_not_fit_on_a_directory(husk, bundle, tmp_path):
    (tmp_path / "file").write_text("")
    husk.refuse(bundle.mount("/tmp", tmp_path / "file"), "mounts[6]", "/tmp")


def test_a_wrong_file_system_option_is_named_with_the_kernels_reason(husk, bundle):
    husk.refuse(bundle.mount("/x", "t", "tmpfs", ["sizee=1m"]), "mounts[6]", "sizee", "nknown parameter")


def test_an_unknown_file_system_is_named(husk, bundle):
    husk.refuse(bundle.mount("/x", "t", "no-such-fs", []), "mounts[6]", "no-such-fs")


# ---- options -------------------------------------------------------------------------------------------------------

def skip_if_locked(kind, option):
    """What a mount of the host has a plain user can make stricter, never looser; its atime he cannot change at all."""
    if not ROOT and kind == "bind" and option.removeprefix("r") in (
            "atime", "noatime", "diratime", "nodiratime", "elatime", "relatime", "norelatime", "strictatime", "nostrictatime", "dev", "suid", "exec"):
        pytest.skip("needs root: options of a mount of the host")


def above(path):
    """The options of the mount of the host on which PATH lies."""
    with open("/proc/self/mountinfo") as f:
        points = {line.split()[4].rstrip("/"): line.split()[5].split(",") for line in f}
    return set(next(points[str(p).rstrip("/")] for p in [path, *path.parents] if str(p).rstrip("/") in points))


@pytest.mark.parametrize("option, shown", [
    ("ro", "ro"), ("nosuid", "nosuid"), ("nodev", "nodev"), ("noexec", "noexec"), ("noatime", "noatime"),
    ("nodiratime", "nodiratime"), ("relatime", "relatime"), ("nosymfollow", "nosymfollow"),
    ("rro", "ro"), ("rnosuid", "nosuid"), ("rnodev", "nodev"), ("rnoexec", "noexec"), ("rnoatime", "noatime"),
    ("rnodiratime", "nodiratime"), ("rrelatime", "relatime"), ("rnosymfollow", "nosymfollow")])
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_an_option_shows_in_mountinfo(husk, bundle, tmp_path, kind, option, shown):
    source = tmp_path / "source"
    source.mkdir()
    skip_if_locked(kind, option)
    bundle.mount("/m", source if kind == "bind" else "t", kind, ["rbind", option] if kind == "bind" else [option])
    assert shown in mountinfo(husk, bundle, "/m")[0]


@pytest.mark.parametrize("option", ["sync", "dirsync", "lazytime"])
def test_an_option_of_the_superblock_shows_in_mountinfo(husk, bundle, option):
    assert option in mountinfo(husk, bundle.mount("/m", "t", "tmpfs", [option]), "/m")[3]


@pytest.mark.parametrize("option", ["async", "atime", "defaults", "dev", "diratime", "exec", "iversion", "loud", "mand",
                                    "noiversion", "nolazytime", "nomand", "norelatime", "nostrictatime", "rw", "silent",
                                    "strictatime", "suid", "symfollow", "ratime", "rdev", "rdiratime", "rexec",
                                    "rnorelatime", "rnostrictatime", "rrw", "rstrictatime", "rsuid", "rsymfollow"])
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_an_option_is_taken(husk, bundle, tmp_path, kind, option):
    skip_if_locked(kind, option)
    bundle.mount("/m", tmp_path if kind == "bind" else "t", kind, ["rbind", option] if kind == "bind" else [option])
    options = mountinfo(husk, bundle, "/m")[0]
    kept = set() if ROOT else above(tmp_path)
    assert "rw" in options and not {"nosuid", "nodev", "noexec", "noatime", "nosymfollow"} & (set(options) - kept)


def test_a_string_may_hold_several_options(husk, bundle, tmp_path):
    bundle.mount("/t", "t", "tmpfs", ["size=64k,mode=700,nosuid", "noexec,"])
    bundle.mount("/b", tmp_path, "none", ["rbind,ro,nodev"])
    text = husk.out(bundle.sh("cat /proc/self/mountinfo"))
    attributes, _, kind, of_file_system = line_of(text, "/t")
    assert kind == "tmpfs" and {"nosuid", "noexec"} <= set(attributes) and {"size=64k", "mode=700"} <= set(of_file_system)
    assert {"ro", "nodev"} <= set(line_of(text, "/b")[0])


def test_one_of_several_options_is_named_when_it_is_wrong(husk, bundle, tmp_path):
    bundle.mount("/x", tmp_path, "bind", ["rbind", "ro,foo,nosuid"])
    husk.refuse(bundle, 'mounts[6].options[1]: unknown option "foo" for a bind mount')
    bundle.config["mounts"][6] = {"destination": "/x", "type": "tmpfs", "source": "t", "options": ["mode=700,sizee=1m"]}
    husk.refuse(bundle, "mounts[6]", 'option "sizee=1m"', "nknown parameter")


def test_ro_of_an_rbind_is_for_the_top_and_rro_for_all(husk, bundle, tmp_path, host_mount):
    host_mount(tmp_path / "top", "sub")
    bundle.mount("/a", tmp_path / "top", options=["rbind", "ro"]).mount("/b", tmp_path / "top", options=["rbind", "rro"])
    text = husk.out(bundle.sh("cat /proc/self/mountinfo"))
    assert [line_of(text, w)[0][0] for w in ("/a", "/a/sub", "/b", "/b/sub")] == ["ro", "rw", "ro", "ro"]


def test_bind_leaves_out_what_is_mounted_beneath_rbind_takes_it(husk, bundle, tmp_path, host_mount):
    host_mount(tmp_path / "top", "sub")
    bundle.mount("/a", tmp_path / "top").mount("/b", tmp_path / "top", options=["rbind"])
    assert husk.out(bundle.sh("ls /a/sub | wc -l; ls /b/sub")).split() == ["0", "mark"]


def test_a_remount_changes_what_is_named_and_no_more(husk, bundle):
    bundle.mount("/m", "t", "tmpfs", ["nosuid", "size=64k"]).mount("/m", "t", "tmpfs", ["remount", "ro", "size=128k"])
    options, _, _, super_options = mountinfo(husk, bundle, "/m")
    assert {"ro", "nosuid"} <= set(options) and "size=128k" in super_options


def test_a_remount_needs_a_mount(husk, bundle):
    husk.refuse(bundle.mount("/tmp", "t", "tmpfs", ["remount", "ro"]), "mounts[6]", "nothing is mounted")


def test_a_read_only_mount_can_hold_others(husk, bundle, tmp_path):
    bundle.mount("/m", "t", "tmpfs", ["ro"]).mount("/m/deep/x", "t", "tmpfs", [])
    assert husk.out(bundle.sh("touch /m/y 2>/dev/null || touch /m/deep/x/y && echo right")) == "right\n"


# ---- propagation ---------------------------------------------------------------------------------------------------

@pytest.fixture
def host_mount():
    """A shared tmpfs on a folder, with another mount SUB in it; unmounted at the end."""
    if UID:
        pytest.skip("needs root: a mount of the host")
    made = []

    def make(top, sub=None):
        pathlib.Path(top).mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "t", str(top)], check=True)
        made.append(top)
        subprocess.run(["mount", "--make-shared", str(top)], check=True)
        if sub:
            (pathlib.Path(top) / sub).mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "t", f"{top}/{sub}"], check=True)
            (pathlib.Path(top) / sub / "mark").write_text("")
        return pathlib.Path(top)

    yield make
    for top in made:
        subprocess.run(["umount", "-R", "-l", str(top)], check=True)


@pytest.mark.parametrize("word, wanted", [
    ("private", []), ("rprivate", []), ("slave", ["master"]), ("rslave", ["master"]), ("shared", ["shared"]),
    ("rshared", ["shared"]), ("unbindable", ["unbindable"]), ("runbindable", ["unbindable"]), (None, ["master"])])
def test_propagation_of_a_bind_mount(husk, bundle, tmp_path, host_mount, word, wanted):
    top = host_mount(tmp_path / "top")
    bundle.mount("/m", top, options=["rbind"] + ([word] if word else []))
    fields = mountinfo(husk, bundle, "/m")[1]
    assert [f.split(":")[0] for f in fields] == wanted


@pytest.mark.parametrize("word, host_sees, container_sees", [("rprivate", 0, 0), ("rslave", 0, 1), ("rshared", 1, 1)])
def test_mounts_travel_as_propagation_says(husk, bundle, tmp_path, host_mount, word, host_sees, container_sees):
    top = host_mount(tmp_path / "top")
    (top / "from-host").mkdir()
    (top / "from-inside").mkdir()
    for kind in ("bounding", "effective", "permitted"):
        bundle.process["capabilities"][kind] = ["CAP_SYS_ADMIN"]
    bundle.mount("/m", top, options=["rbind", word])
    ident = husk.started(bundle.sh("mount -t tmpfs t /m/from-inside && touch /m/from-inside/x; "
                                   "while ! test -e /m/go; do sleep 0.05; done; ls /m/from-host | wc -l"))
    deadline = time.monotonic() + 5
    while host_sees and not (top / "from-inside/x").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (top / "from-inside/x").exists() == bool(host_sees)
    subprocess.run(["mount", "-t", "tmpfs", "t", str(top / "from-host")], check=True)
    (top / "from-host/x").write_text("")
    (top / "go").write_text("")
    husk.wait_status(ident, "stopped")
    assert husk.output(ident).split() == [str(container_sees)]
    husk("delete", ident, check=0)


@pytest.mark.parametrize("word, wanted", [("private", []), ("slave", ["master"]), ("shared", ["shared", "master"]),
                                          ("unbindable", ["unbindable"]), (None, ["master"])])
def test_propagation_of_the_root(husk, bundle, tmp_path, host_mount, word, wanted):
    root = host_mount(tmp_path / "root")
    subprocess.run(["cp", "-a", f"{bundle.rootfs}/.", str(root)], check=True)
    bundle.config["root"]["path"] = str(root)
    if word:
        bundle.linux["rootfsPropagation"] = word
    assert [f.split(":")[0] for f in mountinfo(husk, bundle, "/")[1]] == wanted


# ---- links ---------------------------------------------------------------------------------------------------------

def test_a_link_can_be_copied(husk, bundle, tmp_path):
    (tmp_path / "link").symlink_to("/some/where")
    bundle.mount("/l", tmp_path / "link", options=["bind", "copy-symlink"])
    for _ in range(2):              # the second time it is there already
        assert husk.out(bundle.sh("readlink /l")) == "/some/where\n"


def test_a_link_can_be_mounted_instead_of_what_it_leads_to(husk, bundle, tmp_path):
    (tmp_path / "link").symlink_to("/etc/passwd")
    bundle.mount("/l", tmp_path / "link", options=["bind", "src-nofollow", "dest-nofollow"])
    assert husk.out(bundle.sh("readlink /l")) == "/etc/passwd\n"


def test_a_destination_that_is_a_link_is_followed_inside_the_root(husk, bundle, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/file").write_text("")
    (bundle.rootfs / "link").symlink_to("/dangling/target")
    bundle.mount("/link", tmp_path / "d")
    assert husk.out(bundle.sh("ls /dangling/target")) == "file\n"


def test_dest_nofollow_mounts_on_the_link_itself(husk, bundle, tmp_path):
    (tmp_path / "file").write_text("text")
    (bundle.rootfs / "link").symlink_to("/tmp")
    bundle.mount("/link", tmp_path / "file", options=["bind", "dest-nofollow"])
    assert husk.out(bundle.sh("cat /link")) == "text"


# ---- tmpfs ---------------------------------------------------------------------------------------------------------

def test_a_tmpfs_takes_the_mode_of_what_it_covers(husk, bundle):
    (bundle.rootfs / "d").mkdir(mode=0o700)
    os.chmod(bundle.rootfs / "tmp", 0o1777)
    bundle.mount("/d", "t", "tmpfs", []).mount("/tmp", "t", "tmpfs", []).mount("/x", "t", "tmpfs", [])
    assert husk.out(bundle.sh("stat -c %a /d /tmp /x")).split() == ["700", "1777", "1777"]


def test_owner_and_size_of_a_tmpfs(husk, bundle):
    bundle.mount("/d", "t", "tmpfs", ["uid=5", "gid=6", "mode=750", "size=64k", "nr_inodes=20"])
    assert husk.out(bundle.sh("stat -c '%u %g %a' /d; df /d | tail -1 | awk '{print $2}'")).split() == ["5", "6", "750", "64"]


def test_owner_of_a_tmpfs_in_a_user_namespace_is_of_the_container(husk, bundle):
    bundle.user_namespace().mount("/d", "t", "tmpfs", ["uid=5", "gid=6", "mode=750"])
    assert husk.out(bundle.sh("stat -c '%u %g %a' /d")).split() == ["5", "6", "750"]


def test_copying_up_keeps_everything(husk, bundle):
    d = bundle.rootfs / "data"
    (d / "deep/er").mkdir(parents=True)
    (d / "deep/er/file").write_text("text")
    chown("3:4", d / "deep/er/file")
    chmod("4755", d / "deep/er/file")
    (d / "link").symlink_to("nowhere")
    os.mkfifo(d / "pipe")
    for i in range(500):
        (d / f"many{i}").write_text(str(i))
    bundle.mount("/data", "t", "tmpfs", ["tmpcopyup"])
    out = husk.out(bundle.sh("stat -f -c %T /data; stat -c '%u %g %a' /data/deep/er/file; cat /data/deep/er/file; echo;"
                             "readlink /data/link; test -p /data/pipe && echo pipe; ls /data | wc -l; rm -r /data/deep"))
    assert out.split() == ["tmpfs", "3", "4", "4755", "text", "nowhere", "pipe", "503"]
    assert (d / "deep/er/file").exists()


# ---- user namespaces, idmaps ---------------------------------------------------------------------------------------

def test_a_source_that_only_the_host_may_reach_is_mounted_in_a_user_namespace(husk, bundle, tmp_path):
    secret = tmp_path / "secret"
    (secret / "shared").mkdir(parents=True)
    (secret / "shared/file").write_text("text")
    secret.chmod(0o700)
    bundle.user_namespace().mount("/m", secret / "shared", options=["rbind", "ro"])
    assert husk.out(bundle.sh("cat /m/file")) == "text"


def test_devices_in_a_user_namespace_work(husk, bundle):
    bundle.user_namespace()
    bundle.linux["devices"] = [{"type": "c", "path": "/dev/fuse", "major": 10, "minor": 229}]
    assert husk.out(bundle.sh("echo x > /dev/null && head -c 1 /dev/zero | wc -c && stat -c %t:%T /dev/fuse")).split() == \
        ["1", "a:e5"]


def test_sysfs_and_proc_of_the_host_in_a_user_namespace(husk, bundle):
    bundle.user_namespace().without_namespace("network").without_namespace("ipc")
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["type"] != "mqueue"]
    bundle.linux["maskedPaths"] = []
    out = husk.out(bundle.sh("test -e /sys/class && touch /sys/x 2>&1; cat /proc/self/mountinfo"))
    assert "ead-only" in out and line_of(out, "/sys")[0][0] == "ro"


@needs_root("a mapped mount")
@pytest.mark.parametrize("kind", ["bind", pytest.param("tmpfs", marks=needs_tmpfs_idmap)])
def test_an_idmapped_mount(husk, bundle, tmp_path, kind):
    d = tmp_path / "d"
    d.mkdir()
    (d / "file").write_text("")
    bundle.mount("/m", d if kind == "bind" else "t", kind, ["idmap"] + (["rbind"] if kind == "bind" else []))
    bundle.config["mounts"][-1].update(uidMappings=[{"containerID": 0, "hostID": 7000, "size": 10}],
                                       gidMappings=[{"containerID": 0, "hostID": 8000, "size": 10}])
    assert husk.out(bundle.sh("stat -c '%u %g' /m")).split() == ["7000", "8000"]


@needs_root("a mapped mount")
def test_an_idmapped_mount_with_the_containers_own_mapping(husk, bundle, tmp_path):
    d = tmp_path / "d"
    d.mkdir()
    (d / "file").write_text("text")
    (d / "file").chmod(0o600)
    bundle.user_namespace().mount("/m", d, options=["rbind", "idmap"])
    assert husk.out(bundle.sh("stat -c '%u %g' /m/file; cat /m/file")).split() == ["0", "0", "text"]


@needs_root("no user namespace")
def test_idmap_without_any_mapping_is_an_error(husk, bundle, tmp_path):
    husk.refuse(bundle.mount("/m", tmp_path, options=["bind", "idmap"]), "mounts[6].options", "user namespace")


@needs_tmpfs_idmap
def test_ridmap_reaches_the_mounts_beneath(husk, bundle, tmp_path, host_mount):
    host_mount(tmp_path / "top", "sub")
    bundle.mount("/m", tmp_path / "top", options=["rbind", "ridmap=uids=0-7-9;gids=0-8-9"])
    assert husk.out(bundle.sh("stat -c '%u %g' /m /m/sub")).split() == ["7", "8", "7", "8"]


# ---- many ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("user_namespace", [False, True])
def test_two_thousand_bind_mounts(husk, bundle, tmp_path, user_namespace):
    (tmp_path / "d").mkdir()
    for i in range(2000):
        bundle.mount(f"/m/{i}", tmp_path / "d")
    if user_namespace:
        bundle.user_namespace()
    limit = (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    out = husk.out(bundle.sh("grep -c ' /m/' /proc/self/mountinfo"),
                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit))
    assert out.split() == ["2000"]


# ---- the root ------------------------------------------------------------------------------------------------------

def test_without_pivot_root(husk, bundle):
    assert husk.out(bundle.sh("ls -d /bin; ls /home /boot 2>/dev/null || true"), "--no-pivot") == "/bin\n"


def test_an_absolute_root_with_a_link_in_its_path(husk, bundle, tmp_path):
    (tmp_path / "link").symlink_to(bundle.path)
    bundle.config["root"]["path"] = str(tmp_path / "link" / "rootfs")
    assert husk.out(bundle.args("/bin/echo", "here")) == "here\n"


def test_a_root_that_is_no_directory(husk, bundle):
    bundle.config["root"]["path"] = "config.json"
    husk.refuse(bundle, "root.path", "config.json")
    bundle.config["root"]["path"] = "missing"
    husk.refuse(bundle, "root.path", "missing")


@needs_root("a mount of the host", inside=True)
def test_a_root_with_mounts_in_it_keeps_them(husk, bundle, tmp_path):
    (bundle.rootfs / "sub").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "t", str(bundle.rootfs / "sub")], check=True)
    try:
        (bundle.rootfs / "sub/mark").write_text("")
        assert husk.out(bundle.sh("ls /sub")) == "mark\n"
    finally:
        subprocess.run(["umount", str(bundle.rootfs / "sub")], check=True)


def test_the_root_is_found_where_it_lies_by_create_container_hooks(husk, bundle, tmp_path):
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ncat >/dev/null\ngrep -q ' {bundle.rootfs} ' /proc/self/mountinfo && touch {bundle.rootfs}/by-hook\n")
    hook.chmod(0o755)
    bundle.config["hooks"] = {"createContainer": [{"path": str(hook)}]}
    bundle.config["root"]["readonly"] = True
    assert husk.out(bundle.sh("ls /by-hook; touch /x 2>/dev/null || echo ro")) == "/by-hook\nro\n"


def test_the_same_bundle_runs_twice_without_a_dev_mount(husk, bundle):
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
    for _ in range(2):
        assert husk.out(bundle.sh("test -c /dev/null && readlink /dev/ptmx")) == "pts/ptmx\n"


# ---- cgroups -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("own_namespace", [False, True])
def test_the_cgroup_mount_shows_the_containers_own_groups(husk, bundle, own_namespace):
    if own_namespace:
        bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro", "nosuid", "noexec", "nodev"])
    out = husk.out(bundle.sh("cat /proc/self/mountinfo; d=/sys/fs/cgroup; test -d $d/pids && d=$d/pids;"
                             "echo; echo procs $(cat $d/cgroup.procs); mkdir $d/x 2>/dev/null || echo refused"))
    assert out.splitlines()[-1] == "refused"
    assert "procs 1" in out
    assert line_of(out, "/sys/fs/cgroup")[0][0] == "ro"


# ---- shields -------------------------------------------------------------------------------------------------------

def test_a_mask_of_the_config_for_what_a_mount_brought(husk, bundle, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/secret").write_text("secret")
    bundle.mount("/m", tmp_path / "d")
    bundle.linux["maskedPaths"] += ["/m/secret", "/m/not/there"]
    assert husk.out(bundle.sh("cat /m/secret")) == ""
    assert (tmp_path / "d/secret").read_text() == "secret"


def test_masked_and_read_only_paths_hold_in_a_user_namespace(husk, bundle):
    bundle.user_namespace()
    assert husk.out(bundle.sh("ls /sys/firmware | wc -l; echo 1 > /proc/sys/kernel/ns_last_pid || echo refused")).split() == \
        ["0", "refused"]


def test_a_masked_directory_in_a_read_only_path_stays_masked(husk, bundle):
    bundle.linux["maskedPaths"].append("/proc/sys/kernel")
    assert husk.out(bundle.sh("ls /proc/sys/kernel | wc -l")).strip() == "0"


# ---- devices -------------------------------------------------------------------------------------------------------

@needs_root("mknod")
def test_a_device_anywhere_with_mode_and_owner(husk, bundle):
    bundle.linux["devices"] = [{"type": "c", "path": "/opt/my/zero", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 7,
                                "gid": 8}, {"type": "p", "path": "/opt/pipe"}]
    assert husk.out(bundle.sh("stat -c '%a %u %g %t:%T' /opt/my/zero; test -p /opt/pipe && echo pipe"), umask=0o077).split() == \
        ["640", "7", "8", "1:5", "pipe"]


@needs_root("mknod")
def test_a_file_that_is_not_the_device_is_an_error(husk, bundle):
    (bundle.rootfs / "zero").write_text("")
    bundle.linux["devices"] = [{"type": "c", "path": "/zero", "major": 1, "minor": 5}]
    husk.refuse(bundle, "linux.devices[0]", "/zero", "is not that device")


@needs_root("mknod")
def test_a_device_that_is_there_already_is_used(husk, bundle):
    os.mknod(bundle.rootfs / "zero", 0o20666, os.makedev(1, 5))
    bundle.linux["devices"] = [{"type": "c", "path": "/zero", "major": 1, "minor": 5}]
    assert husk.out(bundle.sh("stat -c %t:%T /zero")).strip() == "1:5"


def test_nothing_is_made_in_a_dev_that_was_bound(husk, bundle, tmp_path):
    dev = tmp_path / "dev"
    dev.mkdir()
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
    bundle.mount("/dev", dev, options=["rbind"])
    husk.run(bundle)
    assert list(dev.iterdir()) == []


# ---- without a mount namespace -------------------------------------------------------------------------------------

def test_shields_without_a_mount_namespace_are_refused(husk, bundle):
    husk.refuse(bundle.without_namespace("mount"), "linux.", "mount namespace")


def test_what_comes_into_a_tmpfs_that_a_link_has_covered_meanwhile_lies_on_top(husk, bundle, tmp_path):
    (bundle.rootfs / "alias").symlink_to("/data")
    above = tmp_path / "above"
    above.mkdir()
    (above / "file").touch()
    bundle.mount("/data", "t", "tmpfs", ["mode=755"]).mount("/data/below", "t", "tmpfs", ["mode=755"])
    bundle.mount("/alias", above).mount("/data/late", "t", "tmpfs", ["mode=700"])
    bundle.sh("ls /data; stat -c %a /data/late; umount /data/late /data; ls /data")
    bundle.process["capabilities"] = {kind: ["CAP_SYS_ADMIN"] for kind in ("bounding", "effective", "permitted")}
    assert husk.out(bundle).split() == ["file", "late", "700", "below"]


def test_the_second_of_two_mounts_in_one_place_of_a_tmpfs_is_the_one_that_is_seen(husk, bundle):
    bundle.mount("/dev/shm", "again", "tmpfs", ["mode=700"])
    assert husk.out(bundle.sh("stat -c %a /dev/shm; grep -c ' /dev/shm ' /proc/self/mountinfo")).split() == ["700", "2"]
