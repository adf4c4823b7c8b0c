# SPDX-License-Identifier: Apache-2.0
"""The test machine's own engines, as its distribution sets them up, with husk as their runtime: systemd's cgroups, its LSM,
root or an unprivileged user.  The same is done with crun, as a control: what it can do here, husk has to be able to do."""
import os
import pathlib
import shutil
import time
import uuid

import pytest

from tests.conftest import call

HUSK = os.environ.get("HUSK", "husk")
USER = os.geteuid() != 0
SELINUX = os.path.isdir("/sys/fs/selinux/booleans")
IMAGE = "localhost/busybox"

pytestmark = [pytest.mark.skipif("HUSK_HOST" not in os.environ, reason="only in a test machine")]


def need(*programs):
    for p in programs:
        if not shutil.which(p):
            pytest.skip(f"needs {p}")


@pytest.fixture(params=["husk", "crun"])
def podman(request):
    need("podman", "crun")
    if call("podman", "image", "exists", IMAGE, check=None).returncode != 0:
        pytest.skip(f"this machine's podman has no image {IMAGE}")
    runtime = HUSK if request.param == "husk" else shutil.which("crun")

    def run(*words, **more):
        return call("podman", "--runtime", runtime, *words, **more)
    run.name = "t" + uuid.uuid4().hex[:10]
    yield run
    call("podman", "rm", "-f", "-t", "0", run.name, check=None)


def detached(podman, *options):
    podman("run", "-d", "--network=none", "--name", podman.name, *options, IMAGE, "sleep", "1000")


def test_podman_run(podman):
    assert podman("run", "--rm", "--network=none", IMAGE, "echo", "hello").stdout == "hello\n"
    podman("run", "--rm", "--network=none", IMAGE, "sh", "-c", "exit 42", check=42)


def test_podman_limits_are_in_the_cgroup_files(podman):
    out = podman("run", "--rm", "--network=none", "--memory=64m", "--pids-limit=33", IMAGE, "sh", "-c",
                 "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max 2>/dev/null || "
                 "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max").stdout
    assert out.split() == [str(64 << 20), "33"]


def test_podman_exec_top_and_stop(podman):
    detached(podman)
    assert podman("exec", podman.name, "echo", "in it").stdout == "in it\n"
    assert "sleep 1000" in podman("top", podman.name, "args").stdout
    podman("stop", "-t", "1", podman.name)
    assert podman("inspect", "-f", "{{.State.Status}}", podman.name).stdout.strip() == "exited"


def test_podman_pause_and_unpause(podman):
    detached(podman)
    podman("pause", podman.name)
    assert podman("inspect", "-f", "{{.State.Status}}", podman.name).stdout.strip() == "paused"
    podman("unpause", podman.name)
    podman("exec", podman.name, "true")


def test_podman_update(podman):
    if "update" not in call("podman", "--help").stdout:
        pytest.skip("this podman has no update")
    detached(podman, "--memory=64m")
    podman("update", "--memory=80m", podman.name)
    pid = podman("inspect", "-f", "{{.State.Pid}}", podman.name).stdout.strip()
    groups = dict(line.rstrip("\n").split(":", 2)[1:] for line in open(f"/proc/{pid}/cgroup"))
    files = [pathlib.Path(f"/sys/fs/cgroup{groups['']}/memory.max")] if "memory" not in groups else \
            [pathlib.Path(f"/sys/fs/cgroup/memory{groups['memory']}/memory.limit_in_bytes")]
    assert files[0].read_text().strip() == str(80 << 20)


def test_podman_with_a_volume_and_a_read_only_root(podman, tmp_path):
    (tmp_path / "file").write_text("there\n")
    label = ":z" if SELINUX else ""
    out = podman("run", "--rm", "--network=none", "--read-only", "-v", f"{tmp_path}:/there{label}", IMAGE, "sh", "-c",
                 "cat /there/file; touch /x 2>/dev/null || echo refused").stdout
    assert out == "there\nrefused\n"


