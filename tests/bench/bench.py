#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs OCI runtimes and the floor in turn (A B C A B C ...), many rounds, in one process on one machine.

usage: bench.py [-n ROUNDS] [--case NAME]... [--json FILE] [--graph FILE] [NAME=PATH[,GLOBAL-OPTION...]]...

Prints, per case: medians of the time that passed and of processor time (which a busy machine disturbs less), the
ratio of the times to the floor and of husk to each other one (pair by pair, then the median), peak memory of the
largest process, page faults and system calls, the latter without those of the payload; and at the end one table in
Markdown.  Programs default to husk ($HUSK), and to Debian's crun and runc where they are installed.  BENCH_TOOLS is
the folder of floor, nothing, spawn and count.

All cases take a quarter of an hour and more, most of it to make and remove a thousand containers of each program.
The case "waiting" has the private memory of the waiting process in the column of the peak.

All of them are measured as copies, for that is how installed programs lie in memory: a linker writes in small pieces,
which the page cache keeps, and a program in such pieces takes a fifth longer to start.

Works in a mount namespace of its own.  On a host with hybrid cgroups crun refuses; there the empty or nearly empty
unified hierarchy is hidden in that namespace, so that all programs see cgroup v1 alone; the output says so.

Leaves nothing behind, also when it is interrupted or terminated; what a killed one left, the next one removes.
"""
import argparse
import collections
import concurrent.futures
import ctypes
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import floors           # noqa: E402
import graph            # noqa: E402
import leftovers        # noqa: E402
import report           # noqa: E402

TOOLS = os.environ.get("BENCH_TOOLS", os.getcwd() + "/tests/bench")
BUSYBOX = "/bin/busybox"
WORK = None             # the folder of this run


def tool(name):
    return os.path.join(TOOLS, name)


class Failed(Exception):
    pass


# Of one command: seconds, seconds of processor time, KiB of the largest process, minor page faults.
Use = collections.namedtuple("Use", "seconds processor peak faults")


def spawn(argv, cwd="/"):
    """-> Use"""
    read, write = os.pipe()
    with tempfile.TemporaryFile("w+", dir=WORK) as err:
        p = subprocess.Popen([tool("spawn"), str(write), *argv], cwd=cwd, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=err, pass_fds=[write])
        os.close(write)
        said = os.read(read, 100).split()
        os.close(read)
        p.wait()
        err.seek(0)
        if len(said) != 5 or said[4] != b"0":
            raise Failed(f"{' '.join(argv)}: {err.read().strip()[-300:]}")
    return Use(int(said[0]) / 1e6, int(said[1]) / 1e6, int(said[2]), int(said[3]))


def together(uses):
    return Use(sum(u.seconds for u in uses), sum(u.processor for u in uses), max(u.peak for u in uses),
               sum(u.faults for u in uses))


def at_once(do, idents):
    """For the sake of time: what is not measured, for many containers."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(do, idents))


def count(argv, cwd="/"):
    """-> {program: system calls} of the command and of all that it started, but for the payload"""
    out, calls = WORK + "/calls", collections.Counter()
    with open(WORK + "/stderr", "w+") as err:           # no pipe: a container would keep it open
        p = subprocess.run([tool("count"), out, *argv], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=err, timeout=120)
        err.seek(0)
        if p.returncode:
            raise Failed(f"{' '.join(argv)}: {err.read().strip()[-300:]}")
    for line in open(out):
        program, _, times = line.rstrip("\n").rsplit(" ", 2)
        if program not in ("count", "busybox"):
            calls[program.replace("memfd:", "")] += int(times)
    return calls


def make_rootfs(path):
    for folder in ("bin", "dev", "proc", "sys", "mnt"):
        os.makedirs(f"{path}/{folder}")
    shutil.copy(BUSYBOX, path + "/bin/busybox")
    for name in ("true", "sleep", "sh"):
        os.symlink("busybox", f"{path}/bin/{name}")


