# SPDX-License-Identifier: Apache-2.0
"""What the process inside finds: namespaces, mounts, devices, user, capabilities, limits, seccomp, as config.json says."""
import os
import pathlib
import subprocess

import pytest

from tests.conftest import in_terminal, wait_for
from tests.groups import BASE, TOPS
from tests.kernel import needs_time
from tests.user import needs_root, unshare


def caps_of(text):
    return {k: int(v, 16) for k, v in (l.split(":\t") for l in text.splitlines() if l.startswith("Cap"))}


def bits(*numbers):
    return sum(1 << n for n in numbers)


KILL, NET_BIND, AUDIT_WRITE, SYS_ADMIN = 5, 10, 29, 21


def test_capabilities_are_exactly_those_asked_for(husk, bundle):
    caps = caps_of(husk.out(bundle.args("/bin/cat", "/proc/self/status")))
    want = bits(KILL, NET_BIND, AUDIT_WRITE)
    assert caps == {"CapInh": 0, "CapPrm": want, "CapEff": want, "CapBnd": want, "CapAmb": 0}


def test_without_capabilities_there_are_none(husk, bundle):
    del bundle.process["capabilities"]
    assert set(caps_of(husk.out(bundle.args("/bin/cat", "/proc/self/status"))).values()) == {0}


def test_ambient_capabilities_reach_another_user(husk, bundle):
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    for kind in ("bounding", "effective", "permitted", "inheritable", "ambient"):
        bundle.process["capabilities"][kind] = ["CAP_KILL"]
    caps = caps_of(husk.out(bundle.args("/bin/cat", "/proc/self/status")))
    assert set(caps.values()) == {bits(KILL)}


def test_no_new_privileges(husk, bundle):
    for wish in (True, False):
        bundle.process["noNewPrivileges"] = wish
        assert f"NoNewPrivs:\t{int(wish)}" in husk.out(bundle.args("/bin/cat", "/proc/self/status"))


def test_user_groups_and_umask(husk, bundle):
    bundle.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [7, 8], "umask": 0o077}
    assert husk.out(bundle.sh("id -u; id -g; id -G; umask")).split("\n")[:4] == ["1000", "1001", "1001 7 8", "0077"]


def test_umask_is_0022_when_absent(husk, bundle):
    assert husk.out(bundle.sh("umask")) == "0022\n"


def test_environment_is_that_of_the_config(husk, bundle):
    bundle.process["env"] = ["PATH=/bin", "A=b c", "HOME=/x"]
    assert sorted(husk.out(bundle.args("/bin/env")).splitlines()) == ["A=b c", "HOME=/x", "PATH=/bin"]


def test_home_comes_from_the_image_when_absent(husk, bundle):
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    assert "HOME=/home/user" in husk.out(bundle.args("/bin/env")).splitlines()


def test_cwd(husk, bundle):
    bundle.process["cwd"] = "/var"
    assert husk.out(bundle.args("/bin/pwd")) == "/var\n"


def test_a_missing_cwd_is_made(husk, bundle):
    bundle.process["cwd"] = "/srv/app"
    assert husk.out(bundle.args("/bin/pwd")) == "/srv/app\n"


def test_hostname_and_domainname(husk, bundle):
    bundle.config["domainname"] = "example"
    assert husk.out(bundle.sh("hostname; cat /proc/sys/kernel/domainname")) == "husk\nexample\n"


def test_each_namespace_is_new_or_the_host_s(husk, bundle):
    kinds = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "mount": "mnt", "cgroup": "cgroup"}
    bundle.without_namespace("network")
    bundle.linux["namespaces"].append({"type": "cgroup"})
    out = dict(zip(kinds, husk.out(bundle.sh("for n in %s; do readlink /proc/self/ns/$n; done" % " ".join(kinds.values()))).split()))
    for kind, name in kinds.items():
        same = out[kind] == os.readlink(f"/proc/self/ns/{name}")
        assert same == (kind == "network"), kind


def test_a_namespace_is_joined_by_path(husk, bundle):
    helper = subprocess.Popen(unshare("--net", "--uts", "--ipc", "sleep", "1000"))
    try:
        wait_for(lambda: pathlib.Path(f"/proc/{helper.pid}/comm").read_text() == "sleep\n")        # and has its maps
        bundle.config.pop("hostname")
        bundle.namespaces("pid", "mount", network=f"/proc/{helper.pid}/ns/net", uts=f"/proc/{helper.pid}/ns/uts",
                          ipc=f"/proc/{helper.pid}/ns/ipc")
        out = husk.out(bundle.sh("for n in net uts ipc; do readlink /proc/self/ns/$n; done")).split()
        assert out == [os.readlink(f"/proc/{helper.pid}/ns/{n}") for n in ("net", "uts", "ipc")]
    finally:
        helper.kill()
        helper.wait()


