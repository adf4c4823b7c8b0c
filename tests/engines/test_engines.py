# SPDX-License-Identifier: Apache-2.0
"""What people do with Docker and Podman every day, with husk beneath."""
import pathlib

import pytest

from tests.conftest import wait_for
from tests.engines.conftest import inspect

SLEEP = ("busybox", "/bin/sleep", "1000")


def test_run(engine):
    assert engine.run("busybox", "/bin/echo", "hello").out == "hello\n"


@pytest.mark.parametrize("code", [0, 1, 42])
def test_exit_codes(engine, code):
    engine.run("busybox", "/bin/sh", "-c", f"exit {code}", check=code)


def test_a_missing_program_is_127(engine):
    engine.run("busybox", "/bin/nowhere", check=127)
    engine.run("busybox", "nowhere", check=127)


def test_a_program_that_cannot_be_executed_is_126(engine):
    engine.run("busybox", "/etc/passwd", check=126)


def test_a_killed_container_is_137(engine):
    ident = engine.detached(*SLEEP)
    engine("kill", ident, check=0)
    wait_for(lambda: not inspect(engine, ident)["State"]["Running"])
    assert inspect(engine, ident)["State"]["ExitCode"] == 137


def test_stdin(engine):
    assert engine.run("-i", "busybox", "/bin/cat", stdin="through\n").out == "through\n"


def test_terminal(engine):
    out = engine.tty("run", "--rm", "-it", "--network=none", *engine.limits, "busybox", "/bin/tty")
    assert "/dev/pts/0" in out or "/dev/console" in out, out


def test_exec(engine):
    ident = engine.detached(*SLEEP)
    assert engine("exec", ident, "/bin/echo", "inside", check=0).out == "inside\n"
    engine("exec", ident, "/bin/sh", "-c", "exit 7", check=7)
    engine("exec", ident, "/bin/nowhere", check=127) if engine.name == "podman" else engine("exec", ident, "/bin/nowhere")
    assert engine("exec", "-u", "1000:1000", "-w", "/tmp", "-e", "A=b", ident, "/bin/sh", "-c", "id -u; pwd; echo $A", check=0).out == "1000\n/tmp\nb\n"
    assert engine("exec", "-i", ident, "/bin/cat", check=0, stdin="x\n").out == "x\n"
    assert "/dev/pts" in engine.tty("exec", "-it", ident, "/bin/tty")


def test_stop_and_restart(engine):
    ident = engine.detached("busybox", "/bin/sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done")
    engine("stop", "-t", "10", ident, check=0)
    assert inspect(engine, ident)["State"]["ExitCode"] == 3
    engine("restart", ident, check=0)
    assert inspect(engine, ident)["State"]["Running"]


def test_volumes(engine, tmp_path):
    (tmp_path / "f").write_text("on the host\n")
    # z: where SELinux is, the label of what containers may share.
    assert engine.run("-v", f"{tmp_path}:/v:z", "busybox", "/bin/sh", "-c", "cat /v/f; echo back >/v/g").out == "on the host\n"
    assert (tmp_path / "g").read_text() == "back\n"
    assert "ead-only" in engine.run("-v", f"{tmp_path}:/v:ro,z", "busybox", "/bin/touch", "/v/x", check=1).err


def test_read_only_root(engine):
    assert "ead-only" in engine.run("--read-only", "busybox", "/bin/touch", "/x", check=1).err


def test_init(engine):
    if engine.name == "podman":
        pytest.skip("needs catatonit, which is not among this suite's packages")
    assert engine.run("--init", "busybox", "/bin/ps").code == 0


def test_limits(engine):
    ident = engine.detached("-m", "64m", "--pids-limit", "50", *SLEEP)
    pid = inspect(engine, ident)["State"]["Pid"]
    groups = dict(reversed(l.strip().split(":")[1:]) for l in open(f"/proc/{pid}/cgroup"))
    where = {c: p for p, cs in groups.items() for c in cs.split(",")}
    lines = [l.strip().split(":") for l in open(f"/proc/{pid}/cgroup")]
    path = {c: p for _, cs, p in lines for c in cs.split(",")}
    if "memory" in path:
        assert open(f"/sys/fs/cgroup/memory{path['memory']}/memory.limit_in_bytes").read().strip() == str(64 << 20)
        assert open(f"/sys/fs/cgroup/pids{path['pids']}/pids.max").read().strip() == "50"
    else:
        assert open(f"/sys/fs/cgroup{path['']}/memory.max").read().strip() == str(64 << 20)


