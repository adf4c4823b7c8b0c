# SPDX-License-Identifier: Apache-2.0
"""Every command with a system call of its own refused, or killed at it: a clear error, nothing left, `delete --force` helps.

strace injects the fault.  The calls are those of a run without faults, of each name the first and the last, of the rest an
even sample, so the same ones each time; with HUSK_FAULTS=all every one of them (minutes).  This process adopts orphans, so whatever a container leaves running is our child.
"""
import collections
import ctypes
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from tests.conftest import leftover_cgroups, remove_cgroup

PR_SET_CHILD_SUBREAPER = 36
EVERY_ONE = os.environ.get("HUSK_FAULTS") == "all"

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


@pytest.fixture(autouse=True)
def adopt_orphans():
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def living():
    with open(f"/proc/self/task/{os.getpid()}/children") as f:
        return f.read().split()


def children():
    """Our living children; dead ones are reaped."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return []
    return living()


def wait_for_children(n, seconds=20):
    end = time.monotonic() + seconds
    while len(children()) > n and time.monotonic() < end:
        time.sleep(0.01)
    return children()


def call(husk, argv):
    """Exit code (negative: the signal; 124: hung) and standard error of ARGV; orphans are reaped meanwhile, as init(1) does it.

    Not reaped, a dead process of a PID namespace keeps the others of it from dying.
    """
    errors = husk.folder / "stderr"
    with open(errors, "w") as e:
        p = subprocess.Popen(["timeout", "-k", "5", "40", *map(str, argv)], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=e)
        while p.poll() is None:
            for pid in living():
                if pid != str(p.pid):
                    try:
                        os.waitpid(int(pid), os.WNOHANG)
                    except ChildProcessError:
                        pass
            time.sleep(0.002)
    text = errors.read_text(errors="replace")
    return p.returncode, "\n".join(line for line in text.splitlines() if not line.startswith("strace:"))


def strace(husk, options, words):
    return call(husk, ["strace", "-qq", *options, *husk.argv(*words)])


def calls_of(husk, words, follow=False):
    """The names of the system calls of husk, in order, from its main() on; with FOLLOW those of init."""
    trace = husk.folder / "trace"
    options = ["-ff", "-o", trace] if follow else ["-o", trace]
    code, text = strace(husk, options, words)
    assert code == 0, f"without a fault: {code}: {text}"
    files = sorted(husk.folder.glob("trace.*")) if follow else [trace]
    names = []
    for f in files:
        lines = f.read_text(errors="replace").splitlines()
        if follow and not any("pivot_root(" in line for line in lines):
            continue
        names = [m.group(1) for m in (re.match(r"(\w+)\(", line) for line in lines) if m]
        if follow:                                  # what is behind is the payload's
            names = names[:len(names) - names[::-1].index("execve")]
    for f in files:
        f.unlink()
    if not follow and "close_range" in names:       # what is before is the loader's
        first = names.index("close_range")
    else:
        first = 0
    return names, first


NOT_OURS = {"execve", "exit_group", "exit", "rt_sigreturn", "restart_syscall", "mprotect", "brk"}
# Linux closes the descriptor whatever it answers; strace's error leaves it open, which is another thing.
NEVER_FAIL = {"close"}


def sample(names, first, most):
    """(name, its number among the calls of that name) for MOST calls at most."""
    most = len(names) if EVERY_ONE else most
    seen, points, last = collections.Counter(), [], {}
    for i, name in enumerate(names):
        seen[name] += 1
        if i >= first and name not in NOT_OURS:
            points.append((name, seen[name]))
            last[name] = (name, seen[name])
    heads = {p[0]: p for p in reversed(points)}
    chosen = list(dict.fromkeys([*heads.values(), *last.values()]))
    rest = [p for p in points if p not in chosen]
    if len(chosen) > most:
        return [chosen[i * len(chosen) // most] for i in range(most)]
    n = min(len(rest), most - len(chosen))
    return chosen + [rest[i * len(rest) // n] for i in range(n)]


class Trial:
    """One container, one fault, and the judgement."""

    def __init__(self, husk, prepare, words):
        self.husk, self.prepare, self.words = husk, prepare, words
        self.complaints = []

    def judge(self, point, how, code, text, ident, alive):
        label = f"{how} at {point[0]} #{point[1]}: exit {code}: {text!r}"
        if code == 124:
            self.complaints.append(f"{label}: hung")
        if how == "error" and code < 0:
            self.complaints.append(f"{label}: died")
        if how == "error" and code != 0 and not text.strip():
            self.complaints.append(f"{label}: no message")
        # Without memory nothing can be undone in order either: the process ends, and `delete --force` does the rest.
        orderly = how == "error" and code != 0 and "out of memory" not in text
        if orderly and alive == 0 and (self.husk.root / ident).exists():
            self.complaints.append(f"{label}: its state is left")
        if orderly and alive == 0 and wait_for_children(0):
            self.complaints.append(f"{label}: a process is left")
        gone, why = call(self.husk, self.husk.argv("delete", "--force", ident))
        if gone != 0:
            self.complaints.append(f"{label}: delete --force: exit {gone}: {why}")
        if wait_for_children(0):
            self.complaints.append(f"{label}: a process survives delete --force")
        for pid in children():
            os.kill(int(pid), signal.SIGKILL)
        wait_for_children(0)
        if (self.husk.root / ident).exists():
            self.complaints.append(f"{label}: its state survives delete --force")
        left = leftover_cgroups([ident])
        if left:
            self.complaints.append(f"{label}: cgroups are left: {left}")
        for group in left:
            remove_cgroup(group)

    def one(self, point, how, fault, follow):
        ident = self.husk.new_id()
        alive = self.prepare(ident)
        options = ["-f"] if follow else []
        options += ["-o", "/dev/null", "-e", f"trace={point[0]}", "-e", f"inject={point[0]}:{fault}:when={point[1]}"]
        code, text = strace(self.husk, options, self.words(ident))
        self.judge(point, how, code, text, ident, alive)
        self.husk.ids.remove(ident)

    def all(self, errors, kills, follow=False):
        ident = self.husk.new_id()
        self.prepare(ident)
        names, first = calls_of(self.husk, self.words(ident), follow)
        call(self.husk, self.husk.argv("delete", "--force", ident))
        wait_for_children(0)
        assert len(names) - first > 20, "a command makes system calls"
        for point in sample(names, first, errors):
            if point[0] not in NEVER_FAIL:
                self.one(point, "error", "error=EIO", follow)
        for point in sample(names, first, kills):
            self.one(point, "kill", "signal=KILL", follow)
        assert not self.complaints, "\n".join(self.complaints)


@pytest.fixture
def sleeper(bundle):
    bundle.args("/bin/sleep", "1000")
    bundle.write()
    return bundle


def nothing(ident):
    return 0


def created(husk, bundle):
    def prepare(ident):
        with open(os.devnull, "w") as null:
            subprocess.run(husk.argv("create", "--bundle", bundle.path, ident), stdin=subprocess.DEVNULL, stdout=null,
                           stderr=null, timeout=60, check=True)
        return 1
    return prepare


def running(husk, bundle):
    def prepare(ident):
        created(husk, bundle)(ident)
        husk("start", ident, check=0)
        return 1
    return prepare


def test_create(husk, sleeper):
    Trial(husk, nothing, lambda i: ("create", "--bundle", sleeper.path, i)).all(errors=140, kills=40)


def test_init(husk, bundle):
    """The same in husk-init: calls that husk itself makes less often, so that the fault is init's."""
    bundle.args("/bin/true").write()
    words = lambda i: ("run", "--bundle", bundle.path, i)
    trial = Trial(husk, nothing, words)
    mine = collections.Counter(calls_of(husk, words(husk.new_id()))[0])
    names, _ = calls_of(husk, words(husk.new_id()), follow=True)
    points = [p for p in sample(names, 0, 400) if p[1] > mine[p[0]]]
    assert len(points) > 10, "init makes system calls of its own"
    for how, fault, most in (("error", "error=EIO", 30), ("kill", "signal=KILL", 10)):
        most = len(points) if EVERY_ONE else min(most, len(points))
        for point in [points[i * len(points) // most] for i in range(most)]:
            if how == "kill" or point[0] not in NEVER_FAIL:
                trial.one(point, how, fault, True)
    assert not trial.complaints, "\n".join(trial.complaints)


def test_start(husk, sleeper):
    Trial(husk, created(husk, sleeper), lambda i: ("start", i)).all(errors=40, kills=12)


def test_run(husk, bundle):
    bundle.args("/bin/true").write()
    Trial(husk, nothing, lambda i: ("run", "--bundle", bundle.path, i)).all(errors=40, kills=15)


def test_exec(husk, sleeper):
    Trial(husk, running(husk, sleeper), lambda i: ("exec", i, "/bin/true")).all(errors=40, kills=15)


def test_update(husk, sleeper):
    Trial(husk, running(husk, sleeper), lambda i: ("update", "--pids-limit=50", "--memory=64M", "--device-rule=allow c 10:229 rwm", i)).all(
        errors=60, kills=20)


def test_kill(husk, sleeper):
    Trial(husk, running(husk, sleeper), lambda i: ("kill", i, "KILL")).all(errors=12, kills=4)


def test_stop(husk, sleeper):
    Trial(husk, running(husk, sleeper), lambda i: ("stop", "--timeout=0", i)).all(errors=20, kills=6)


def test_pause(husk, sleeper):
    Trial(husk, running(husk, sleeper), lambda i: ("pause", i)).all(errors=15, kills=5)


def test_resume(husk, sleeper):
    def paused(ident):
        running(husk, sleeper)(ident)
        husk("pause", ident, check=0)
        return 1
    Trial(husk, paused, lambda i: ("resume", i)).all(errors=15, kills=5)


def test_delete(husk, sleeper):
    Trial(husk, created(husk, sleeper), lambda i: ("delete", "--force", i)).all(errors=120, kills=30)