def config_named(name):
    """A config for this machine: no resource limits beyond ours, our root."""
    folder = HERE if os.path.exists(f"{HERE}/{name}.json") else HERE + "/../bundles"
    config = json.load(open(f"{folder}/{name}.json"))
    config["root"]["path"] = WORK + "/rootfs"
    config["process"].update(terminal=False, rlimits=[], args=["/bin/true"])
    config["process"].pop("oomScoreAdj", None)
    config["linux"].pop("cgroupsPath", None)
    config.pop("hooks", None)
    config["mounts"] = [m for m in config["mounts"] if m["type"] != "bind"]
    return config


class Runtime:
    """A program with runtime-spec's command line."""

    def __init__(self, name, argv):
        self.name = name
        self.root = f"{WORK}/state/{name}"
        self.argv = [*argv, "--root", self.root]

    def cmd(self, *words):
        return [*self.argv, *words]

    def version(self):
        return [self.argv[0], "--version"]

    def run(self, bundle, ident):
        return self.cmd("run", "--bundle", bundle, ident)

    def create(self, bundle, ident):
        return self.cmd("create", "--bundle", bundle, ident)

    def start(self, ident):
        return self.cmd("start", ident)

    def kill(self, ident, signal):
        return self.cmd("kill", ident, signal)

    def delete(self, ident):
        return self.cmd("delete", ident)

    def exec(self, ident, *argv):
        return self.cmd("exec", ident, *argv)

    def state(self, ident):
        return self.cmd("state", ident)

    def list(self):
        return self.cmd("list")

    def update(self, ident):
        return self.cmd("update", "--pids-limit", "100", ident)

    def pause(self, ident):
        return self.cmd("pause", ident)

    def resume(self, ident):
        return self.cmd("resume", ident)

    def pid(self, ident):
        return json.loads(subprocess.run(self.state(ident), capture_output=True, timeout=60).stdout)["pid"]

    def is_stopped(self, ident):
        out = subprocess.run(self.state(ident), capture_output=True, timeout=60).stdout
        return b'"stopped"' in out

    def clean(self, idents):
        at_once(lambda i: subprocess.run(self.cmd("delete", "--force", i), capture_output=True, timeout=60), idents)


class Floor(Runtime):
    """The same words for floor.c.  The bundle has the script, written by floors.py."""

    def __init__(self, name="floor"):
        self.name = name
        self.root = f"{WORK}/state/{name}"
        os.makedirs(self.root, exist_ok=True)
        self.argv = [installed(tool("floor"), name)]
        self.nothing = installed(tool("nothing"), name)

    def of(self, ident):
        return f"{self.root}/{ident}"

    def version(self):
        return [self.nothing]

    def run(self, bundle, ident):
        return [*self.argv, "run", bundle + "/script"]

    def create(self, bundle, ident):
        return [*self.argv, "create", self.of(ident), bundle + "/script"]

    def start(self, ident):
        return [*self.argv, "start", self.of(ident)]

    def kill(self, ident, signal):
        return [*self.argv, "kill", self.of(ident), {"KILL": "9", "WINCH": "28"}[signal]]

    def delete(self, ident):
        return [*self.argv, "delete", self.of(ident)]

    def exec(self, ident, *argv):
        return [*self.argv, "exec", self.of(ident), *argv]

    def state(self, ident):
        return [*self.argv, "state", self.of(ident)]

    def list(self):
        return [*self.argv, "list", self.root]

    def groups_of(self, ident, file):
        paths = open(self.of(ident) + "/record").read().split()[2:]
        return [f"{p}/{file}" for p in paths if os.path.exists(f"{p}/{file}")]

    def update(self, ident):
        return [*self.argv, "write", "100", *self.groups_of(ident, "pids.max")]

    def freeze(self, ident, v1, v2):
        return [*self.argv, "write", v1, *self.groups_of(ident, "freezer.state")] if self.groups_of(ident, "freezer.state") \
            else [*self.argv, "write", v2, *self.groups_of(ident, "cgroup.freeze")]

    def pause(self, ident):
        return self.freeze(ident, "FROZEN", "1")

    def resume(self, ident):
        return self.freeze(ident, "THAWED", "0")

    def pid(self, ident):
        return int(open(self.of(ident) + "/record").read().split()[0])

    def is_stopped(self, ident):
        return True             # its delete waits

    def clean(self, idents):
        def one(i):
            for argv in (self.kill(i, "KILL"), self.delete(i)):
                if os.path.exists(self.of(i)):
                    subprocess.run(argv, capture_output=True, timeout=20)
        at_once(one, idents)


