# SPDX-License-Identifier: Apache-2.0
"""husk inside a container of husk: as in Docker in Docker, Podman in Podman and Kubernetes in a container, the outer one is privileged."""
import json
import os
import shutil

import pytest

from tests.conftest import Bundle, HUSK
from tests.groups import TOPS, V2, read
from tests.user import ROOT, chown

CAPS = ["CAP_" + name for name in (
    "AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK "
    "IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP "
    "SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME "
    "SYS_TTY_CONFIG WAKE_ALARM").split()]


def write(bundle):
    """For the root that the outer container has, whoever that is outside."""
    return bundle.write(json.dumps(bundle.config))


class Outer:
    """A privileged container that has husk and a bundle for the inner one at /inner."""

    def __init__(self, husk, bundle, folder):
        self.husk, self.bundle = husk, bundle
        self.inner = Bundle(folder / "inner")
        bundle.process["capabilities"] = {kind: CAPS for kind in ("bounding", "effective", "permitted", "inheritable")}
        bundle.process["noNewPrivileges"] = False
        bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
        bundle.linux["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}
        for m in bundle.config["mounts"]:
            if m["destination"] == "/sys":
                m["options"].remove("ro")
        bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime"])
        bundle.mount("/run", "tmpfs", "tmpfs", ["nosuid", "nodev", "mode=755"])
        shutil.copy(shutil.which(HUSK), bundle.rootfs / "bin/husk")
        if b"ld-linux" in open(shutil.which(HUSK), "rb").read(4096):
            for libraries in ("/usr", "/lib", "/lib64"):
                bundle.mount(libraries, libraries, "bind", ["rbind", "ro"])
            bundle.process["env"] += [f"{k}={v}" for k, v in os.environ.items() if k == "ASAN_OPTIONS"]
        bundle.mount("/inner", self.inner.path, "bind", ["rbind"])

    def start(self):
        self.ident = self.husk.started(self.bundle)
        return self

    def __call__(self, *words, check=0, **more):
        return self.husk("exec", self.ident, *words, check=check, **more)

    def run(self, *options, check=0):
        write(self.inner)
        return self("husk", "run", "--bundle", "/inner", *options, "inner", check=check)

    def split(self):
        """What the entry points of engines' images do on v2, where a cgroup that hands controllers down holds no processes."""
        if V2:
            self("sh", "-c", "mkdir /sys/fs/cgroup/init && for p in $(cat /sys/fs/cgroup/cgroup.procs); do "
                 "echo $p >/sys/fs/cgroup/init/cgroup.procs 2>/dev/null; done; "
                 "sed 's/ / +/g; s/^/+/' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control")

    def left(self):
        """Cgroups beneath the outer one."""
        return [f"{top}/{self.group}/{d}" for top in TOPS if os.path.isdir(f"{top}/{self.group}")
                for d in os.listdir(f"{top}/{self.group}") if os.path.isdir(f"{top}/{self.group}/{d}")]


@pytest.fixture(params=["own", "host"])
def outer(husk, bundle, group, tmp_path, request):
    """With a cgroup namespace of its own, and with the host's."""
    if request.param == "own":
        bundle.linux["namespaces"].append({"type": "cgroup"})
    made = Outer(husk, bundle, tmp_path)
    made.group, made.is_own = group, request.param == "own"
    yield made
    if husk.ids and (husk.root / husk.ids[0]).exists():
        husk("delete", "--force", husk.ids[0])


def test_husk_runs_a_container_inside_a_container(outer):
    outer.inner.sh("echo hello from $(hostname), process $$")
    outer.inner.config["hostname"] = "inner"
    assert outer.start().run().out == "hello from inner, process 1\n"


def test_the_inner_container_lives_like_any_other(outer):
    write(outer.inner.args("sleep", "1000"))
    outer.start().split()
    # what outlives a command has no use for its pipes
    outer("sh", "-c", "husk run --detach --bundle /inner a </dev/null >/dev/null 2>&1")
    assert json.loads(outer("husk", "state", "a").out)["status"] == "running"
    assert outer("husk", "exec", "a", "echo", "in it").out == "in it\n"
    assert json.loads(outer("husk", "ps", "--format", "json", "a").out) == [json.loads(outer("husk", "state", "a").out)["pid"]]
    outer("husk", "pause", "a")
    assert json.loads(outer("husk", "state", "a").out)["status"] == "paused"
    outer("husk", "resume", "a")
    assert json.loads(outer("husk", "events", "--stats", "a").out)["data"]["pids"]["current"] == 1
    outer("husk", "kill", "a", "KILL")
    outer("husk", "delete", "--force", "a")
    assert "a" not in outer("husk", "list", "--quiet").out.split()
    assert not any(path.endswith("/a") for path in outer.left())


def test_the_inner_container_s_cgroup_lies_beneath_the_outer_one_s(outer):
    outer.inner.args("cat", "/proc/self/cgroup")
    where = {line.split(":", 2)[2] for line in outer.start().run().out.split()}
    # seen from the host's namespace the whole path
    assert where == {"/inner" if outer.is_own else f"/{outer.group}/inner"}


def test_limits_of_the_inner_container_are_in_the_files_beneath_the_outer_one_s(outer):
    outer.start().split()
    outer.inner.linux["resources"] = {"memory": {"limit": 64 << 20}, "pids": {"limit": 33}, "cpu": {"shares": 512},
                                      "devices": [{"allow": False, "access": "rwm"}]}
    outer.inner.linux["namespaces"].append({"type": "cgroup"})
    outer.inner.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"])
    outer.inner.sh("cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/memory.max 2>/dev/null || "
                   "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/memory/memory.limit_in_bytes")
    assert outer.run().out.split() == ["33", str(64 << 20)]
    write(outer.inner.args("sleep", "1000"))
    outer("sh", "-c", "husk run --detach --bundle /inner a </dev/null >/dev/null 2>&1")
    assert read(f"{outer.group}/a", "pids.max") == "33"
    outer("husk", "update", "--pids-limit", "44", "a")
    assert read(f"{outer.group}/a", "pids.max") == "44"
    outer("husk", "delete", "--force", "a")


@pytest.mark.skipif(not V2, reason="v1 allows processes in inner cgroups")
def test_limits_are_refused_where_the_outer_cgroup_holds_processes(outer):
    outer.inner.linux["resources"] = {"pids": {"limit": 33}}
    done = outer.start().run(check=None)
    assert done.code != 0 and "linux.resources.pids.limit" in done.err, done
    assert outer.left() == []


def test_the_inner_container_may_have_a_user_namespace(outer):
    outer.inner.user_namespace()
    if not ROOT:                        # of the ids that the outer one has
        chown(1000, outer.inner.rootfs)
        for member in ("uidMappings", "gidMappings"):
            outer.inner.linux[member] = [{"containerID": 0, "hostID": 1000, "size": 1000}]
    row = outer.inner.linux["uidMappings"][0]
    outer.inner.args("cat", "/proc/self/uid_map")
    assert outer.start().run().out.split() == [str(row[word]) for word in ("containerID", "hostID", "size")]


def test_three_deep(outer):
    innermost = outer.inner.path / "rootfs/bundle"
    third = Bundle(innermost)
    write(third.sh("echo innermost"))
    shutil.copy(shutil.which(HUSK), outer.inner.rootfs / "bin/husk")
    for key in ("process", "mounts", "linux"):
        outer.inner.config[key] = json.loads(json.dumps(outer.bundle.config[key]))
    outer.inner.linux.pop("cgroupsPath")
    outer.inner.config["mounts"] = [m for m in outer.inner.config["mounts"] if m["destination"] != "/inner"]
    outer.inner.args("/bin/husk", "run", "--bundle", "/bundle", "third")
    assert outer.start().run().out == "innermost\n"


def test_the_end_of_the_outer_container_is_the_end_of_the_inner_one(outer):
    write(outer.inner.args("sleep", "1000"))
    outer.start()
    outer("sh", "-c", "husk run --detach --bundle /inner a </dev/null >/dev/null 2>&1")
    outer.husk("delete", "--force", outer.ident, check=0)
    assert outer.left() == []
