# SPDX-License-Identifier: Apache-2.0
"""What every end-to-end test stands on: husk itself, bundles made on the spot, and a clean-up that finds leaks.

HUSK names the program under test.  Each test has a state directory, a folder and container names of its own,
so tests run in any order; what a test leaves behind (a process, a cgroup, a mount, a state directory) fails it.
"""
import atexit
import copy
import fcntl
import functools
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import termios
import time
import uuid

import pytest

from tests.groups import BASE, TOPS
from tests.user import MAPS, ROOT, for_user, give_back, needs_root

HUSK = os.environ.get("HUSK", "husk")
BUSYBOX = "/bin/busybox"
APPLETS = ("sh ls cat echo id true false sleep ps mount stat readlink hostname env pwd touch mkdir rm test kill "
           "grep head tail wc tr seq printf sed awk cut dd chmod chown ln cp mv tty stty nice date umask uname "
           "nproc taskset find sort ip ifconfig sync df od xxd sysctl dirname basename expr which whoami").split()

# Exit codes of husk's own failures (src/cli/codes.h).
SYSTEM, USAGE, NO_COMMAND, SPEC, STATE, UNSUPPORTED, PEER, BUG, UNSEEN = range(1, 10)
EXEC_FAILED = 255

CAPS = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]

CONFIG = {
    "ociVersion": "1.3.0",
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": ["/bin/true"],
        "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": {kind: CAPS for kind in ("bounding", "effective", "permitted")},
        "noNewPrivileges": True,
    },
    "root": {"path": "rootfs"},
    "hostname": "husk",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
         "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    ],
    "linux": {
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        "namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")],
        "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
}


# Whole folders of tests that are not for a plain user.
ROOTS_SUITES = {"engines": "daemons (tests/vm has a user's engines)", "fault": "system calls are made to fail in root's commands",
                "bench": "what root's commands cost"}

# For programs under strace: LeakSanitizer looks at its process by ptrace(2), which one alone can do.
UNDER_STRACE = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