def test_podman_is_confined_by_the_lsm(podman):
    out = podman("run", "--rm", "--network=none", IMAGE, "cat", "/proc/self/attr/current").stdout
    if SELINUX:
        assert ":container_t:" in out
    elif not USER and os.path.isdir("/sys/kernel/security/apparmor/policy"):
        assert out.startswith("containers-default-") and "enforce" in out


def test_podman_keeps_the_users_id(podman):
    if not USER:
        pytest.skip("only without root")
    out = podman("run", "--rm", "--network=none", "--userns=keep-id", IMAGE, "id", "-u").stdout
    assert out.strip() == str(os.getuid())


def test_podman_has_the_delegated_range_of_ids(podman):
    if not USER:
        pytest.skip("only without root")
    lines = podman("run", "--rm", "--network=none", IMAGE, "cat", "/proc/self/uid_map").stdout.split("\n")
    assert lines[0].split() == ["0", str(os.getuid()), "1"] and lines[1].split()[0] == "1"


def test_podman_with_cgroupfs(podman):
    if USER:
        pytest.skip("only with root")
    out = podman("--cgroup-manager=cgroupfs", "run", "--rm", "--network=none", "--pids-limit=44", IMAGE, "sh", "-c",
                 "cat /sys/fs/cgroup/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids/pids.max").stdout
    assert out.strip() == "44"


@pytest.mark.parametrize("runtime", ["husk", "crun"])
def test_buildah_runs_commands_in_a_working_container(runtime):
    need("buildah", "crun")
    if SELINUX:
        pytest.skip("this machine's policy lets no buildah label its pipes, with crun neither")
    program = HUSK if runtime == "husk" else shutil.which("crun")
    name = call("buildah", "from", IMAGE).stdout.strip()
    try:
        assert call("buildah", "run", "--isolation=oci", "--network=none", "--runtime", program, name, "--", "echo", "built").stdout == "built\n"
        call("buildah", "run", "--isolation=oci", "--network=none", "--runtime", program, name, "--", "sh", "-c", "exit 3", check=3)
    finally:
        call("buildah", "rm", name, check=None)


@pytest.fixture(scope="module")
def containerd():
    if USER or not shutil.which("ctr") or "docker.io/library/busybox" in IMAGE:
        pytest.skip("needs root and ctr")
    call("systemctl", "start", "containerd")
    end = time.monotonic() + 30
    while call("ctr", "version", check=None).returncode != 0:
        assert time.monotonic() < end
        time.sleep(0.2)
    image = f"{IMAGE}:latest"
    if image not in call("ctr", "image", "ls", "-q").stdout:
        pytest.skip("containerd has no image")
    yield image
    call("systemctl", "stop", "containerd", check=None)


@pytest.mark.parametrize("runtime", ["husk", "crun"])
@pytest.mark.parametrize("systemd", [True, False])
def test_ctr_run(containerd, runtime, systemd):
    if SELINUX and runtime == "crun":
        pytest.skip("this machine's policy lets crun not pin its BPF program")
    name = "t" + uuid.uuid4().hex[:10]
    options = ["--runc-systemd-cgroup", "--cgroup", f"system.slice:ctr:{name}"] if systemd else []
    out = call("ctr", "run", "--rm", "--runc-binary", HUSK if runtime == "husk" else shutil.which("crun"), *options, containerd, name,
               "cat", "/proc/self/cgroup").stdout
    assert out.strip()


def test_ctr_exec_pause_and_kill(containerd):
    name = "t" + uuid.uuid4().hex[:10]
    call("ctr", "run", "-d", "--runc-binary", HUSK, containerd, name, "sleep", "1000")
    try:
        assert call("ctr", "task", "exec", "--exec-id", "e", name, "echo", "in it").stdout == "in it\n"
        call("ctr", "task", "pause", name)
        assert "PAUSED" in call("ctr", "task", "ls").stdout
        call("ctr", "task", "resume", name)
        call("ctr", "task", "metrics", name)
    finally:
        call("ctr", "task", "kill", "-s", "KILL", name, check=None)
        end = time.monotonic() + 20
        while "STOPPED" not in call("ctr", "task", "ls").stdout and time.monotonic() < end:
            time.sleep(0.1)
        call("ctr", "task", "delete", name, check=None)
        call("ctr", "container", "delete", name, check=None)


