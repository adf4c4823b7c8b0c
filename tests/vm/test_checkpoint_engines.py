# SPDX-License-Identifier: Apache-2.0
"""Podman and containerd checkpoint and restore containers that run on husk, with the real CRIU; runc as a control."""
import os
import shutil
import subprocess
import uuid

import pytest

from tests.conftest import call, wait_for

HUSK = os.environ.get("HUSK", "husk")
IMAGE = "localhost/busybox"
HAS_CRIU = bool(shutil.which("criu")) and os.geteuid() == 0 and subprocess.run(["criu", "check"], capture_output=True).returncode == 0
pytestmark = [pytest.mark.skipif("HUSK_HOST" not in os.environ, reason="only in a test machine"),
              pytest.mark.skipif(not HAS_CRIU, reason="criu cannot dump here")]
# Starts nothing while it counts, and says how far it has come, and who it is: one that had begun anew would have another name.
COUNT = ("read name </proc/sys/kernel/random/uuid; mkfifo /tmp/fifo; exec 3<>/tmp/fifo; n=0; "
         "while :; do n=$((n+1)); echo $n $name; read -t 0.2 x <&3; done")


@pytest.fixture
def podman(request):
    if not all(map(shutil.which, ("podman", "runc"))) or call("podman", "image", "exists", IMAGE, check=None).returncode != 0:
        pytest.skip("no podman with an image")
    runtime = getattr(request, "param", HUSK)

    def run(*words, **more):
        return call("podman", "--runtime", runtime, *words, **more)
    run.name = "t" + uuid.uuid4().hex[:10]

    def logged(name=run.name):
        return [line.split() for line in run("logs", name).stdout.splitlines()]
    run.logged = logged
    yield run
    call("podman", "rm", "-f", "-t", "0", run.name, run.name + "-2", check=None)


def counting(podman, *options):
    podman("run", "-d", "--network=none", "--name", podman.name, *options, IMAGE, "sh", "-c", COUNT)
    wait_for(podman.logged, 60)
    podman.counter = podman.logged()[0][1]


def goes_on(podman, name):
    """Whether or not the log of before has come along, the same process counts on in it without a gap."""
    stood = len(podman.logged(name))
    wait_for(lambda: len(podman.logged(name)) > stood, 60)
    lines = podman.logged(name)
    first = int(lines[0][0])
    assert lines == [[str(first + i), podman.counter] for i in range(len(lines))]


@pytest.mark.parametrize("podman", [HUSK, shutil.which("runc")], ids=["husk", "runc"], indirect=True)
def test_podman_checkpoint_and_restore(podman):
    counting(podman)
    podman("container", "checkpoint", podman.name)
    assert podman("inspect", "-f", "{{.State.Status}} {{.State.Checkpointed}}", podman.name).stdout.strip() == "exited true"
    podman("container", "restore", podman.name)
    goes_on(podman, podman.name)
    assert podman("exec", podman.name, "echo", "in it").stdout == "in it\n"


def test_podman_leaves_it_running_exports_and_imports_with_a_terminal(podman, tmp_path):
    (tmp_path / "volume").mkdir()
    counting(podman, "-t", "-v", f"{tmp_path}/volume:/volume:ro", "--memory=64m")
    podman("container", "checkpoint", "--leave-running", "-e", tmp_path / "export.tar.gz", podman.name)
    assert podman("inspect", "-f", "{{.State.Status}}", podman.name).stdout.strip() == "running"
    podman("rm", "-f", "-t", "0", podman.name)
    podman("container", "restore", "-i", tmp_path / "export.tar.gz", "-n", podman.name + "-2")
    goes_on(podman, podman.name + "-2")
    out = podman("exec", podman.name + "-2", "sh", "-c", "cat /sys/fs/cgroup/memory.max; touch /volume/x || echo ro").stdout
    assert out.split() == [str(64 << 20), "ro"]


def test_podman_pre_checkpoint(podman, tmp_path):
    counting(podman)
    podman("container", "checkpoint", "-P", "-e", tmp_path / "pre.tar.gz", podman.name)
    podman("container", "checkpoint", "--with-previous", "-e", tmp_path / "last.tar.gz", podman.name)
    podman("rm", "-f", "-t", "0", podman.name)
    podman("container", "restore", "--import-previous", tmp_path / "pre.tar.gz", "-i", tmp_path / "last.tar.gz")
    goes_on(podman, podman.name)


@pytest.fixture
def ctr():
    if not shutil.which("ctr"):
        pytest.skip("needs ctr")
    call("systemctl", "start", "containerd")
    wait_for(lambda: call("ctr", "version", check=None).returncode == 0, 60)
    image = f"{IMAGE}:latest"
    if image not in call("ctr", "image", "ls", "-q").stdout:
        pytest.skip("containerd has no image")
    made = ["t" + uuid.uuid4().hex[:10] for _ in range(2)]
    yield image, made
    for name in made:
        call("ctr", "task", "rm", "-f", name, check=None)
        call("ctr", "container", "rm", name, check=None)
    call("ctr", "image", "rm", made[0] + "-image", check=None)
    call("systemctl", "stop", "containerd", check=None)


def test_ctr_checkpoints_a_task_and_restores_a_container(ctr, tmp_path):
    image, (name, other) = ctr

    def number(name):
        return int(call("ctr", "task", "exec", "--exec-id", "e" + uuid.uuid4().hex[:8], name, "cat", "/tmp/n").stdout or 0)
    call("ctr", "run", "-d", "--runc-binary", HUSK, image, name, "sh", "-c", COUNT.replace("echo $n $name", "echo $n >/tmp/n"))
    wait_for(lambda: number(name) > 2, 60)
    call("ctr", "task", "checkpoint", "--image-path", tmp_path / "images", "--work-path", tmp_path / "work", name)
    assert (tmp_path / "images/pstree.img").exists() and (tmp_path / "work/dump.log").exists()
    call("ctr", "container", "checkpoint", "--rw", "--task", "--image", name, name + "-image")
    stood = number(name)
    call("ctr", "task", "rm", "-f", name, check=None)
    call("ctr", "container", "restore", "--rw", "--live", other, name + "-image")
    wait_for(lambda: number(other) > max(stood, 5), 60)
