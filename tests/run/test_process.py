# SPDX-License-Identifier: Apache-2.0
"""The process object: user, environment, limits, scheduling, descriptors; and settings of the container's kernel."""
import os
import resource
import socket
import subprocess

import pytest

from tests.conftest import SYSTEM, wait_for
from tests.user import needs_root


def status(husk, bundle, *keys):
    out = husk.out(bundle.args("/bin/cat", "/proc/self/status"))
    got = dict(line.split(":", 1) for line in out.splitlines())
    return [got[k].strip() for k in keys]


def test_user_groups_and_umask(husk, bundle):
    bundle.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 2000], "umask": 0o77}
    out = husk.out(bundle.sh("id -u; id -g; id -G; umask"))
    assert out.split("\n")[:4] == ["1000", "1001", "1001 5 2000", "0077"]


def test_without_umask_it_is_022_whatever_the_caller_has(husk, bundle):
    assert husk.out(bundle.sh("umask"), preexec_fn=lambda: os.umask(0)).strip() == "0022"


@needs_root("setgroups")
def test_groups_of_the_caller_do_not_leak_in(husk, bundle):
    assert husk.out(bundle.args("/bin/id", "-G"), preexec_fn=lambda: os.setgroups([4242])).strip() == "0"


@pytest.mark.parametrize("user, home", [({"uid": 0, "gid": 0}, "/root"), ({"uid": 1000, "gid": 0}, "/home/user"),
                                        ({"uid": 77, "gid": 0}, "/")])
def test_home_is_that_of_the_user_in_the_image(husk, bundle, user, home):
    bundle.process["user"] = user
    assert husk.out(bundle.sh("echo $HOME")).strip() == home


def test_a_given_home_stays(husk, bundle):
    bundle.process["env"].append("HOME=/given")
    assert husk.out(bundle.sh("echo $HOME")).strip() == "/given"


def test_the_environment_is_that_of_the_config(husk, bundle):
    bundle.process["env"] = ["PATH=/bin", "A=1", "A=2", "EMPTY=", "HOME=/"]
    out = husk.out(bundle.args("/bin/env"), env={"SECRET": "1", "PATH": os.environ["PATH"]})
    assert sorted(out.split()) == sorted(["PATH=/bin", "A=2", "EMPTY=", "HOME=/"])


def test_limits(husk, bundle):
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 128},
                                 {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
                                 {"type": "RLIMIT_FSIZE", "soft": 0, "hard": 0}]
    out = husk.out(bundle.sh("ulimit -n; ulimit -Hn; ulimit -c"))
    assert out.split() == ["64", "128", "0"]


def test_limits_that_would_stop_init_stop_only_the_program(husk, bundle):
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 3, "hard": 3}]
    assert husk.out(bundle.args("/bin/echo", "fine")) == "fine\n"


def test_too_few_descriptors_for_husk_are_told_wherever_they_end(husk, bundle):
    bundle.write()
    for limit in [*range(8, 64, 3), 64]:
        result = husk("run", "-b", bundle.path, husk.new_id(),
                      preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        told = f"hint: no more than {limit} descriptors may be open here (RLIMIT_NOFILE, ulimit -n); husk needs up to 64"
        assert result.code == SYSTEM and told in result.err if limit < 12 else \
            result.code == 0 or (limit < 64 and result.code == SYSTEM and told in result.err), result


def test_oom_score(husk, bundle):
    bundle.process["oomScoreAdj"] = 321
    assert husk.out(bundle.args("/bin/cat", "/proc/self/oom_score_adj")).strip() == "321"


def test_without_oom_score_it_is_the_callers(husk, bundle):
    def raise_it():
        with open("/proc/self/oom_score_adj", "w") as f:
            f.write("37")
    assert husk.out(bundle.args("/bin/cat", "/proc/self/oom_score_adj"), preexec_fn=raise_it).strip() == "37"


def test_scheduler_and_nice(husk, bundle):
    bundle.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 7}
    stat = husk.out(bundle.args("/bin/cat", "/proc/self/stat")).rsplit(")", 1)[1].split()
    assert stat[16] == "7" and stat[38] == "3"


def test_io_priority(husk, bundle):
    bundle.process["ioPriority"] = {"class": "IOPRIO_CLASS_IDLE", "priority": 3}
    ident = husk.started(bundle)
    import ctypes
    number = ctypes.CDLL(None, use_errno=True).syscall(252, 1, husk.state(ident)["pid"])    # ioprio_get
    if os.uname().machine == "x86_64":
        assert number == 3 << 13 | 3


