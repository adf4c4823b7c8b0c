#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The budget of system calls: what the common commands may cost, checked in, and no clock.

usage: budget.py            compares HUSK with tests/bench/budget, prints one line per case
       budget.py --renew    writes what HUSK needs today into it; reasons are kept

A line of the budget: LAYOUT CASE PROGRAM CALLS REASON.  The layout is the cgroup version and, for v1, the number of
hierarchies, since each costs some calls.  Waiting can only add calls, never save one: so a case is run several times
and the least counts; no tolerance is needed.  Whoever lowers the cost lowers the budget with --renew.

Neither instructions nor page faults are guarded: Debian's valgrind knows neither openat2 nor clone3, machines in the
cloud have no counters of instructions, and single steps by ptrace take 25 microseconds each (a run has 1.4 million);
how many pages one fault maps is the kernel's choice and the page cache's.  bench.py prints page faults for the eye.
"""
import ctypes
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import bench            # noqa: E402
import floors           # noqa: E402

FILE = HERE + "/budget"
CASES = ["version", "state", "list1", "run", "podman", "create", "start", "delete", "exec", "kill", "update", "pause", "mounts200"]
TIMES = 5


class Step(bench.Lifecycle):
    """One command of a container's life alone."""
    step = None

    def calls(self):
        names = ("create", "start", "kill", "delete")
        calls = dict(zip(names, self.measured(bench.count)))[self.step]
        # Init's last ones may come when `create` has returned already: `run` counts them.
        return {program: n for program, n in calls.items() if program != "husk-init"}


def case_class(name):
    if name in ("create", "start", "delete"):
        return type(name, (Step,), {"step": name})
    return bench.CASES[name]


def layout():
    found = floors.hierarchies()
    v1 = [h for h in found if h[1]]
    return f"v1:{len(v1)}" if v1 else "v2"


def kind_of(path):
    """How HUSK is linked: other libraries make other calls."""
    # Not by a search for the loader's name: husk carries husk-bus, which is dynamic.
    if "INTERP" in subprocess.run(["readelf", "-lW", path], check=True, capture_output=True, text=True).stdout:
        return "linked dynamically"
    return "linked with glibc" if b"GNU C Library" in open(path, "rb").read() else "musl"


def read():
    """[(line, key or None, calls)]: key is (layout, case, program)"""
    lines = []
    for line in open(FILE):
        words = line.split(None, 4)
        if line.startswith("#") or len(words) < 5:
            lines.append((line, None, None))
        else:
            lines.append((line, tuple(words[:3]), int(words[3])))
    return lines


def least_calls_of(cls):
    """{program: calls}, the least of several times."""
    runtime, least = bench.Runtime("husk", [os.path.abspath(os.environ["HUSK"])]), {}
    case = bench.start(cls, runtime)
    try:
        for _ in range(TIMES):
            for program, n in case.calls().items():
                least[program] = min(n, least.get(program, n))
    finally:
        case.close()
        bench.Crowd.leave(runtime, None)
    return {("husk" if p == os.path.basename(os.environ["HUSK"]) else p): n for p, n in least.items()}


def least_calls(name):
    return least_calls_of(case_class(name))


class Workplace:
    """The folder of bench.py, its root file system, and the counter; in a mount namespace of its own until it is left."""

    def __enter__(self):
        self.cwd, self.mounts = os.getcwd(), os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        bench.enter_own_mounts()
        bench.make_work()
        bench.TOOLS = bench.WORK
        for name in ("count", "spawn", "nothing"):
            subprocess.run(["cc", "-O2", "-w", "-static", "-o", f"{bench.WORK}/{name}", f"{HERE}/{name}.c"], check=True)

    def __exit__(self, *what):
        bench.remove_work()
        if bench.LIBC.setns(self.mounts, 0x20000) < 0:
            raise OSError(ctypes.get_errno(), "back to the mount namespace of before")
        os.close(self.mounts)
        os.chdir(self.cwd)


def renew():
    here, lines = layout(), read()
    found = {(here, name, program): n for name in CASES for program, n in least_calls(name).items()}
    with open(FILE, "w") as f:
        for line, key, _ in lines:
            if key in found:
                f.write(f"{key[0]:6} {key[1]:10} {key[2]:10} {found.pop(key):5}  {line.split(None, 4)[4]}")
            elif not key or key[0] != here:
                f.write(line)
        for key, n in found.items():
            f.write(f"{key[0]:6} {key[1]:10} {key[2]:10} {n:5}  what it costs today\n")


def main():
    os.environ["HUSK"] = os.path.abspath(os.environ.get("HUSK", "husk"))
    with Workplace():
        if sys.argv[1:] == ["--renew"]:
            renew()
            return 0
        allowed, bad = {key: n for _, key, n in read() if key}, 0
        for name in CASES:
            for program, n in least_calls(name).items():
                limit = allowed.get((layout(), name, program))
                over = limit is None or n > limit
                bad |= over
                print(f"{'OVER' if over else 'ok':5} {name:10} {program:10} {n:5} of {limit}")
        return int(bad)


if __name__ == "__main__":
    sys.exit(main())
