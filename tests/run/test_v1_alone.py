# SPDX-License-Identifier: Apache-2.0
"""A host with cgroup v1 alone, where husk makes the groups while init builds the container's root: this one is made to look so."""
import contextlib
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import Husk, PEER, SPEC, SYSTEM
from tests.groups import TOPS, V2
from tests.user import needs_root

HIERARCHIES = [] if V2 else [pathlib.Path(top) for top in TOPS if os.path.basename(top) != "unified"]

pytestmark = [needs_root("a mount of the host"), pytest.mark.skipif(not HIERARCHIES, reason="needs cgroup v1")]

HIDE = 'test ! -d /sys/fs/cgroup/unified || mount -t tmpfs none /sys/fs/cgroup/unified; exec "$@"'
NONE_AT_ALL = 'umount -R /sys/fs/cgroup && mount -t tmpfs none /sys/fs/cgroup && exec "$@"'


class OnV1(Husk):
    look = HIDE

    def argv(self, *words, options=()):
        return ["unshare", "--mount", "sh", "-c", self.look, "sh", *super().argv(*words, options=options)]


@pytest.fixture
def husk(tmp_path):
    h = OnV1(tmp_path)
    yield h
    h.close()


def create_and_kill(husk, bundle, seconds):
    """-> its id; what was left of it `delete --force` has removed"""
    ident = husk.new_id()
    # unshare and sh execute husk in their own process: its number is this one.
    p = husk.popen("create", "--bundle", bundle.path, ident, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    p.send_signal(signal.SIGKILL)
    p.wait()
    husk("delete", "--force", ident, check=0)
    return ident


def left_of(group):
    return [str(h / group) for h in HIERARCHIES if (h / group).exists()]


@pytest.fixture
def late(bundle, group):
    """Nothing wants this container's init in its groups before it has entered its root."""
    assert not any(ns["type"] == "cgroup" for ns in bundle.linux["namespaces"]) and "hooks" not in bundle.config
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro", "nosuid", "noexec", "nodev"])
    bundle.linux["resources"] = {"pids": {"limit": 77}, "devices": [{"allow": False, "access": "rwm"}]}
    return bundle


def test_the_process_is_in_all_groups_when_its_program_runs(husk, late, group):
    seen = husk.out(late.sh("cat /proc/self/cgroup")).splitlines()
    v1 = [line.split(":", 2)[1:] for line in seen if line.split(":")[1]]
    assert v1 and all(path.endswith(group) for _, path in v1), seen


def test_limits_are_set_before_its_program_runs(husk, late, group):
    here = [h.name for h in HIERARCHIES]
    files = {"pids": "pids.max", "cpuset": "cpuset.cpus", "devices": "devices.list"}
    for name, file in files.items():
        if name not in here:
            continue
        text = husk.out(late.sh(f"cat /sys/fs/cgroup/{name}/{file}"))
        assert text.strip() and text.strip() != "max" and not text.startswith("a "), (name, text)


def paths(text):
    """{controllers: path} of v1, from /proc/PID/cgroup."""
    return {line.split(":", 2)[1]: line.split(":", 2)[2] for line in text.splitlines() if line.split(":")[1]}


def test_exec_enters_all_of_them(husk, late, group):
    ident = husk.started(late)
    seen = paths(husk("exec", ident, "cat", "/proc/self/cgroup", check=0).out)
    husk("delete", "--force", ident, check=0)
    assert len(seen) == len(HIERARCHIES) and set(seen.values()) == {f"/{group}"}, seen


def test_exec_leaves_alone_a_group_that_has_taken_the_place_of_the_container_s(husk, late, group):
    group = os.path.dirname(group)
    late.linux["cgroupsPath"] = "/" + group
    ident = husk.started(late)
    taken = [h for h in HIERARCHIES if h.name in ("pids", "systemd", "cpuacct", "cpu")]
    assert taken
    pid = str(husk.state(ident)["pid"])
    for h in taken:
        (h / "tasks").write_text(pid)
        (h / group).rmdir()
        (h / group).mkdir()
    try:
        seen = paths(husk("exec", ident, "cat", "/proc/self/cgroup", check=0).out)
        assert set(seen.values()) > {f"/{group}"}, seen
        assert [n for n in seen if n.removeprefix("name=") in [h.name for h in taken] and seen[n] == f"/{group}"] == []
    finally:
        husk("delete", "--force", ident)
        for h in taken:
            (h / group).rmdir()


def cpus_of_the_top(group):
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (group / name).exists():
            (group / name).write_text((group.parent / name).read_text())


@pytest.fixture
def own(tmp_path):
    """A group of husk's own in each hierarchy: its name, and what enters them and goes on to the command that follows."""
    name = f"husk-own-{os.getpid()}"
    for h in HIERARCHIES:
        (h / name).mkdir()
        cpus_of_the_top(h / name)
    yield name, ["sh", "-c", "for h; do shift; test $h != - || break; echo 0 >$h || exit 1; done; exec \"$@\"", "sh",
                 *(str(h / name / "tasks") for h in HIERARCHIES), "-"]
    for h in HIERARCHIES:
        (h / name).rmdir()


ELSEWHERE = 'mkdir "$1" && mount --bind /sys/fs/cgroup/$2 "$1" && umount /sys/fs/cgroup/$2 && shift 2 && exec "$@"'


@pytest.mark.parametrize("moved", [False, True], ids=["usual", "elsewhere"])
def test_a_relative_path_lies_beneath_the_group_of_husk_itself_wherever_the_hierarchy_is_mounted(husk, late, own, tmp_path, moved):
    name, entering = own
    late.linux["cgroupsPath"] = "c"
    late.config["mounts"] = [m for m in late.config["mounts"] if m["type"] != "cgroup"]
    command = husk.argv("run", "--bundle", late.args("cat", "/proc/self/cgroup").write().path, husk.new_id())
    if moved:
        command = ["unshare", "--mount", "sh", "-c", ELSEWHERE, "sh", str(tmp_path / "hierarchy"), HIERARCHIES[0].name, *command]
    done = subprocess.run([*entering, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    seen = paths(done.stdout)
    assert len(seen) == len(HIERARCHIES) and set(seen.values()) == {f"/{name}/c"}, seen
    assert left_of(f"{name}/c") == []


def test_a_stage_of_its_own_enters_them(husk, late, group):
    bundle = late.args("/bin/true").write()
    text = husk("run", "--bundle", bundle.path, husk.new_id(), options=["--timing"], check=0).err
    assert text.index("enter root") < text.index("late place") < text.index("environment"), text


def test_hooks_find_it_in_them(husk, late, group, tmp_path):
    log = tmp_path / "log"
    late.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": [
        "sh", "-c", f"sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p' | head -n 1 | xargs -I P cat /proc/P/cgroup > {log}"]}]}
    husk.run(late.args("/bin/true"))
    assert [line for line in log.read_text().splitlines() if ":pids:" in line and line.endswith(group)], log.read_text()