def test_the_affinity_of_the_caller_does_not_leak_in(husk, bundle):
    if os.cpu_count() < 2:
        pytest.skip("needs two CPUs")
    wide = husk.out(bundle.args("/bin/nproc"))
    assert husk.out(bundle.args("/bin/nproc"), preexec_fn=lambda: os.sched_setaffinity(0, {0})) == wide


def test_personality(husk, bundle):
    other = subprocess.run(["setarch", "linux32", "uname", "-m"], capture_output=True, text=True).stdout.strip()
    if other in ("", os.uname().machine):
        pytest.skip("this kernel has no 32-bit personality")
    bundle.linux["personality"] = {"domain": "LINUX32"}
    assert husk.out(bundle.args("/bin/uname", "-m")).strip() != os.uname().machine


def test_hostname_and_domainname(husk, bundle):
    bundle.config["hostname"], bundle.config["domainname"] = "inside", "test.example"
    out = husk.out(bundle.sh("hostname; cat /proc/sys/kernel/domainname"))
    assert out.split() == ["inside", "test.example"]


def test_sysctl_of_the_containers_namespaces(husk, bundle):
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel/msgmax": "8888", "fs.mqueue.msg_max": "7"}
    out = husk.out(bundle.sh("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max"))
    assert out.split() == ["1", "8888", "7"]
    assert open("/proc/sys/kernel/msgmax").read().strip() != "8888"


def test_a_sysctl_that_the_kernel_refuses_is_named(husk, bundle):
    bundle.linux["sysctl"] = {"net.ipv4.no_such_thing": "1"}
    husk.refuse(bundle, "linux.sysctl", "no_such_thing")


def test_the_loopback_device_is_up(husk, bundle):
    assert "UP" in husk.out(bundle.args("/bin/ip", "link", "show", "lo"))


def test_stdio_belongs_to_the_user(husk, bundle):
    """Programs that open /dev/stdout again, as nginx does for its log, need to be allowed to."""
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    assert husk.out(bundle.sh("echo reopened > /dev/stdout")) == "reopened\n"


def test_no_descriptor_of_ours_or_the_callers_is_inherited(husk, bundle):
    read, write = os.pipe()
    os.set_inheritable(write, True)
    out = husk.out(bundle.sh("echo /proc/self/fd/*"), close_fds=False)
    os.close(read)
    os.close(write)
    assert out.split() == [f"/proc/self/fd/{i}" for i in (0, 1, 2, 3)], "3 is the folder itself"


def test_preserved_descriptors_are_inherited(husk, bundle):
    read, write = os.pipe()

    def place():
        os.dup2(write, 3)
        os.set_inheritable(3, True)
    husk.run(bundle.sh("echo through >&3"), "--preserve-fds", "1", preexec_fn=place, pass_fds=[3])
    os.close(write)
    assert os.read(read, 100) == b"through\n"
    os.close(read)


def test_socket_activation(husk, bundle):
    a, b = socket.socketpair()

    def place():
        os.dup2(a.fileno(), 3)
        os.set_inheritable(3, True)
    out = husk.out(bundle.sh("echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; echo hi >&3"), preexec_fn=place, pass_fds=[3],
                   env={"LISTEN_FDS": "1", "LISTEN_FDNAMES": "web", "PATH": os.environ["PATH"]})
    assert out.split() == ["1", "1", "web"]
    assert b.recv(10) == b"hi\n"


NOTIFY = r"""
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send(b"STATUS=starting\nMAINPID=1")
s.send(b"READY=1\nFDSTORE=1")
try:
    os.mkdir("/run/notify/mine")
except OSError as e:
    print(e.strerror, flush=True)
time.sleep(1000)
"""


def test_sd_notify_passes_readiness_on_and_nothing_else(husk, bundle, tmp_path):
    path = str(tmp_path / "manager.sock")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(path)
    manager.settimeout(20)
    bundle.mount("/usr", "/usr", options=("rbind", "ro"))
    for link in ("lib", "lib64"):
        (bundle.rootfs / link).symlink_to("usr/" + link)
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.args("/usr/bin/python3", "-I", "-c", NOTIFY)
    env = {"NOTIFY_SOCKET": path, "PATH": os.environ["PATH"]}
    ident = husk.create(bundle, env=env)
    husk("start", ident, check=0)
    assert manager.recv(1000).decode() == f"MAINPID={husk.state(ident)['pid']}\nREADY=1"
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(1000)
    # What it says, it says after it was ready.
    wait_for(lambda: husk.output(ident).endswith("\n"))
    husk("delete", "--force", ident, check=0)
    assert husk.output(ident) in ("Permission denied\n", "Read-only file system\n")


def test_without_notify_socket_the_container_has_none(husk, bundle):
    assert husk.out(bundle.sh('echo "$NOTIFY_SOCKET"; ls /run 2>&1 | wc -l')).split("\n")[0] == ""
