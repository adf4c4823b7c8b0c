# SPDX-License-Identifier: Apache-2.0
"""containerd without Docker: by `ctr`, and by the Container Runtime Interface as Kubernetes uses it."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import uuid

import pytest

from tests.conftest import in_terminal, wait_for
from tests.engines.conftest import RUNTIME, oci_archive
from tests.engines.cri import Client, Refused, mapping, parse

IMAGE = "localhost/busybox:latest"
V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
SYSTEMD = os.path.isdir("/run/systemd/system")
SELINUX = os.path.isdir("/sys/fs/selinux/booleans")
CONFIG = """version = 2
root = "{folder}/root"
state = "{folder}/state"
[grpc]
  address = "{folder}/sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{image}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    conf_dir = "{folder}/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    default_runtime_name = "cgroupfs"
"""
HANDLER = """
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{name}]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{name}.options]
        BinaryName = "{runtime}"
        SystemdCgroup = {systemd}
"""


class Containerd:
    def __init__(self, folder):
        self.folder, self.socket = folder, folder / "sock"
        self.cri = Client(self.socket)

    def ctr(self, *words, space="default", check=0, timeout=60):
        done = subprocess.run(["ctr", "-a", self.socket, "-n", space, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=timeout)
        if check is not None:
            assert done.returncode == check, done
        return done

    def run(self, *command, options=("--rm",), name=None, check=0):
        return self.ctr("run", "--snapshotter", "native", "--runc-binary", RUNTIME, *options, IMAGE, name or new_name(), *command, check=check)

    def remove_all(self, space):
        for name in self.ctr("task", "ls", "-q", space=space).stdout.split():
            self.ctr("task", "rm", "-f", name, space=space, check=None)
        for name in self.ctr("container", "ls", "-q", space=space).stdout.split():
            self.ctr("container", "rm", name, space=space, check=None)


def new_name():
    return "t" + uuid.uuid4().hex[:10]


@pytest.fixture(scope="module")
def daemon(image):
    if not shutil.which("containerd") or not shutil.which("ctr"):
        pytest.skip("containerd is not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="husk-containerd-"))
    folder.chmod(0o711)                 # the root of a user namespace finds its way
    config = CONFIG.format(folder=folder, image=IMAGE)
    for name, systemd in [("cgroupfs", "false"), ("systemd", "true")]:
        config += HANDLER.format(name=name, runtime=RUNTIME, systemd=systemd)
    (folder / "config.toml").write_text(config)
    log = open(folder / "log", "w")
    p = subprocess.Popen(["containerd", "-c", folder / "config.toml"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    daemon = Containerd(folder)
    try:
        archive = oci_archive(image, folder / "image.oci", IMAGE)
        end = time.monotonic() + 60
        while daemon.ctr("version", check=None).returncode != 0:
            assert p.poll() is None and time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.1)
        for space in ("default", "k8s.io"):
            daemon.ctr("image", "import", "--no-unpack", archive, space=space)
        yield daemon
        for space in ("default", "k8s.io"):
            daemon.remove_all(space)
    finally:
        p.terminate()
        p.wait(30)
        for line in reversed(open("/proc/self/mountinfo").read().splitlines()):
            if str(folder) in line:
                subprocess.run(["umount", "-l", line.split()[4]], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def containerd(daemon):
    yield daemon
    daemon.remove_all("default")


def cgroup_file(pid, controller, one, two):
    """Of the cgroup of a process, by the names of v1 and v2."""
    path = {c: p for _, cs, p in (line.strip().split(":") for line in open(f"/proc/{pid}/cgroup")) for c in cs.split(",")}
    file = f"/sys/fs/cgroup/{controller}{path[controller]}/{one}" if controller in path else f"/sys/fs/cgroup{path['']}/{two}"
    return open(file).read().strip()


# ---- ctr ---------------------------------------------------------------------------------------------

@pytest.fixture
def task(containerd):
    """A detached container's name."""
    name = new_name()
    containerd.run("/bin/sleep", "1000", name=name, options=["-d", "--memory-limit", 64 << 20, "--cpu-quota", 50000, "--cpu-period", 100000])
    return name


def row(containerd, name):
    """What `ctr task ls` says: name, PID, status."""
    return next(line.split() for line in containerd.ctr("task", "ls").stdout.splitlines() if line.startswith(name))


