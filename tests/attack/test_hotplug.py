# SPDX-License-Identifier: Apache-2.0
"""`mounts add` and `mounts remove` in a container that fights back: links, renames, masks, and a look at who comes in."""
import json
import os
import pathlib
import subprocess

import pytest


def plug(husk, ident, *mounts, verb="add"):
    return husk("mounts", verb, ident, "-", stdin=json.dumps(list(mounts)))


def bind(destination, source):
    return {"destination": destination, "source": str(source), "options": ["bind"]}


@pytest.fixture
def volume(tmp_path):
    v = tmp_path / "volume"
    v.mkdir()
    (v / "file").write_text("volume\n")
    return v


@pytest.fixture
def canary(tmp_path):
    """A folder of the host that must stay as it is: empty, and nothing mounted on it."""
    c = tmp_path / "canary"
    c.mkdir()
    yield c
    assert os.listdir(c) == [] and not os.path.ismount(c)


@pytest.mark.parametrize("link", ["/", "..", "../../..", "/proc/1/root", "/proc/self/root", "/proc/self/cwd", "self"])
def test_a_link_in_the_image_leads_nowhere_but_into_it(husk, bundle, volume, canary, link):
    """R7: the destination lies behind a link that would be the host's, were it resolved there."""
    (bundle.rootfs / "v").mkdir()
    (bundle.rootfs / "v/self").symlink_to("self")
    (bundle.rootfs / "v/link").symlink_to(link)
    ident = husk.started(bundle)
    for where, source in ((f"/v/link{canary}", volume), (f"/v/link{canary}/made", volume / "file")):
        plug(husk, ident, bind(where, source))
    assert husk("exec", ident, "/bin/ls", "/bin/busybox", check=0).out == "/bin/busybox\n"


def test_the_root_cannot_be_covered_through_a_link(husk, bundle, volume):
    """Whoever came by exec afterwards would be in the volume."""
    (bundle.rootfs / "data").symlink_to("/")
    ident = husk.started(bundle)
    result = plug(husk, ident, bind("/data", volume))
    assert result.code != 0 and "is the root of the container" in result.err, result
    assert husk("exec", ident, "/bin/ls", "/bin/busybox", check=0).out == "/bin/busybox\n"


@pytest.mark.parametrize("inside", ["/proc/sys", "/proc/meminfo", "/proc/self/attr/exec", "/proc/1/ns", "/proc/sysrq-trigger"])
def test_nothing_comes_into_proc_by_a_link(husk, bundle, volume, inside):
    """CVE-2019-16884 and its kin: who writes into /proc must find the kernel there."""
    (bundle.rootfs / "data").symlink_to(inside)
    ident = husk.started(bundle)
    source = volume if inside in ("/proc/sys", "/proc/1/ns") else volume / "file"
    assert plug(husk, ident, bind("/data", source)).code != 0
    text = husk("exec", ident, "/bin/cat", "/proc/self/mountinfo", check=0).out
    assert str(volume) not in text and not [li for li in text.splitlines() if li.split()[4] == inside and "ro," not in li]


def masks(husk, ident):
    text = husk("exec", ident, "/bin/cat", "/proc/self/mountinfo", check=0).out
    return sorted(li.split()[4] for li in text.splitlines() if li.split()[4].startswith(("/proc", "/sys")))


def test_remove_never_takes_a_mask_away(husk, bundle, volume):
    """The name that was added leads to a mask by the time it is to be removed."""
    ident = husk.started(bundle.sh("mkdir -p /a/dir; sleep 1000"))
    masked = [m for m in masks(husk, ident) if m != "/proc" and m != "/sys"]
    assert masked
    before = masks(husk, ident)
    assert plug(husk, ident, bind("/a/dir/data", volume)).code == 0
    for m in masked:
        # The parent of a mount point may be renamed, and a link put in its place.
        husk("exec", ident, "/bin/sh", "-c", f"mv /a/dir /a/moved; mkdir /a/dir; ln -s {m} /a/dir/data", check=0)
        result = plug(husk, ident, {"destination": "/a/dir/data"}, verb="remove")
        assert result.code != 0 and "not to be found" in result.err, result
        assert masks(husk, ident) == before
        husk("exec", ident, "/bin/sh", "-c", "rm /a/dir/data; rmdir /a/dir; mv /a/moved /a/dir", check=0)
    assert plug(husk, ident, {"destination": "/a/dir/data"}, verb="remove").code == 0


SWAP = r"""
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
a, b = (os.fsencode(p) for p in sys.argv[1:3])
while True:
    libc.renameat2(-100, a, -100, b, 2)
"""


def test_a_directory_that_changes_places_with_a_link_gains_nothing(husk, bundle, volume, canary):
    """CVE-2021-30465 and CVE-2024-45310, against a container that runs: directory and link are exchanged all the time."""
    v = bundle.rootfs / "v"
    (v / "good" / str(canary).lstrip("/")).mkdir(parents=True)
    (v / "evil").symlink_to("/")
    ident = husk.started(bundle)
    where = f"/v/good{canary}/made"
    before = pathlib.Path("/proc/self/mountinfo").read_text().count(str(volume))
    swap = subprocess.Popen(["/usr/bin/python3", "-c", SWAP, str(v / "good"), str(v / "evil")])
    try:
        added = sum(plug(husk, ident, m).code == 0 for _ in range(15)
                    for m in (bind(where, volume), {"destination": where, "type": "tmpfs"}))
    finally:
        swap.kill()
        swap.wait()
    assert added and pathlib.Path("/proc/self/mountinfo").read_text().count(str(volume)) == before
    assert len(json.loads((husk.root / ident / "record.json").read_text())["mounts"]) == added


def test_nobody_inside_sees_who_adds_the_mounts(husk, bundle, volume):
    """CVE-2019-5736, CVE-2016-9962: a process of husk's in the container would be prey."""
    bundle.sh("echo ready; while :; do for p in /proc/[0-9]*; do case $p in /proc/1|/proc/$$) ;; *) "
              "read c <$p/comm && case $c in *husk*) echo seen $c;; esac;; esac; done; done 2>/dev/null")
    ident = husk.started(bundle)
    for _ in range(10):
        assert plug(husk, ident, bind("/data", volume), {"destination": "/t", "type": "tmpfs"}).code == 0
        assert plug(husk, ident, {"destination": "/data"}, {"destination": "/t"}, verb="remove").code == 0
    assert "ready" in husk.output(ident) and "seen" not in husk.output(ident)


def test_even_where_it_has_to_come_in_it_cannot_be_looked_into(husk, bundle):
    """A procfs is mounted from within the PID namespace: root inside may see a number there, and nothing behind it."""
    bundle.user_namespace()
    bundle.sh("echo ready; while :; do for p in /proc/[0-9]*; do case $p in /proc/1|/proc/$$) ;; *) "
              "read c <$p/comm && case $c in husk*) ls $p/fd/ >/dev/null && echo got fds; readlink $p/exe && echo got exe;; "
              "esac;; esac; done; done 2>/dev/null")
    bundle.linux.pop("maskedPaths")
    bundle.linux.pop("readonlyPaths")
    ident = husk.started(bundle)
    for _ in range(10):
        assert plug(husk, ident, {"destination": "/p", "type": "proc"}).code == 0
        assert plug(husk, ident, {"destination": "/p"}, verb="remove").code == 0
    assert "ready" in husk.output(ident) and "got" not in husk.output(ident)