def test_a_mount_that_fails_meanwhile_is_told_each_time(husk, late, group):
    (late.rootfs / "file").write_text("")
    late.mount("/file", "tmpfs", "tmpfs")
    for _ in range(20):
        result = husk.refuse(late, "mounts[7]")
        assert result.code in (SPEC, SYSTEM), result
        assert not left_of(group)


def test_a_limit_that_the_kernel_refuses_ends_it(husk, late, group):
    late.linux["resources"]["cpu"] = {"cpus": "4000"}
    result = husk.refuse(late, "linux.resources.cpu.cpus")
    assert result.code != PEER
    assert not left_of(group)


def test_killed_at_any_instant_it_leaves_what_delete_can_remove(husk, late, group):
    # One level: of what lies above it nobody knows any more that it was made, too.
    group = os.path.dirname(group)
    late.linux["cgroupsPath"] = "/" + group
    late.args("/bin/sleep", "1000").write()
    for i in range(30):
        ident = create_and_kill(husk, late, 0.003 + i * 0.0007)
        assert not left_of(group)
        assert not (husk.root / ident).exists()


# ---- init that comes before its plan ----------------------------------------------------------

PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture
def orphans():
    """-> function: the processes of our children that nobody has ended."""
    libc, before = ctypes.CDLL(None), children()
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def left():
        found = children() - before
        for _ in range(500):
            for pid in found:
                os.waitpid(pid, os.WNOHANG)
            found = children() - before
            if not found:
                break
            time.sleep(0.01)
        return found
    yield left
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def children():
    return {int(pid) for task in os.listdir("/proc/self/task") for pid in open(f"/proc/self/task/{task}/children").read().split()}