def settings_of(engine, ident):
    """Reads a file of the container's cgroup, by the names of v1 and v2."""
    pid = inspect(engine, ident)["State"]["Pid"]
    path = {c: p for _, cs, p in (l.strip().split(":") for l in open(f"/proc/{pid}/cgroup")) for c in cs.split(",")}

    def read(controller, one, two):
        v1 = f"/sys/fs/cgroup/{controller}{path[controller]}/{one}" if controller in path else f"/sys/fs/cgroup{path['']}/{two}"
        return open(v1).read().strip()
    return read


def test_update(engine):
    ident = engine.detached("-m", "64m", "--memory-swap", "128m", "--pids-limit", "50", *SLEEP)
    engine("update", "-m", "96m", "--memory-swap", "160m", "--cpu-shares", "512", ident, check=0)
    read = settings_of(engine, ident)
    assert read("memory", "memory.limit_in_bytes", "memory.max") == str(96 << 20)
    assert read("memory", "memory.memsw.limit_in_bytes", "memory.swap.max") in (str(160 << 20), str(64 << 20))
    assert read("cpu", "cpu.shares", "cpu.weight") in ("512", "59")
    assert read("pids", "pids.max", "pids.max") == "50"
    assert engine("exec", ident, "/bin/sh", "-c", "echo still >/dev/null && echo alive", check=0).out == "alive\n"
    engine("update", "--cpu-period", "50000", "--cpu-quota", "20000", ident, check=0)
    engine("pause", ident, check=0)
    engine("update", "-m", "80m", "--memory-swap", "80m", ident, check=0)
    engine("unpause", ident, check=0)
    assert read("memory", "memory.limit_in_bytes", "memory.max") == str(80 << 20)
    assert read("cpu", "cpu.cfs_quota_us", "cpu.max").startswith("20000")


def has_cpuset():
    """Docker itself drops what the host does not have."""
    v2 = pathlib.Path("/sys/fs/cgroup/cgroup.controllers")
    return "cpuset" in v2.read_text().split() if v2.exists() else pathlib.Path("/sys/fs/cgroup/cpuset").is_dir()


@pytest.mark.skipif(not has_cpuset(), reason="needs the cpuset controller")
def test_an_update_that_fails_changes_nothing(engine):
    ident = engine.detached("-m", "64m", "--memory-swap", "64m", *SLEEP)
    read = settings_of(engine, ident)
    shares = read("cpu", "cpu.shares", "cpu.weight")
    assert engine("update", "--cpu-shares", "300", "--cpuset-cpus", "9999", ident).code != 0
    assert read("memory", "memory.limit_in_bytes", "memory.max") == str(64 << 20)
    assert read("cpu", "cpu.shares", "cpu.weight") == shares
    assert inspect(engine, ident)["State"]["Running"]


def test_pod(podman):
    podman("pod", "create", "--name", "p", "--infra=false", check=0)
    assert podman("run", "--rm", "--pod", "p", "--network=none", *podman.limits, "busybox", "/bin/echo", "in a pod", check=0).out == "in a pod\n"


def test_healthcheck(podman):
    ident = podman.detached("--health-cmd", "/bin/true", "--health-interval", "disable", *SLEEP)
    podman("healthcheck", "run", ident, check=0)


def test_user_namespace(podman):
    out = podman.run("--uidmap", "0:100000:5000", "--gidmap", "0:100000:5000", "busybox", "/bin/cat", "/proc/self/uid_map").out
    assert out.split() == ["0", "100000", "5000"]


def test_without_cgroups(podman):
    assert podman.run("--cgroups=disabled", "busybox", "/bin/echo", "free").out == "free\n"