def test_a_pid_namespace_is_joined_by_path(husk, bundle):
    helper = subprocess.Popen(unshare("--pid", "--fork", "sleep", "1000"))
    try:
        child = []

        def is_there():                 # and is not newuidmap
            child[:] = pathlib.Path(f"/proc/{helper.pid}/task/{helper.pid}/children").read_text().split()
            return child and pathlib.Path(f"/proc/{child[0]}/comm").read_text() == "sleep\n"
        wait_for(is_there)
        bundle.namespaces("mount", "ipc", "uts", "network", pid=f"/proc/{child[0]}/ns/pid")
        out = husk.out(bundle.sh("readlink /proc/self/ns/pid; test $$ -gt 1 && echo not first")).split("\n")
        assert out[0] == os.readlink(f"/proc/{child[0]}/ns/pid") and out[1] == "not first"
    finally:
        subprocess.run(["kill", "-9", child[0]])
        helper.wait()


def test_user_namespace(husk, bundle):
    bundle.user_namespace(100000, 65536)
    out = husk.out(bundle.sh("id -u; cat /proc/self/uid_map; touch /tmp/x; stat -c %u /tmp/x"))
    maps = [str(row[word]) for row in bundle.linux["uidMappings"] for word in ("containerID", "hostID", "size")]
    assert out.split() == ["0", *maps, "0"]
    assert (bundle.rootfs / "tmp/x").stat().st_uid == bundle.linux["uidMappings"][0]["hostID"]


@needs_time
def test_time_namespace_has_its_offsets(husk, bundle):
    bundle.linux["namespaces"].append({"type": "time"})
    bundle.linux["timeOffsets"] = {"boottime": {"secs": 1000000}, "monotonic": {"secs": 500, "nanosecs": 7}}
    lines = [l.split() for l in husk.out(bundle.args("/bin/cat", "/proc/self/timens_offsets")).splitlines()]
    assert ["boottime", "1000000", "0"] in lines and ["monotonic", "500", "7"] in lines


def test_default_devices_and_links(husk, bundle):
    out = husk.out(bundle.sh("for d in null zero full random urandom tty; do stat -c '%t:%T %a' /dev/$d; done;"
                             "for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done"))
    assert out.splitlines() == ["1:3 666", "1:5 666", "1:7 666", "1:8 666", "1:9 666", "5:0 666",
                                "/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "pts/ptmx"]


@needs_root("mknod")
def test_configured_devices(husk, bundle):
    bundle.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o640, "uid": 5, "gid": 6},
                               {"path": "/dev/a/fifo", "type": "p", "fileMode": 0o600}]
    assert husk.out(bundle.sh("stat -c '%t:%T %a %u %g' /dev/fuse; test -p /dev/a/fifo && echo fifo")) == "a:e5 640 5 6\nfifo\n"