class Case:
    """One measurement: `once` is a round, `commands` what is counted."""

    args = ["/bin/true"]
    config = "minimal"
    rounds = 1.0            # part of the rounds asked for
    host_mounts = 0         # that the programs see on the host
    crowd = 0               # containers of the same program that run beside
    size = None             # (series, x) of the graph

    def __init__(self, runtime):
        self.rt = runtime
        self.id = f"bench-{os.getpid()}-{runtime.name}"
        self.bundle = tempfile.mkdtemp(prefix=runtime.name + "-", dir=WORK)
        self.idents = [self.id]

    def adapt(self, config):
        pass

    def prepare(self):
        config = config_named(self.config)
        config["process"]["args"] = self.args
        self.adapt(config)
        self.write(config)
        self.setup()

    def write(self, config):
        with open(self.bundle + "/config.json", "w") as f:
            json.dump(config, f)
        if isinstance(self.rt, Floor):
            floors.write(self.bundle, config, self.id)

    def setup(self):
        pass

    def commands(self):
        raise NotImplementedError

    def once(self):
        return together([spawn(c, self.bundle) for c in self.commands()])

    def calls(self):
        return sum((count(c, self.bundle) for c in self.commands()), collections.Counter())

    def before(self):
        """Before a round, not measured."""

    def close(self):
        self.rt.clean(self.idents)
        shutil.rmtree(self.bundle, ignore_errors=True)


class Version(Case):
    title = "--version (floor: a static glibc program that does nothing)"

    def commands(self):
        return [self.rt.version()]


class Run(Case):
    title = "run /bin/true, minimal config"

    def commands(self):
        return [self.rt.run(self.bundle, self.id)]


class RunPodman(Run):
    title = "run /bin/true, Podman's default config with its seccomp profile"
    config = "podman4-default"


class RunPodmanFirst(RunPodman):
    title = "the same, and nothing cached from an earlier run"

    def before(self):
        shutil.rmtree(self.rt.root + "/.cache", ignore_errors=True)     # crun's compiled filters


class Names(RunPodman):
    """A seccomp profile that names N system calls, those that nobody here uses last, each with a rule of its own."""
    n = 400
    unused = re.compile("io_|mq_|sem|shm|msg|timer|inotify|fanotify|sched_|swap|[gs]etxattr|landlock|vm|spl|tee|lchown|futime")

    def adapt(self, config):
        profile = config["linux"]["seccomp"]
        names = sorted({n for rule in profile["syscalls"] for n in rule["names"]})
        names.sort(key=lambda n: bool(self.unused.match(n)))
        profile["syscalls"] = [{"names": [n], "action": "SCMP_ACT_ALLOW"} for n in names[:self.n]]


class Names400(Names):
    title, n, rounds, size = "run with a seccomp profile of 400 names", 400, 0.5, ("run with names in the profile", 400)


class Names0(RunPodman):
    title, rounds, size = "run, Podman's default config without a profile", 0.5, ("run with names in the profile", 0)

    def adapt(self, config):
        del config["linux"]["seccomp"]


class Lifecycle(Case):
    title = "create + start + kill + delete"
    args = ["/bin/sleep", "1000"]

    def measured(self, how):
        results = []
        for c in (self.rt.create(self.bundle, self.id), self.rt.start(self.id), self.rt.kill(self.id, "KILL")):
            results.append(how(c, self.bundle))
        for _ in range(2000):
            if self.rt.is_stopped(self.id):
                break
            time.sleep(0.001)
        return [*results, how(self.rt.delete(self.id), self.bundle)]

    def once(self):
        return together(self.measured(spawn))

    def calls(self):
        return sum(self.measured(count), collections.Counter())


class Live(Case):
    args = ["/bin/sleep", "1000"]

    def setup(self):
        spawn(self.rt.create(self.bundle, self.id), self.bundle)
        spawn(self.rt.start(self.id))


