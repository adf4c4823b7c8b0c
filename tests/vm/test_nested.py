# SPDX-License-Identifier: Apache-2.0
"""Podman inside a container of Podman, with husk beneath both; the same with crun as a control.  The outer container is privileged,
root's or, in the rootless machine, an unprivileged user's."""
import os
import shutil

import pytest

from tests.conftest import call

HUSK = os.environ.get("HUSK", "husk")
IMAGE = "localhost/busybox"
V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")

pytestmark = [pytest.mark.skipif("HUSK_HOST" not in os.environ or not os.path.exists("/opt/busybox.tar") or not V2,
                                 reason="only in a test machine with cgroup v2 and Podman's image"),
              pytest.mark.skipif(os.environ.get("HUSK_HOST") == "emulated", reason="minutes in emulation, and the same as natively")]

# What an image with Podman in it brings along.  (The key is documented with an "s" at its end, which Podman does not read.)
CONFIG = """[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime_supports_nocgroup = ["crun", "husk"]
[engine.runtimes]
husk = ["/husk"]
"""

# A cgroup of v2 that hands controllers down holds no processes: so do the entry points of such images.
SPLIT = """mkdir /sys/fs/cgroup/init
for p in $(cat /sys/fs/cgroup/cgroup.procs); do echo $p >/sys/fs/cgroup/init/cgroup.procs 2>/dev/null; done
sed 's/ / +/g; s/^/+/' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
"""


def make_root(root):
    """The machine's own programs, and settings of its own."""
    for folder in ("usr", "etc/containers", "var/lib/containers", "var/tmp", "tmp", "run", "proc", "sys", "dev", "root", "opt"):
        (root / folder).mkdir(parents=True)
    for link in ("bin", "sbin", "lib", "lib64"):
        (root / link).symlink_to(f"usr/{link}")
    shutil.copy("/etc/ld.so.cache", root / "etc")
    shutil.copytree("/etc/alternatives", root / "etc/alternatives", symlinks=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    (root / "etc/containers/containers.conf").write_text(CONFIG)
    (root / "etc/containers/policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    shutil.copy(HUSK, root / "husk")


class Inside:
    """A running outer container, and Podman in it."""

    def __init__(self, runtime, folder):
        self.runtime, self.storage, self.root = runtime, folder / "storage", folder / "root"
        self.name = f"outer-{runtime}-{os.getpid()}"
        self.outer = shutil.which("crun") if runtime == "crun" else HUSK
        make_root(self.root)
        self.storage.mkdir()

    def start(self):
        call("podman", "--runtime", self.outer, "run", "-d", "--privileged", "--network=none", "--device=/dev/fuse", "--name", self.name,
             "-v", f"{self.storage}:/var/lib/containers", "-v", "/usr:/usr:ro", "-v", "/opt:/opt:ro", "--rootfs", self.root, "sleep", "1000")
        self.sh(SPLIT)
        self.sh("podman import -q /opt/busybox.tar " + IMAGE)
        return self

    def sh(self, script):
        return call("podman", "--runtime", self.outer, "exec", self.name, "bash", "-c", script).stdout

    def podman(self, words):
        return self.sh(f"podman --runtime {self.runtime} {words}")

    def close(self):
        call("podman", "--runtime", self.outer, "rm", "-f", "-t", "0", self.name, check=None)
        # its files belong to many of the user's ids
        call(*([] if os.geteuid() == 0 else ["podman", "unshare"]), "rm", "-rf", self.storage, check=None)


@pytest.fixture(scope="module", params=["husk", "crun"])
def inside(request, tmp_path_factory):
    for program in ("podman", "crun", "conmon"):
        if not shutil.which(program):
            pytest.skip(f"needs {program}")
    made = Inside(request.param, tmp_path_factory.mktemp(request.param))
    try:
        yield made.start()
    finally:
        made.close()


def test_podman_in_podman_without_cgroups_of_its_own(inside):
    out = inside.podman(f"run --rm --network=none --cgroups=disabled --cgroupns=host {IMAGE} echo hello")
    assert out == "hello\n"


def test_podman_in_podman_with_limits(inside):
    out = inside.podman(f"run --rm --network=none --memory=64m --pids-limit=33 {IMAGE} "
                        "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max")
    assert out.split() == [str(64 << 20), "33"]


def test_podman_in_podman_privileged_once_more(inside):
    assert inside.podman(f"run --rm --network=none --privileged {IMAGE} cat /proc/self/cgroup") == "0::/\n"


def test_podman_in_podman_exec_pause_update_and_stop(inside):
    # in one go, because each call from outside is two more of Podman's starts
    podman = f"podman --runtime {inside.runtime}"
    out = inside.sh(f"""set -e
        name=$({podman} run -d --network=none --pids-limit=33 {IMAGE} sleep 1000)
        status() {{ {podman} inspect -f '{{{{.State.Status}}}}' $name; }}
        {podman} exec $name echo in it
        {podman} pause $name >/dev/null; status
        {podman} unpause $name >/dev/null; {podman} top $name args | tail -n 1
        {podman} update --pids-limit=44 $name >/dev/null; {podman} exec $name cat /sys/fs/cgroup/pids.max
        {podman} stop -t 0 $name >/dev/null; status""")
    assert [line.strip() for line in out.splitlines()] == ["in it", "paused", "sleep 1000", "44", "exited"]