def test_bind_mounts_of_directories_and_files(husk, bundle, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/f").write_text("in a directory\n")
    (tmp_path / "file").write_text("a file\n")
    bundle.mount("/a/b", tmp_path / "d", options=["rbind", "ro"]).mount("/c/file", tmp_path / "file", options=["bind"])
    out = husk.run(bundle.sh("cat /a/b/f /c/file; touch /a/b/x 2>/dev/null || echo read-only; echo more >>/c/file")).out
    assert out == "in a directory\na file\nread-only\n"
    assert (tmp_path / "file").read_text() == "a file\nmore\n"


@pytest.mark.parametrize("option", ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"])
def test_mount_options_are_set(husk, bundle, option):
    bundle.mount("/m", "tmpfs", "tmpfs", [option])
    line = [l for l in husk.out(bundle.args("/bin/cat", "/proc/self/mountinfo")).splitlines() if l.split()[4] == "/m"][0]
    assert option in line.split()[5].split(",")


def test_tmpcopyup(husk, bundle):
    (bundle.rootfs / "data/sub").mkdir(parents=True)
    (bundle.rootfs / "data/sub/f").write_text("kept\n")
    bundle.mount("/data", "tmpfs", "tmpfs", ["tmpcopyup"])
    assert husk.out(bundle.sh("cat /data/sub/f; echo new >/data/n; ls /data")) == "kept\nn\nsub\n"
    assert not (bundle.rootfs / "data/n").exists()


def test_a_relative_mount_source_is_beneath_the_bundle(husk, bundle):
    (bundle.path / "src").mkdir()
    (bundle.path / "src/f").write_text("x\n")
    assert husk.out(bundle.mount("/m", "src").args("/bin/cat", "/m/f")) == "x\n"


def test_read_only_root(husk, bundle):
    bundle.config["root"]["readonly"] = True
    assert "read-only" in husk.out(bundle.sh("touch /x 2>&1; touch /dev/shm/ok")).lower()


def test_masked_and_read_only_paths(husk, bundle):
    bundle.linux["maskedPaths"] += ["/etc/secret", "/var/dir", "/no/such/path"]
    bundle.linux["readonlyPaths"] += ["/tmp"]
    (bundle.rootfs / "etc/secret").write_text("secret")
    (bundle.rootfs / "var/dir").mkdir()
    (bundle.rootfs / "var/dir/f").write_text("secret")
    out = husk.out(bundle.sh("cat /etc/secret /proc/kcore | wc -c; ls /var/dir | wc -l; "
                             "touch /tmp/x 2>/dev/null || echo ro; echo 1 2>/dev/null >/proc/sys/kernel/domainname || echo ro"))
    assert out.split() == ["0", "0", "ro", "ro"]


@pytest.mark.parametrize("path", ["/proc/../etc/secret", "/sys/../etc/secret", "/tmp/../etc/secret", "//etc/./secret", "/etc/secret/"])
def test_a_path_is_masked_and_read_only_however_it_is_written(husk, bundle, path):
    (bundle.rootfs / "etc/secret").write_text("secret")
    bundle.linux["maskedPaths"].append(path)
    assert husk.out(bundle.sh("cat /etc/secret")) == ""
    bundle.linux["maskedPaths"].remove(path)
    bundle.linux["readonlyPaths"].append(path)
    assert "secret" in husk.out(bundle.sh("echo x 2>/dev/null > /etc/secret; cat /etc/secret"))


@pytest.mark.parametrize("kind", ["maskedPaths", "readonlyPaths"])
@pytest.mark.parametrize("path", ["/", "/tmp/..", "/data"])
def test_the_root_is_no_path_to_mask_or_to_make_read_only(husk, bundle, kind, path):
    (bundle.rootfs / "data").symlink_to("/")
    bundle.linux[kind].append(path)
    husk.refuse(bundle, f"linux.{kind}[", "the root of the container")


def test_rlimits(husk, bundle):
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    out = husk.out(bundle.sh("ulimit -Sn; ulimit -Hn; ulimit -c"))
    assert out.split() == ["100", "200", "0"]


def test_oom_score_adj(husk, bundle):
    bundle.process["oomScoreAdj"] = 500
    assert husk.out(bundle.args("/bin/cat", "/proc/self/oom_score_adj")) == "500\n"


def test_sysctl_of_its_own_namespace(husk, bundle):
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1"}
    assert husk.out(bundle.args("/bin/cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/shm_rmid_forced")) == "1\n1\n"


def test_seccomp_errno_and_allow(husk, bundle):
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                               "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}
    for nnp in (True, False):
        bundle.process["noNewPrivileges"] = nnp
        r = husk.run(bundle.sh("mkdir /tmp/x 2>&1; grep Seccomp: /proc/self/status; grep CapEff /proc/self/status"))
        assert "not supported" in r.out.lower() and "Seccomp:\t2" in r.out, r
        assert int(r.out.split()[-1], 16) == bits(KILL, NET_BIND, AUDIT_WRITE)


def test_seccomp_kill(husk, bundle):
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                               "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_KILL_PROCESS"}]}
    assert husk.run(bundle.sh("mkdir /tmp/x; echo $?")).out == "159\n"


def test_cgroup_limits_reach_the_files(husk, bundle):
    bundle.linux["resources"].update({"memory": {"limit": 64 << 20}, "pids": {"limit": 50}, "cpu": {"shares": 512, "quota": 20000, "period": 100000}})
    bundle.linux["cgroupsPath"] = f"/{BASE}husk-test/" + bundle.path.parent.name.replace("_", "-")
    ident = husk.started(bundle)
    pid = husk.state(ident)["pid"]
    found = {}
    for line in open(f"/proc/{pid}/cgroup"):
        _, names, path = line.strip().split(":", 2)
        for f in ("memory.limit_in_bytes", "pids.max", "cpu.shares", "cpu.cfs_quota_us", "memory.max", "cpu.max"):
            for folder in (names, "unified" if not names else None, ""):
                file = f"/sys/fs/cgroup/{folder}{path}/{f}" if folder is not None else ""
                if file and os.path.exists(file):
                    found[f] = open(file).read().strip()
    assert found["pids.max"] == "50"
    assert found.get("memory.limit_in_bytes", found.get("memory.max")) == str(64 << 20)
    husk("delete", "--force", ident, check=0)
    for top in TOPS:
        if os.path.isdir(f"{top}/{BASE}husk-test"):
            os.rmdir(f"{top}/{BASE}husk-test")


def test_pids_limit_stops_a_fork_bomb(husk, bundle):
    bundle.linux["resources"]["pids"] = {"limit": 5}
    out = husk.run(bundle.sh("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done 2>&1; wait; echo end"), check=None)
    assert "fork" in (out.out + out.err).lower()


def test_device_rules_deny(husk, bundle):
    bundle.process["capabilities"] = {k: ["CAP_MKNOD"] for k in ("bounding", "effective", "permitted")}
    out = husk.out(bundle.sh("cat /dev/null && echo null works; mknod /dev/kmsg2 c 1 11 2>&1; cat /dev/kmsg2 2>&1 | head -1"))
    assert "null works" in out and "not permitted" in out.lower()


def test_terminal(husk, bundle):
    bundle.process["terminal"] = True
    bundle.sh("tty; test -t 0 && test -t 1 && echo all; stat -c %F /dev/console; exit 5").write()
    code, shown = in_terminal(husk.argv("run", "--bundle", bundle.path, husk.new_id()))
    assert code == 5 and "/dev/pts/0" in shown and "all" in shown and "character special file" in shown, shown
