# SPDX-License-Identifier: Apache-2.0
"""What the caller of husk passes on without wanting to: R36 (terminal), R37 (signals, masks, limits)."""
import fcntl
import os
import pathlib
import pty
import resource
import signal
import subprocess

import pytest


def launch(husk, bundle, prepare, **more):
    bundle.write()
    argv = husk.argv("run", "--bundle", bundle.path, husk.new_id())
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=60, preexec_fn=prepare, restore_signals=False, **more)
    assert done.returncode == 0, done
    return done.stdout


def test_signals_are_neither_blocked_nor_ignored(husk, bundle):
    def prepare():
        for s in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
            signal.signal(s, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, set(range(1, 65)) - {signal.SIGKILL, signal.SIGSTOP})

    out = launch(husk, bundle.args("/bin/grep", "^Sig", "/proc/self/status"), prepare)
    got = {line.split(":")[0]: int(line.split()[1].split("/")[0], 16) for line in out.splitlines()}
    assert got["SigBlk"] == 0 and got["SigIgn"] == 0


def test_umask_is_022(husk, bundle):
    assert launch(husk, bundle.sh("umask"), lambda: os.umask(0o077)).strip() == "0022"


def test_affinity_is_all_cpus(husk, bundle):
    every = os.sched_getaffinity(0)
    out = launch(husk, bundle.sh("nproc"), lambda: os.sched_setaffinity(0, {min(every)}))
    assert out.strip() == str(os.cpu_count())


def test_personality_is_not_the_callers(husk, bundle):
    import ctypes
    libc = ctypes.CDLL(None)
    out = launch(husk, bundle.args("/bin/cat", "/proc/self/personality"), lambda: libc.personality(0x0400000))
    assert int(out, 16) == 0


def test_timer_slack_and_parent_death_signal_are_reset(husk, bundle):
    import ctypes
    libc = ctypes.CDLL(None)
    out = launch(husk, bundle.args("/bin/cat", "/proc/self/timerslack_ns"), lambda: libc.prctl(29, 12345678, 0, 0, 0))
    assert int(out) == 50000


def test_working_directory_and_descriptors_stay_outside(husk, bundle, tmp_path):
    leaks = [os.open("/", os.O_RDONLY), os.open(tmp_path, os.O_RDONLY)]
    for fd in leaks:
        os.set_inheritable(fd, True)
    out = launch(husk, bundle.sh("ls -l /proc/self/fd; pwd -P; ls -d /proc/self/cwd/.."), None, close_fds=False)
    for fd in leaks:
        os.close(fd)
    assert str(tmp_path) not in out
    numbers = {line.split()[-3] for line in out.splitlines() if " -> " in line}
    assert numbers <= {"0", "1", "2", "3"}, out     # 3: the directory that ls reads


def test_core_limit_of_the_caller_stays_when_config_says_nothing(husk, bundle):
    out = launch(husk, bundle.sh("ulimit -c"), lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
    assert out.strip() == "0"


def test_container_cannot_type_into_the_callers_terminal(husk, bundle, probe, x86_64):
    """R36, CVE-2017-5226: TIOCSTI on the terminal that stdin still is."""
    bundle.args(probe, "16,0,0x5412,@4096")
    bundle.write()
    argv = husk.argv("run", "--bundle", bundle.path, husk.new_id())
    pid, master = pty.fork()
    if pid == 0:
        os.execvp(argv[0], argv)
    text = b""
    while True:
        try:
            more = os.read(master, 4096)
        except OSError:
            break
        if not more:
            break
        text += more
    os.waitpid(pid, 0)
    assert b"ok" not in text, text