class Waiting(Case):
    """What a container that waits for `start` keeps in memory, beside pages of files that it shares with others."""
    title = "created, not started: private memory of its process (in the column of the peak)"
    args = ["/bin/sleep", "1000"]
    rounds = 0.1

    def private(self):
        text = open(f"/proc/{self.rt.pid(self.id)}/smaps_rollup").read()
        return sum(int(n) for n in re.findall(r"^Private_(?:Clean|Dirty): +(\d+)", text, re.M))

    def once(self):
        use = spawn(self.rt.create(self.bundle, self.id), self.bundle)
        kib = self.private()
        self.rt.clean([self.id])
        return use._replace(peak=kib)

    def calls(self):
        return None


class Exec(Live):
    title = "exec /bin/true"

    def commands(self):
        return [self.rt.exec(self.id, "/bin/true")]


class State(Live):
    title = "state"

    def commands(self):
        return [self.rt.state(self.id)]


class Kill(Live):
    title = "kill (a signal without effect)"

    def commands(self):
        return [self.rt.kill(self.id, "WINCH")]


class Update(Live):
    title = "update of the pids limit"

    def commands(self):
        return [self.rt.update(self.id)]


class Pause(Live):
    title = "pause + resume"

    def commands(self):
        return [self.rt.pause(self.id), self.rt.resume(self.id)]


class Crowd:
    """N running containers of one program, small ones for the sake of the machine; kept for the next case that wants them."""
    all = {}

    def __init__(self, runtime, n):
        self.rt = runtime
        self.bundle = tempfile.mkdtemp(prefix=runtime.name + "-", dir=WORK)
        self.config = config_named("minimal")
        self.config["process"]["args"] = ["/bin/sleep", "1000000"]
        self.config["linux"]["namespaces"] = [{"type": "pid"}, {"type": "mount"}]
        self.config["linux"].pop("maskedPaths", None)
        self.config["linux"].pop("readonlyPaths", None)
        # /dev of its own: runc makes devices and links, and several at once in one root file system get into each other's way.
        self.config["mounts"] = [{"destination": "/proc", "type": "proc", "source": "proc"},
                                 {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}]
        self.config.pop("hostname", None)
        with open(self.bundle + "/config.json", "w") as f:
            json.dump(self.config, f)
        self.idents = [f"bench-{os.getpid()}-{runtime.name}-{i}" for i in range(n)]
        self.all[runtime.name, n] = self
        at_once(self.make, self.idents)

    def make(self, ident):
        bundle = self.bundle
        if isinstance(self.rt, Floor):
            bundle = f"{self.bundle}/{ident}"
            os.makedirs(bundle)
            floors.write(bundle, self.config, ident)
        spawn(self.rt.create(bundle, ident), bundle)
        spawn(self.rt.start(ident))

    @classmethod
    def of(cls, runtime, n):
        cls.leave(runtime, n)
        return cls.all.get((runtime.name, n)) or cls(runtime, n)

    @classmethod
    def leave(cls, runtime, n):
        """All crowds of this program but that of N go home."""
        for name, size in [*cls.all]:
            if name == runtime.name and size != n:
                crowd = cls.all.pop((name, size))
                runtime.clean(crowd.idents)
                shutil.rmtree(crowd.bundle, ignore_errors=True)


class List(Case):
    def setup(self):
        self.idents = []

    def commands(self):
        return [self.rt.list()]


class List1(List):
    title, crowd, size = "list of 1", 1, ("list", 1)


class List100(List):
    title, crowd, rounds, size = "list of 100", 100, 0.5, ("list", 100)


class List1000(List):
    title, crowd, rounds, size = "list of 1,000", 1000, 0.25, ("list", 1000)


class RunAmong1000(Run):
    title, crowd, rounds, size = "run with 1,000 other containers of each", 1000, 0.5, ("run among containers", 1000)


class Mounts(Run):
    n = 0

    def adapt(self, config):
        source = WORK + "/source"
        os.makedirs(source, exist_ok=True)
        config["mounts"] += [{"destination": f"/mnt/{i}", "source": source, "type": "bind",
                              "options": ["rbind", "ro", "nosuid"]} for i in range(self.n)]


class Mounts0(Mounts):
    title, n, size = "run with 0 bind mounts", 0, ("run with mounts", 0)