def wait_for(what, seconds=20):
    """Until WHAT() holds; a failure when it does not within so many seconds."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def call(*words, check=0, timeout=240):
    """Another program than husk, an engine for example: it has to exit with CHECK, None: with anything."""
    done = subprocess.run(list(map(str, words)), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                          timeout=timeout)
    if check is not None:
        assert done.returncode == check, f"{' '.join(map(str, words))}\n-> {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


class Result:
    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    def __repr__(self):
        return f"{' '.join(map(str, self.argv))}\n-> {self.code}\nstdout: {self.out}\nstderr: {self.err}"


def in_terminal(argv, timeout=120, env=None):
    """Runs ARGV with a new terminal as its controlling one and its three streams; returns (exit code, what it showed)."""
    master, slave = os.openpty()
    p = subprocess.Popen([str(a) for a in argv], stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=env,
                         preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(slave)
    shown, end = b"", time.monotonic() + timeout
    try:
        while time.monotonic() < end:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                some = os.read(master, 65536)
            except OSError:             # EIO: the last one has closed it
                break
            if not some:
                break
            shown += some
        return p.wait(max(1, end - time.monotonic())), shown.decode(errors="replace")
    finally:
        if p.poll() is None:
            p.kill()
            p.wait()
        os.close(master)


def holds_pidfd(pid):
    """Has the process a pidfd open?  So, for a command that waits: does it know whom it waits for?"""
    try:
        return any("pidfd" in os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
    except OSError:                     # it opens and closes others meanwhile
        return False


class Bundle:
    """A folder with a busybox root and a config.json that `write` (and each command) brings up to date."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.rootfs = self.path / "rootfs"
        self.config = copy.deepcopy(CONFIG)
        self.rootfs.joinpath("bin").mkdir(parents=True)
        for folder in ("dev", "proc", "sys", "tmp", "etc", "root", "var"):
            (self.rootfs / folder).mkdir()
        os.link_or_copy(BUSYBOX, self.rootfs / "bin/busybox")
        for applet in APPLETS:
            (self.rootfs / "bin" / applet).symlink_to("busybox")
        (self.rootfs / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n")
        (self.rootfs / "etc/group").write_text("root:x:0:\nusers:x:1000:user\nextra:x:2000:user\n")

    @property
    def process(self):
        return self.config["process"]

    @property
    def linux(self):
        return self.config["linux"]

    def args(self, *argv):
        self.process["args"] = list(argv)
        return self

    def sh(self, script):
        return self.args("/bin/sh", "-c", script)

    def mount(self, destination, source, kind="bind", options=("bind",)):
        self.config["mounts"].append({"destination": destination, "source": str(source), "type": kind,
                                      "options": list(options)})
        return self

    def namespaces(self, *types, **paths):
        self.linux["namespaces"] = [{"type": t} for t in types] + [{"type": t, "path": p} for t, p in paths.items()]
        return self

    def without_namespace(self, kind):
        self.linux["namespaces"] = [n for n in self.linux["namespaces"] if n["type"] != kind]
        return self

    def user_namespace(self, host=100000, size=65536):
        """A plain user has no choice of ids."""
        self.linux["namespaces"].append({"type": "user"})
        if not ROOT:
            self.linux.update(copy.deepcopy(MAPS))
            return self
        self.linux["uidMappings"] = [{"containerID": 0, "hostID": host, "size": size}]
        self.linux["gidMappings"] = [{"containerID": 0, "hostID": host, "size": size}]
        for p in [self.path, *self.path.parents]:
            if p == pathlib.Path("/"):
                break
            p.chmod(p.stat().st_mode | 0o055)
        subprocess.run(["chown", "-hR", f"{host}:{host}", str(self.rootfs)], check=True)
        return self

    def write(self, text=None):
        (self.path / "config.json").write_text(json.dumps(for_user(self.config), indent=1) if text is None else text)
        return self


@functools.cache
def _copy_of(source):
    folder = tempfile.mkdtemp(prefix="husk-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return shutil.copy(source, folder)


def _link_or_copy(source, target):
    """At most one copy for all bundles: many would fill a /tmp in memory."""
    for first in (lambda: source, lambda: _copy_of(source)):
        try:
            return os.link(first(), target)
        except OSError:                 # on another file system, or not ours
            pass
    shutil.copy(source, target)


os.link_or_copy = _link_or_copy


class Husk:
    """The program under test with a state directory of its own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.root = self.folder / "state"
        self.ids = []

    def new_id(self):
        self.ids.append("t" + uuid.uuid4().hex[:12])
        return self.ids[-1]

    def argv(self, *words, options=()):
        return [HUSK, "--root", str(self.root), *map(str, options), *map(str, words)]

    def __call__(self, *words, options=(), stdin=None, timeout=60, env=None, check=None, **more):
        argv = self.argv(*words, options=options)
        done = subprocess.run(argv, input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                              timeout=timeout, env=env, **more)
        result = Result(argv, done.returncode, done.stdout, done.stderr)
        if check is not None:
            assert result.code == check, result
        return result

    def popen(self, *words, options=(), **more):
        return subprocess.Popen(self.argv(*words, options=options), **more)

    def run(self, bundle, *options, check=0, text=None, **more):
        """`run` in the foreground: the usual way to look into a container."""
        bundle.write(text)
        return self("run", "--bundle", bundle.path, *options, self.new_id(), check=check, **more)

    def out(self, bundle, *options, **more):
        return self.run(bundle, *options, **more).out

    def refuse(self, bundle, *needles, text=None, **more):
        """`run` must fail, with a message that has each of NEEDLES, and leave nothing."""
        bundle.write(text)
        ident = self.new_id()
        result = self("run", "--bundle", bundle.path, ident, **more)
        assert result.code != 0, result
        for needle in needles:
            assert needle in result.err, result
        assert not (self.root / ident).exists(), f"state of a failed run is left: {result}"
        return result

    def create(self, bundle, *options, check=0, **more):
        """`create` whose container's stdio is a file, since it outlives the command: returns id."""
        bundle.write()
        ident = self.new_id()
        log = self.folder / f"{ident}.out"
        err = self.folder / f"{ident}.err"
        with open(log, "w") as o, open(err, "w") as e:
            code = subprocess.run(self.argv("create", "--bundle", bundle.path, *options, ident), stdin=subprocess.DEVNULL,
                                  stdout=o, stderr=e, timeout=60, **more).returncode
        assert code == check, f"create: {code}: {err.read_text()}"
        return ident

    def started(self, bundle, *options, **more):
        """A container that runs what the bundle says (by default it sleeps)."""
        if bundle.process["args"] == ["/bin/true"]:
            bundle.args("/bin/sleep", "1000")
        ident = self.create(bundle, *options, **more)
        self("start", ident, check=0)
        return ident

    def state(self, ident):
        return json.loads(self("state", ident, check=0).out)

    def output(self, ident):
        return (self.folder / f"{ident}.out").read_text()

    def wait_status(self, ident, *wanted, seconds=20):
        end = time.monotonic() + seconds
        while True:
            status = self.state(ident)["status"]
            if status in wanted:
                return status
            assert time.monotonic() < end, f"{ident} is {status}, not {wanted}"
            time.sleep(0.02)

    def until(self, question, seconds=20):
        end = time.monotonic() + seconds
        while not question():
            assert time.monotonic() < end, "it never became so"
            time.sleep(0.02)

    def finish(self, ident):
        self.wait_status(ident, "stopped")
        self("delete", ident, check=0)

    def close(self):
        for ident in self.ids:
            if (self.root / ident).exists():
                self("delete", "--force", ident)
        left = [i for i in self.ids if (self.root / i).exists()]
        groups = leftover_cgroups(self.ids)
        for g in groups:
            remove_cgroup(g)
        assert not left, f"state left behind after delete --force: {left}"
        assert not groups, f"cgroups left behind: {groups}"


def leftover_cgroups(idents):
    if not idents:
        return []
    found = []
    for top in _hierarchies():
        own = os.path.join(top, _own().get(top, "").lstrip("/"))
        for where in (top, own, os.path.dirname(own)):
            for parent in {where, os.path.join(where, "husk")}:
                found += [os.path.join(parent, i) for i in idents if os.path.isdir(os.path.join(parent, i))]
    return sorted(set(found))


def remove_cgroup(path):
    for folder, _, _ in os.walk(path, topdown=False):
        for _ in range(100):
            try:
                for pid in open(os.path.join(folder, "cgroup.procs")).read().split():
                    os.kill(int(pid), signal.SIGKILL)
                os.rmdir(folder)
                break
            except ProcessLookupError:
                pass
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.02)


def _hierarchies():
    base = "/sys/fs/cgroup"
    if os.path.exists(base + "/cgroup.controllers"):
        return [base]
    return [os.path.join(base, d) for d in os.listdir(base) if not os.path.islink(os.path.join(base, d))]


def _own():
    own = {}
    for line in open("/proc/self/cgroup"):
        number, names, path = line.rstrip("\n").split(":", 2)
        name = names.replace("name=", "") or "unified"
        own["/sys/fs/cgroup/" + name] = path
        own["/sys/fs/cgroup"] = path
    return own


# What each test, by the name of its file and its own, said to husk: tests/run/test_parity.py reads it at the end.
said = {}
_current = []
_start = subprocess.Popen.__init__


def _note(self, args, *more, **options):
    words = [str(w) for w in args] if isinstance(args, (list, tuple)) else []
    if _current and HUSK in words:
        said.setdefault(_current[-1], []).append(words[words.index(HUSK) + 1:])
    _start(self, args, *more, **options)


subprocess.Popen.__init__ = _note


def pytest_runtest_setup(item):
    _current[:] = [f"{item.path.parent.name}/{item.path.name}::{getattr(item, 'originalname', item.name)}"]


@pytest.fixture
def bundle(tmp_path):
    made = Bundle(tmp_path / "bundle")
    yield made
    give_back(made.path)


@pytest.fixture
def husk(tmp_path):
    h = Husk(tmp_path)
    yield h
    h.close()
    assert mounts(tmp_path) == [], "a mount is left on the host"


@pytest.fixture
def group(bundle, tmp_path):
    """A cgroupsPath of this test's own; nothing may be left of it."""
    path = BASE + "husk-run-" + tmp_path.name.replace("_", "-")[:40] + f"-{os.getpid()}"
    bundle.linux["cgroupsPath"] = f"/{path}/c"
    yield f"{path}/c"
    left = [f"{t}/{path}" for t in TOPS if os.path.isdir(f"{t}/{path}")]
    for top in left:
        for folder, _, _ in os.walk(top, topdown=False):
            os.rmdir(folder)
    assert not left


def mounts(folder):
    """Those beneath the test's own folder: other mounts come and go with other programs."""
    with open("/proc/self/mountinfo") as f:
        return sorted(" ".join(line.split()[3:5]) for line in f if line.split()[4].startswith(str(folder)))


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name == "test_parity.py")
    for item in items:
        if item.path.parent.name in ROOTS_SUITES:
            item.add_marker(needs_root(ROOTS_SUITES[item.path.parent.name]))