@pytest.mark.parametrize("code", [0, 1, 42])
def test_ctr_run_has_the_output_and_the_exit_code(containerd, code):
    # ctr loses what is said in the last moment, whatever the runtime
    assert containerd.run("/bin/sh", "-c", f"echo hello; sleep 0.3; exit {code}", check=code).stdout == "hello\n"


def test_ctr_run_names_a_missing_program_and_leaves_no_task(containerd):
    done = containerd.run("/bin/nowhere", check=None)
    assert done.returncode != 0 and "/bin/nowhere" in done.stderr
    assert containerd.ctr("task", "ls", "-q").stdout == ""


def test_ctr_run_with_a_terminal(containerd):
    argv = ["ctr", "-a", containerd.socket, "run", "--rm", "-t", "--snapshotter", "native", "--runc-binary", RUNTIME, IMAGE, new_name(), "/bin/tty"]
    assert "/dev/pts/0" in in_terminal(argv)[1]


@pytest.mark.parametrize("options, script, out", [
    (["--read-only"], "touch /x 2>/dev/null || echo refused", "refused\n"),
    (["--env", "A=b", "--cwd", "/tmp"], "echo $A; pwd", "b\n/tmp\n"),
    (["--seccomp"], "grep Seccomp: /proc/self/status", "Seccomp:\t2\n"),
    (["--cap-drop", "CAP_CHOWN"], "chown 1 /tmp 2>/dev/null || echo refused", "refused\n"),
    (["--privileged"], "grep CapBnd /proc/self/status | grep -c 0000000000000000", "0\n"),
    (["--uidmap", "0:100000:5000", "--gidmap", "0:100000:5000"], "cat /proc/self/uid_map | tr -s ' '", " 0 100000 5000\n"),
])
def test_ctr_run_with_options(containerd, options, script, out):
    done = containerd.run("/bin/sh", "-c", script, options=["--rm", *options], check=None)
    assert done.stdout == out, done


@pytest.mark.skipif(not SYSTEMD, reason="needs systemd")
def test_ctr_run_in_a_scope_of_systemd(containerd):
    name = new_name()
    out = containerd.run("/bin/cat", "/proc/1/cgroup", options=["--rm", "--runc-systemd-cgroup", "--cgroup", f"system.slice:ctr:{name}"]).stdout
    assert out.strip()


def test_ctr_exec_has_the_output_and_the_exit_code(containerd, task):
    assert containerd.ctr("task", "exec", "--exec-id", "a", task, "/bin/echo", "in it").stdout == "in it\n"
    containerd.ctr("task", "exec", "--exec-id", "b", task, "/bin/sh", "-c", "exit 7", check=7)
    assert containerd.ctr("task", "exec", "--exec-id", "c", "--user", "1000:1000", "--cwd", "/tmp", task,
                          "/bin/sh", "-c", "id -u; pwd").stdout == "1000\n/tmp\n"
    assert "/bin/nowhere" in containerd.ctr("task", "exec", "--exec-id", "d", task, "/bin/nowhere", check=None).stderr
    shown = in_terminal(["ctr", "-a", containerd.socket, "task", "exec", "-t", "--exec-id", "e", task, "/bin/tty"])[1]
    assert "/dev/pts/" in shown


def test_ctr_ps_shows_every_process(containerd, task):
    containerd.ctr("task", "exec", "-d", "--exec-id", "a", task, "/bin/sleep", "1001")
    rows = containerd.ctr("task", "ps", task).stdout.splitlines()
    assert len(rows) == 3 and row(containerd, task)[1] in {line.split()[0] for line in rows}


def test_ctr_pause_and_resume(containerd, task):
    containerd.ctr("task", "pause", task)
    assert row(containerd, task)[2] == "PAUSED"
    containerd.ctr("task", "resume", task)
    assert row(containerd, task)[2] == "RUNNING"
    containerd.ctr("task", "exec", "--exec-id", "a", task, "/bin/true")


def test_ctr_kill(containerd, task):
    containerd.ctr("task", "kill", "-s", "SIGKILL", task)
    wait_for(lambda: row(containerd, task)[2] == "STOPPED")
    assert "137" in containerd.ctr("task", "rm", task, check=None).stderr


def test_ctr_limits_and_metrics(containerd, task):
    pid = row(containerd, task)[1]
    assert cgroup_file(pid, "memory", "memory.limit_in_bytes", "memory.max") == str(64 << 20)
    assert cgroup_file(pid, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0] == "50000"
    data = json.loads(containerd.ctr("task", "metrics", "--format", "json", task).stdout)
    assert data["pids"]["current"] == 1
    usage = data["memory"]
    assert (usage.get("usage_limit") or usage["usage"]["limit"]) == 64 << 20