def stages(text, side):
    return re.findall(rf"^ *(\S.*?) {{2,}}{side} ", text, re.MULTILINE)


def test_init_is_born_before_husk_plans(husk, late, group):
    bundle = late.args("/bin/true").write()
    text = husk("run", "--bundle", bundle.path, husk.new_id(), options=["--timing"], check=0).err
    host, init = stages(text, "host"), stages(text, "init")
    assert host.index("decode") < host.index("spawn") < host.index("plan") < host.index("make cgroup"), text
    assert init.index("new namespaces") < init.index("await plan") < init.index("join namespaces"), text


def test_an_error_of_the_plan_ends_init_too(husk, late, group, orphans):
    late.config["process"]["rlimits"] = [{"type": "RLIMIT_WRONG", "soft": 1, "hard": 1}]
    husk.refuse(late, "process.rlimits[0].type")
    assert not orphans() and not left_of(group)


def test_who_is_killed_while_it_plans_leaves_no_init(husk, late, group, orphans):
    group = os.path.dirname(group)
    late.linux["cgroupsPath"] = "/" + group
    late.config["annotations"] = {f"org.example.{i}": "x" * 200 for i in range(2000)}
    late.args("/bin/true").write()
    for i in range(20):
        create_and_kill(husk, late, 0.004 + i * 0.0005)
    assert not orphans() and not left_of(group)


def test_descriptors_for_the_program_are_kept_from_all_that_init_is_given(husk, late, group):
    ends = os.pipe()

    def place():
        for fd, end in zip((3, 4), [os.dup(end) for end in ends]):
            os.dup2(end, fd)
    late.config["hooks"] = {"createContainer": [{"path": "/bin/true"}]}
    late.args("/bin/sh", "-c", "for fd in /proc/self/fd/*; do readlink $fd; done | sort | uniq -c").write()
    seen = husk("run", "--preserve-fds", 2, "--bundle", late.path, husk.new_id(), check=0, preexec_fn=place, pass_fds=[3, 4]).out
    for end in ends:
        os.close(end)
    assert seen.count("pipe:") and "memfd" not in seen and "socket" not in seen, seen


# As an engine that does the socket activation itself: its descriptors are those of --preserve-fds.
MANY = """import os, resource, sys
for fd in range(3, 203):
    os.dup2(0, fd)
resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))
os.execvp(sys.argv[1], sys.argv[1:])
"""


def test_descriptors_that_are_told_of_twice_are_counted_once(tmp_path, late, group):
    class WithMany(OnV1):
        def argv(self, *words, options=()):
            return [sys.executable, "-c", MANY, *super().argv(*words, options=options)]
    late.process["env"].append("LISTEN_FDS=200")
    with contextlib.closing(WithMany(tmp_path / "many")) as husk:
        seen = husk.out(late.sh("readlink /proc/self/fd/202; echo $LISTEN_FDS"), "--preserve-fds", 200,
                        env=dict(os.environ, LISTEN_FDS="200"))
    assert seen.split() == ["/dev/null", "200"]


def test_where_there_are_no_hierarchies_after_all_init_is_born_anew(tmp_path, late, group, orphans):
    class Without(OnV1):
        look = NONE_AT_ALL
    late.config["mounts"] = [m for m in late.config["mounts"] if m["type"] != "cgroup"]
    late.linux["resources"] = {}
    bundle = late.args("/bin/echo", "alive").write()
    with contextlib.closing(Without(tmp_path / "without")) as husk:
        result = husk("run", "--bundle", bundle.path, husk.new_id(), options=["--timing"], check=0)
    assert stages(result.err, "host").count("spawn") == 2 and result.out == "alive\n", result
    assert not orphans()
