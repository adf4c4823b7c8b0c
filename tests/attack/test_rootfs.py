# SPDX-License-Identifier: Apache-2.0
"""Hostile root file systems: links where directories should be, and neighbours that swap them while husk works.

One test per known class of vulnerability.  OUT is a folder outside of the root: nothing may ever appear in it.
"""
import os
import pathlib
import socket
import subprocess
import sys
import threading

import pytest

from tests.user import needs_root

RUNS = 30

# Two names exchanged as fast as one processor can, until standard input ends.
SWAPPER = """
import ctypes, os, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
a, b = os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2])
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print("ready", flush=True)
while True:
    for _ in range(50):
        libc.renameat2(-100, a, -100, b, 2)
"""


class Swapper:
    def __init__(self, a, b):
        self.argv = [sys.executable, "-c", SWAPPER, str(a), str(b)]

    def __enter__(self):
        self.p = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.p.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_):
        self.p.stdin.close()
        self.p.wait(timeout=20)


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "victim").write_text("untouched")
    before = snapshot(folder)
    yield folder
    assert snapshot(folder) == before, "something outside of the root was touched"


def snapshot(folder):
    return [(p.name, p.lstat().st_mode, p.lstat().st_uid, p.lstat().st_mtime_ns if p.is_file() else 0,
             p.read_text() if p.is_file() else "") for p in sorted(folder.rglob("*"))]


def without_dev(bundle):
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
    return bundle


def many(husk, bundle, look, runs=RUNS):
    """Runs again and again; LOOK judges what a run that was not refused has printed. Returns how many were not."""
    bundle.write()
    good = 0
    for _ in range(runs):
        result = husk("run", "--bundle", bundle.path, husk.new_id())
        if result.code == 0:
            assert look(result.out), result
            good += 1
        else:
            assert result.err.startswith("husk: run"), result
    return good


# ---- CVE-2021-30465, CVE-2024-45310, CVE-2019-18837: mounts that land elsewhere ------------------------------------

@pytest.mark.parametrize("kind", ["tmpfs", "directory", "file"])
@pytest.mark.parametrize("destination", ["/absolute/x", "/relative/x", "/magic/x", "/up/../../../../x", "/chain0/x",
                                         "/dangling", "/absolute/.", "/../../../../../../{out}/x"])
def test_no_destination_leads_out(husk, bundle, tmp_path, out, kind, destination):
    r = bundle.rootfs
    (r / "absolute").symlink_to(out)
    (r / "relative").symlink_to("../" * 20 + str(out))
    (r / "magic").symlink_to("/proc/1/root" + str(out))
    (r / "up").symlink_to("..")
    (r / "dangling").symlink_to(f"{out}/new")
    for i in range(30):
        (r / f"chain{i}").symlink_to(f"chain{i + 1}" if i < 29 else str(out))
    (tmp_path / "d").mkdir()
    (tmp_path / "d/mark").write_text("")
    source = {"tmpfs": "t", "directory": tmp_path / "d", "file": tmp_path / "d/mark"}[kind]
    bundle.mount(destination.format(out=out), source, "tmpfs" if kind == "tmpfs" else "bind",
                 [] if kind == "tmpfs" else ["bind"])
    bundle.write()
    husk("run", "--bundle", bundle.path, husk.new_id())      # refused or inside: OUT and the host's mounts tell


@pytest.mark.parametrize("kind", ["directory", "file", "tmpfs"])
def test_a_destination_that_is_swapped(husk, bundle, tmp_path, out, kind):
    volume = bundle.rootfs / "v"
    (volume / "good").mkdir(parents=True)
    (volume / "evil").symlink_to(out)
    (tmp_path / "d").mkdir()
    (tmp_path / "file").write_text("")
    source = {"tmpfs": "t", "directory": tmp_path / "d", "file": tmp_path / "file"}[kind]
    bundle.mount("/v/good/made/here", source, "tmpfs" if kind == "tmpfs" else "bind", [] if kind == "tmpfs" else ["bind"])
    with Swapper(volume / "good", volume / "evil"):
        assert many(husk, bundle, lambda _: True) > 0


@pytest.mark.parametrize("destination", ["/data", "/data/.", "/tmp/..", "/.."])
def test_nothing_is_mounted_on_the_root_but_by_its_name(husk, bundle, tmp_path, destination):
    """Init would not see it, and whoever comes by exec would be in the volume instead of the container."""
    (bundle.rootfs / "data").symlink_to("/")
    husk.refuse(bundle.mount(destination, tmp_path), "the root of the container")