# ---- the Container Runtime Interface -----------------------------------------------------------------------

CREATED, RUNNING, EXITED = range(3)
OWN, NODE = 1, 2                        # namespaces; absent: those of the pod


class Pod:
    """A sandbox on the host's network (no CNI plugin is needed), and its containers."""

    def __init__(self, containerd, handler):
        self.call, self.name = containerd.cri, new_name()
        parent = f"husk-{self.name}.slice" if handler == "systemd" else f"/husk-{self.name}"
        self.config = {1: {1: self.name, 2: self.name, 3: "test"}, 6: mapping({"app": "x"}), 3: str(containerd.folder / "logs" / self.name),
                       8: {1: parent, 2: {1: {1: NODE, 2: OWN}}}}
        self.parent = parent
        self.ident = self.call("RunPodSandbox", {1: self.config, 2: handler})[1][0].decode()

    def create(self, *command, resources=None, security=None, more=None):
        config = {1: {1: new_name()}, 2: {1: IMAGE}, 3: list(command), 11: f"{new_name()}.log",
                  15: {1: resources or {}, 2: {3: {1: NODE, 2: OWN}, **(security or {})}}, **(more or {})}
        return self.call("CreateContainer", {1: self.ident, 2: config, 3: self.config})[1][0].decode()

    def started(self, *command, **more):
        ident = self.create(*command, **more)
        self.call("StartContainer", {1: ident})
        return ident

    def exec(self, ident, *command, seconds=20):
        """Exit code, what it printed, what it complained about."""
        answer = self.call("ExecSync", {1: ident, 2: list(command), 3: seconds})
        return tuple(answer.get(n, [empty])[0] for n, empty in ((3, 0), (1, b""), (2, b"")))

    def sh(self, ident, script):
        code, out, err = self.exec(ident, "/bin/sh", "-c", script)
        assert code == 0, (script, out, err)
        return out.decode()

    def status(self, ident):
        status = parse(self.call("ContainerStatus", {1: ident})[1][0])
        return {"state": status.get(3, [0])[0], "code": status.get(7, [0])[0], "reason": status.get(10, [b""])[0].decode()}

    def ended(self, ident):
        wait_for(lambda: self.status(ident)["state"] == EXITED)
        return self.status(ident)

    def pid(self, ident):
        return json.loads(parse(self.call("ContainerStatus", {1: ident, 2: 1})[2][0])[2][0])["pid"]

    def log(self):
        return "".join(f.read_text() for f in sorted(pathlib.Path(self.config[3]).iterdir()))

    def remove(self):
        self.call("StopPodSandbox", {1: self.ident})
        self.call("RemovePodSandbox", {1: self.ident})


@pytest.fixture(params=["cgroupfs", "systemd"])
def pod(daemon, request):
    if request.param == "systemd" and not SYSTEMD:
        pytest.skip("needs systemd")
    pod = Pod(daemon, request.param)
    yield pod
    pod.remove()
    assert daemon.ctr("task", "ls", "-q", space="k8s.io").stdout == ""
    if request.param == "systemd":
        subprocess.run(["systemctl", "stop", pod.parent], capture_output=True)
    else:
        tops = ["/sys/fs/cgroup"] if V2 else [f"/sys/fs/cgroup/{d}" for d in os.listdir("/sys/fs/cgroup")]
        for folder in (f"{top}{pod.parent}" for top in tops):
            if os.path.isdir(folder) and not os.path.islink(os.path.dirname(folder)):
                os.rmdir(folder)        # nothing is left in it


def test_cri_life_of_a_container(pod):
    ident = pod.create("/bin/sh", "-c", "trap 'exit 5' TERM; echo it lives; while :; do sleep 0.05; done")
    assert pod.status(ident)["state"] == CREATED
    pod.call("StartContainer", {1: ident})
    assert pod.status(ident)["state"] == RUNNING
    wait_for(lambda: "it lives" in pod.log())
    pod.call("StopContainer", {1: ident, 2: 20})
    assert pod.ended(ident)["code"] == 5
    pod.call("RemoveContainer", {1: ident})
    with pytest.raises(Refused):
        pod.status(ident)


def test_cri_stop_kills_what_does_not_end_in_time(pod):
    ident = pod.started("/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.05; done")
    pod.call("StopContainer", {1: ident, 2: 1})
    assert pod.ended(ident)["code"] == 137