class Mounts200(Mounts):
    title, n, rounds, size = "run with 200 bind mounts", 200, 0.5, ("run with mounts", 200)


class Mounts2000(Mounts):
    title, n, rounds, size = "run with 2,000 bind mounts", 2000, 0.15, ("run with mounts", 2000)


class HostMounts(Run):
    title, rounds, host_mounts = "run on a host with 5,000 mounts", 0.5, 5000
    size = ("run on a host with mounts", 5000)


class Parallel(Case):
    rounds, jobs, total = 0.1, 1, 64

    def commands(self):
        bundle = self.bundle + "-N" if isinstance(self.rt, Floor) else self.bundle
        words = " ".join(self.rt.run(bundle, self.id + "-N"))
        return [["/bin/sh", "-c", f"seq {self.total} | xargs -P {self.jobs} -I N {words}"]]

    def calls(self):
        return None             # a shell's, too

    def write(self, config):
        super().write(config)
        if isinstance(self.rt, Floor):          # a script, and so a cgroup, for each
            for i in range(1, self.total + 1):
                os.makedirs(f"{self.bundle}-{i}")
                floors.write(f"{self.bundle}-{i}", config, f"{self.id}-{i}")

    def close(self):
        super().close()
        for i in range(1, self.total + 1):
            shutil.rmtree(f"{self.bundle}-{i}", ignore_errors=True)


class Parallel1(Parallel):
    title, jobs, size = "64 runs, 1 at a time", 1, ("64 runs at a time", 1)


class Parallel2(Parallel):
    title, jobs, size = "64 runs, 2 at a time", 2, ("64 runs at a time", 2)


class Parallel8(Parallel):
    title, jobs, size = "64 runs, 8 at a time", 8, ("64 runs at a time", 8)


CASES = {
    "version": Version, "run": Run, "podman": RunPodman, "podmanfirst": RunPodmanFirst, "lifecycle": Lifecycle, "waiting": Waiting,
    "exec": Exec, "state": State,
    "kill": Kill, "update": Update, "pause": Pause, "list1": List1, "list100": List100,
    "names0": Names0, "names400": Names400, "mounts0": Mounts0, "mounts200": Mounts200, "mounts2000": Mounts2000, "hostmounts": HostMounts,
    "parallel1": Parallel1, "parallel2": Parallel2, "parallel8": Parallel8,
    "list1000": List1000, "among1000": RunAmong1000,
}


class HostWithMounts:
    """N more mounts in our mount namespace, which every program then starts in."""

    def __init__(self, n):
        self.n, self.at = n, WORK + "/mounts"

    def __enter__(self):
        if not self.n:
            return
        os.makedirs(self.at)
        libc_mount("tmpfs", self.at, "tmpfs", 0)
        for i in range(self.n):
            os.mkdir(f"{self.at}/{i}")
            libc_mount(WORK + "/source", f"{self.at}/{i}", None, 4096)

    def __exit__(self, *what):
        if self.n:
            LIBC.umount2(self.at.encode(), 2)
            os.rmdir(self.at)


LIBC = ctypes.CDLL(None, use_errno=True)


def libc_mount(source, target, kind, flags):
    if LIBC.mount(source.encode(), target.encode(), kind and kind.encode(), flags, None) < 0:
        raise OSError(ctypes.get_errno(), f"mount {target}")


def total(calls):
    return calls and sum(calls.values())


def start(cls, runtime):
    """-> the case, ready for its first round"""
    case = cls(runtime)
    try:
        if cls.crowd:
            Crowd.of(runtime, cls.crowd)
        else:
            Crowd.leave(runtime, None)
        case.prepare()
        case.before()
        case.once()
    except BaseException:
        case.close()
        raise
    return case