def test_a_link_of_a_volume_over_sysfs_leads_no_mount_out(husk, bundle, tmp_path, out):
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume/cgroup").symlink_to(out)
    (bundle.rootfs / "x").symlink_to("sys/fs")
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/sys")]
    bundle.mount("/sys", "sysfs", "sysfs", ["nosuid"])
    bundle.mount("/x", tmp_path / "volume")                 # lies on /sys/fs
    bundle.mount("/sys/fs/cgroup", "here", "tmpfs", ["mode=755"])
    # The same path, but inside.
    assert husk.out(bundle.sh("grep ' - tmpfs here ' /proc/self/mountinfo")).split()[4] == str(out)


# ---- CVE-2019-19921, CVE-2023-27561, CVE-2025-54867: proc and sysfs elsewhere --------------------------------------

@pytest.mark.parametrize("name", ["proc", "sys"])
@pytest.mark.parametrize("target", ["mnt", "/mnt", "."])
def test_proc_and_sysfs_are_not_mounted_through_a_link(husk, bundle, name, target):
    (bundle.rootfs / "mnt").mkdir()
    (bundle.rootfs / name).rmdir()
    (bundle.rootfs / name).symlink_to(target)
    husk.refuse(bundle, f'"/{name}" must be a real directory')


def test_a_swapped_proc_is_masked_or_refused(husk, bundle):
    (bundle.rootfs / "mnt").mkdir()
    (bundle.rootfs / "evil").symlink_to("mnt")
    bundle.linux["maskedPaths"] = ["/proc/uptime"]
    bundle.sh("find /proc /mnt /evil -maxdepth 1 -name uptime -exec cat {} + 2>/dev/null; echo end")
    with Swapper(bundle.rootfs / "proc", bundle.rootfs / "evil"):
        many(husk, bundle, lambda text: text == "end\n")


# ---- CVE-2025-31133: masks made of what the image has --------------------------------------------------------------

@pytest.mark.parametrize("null", ["link", "file", "missing"])
def test_a_mask_is_the_hosts_null_device_whatever_the_image_has(husk, bundle, tmp_path, null):
    dev = tmp_path / "dev"
    dev.mkdir()
    if null == "link":
        (dev / "null").symlink_to("/proc/sys/kernel/domainname")
    elif null == "file":
        (dev / "null").write_text("evil")
    without_dev(bundle).mount("/dev", dev, options=["rbind"])
    bundle.linux["maskedPaths"] = ["/proc/uptime"]
    bundle.sh("wc -c < /proc/uptime; stat -c %t:%T /proc/uptime")
    assert husk.out(bundle).split() == ["0", "1:3"]


@needs_root("mknod")
def test_a_swapped_null_device_never_becomes_a_mask(husk, bundle, tmp_path):
    dev = tmp_path / "dev"
    dev.mkdir()
    os.mknod(dev / "null", 0o20666, os.makedev(1, 3))
    (dev / "evil").symlink_to("/proc/sys/kernel/domainname")
    without_dev(bundle).mount("/dev", dev, options=["rbind"])
    bundle.linux["maskedPaths"] = ["/proc/uptime"]
    bundle.sh("stat -c %t:%T /proc/uptime")
    with Swapper(dev / "null", dev / "evil"):
        assert many(husk, bundle, lambda text: text == "1:3\n") > 0


# ---- CVE-2026-41579, CVE-2026-47766: a /dev that leads elsewhere ----------------------------------------------------

@pytest.mark.parametrize("how", ["absolute", "relative"])
@pytest.mark.parametrize("mounted", [False, True])
def test_a_dev_that_is_a_link_gets_nothing_outside(husk, bundle, out, how, mounted):
    (bundle.rootfs / "dev").rmdir()
    (bundle.rootfs / "dev").symlink_to(str(out) if how == "absolute" else "../" * 20 + str(out))
    if not mounted:
        without_dev(bundle)
    bundle.linux["devices"] = [{"type": "c", "path": "/dev/extra", "major": 1, "minor": 5}]
    bundle.write()
    husk("run", "--bundle", bundle.path, husk.new_id())