def test_cri_exec_sync(pod):
    ident = pod.started("/bin/sleep", "1000")
    assert pod.exec(ident, "/bin/sh", "-c", "echo out; echo err >&2; exit 9") == (9, b"out\n", b"err\n")
    assert pod.exec(ident, "/bin/true") == (0, b"", b"")
    with pytest.raises(Refused, match="/bin/nowhere"):
        pod.exec(ident, "/bin/nowhere")
    with pytest.raises(Refused, match="timeout|timed out|deadline"):
        pod.exec(ident, "/bin/sleep", "100", seconds=1)


def test_cri_update_changes_the_cgroup_files(pod):
    ident = pod.started("/bin/sleep", "1000", resources={1: 100000, 2: 50000, 3: 512, 4: 64 << 20})
    pid = pod.pid(ident)
    assert cgroup_file(pid, "memory", "memory.limit_in_bytes", "memory.max") == str(64 << 20)
    assert cgroup_file(pid, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0] == "50000"
    pod.call("UpdateContainerResources", {1: ident, 2: {1: 100000, 2: 70000, 3: 256, 4: 80 << 20}})
    assert cgroup_file(pid, "memory", "memory.limit_in_bytes", "memory.max") == str(80 << 20)
    assert cgroup_file(pid, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0] == "70000"
    if not V2:
        assert cgroup_file(pid, "cpu", "cpu.shares", "") == "256"
    assert pod.exec(ident, "/bin/true")[0] == 0


def test_cri_a_missing_program_is_named(pod):
    ident = pod.create("/bin/nowhere")
    with pytest.raises(Refused, match="/bin/nowhere"):
        pod.call("StartContainer", {1: ident})
    assert pod.ended(ident)["code"] != 0


def test_cri_security_context(pod):
    ident = pod.started("/bin/sleep", "1000", security={5: {1: 1000}, 12: {1: 1000}, 8: [2000], 7: 1, 11: 1, 1: {2: ["ALL"]}, 15: {1: 0}})
    assert pod.sh(ident, "id -u; id -g; grep -E '^(Groups|NoNewPrivs|CapBnd|Seccomp):' /proc/self/status").split() == \
        ["1000", "1000", "Groups:", "1000", "2000", "CapBnd:", "0" * 16, "NoNewPrivs:", "1", "Seccomp:", "2"]
    assert pod.exec(ident, "/bin/sh", "-c", "touch /x")[0] != 0
    free = pod.started("/bin/sleep", "1000", security={15: {1: 1}})
    assert "Seccomp:\t0" in pod.sh(free, "grep Seccomp: /proc/self/status")


def test_cri_masks_and_mounts(pod, tmp_path):
    (tmp_path / "file").write_text("there\n")
    ident = pod.started("/bin/sleep", "1000", security={13: ["/proc/uptime"], 14: ["/proc/sys"]}, more={7: [{1: "/there", 2: str(tmp_path), 3: 1}]})
    assert pod.sh(ident, "cat /there/file; cat /proc/uptime") == "there\n"
    assert pod.exec(ident, "/bin/sh", "-c", "touch /there/x")[0] != 0


def test_cri_containers_of_a_pod_share_what_the_pod_shares(pod):
    own = pod.started("/bin/sleep", "1000")
    one, two = (pod.started("/bin/sleep", "1000", security={3: {1: NODE}}) for _ in range(2))
    own, one, two = (pod.sh(c, "for n in ipc net uts pid mnt; do readlink /proc/self/ns/$n; done").split() for c in (own, one, two))
    assert own[:3] == one[:3] == two[:3]
    assert one[3] == two[3] != own[3]
    assert len({own[4], one[4], two[4]}) == 3


def test_cri_stats_and_list(pod):
    ident = pod.started("/bin/sleep", "1000")
    stats = parse(pod.call("ContainerStats", {1: ident})[1][0])
    memory = parse(stats[3][0])
    assert parse(memory[2][0])[1][0] > 0
    listed = [parse(c)[1][0].decode() for c in pod.call("ListContainers", {1: {3: pod.ident}}).get(1, [])]
    assert ident in listed


def test_cri_oom_is_told(pod):
    ident = pod.started("/bin/sh", "-c", "x=a; while :; do x=$x$x; done", resources={4: 16 << 20, 10: 16 << 20})
    assert pod.ended(ident)["code"] == 137