def measure(cls, runtimes, n):
    """-> {name: {"times": [...], "processor": [...], "peak": KiB, "faults": n, "calls": n}}"""
    cases, out = {}, {}
    try:
        for name, runtime in runtimes.items():
            try:
                cases[name] = start(cls, runtime)
                cases[name].before()
                out[name] = {"times": [], "processor": [], "peak": 0, "faults": 1 << 30,
                             "calls": total(cases[name].calls())}
            except (Failed, ValueError, OSError) as e:
                print(f"  {name:8} not measured: {e}")
                if name in cases:
                    cases.pop(name).close()
        for _ in range(max(3, int(n * cls.rounds))):
            for name, case in cases.items():
                case.before()
                use = case.once()
                out[name]["times"].append(use.seconds)
                out[name]["processor"].append(use.processor)
                out[name]["peak"] = max(out[name]["peak"], use.peak)
                out[name]["faults"] = min(out[name]["faults"], use.faults)
    finally:
        for case in cases.values():
            case.close()
    return out


def enter_own_mounts():
    """A private mount namespace, before anything else: what is hidden or mounted here is so for this program alone."""
    if LIBC.unshare(0x20000) < 0:
        sys.exit("bench: needs root")
    LIBC.mount(b"", b"/", None, 0x4000 | 0x40000, None)
    points = floors.hierarchies()
    unified = [p for p, names, _ in points if names is None]
    if len(points) > 1 and unified:
        for point in unified:
            if LIBC.umount2(point.encode(), 2) < 0:
                sys.exit(f"bench: cannot hide {point}")
        return "hybrid cgroups: the unified hierarchy is hidden, all programs see cgroup v1 alone (crun refuses hybrid)"
    return "cgroup v2" if unified else "cgroup v1"


def make_work():
    """The folder of this run: a root file system, and the programs' state directories in memory, as /run is."""
    global WORK
    WORK = leftovers.workplace()
    os.chmod(WORK, 0o755)
    os.makedirs(WORK + "/source")
    os.makedirs(WORK + "/state")
    libc_mount("tmpfs", WORK + "/state", "tmpfs", 0)
    make_rootfs(WORK + "/rootfs")


def installed(path, name):
    """-> a copy, as installing would make it"""
    os.makedirs(f"{WORK}/programs/{name}", exist_ok=True)
    return shutil.copy(path, f"{WORK}/programs/{name}")


def remove_work():
    LIBC.umount2(f"{WORK}/state".encode(), 2)
    leftovers.remove()


def programs(words):
    found = {}
    for word in words:
        name, _, path = word.partition("=")
        found[name] = path.split(",")
    if not found:
        found["husk"] = [os.path.abspath(os.environ.get("HUSK", "husk"))]
        for name in ("crun", "runc"):
            path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
            if path:
                found[name] = [path]
    return found


def machine():
    model = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())
    return f"{os.uname().release}, {os.cpu_count()} CPUs, {model.group(1) if model else os.uname().machine}"


ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stop(number, _):
    for other in ENDS:
        signal.signal(other, signal.SIG_IGN)        # once is enough: the second must not disturb the first
    sys.exit(128 + number)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("-n", type=int, default=40, help="rounds")
    p.add_argument("--case", action="append", choices=[*CASES], help="only this one")
    p.add_argument("--json", help="write the figures here")
    p.add_argument("--graph", help="write a graph of cost against size (SVG) here")
    p.add_argument("program", nargs="*", help="name=path[,global option...]")
    o = p.parse_args()
    for number in ENDS:                     # cleans up then, too
        signal.signal(number, stop)
    layout = enter_own_mounts()
    runtimes = {}
    make_work()
    try:
        print(f"{machine()}; {layout}")
        runtimes = {"floor": Floor()}
        for name, (path, *options) in programs(o.program).items():
            print(f"  {name}: {path}")
            runtimes[name] = Runtime(name, [installed(path, name), *options])
        result = {}
        for name in o.case or CASES:
            with HostWithMounts(CASES[name].host_mounts):
                out = measure(CASES[name], runtimes, o.n)
            result[name] = {"title": CASES[name].title, "size": CASES[name].size, "of": out}
            report.show(result[name])
        print("\n" + report.markdown(result))
        if o.json:
            with open(o.json, "w") as f:
                json.dump(result, f, indent=1)
        if o.graph:
            with open(o.graph, "w") as f:
                f.write(graph.draw(result))
    finally:
        for number in ENDS:
            signal.signal(number, signal.SIG_IGN)
        for runtime in runtimes.values():
            Crowd.leave(runtime, None)
        remove_work()


if __name__ == "__main__":
    main()