def test_a_swapped_dev_gets_nothing_outside(husk, bundle, out):
    without_dev(bundle)
    (bundle.rootfs / "evil").symlink_to(out)
    with Swapper(bundle.rootfs / "dev", bundle.rootfs / "evil"):
        many(husk, bundle, lambda _: True)


@needs_root("mknod")
@pytest.mark.parametrize("what", ["regular", "link", "fifo", "other"])
def test_a_null_device_that_is_something_else_is_refused_untouched(husk, bundle, out, what):
    null = bundle.rootfs / "dev/null"
    if what == "regular":
        null.write_text("mine")
    elif what == "link":
        null.symlink_to(out / "victim")
    elif what == "fifo":
        os.mkfifo(null)
    else:
        os.mknod(null, 0o20666, os.makedev(1, 5))
    before = null.lstat()
    husk.refuse(without_dev(bundle), "/dev/null", "is not that device")
    assert null.lstat()[:6] == before[:6]


# ---- CVE-2026-88264, CVE-2025-52565: the console --------------------------------------------------------------------

@pytest.fixture
def console(tmp_path):
    """Takes the terminals that husk sends and reads them to their end."""
    path = tmp_path / "console"
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(path))
    s.listen()
    s.settimeout(30)

    def serve():
        try:
            connection, _ = s.accept()
            _, fds, _, _ = socket.recv_fds(connection, 100, 1)
            while os.read(fds[0], 1000):
                pass
        except OSError:
            pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield path
    s.close()


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize("target", ["{out}/pwned", "{out}/victim", "/proc/sys/kernel/domainname"])
def test_a_console_that_is_a_link_is_refused(husk, bundle, out, console, readonly, target):
    (bundle.rootfs / "dev/console").symlink_to(target.format(out=out))
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/dev"]
    bundle.config["root"]["readonly"] = readonly
    bundle.process["terminal"] = True
    bundle.write()
    result = husk("run", "--detach", "--console-socket", console, "--bundle", bundle.path, husk.new_id())
    assert result.code != 0 and "/dev/console" in result.err, result


def test_the_console_is_the_terminal_of_the_containers_own_devpts(husk, bundle, tmp_path, console):
    bundle.process["terminal"] = True
    bundle.mount("/result", tmp_path)
    bundle.sh("cat /proc/self/mountinfo > /result/mountinfo")
    ident = husk.create(bundle, "--console-socket", console)
    husk("start", ident, check=0)
    husk.finish(ident)
    line = [x for x in (tmp_path / "mountinfo").read_text().splitlines() if x.split()[4] == "/dev/console"]
    assert len(line) == 1 and " - devpts " in line[0] and line[0].split()[3] == "/0", line


# ---- volumes that reach into proc (CVE-2019-16884 and CVE-2025-52881) ----------------------------------------------

@pytest.mark.parametrize("destination", ["/proc", "/proc/self/attr", "/proc/sys/kernel", "/p", "/p/sys"])
def test_nothing_is_mounted_over_what_husk_writes_to(husk, bundle, tmp_path, destination):
    (bundle.rootfs / "p").symlink_to("proc")
    (tmp_path / "d").mkdir()
    bundle.mount(destination, tmp_path / "d", options=["rbind"])
    husk.refuse(bundle, "proc")


def test_copying_up_does_not_follow_links(husk, bundle, out):
    d = bundle.rootfs / "data"
    d.mkdir()
    (d / "link").symlink_to(out)
    (d / "file").symlink_to(out / "victim")
    bundle.mount("/data", "t", "tmpfs", ["tmpcopyup"])
    assert husk.out(bundle.sh("readlink /data/link; readlink /data/file")).split() == [str(out), str(out / "victim")]


def test_copying_up_what_is_swapped(husk, bundle, out):
    d = bundle.rootfs / "data"
    (d / "good").mkdir(parents=True)
    (d / "good/file").write_text("good")
    (d / "evil").symlink_to(pathlib.Path(out))
    bundle.mount("/data", "t", "tmpfs", ["tmpcopyup"])
    bundle.sh("find /data -type f -exec cat {} +")
    with Swapper(d / "good", d / "evil"):
        many(husk, bundle, lambda text: "untouched" not in text)


def test_the_host_in_a_volume_does_not_show_the_containers_unmasked_proc(husk, bundle):
    bundle.mount("/host", "/", options=["rbind", "ro"])
    bundle.sh("grep -c ' /host.*rootfs' /proc/self/mountinfo || true")
    assert husk.out(bundle) == "0\n"
