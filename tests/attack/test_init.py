# SPDX-License-Identifier: Apache-2.0
"""husk-init as prey: what the container can see of it, and what it brings along from whoever called husk."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

from tests.user import needs_root

HERE = pathlib.Path(__file__).parent
EVERY_CAP = ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_KILL", "CAP_SETUID"]


@pytest.fixture(scope="session")
def watcher(tmp_path_factory):
    out = tmp_path_factory.mktemp("watch") / "watch"
    cc = shutil.which("musl-gcc") or shutil.which("cc")
    if not cc:
        pytest.skip("needs a C compiler")
    subprocess.run([cc, "-static", "-O1", "-w", "-o", str(out), str(HERE / "watch.c")], check=True)
    return out


@pytest.mark.parametrize("user", [True, False])
def test_exec_cannot_be_looked_into(husk, bundle, watcher, user):
    """CVE-2016-9962, CVE-2019-5736: a container with CAP_SYS_PTRACE watches everybody who comes in by exec."""
    shutil.copy(watcher, bundle.rootfs / "bin/watch")
    if user:
        bundle.user_namespace()
        caps = EVERY_CAP
    else:
        caps = [c for c in EVERY_CAP if c not in ("CAP_SYS_PTRACE",)]
    bundle.process["capabilities"] = {k: caps for k in ("bounding", "effective", "permitted")}
    ident = husk.started(bundle.args("/bin/watch", "60"))
    for _ in range(200):
        if "ready" in husk.output(ident):
            break
        time.sleep(0.02)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        husk("exec", ident, "/bin/true", check=0)
    husk("kill", ident, "KILL", check=0)
    husk.wait_status(ident, "stopped")
    seen = [l for l in husk.output(ident).splitlines() if l != "ready"]
    rootfs = str(bundle.rootfs)
    for line in seen:
        what, _, target = line.split(" ", 2)
        if what in ("exe", "mem"):
            assert target == "/bin/busybox", line
        elif what in ("cwd", "root"):
            assert target == "/", line
        else:
            assert int(what[2:]) < 3 or target.startswith(("/proc", "/bin", "/dev")), line
        assert rootfs not in target and "memfd" not in target and str(husk.root) not in target, line


@needs_root("files of a process that nobody may trace")
def test_nothing_of_husk_can_be_opened_through_proc(husk, bundle):
    """CVE-2019-5736: the program that waits at the gate is not husk, and cannot be written."""
    ident = husk.create(bundle)
    pid = husk.state(ident)["pid"]
    assert "memfd:husk-init" in os.readlink(f"/proc/{pid}/exe")
    fd = os.open(f"/proc/{pid}/exe", os.O_RDONLY)
    try:
        with pytest.raises(OSError):
            os.open(f"/proc/{pid}/exe", os.O_WRONLY)
        with open(f"/proc/{pid}/exe", "rb") as f:
            assert f.read(4) == b"\x7fELF"
        import fcntl
        assert fcntl.fcntl(fd, 1034) & 0xf == 0xf       # F_GET_SEALS: write, grow, shrink, seal
    finally:
        os.close(fd)


def test_proc_self_exe_as_program_does_not_run_husk(husk, bundle):
    bundle.args("/proc/self/exe")
    result = husk.run(bundle, check=None)
    assert result.code != 0


@needs_root("files of a process that nobody may trace")
def test_the_waiting_init_holds_no_directory_of_the_host(husk, bundle):
    """CVE-2024-21626."""
    ident = husk.create(bundle)
    pid = husk.state(ident)["pid"]
    for fd in os.listdir(f"/proc/{pid}/fd"):
        target = os.readlink(f"/proc/{pid}/fd/{fd}")
        assert int(fd) < 3 or target.startswith("socket:"), f"{fd} -> {target}"


@pytest.mark.parametrize("command", ["run", "exec"])
def test_no_working_directory_outside(husk, bundle, command):
    """CVE-2024-21626: process.cwd that names a descriptor."""
    for n in list(range(3, 40)):
        bundle.process["cwd"] = f"/proc/self/fd/{n}"
        if command == "run":
            result = husk.run(bundle.sh("pwd; cat /etc/hostname-of-host"), check=None)
            assert result.code != 0 or result.out.startswith("/"), result
        if n > 12 and command == "run":
            break
    if command == "exec":
        bundle.process["cwd"] = "/"
        ident = husk.started(bundle)
        for n in range(3, 40):
            result = husk("exec", "--cwd", f"/proc/self/fd/{n}", ident, "pwd")
            assert result.code != 0, result


def test_a_working_directory_by_a_link_to_a_descriptor(husk, bundle):
    (bundle.rootfs / "w").symlink_to("/proc/self/fd/7")
    bundle.process["cwd"] = "/w"
    result = husk.run(bundle.sh("pwd"), check=None)
    assert result.code != 0


def test_a_home_that_only_the_user_may_enter(husk, bundle):
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.process["cwd"] = "/home"
    (bundle.rootfs / "home").mkdir()
    os.chown(bundle.rootfs / "home", 1000, 1000)
    (bundle.rootfs / "home").chmod(0o700)
    assert husk.out(bundle.sh("pwd")) == "/home\n"


def run_with(husk, bundle, prepare, *argv):
    """husk as a caller with bad manners starts it."""
    bundle.write()
    ident = husk.new_id()
    return subprocess.run(husk.argv("run", "--bundle", bundle.path, ident), preexec_fn=prepare, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)


def test_signals_of_the_caller_do_not_reach_the_payload(husk, bundle):
    def prepare():
        for s in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGRTMIN + 3):
            signal.signal(s, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))

    done = run_with(husk, bundle.args("/bin/cat", "/proc/self/status"), prepare)
    assert done.returncode == 0, done
    sets = dict(l.split(":\t") for l in done.stdout.splitlines() if l.startswith("Sig"))
    assert sets["SigBlk"] == sets["SigIgn"] == sets["SigPnd"] == "0" * 16


def test_umask_personality_and_slack_of_the_caller_do_not_reach_the_payload(husk, bundle):
    import ctypes
    libc = ctypes.CDLL(None)

    def prepare():
        os.umask(0o077)
        libc.personality(0x0400000)                     # READ_IMPLIES_EXEC
        libc.prctl(29, 123456, 0, 0, 0)                 # PR_SET_TIMERSLACK

    done = run_with(husk, bundle.sh("umask; cat /proc/self/personality /proc/self/timerslack_ns"), prepare)
    assert done.returncode == 0, done
    assert done.stdout.split()[:2] == ["0022", "00000000"]


def test_affinity_of_the_caller_does_not_reach_the_payload(husk, bundle):
    if os.cpu_count() < 2:
        pytest.skip("needs two CPUs")
    done = run_with(husk, bundle.sh("nproc"), lambda: os.sched_setaffinity(0, {0}))
    assert done.returncode == 0 and int(done.stdout) == os.cpu_count()


def test_the_callers_keys_are_not_the_containers(husk, bundle):
    out = husk.out(bundle.args("cat", "/proc/keys"), check=None)
    assert "_uid_ses" not in out


@needs_root("files of a process that nobody may trace")
def test_init_run_by_hand_does_nothing(husk, bundle, tmp_path):
    """Somebody inside finds husk-init by /proc/1/exe and runs it."""
    ident = husk.create(bundle)
    copy = tmp_path / "husk-init"
    shutil.copy(f"/proc/{husk.state(ident)['pid']}/exe", copy)
    copy.chmod(0o755)
    for argv in ([], ["3"], ["0"], ["99999999999"], ["-1"], ["x"], ["3", "4"]):
        done = subprocess.run([str(copy), *argv], capture_output=True, timeout=10)
        assert done.returncode == 1 and not done.stdout and not done.stderr, (argv, done)