@pytest.fixture(scope="module")
def docker():
    """The distribution's daemon, with the cgroup driver that it chooses here: systemd on v2."""
    if USER or not shutil.which("dockerd"):
        pytest.skip("needs root and docker")
    if os.environ["HUSK_HOST"] == "emulated":
        pytest.skip("minutes in emulation, and the same as natively")
    call("systemctl", "start", "containerd", "docker")
    end = time.monotonic() + 60
    while call("docker", "info", check=None).returncode != 0:
        assert time.monotonic() < end
        time.sleep(0.2)
    if "busybox" not in call("docker", "images", "--format", "{{.Repository}}").stdout:
        pytest.skip("docker has no image")
    yield call("docker", "info", "--format", "{{.CgroupDriver}}").stdout.strip()
    call("systemctl", "stop", "docker.service", "docker.socket", "containerd.service", check=None)


@pytest.mark.parametrize("runtime", ["husk", "crun"])
def test_docker_with_systemd_s_cgroups(docker, runtime):
    """In one go: run, limits in the cgroup's files and systemd's mind, exec, update, pause, stop."""
    if SELINUX and docker != "systemd":
        pytest.skip("this machine's policy lets dockerd not see systemd")
    assert docker == "systemd"
    name = "t" + uuid.uuid4().hex[:10]
    ident = call("docker", "run", "-d", "--runtime", runtime, "--network=none", "--name", name, "--memory=64m", "--pids-limit=33",
                 "busybox", "sleep", "1000").stdout.strip()
    try:
        scope = f"docker-{ident}.scope"
        pid = call("docker", "inspect", "-f", "{{.State.Pid}}", name).stdout.strip()
        group = pathlib.Path("/sys/fs/cgroup" + open(f"/proc/{pid}/cgroup").read().strip()[3:])
        assert scope in group.parts
        assert ((group / "memory.max").read_text(), (group / "pids.max").read_text()) == (f"{64 << 20}\n", "33\n")
        assert call("systemctl", "show", "-P", "TasksMax", scope).stdout == "33\n"
        assert call("docker", "exec", name, "cat", "/proc/self/cgroup", "/sys/fs/cgroup/pids.max").stdout == "0::/\n33\n"
        call("docker", "update", "--memory=80m", "--memory-swap=80m", "--pids-limit=44", name)
        call("systemctl", "daemon-reload")
        assert ((group / "memory.max").read_text(), (group / "pids.max").read_text()) == (f"{80 << 20}\n", "44\n")
        assert call("systemctl", "show", "-P", "TasksMax", scope).stdout == "44\n"
        call("docker", "pause", name)
        assert (group / "cgroup.freeze").read_text() == "1\n" or (group.parent / "cgroup.freeze").read_text() == "1\n"
        call("docker", "unpause", name)
        assert "sleep 1000" in call("docker", "top", name).stdout
        call("docker", "stop", "-t", "1", name)
        assert call("docker", "inspect", "-f", "{{.State.Status}}", name).stdout == "exited\n"
        assert call("systemctl", "show", "-P", "ActiveState", scope).stdout == "inactive\n"
    finally:
        call("docker", "rm", "-f", name, check=None)


@pytest.mark.parametrize("network", ["pasta", "slirp4netns"])
def test_podman_hands_a_network_namespace_in(podman, network):
    if not USER:
        pytest.skip("only without root")
    need(network)
    out = podman("run", "--rm", f"--network={network}", IMAGE, "ip", "addr", check=None)
    assert out.returncode == 0 and "lo:" in out.stdout and out.stdout.count("mtu") > 1, out.stdout + out.stderr
