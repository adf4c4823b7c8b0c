# SPDX-License-Identifier: Apache-2.0
"""`exec`: its options where they work, where they are refused, and given nonsense.

What is inherited: test_exec_inherits.py; sockets, descriptors, short forms: test_options.py.
"""
import json
import os
import subprocess
import time

import pytest

from tests.conftest import in_terminal
from tests.groups import TOPS
from tests.user import needs_root


@pytest.fixture
def box(husk, bundle, group):
    ident = husk.started(bundle)
    yield ident
    husk("delete", "--force", ident, check=0)


def process_file(folder, **members):
    path = folder / "process.json"
    path.write_text(json.dumps({"cwd": "/", "args": ["/bin/true"], "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}, **members}))
    return path


def sh(husk, box, script, *options, check=0):
    return husk("exec", *options, box, "/bin/sh", "-c", script, check=check).out


def detached(husk, *words):
    """Not through a pipe of ours: what goes on holds it open."""
    assert husk.popen(*words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait(20) == 0


@needs_root("the mount namespace of the host")
def test_without_a_mount_namespace_it_is_in_the_root_of_the_container_all_the_same(husk, bundle):
    bundle.without_namespace("mount")
    bundle.config["mounts"] = []
    for shields in ("maskedPaths", "readonlyPaths"):
        bundle.linux.pop(shields, None)
    (bundle.rootfs / "of-the-container").touch()
    box = husk.started(bundle.args("/bin/sleep", "1000"))
    try:
        assert len(sh(husk, box, "ls -d /of-the-container /../of-the-container").split()) == 2
        assert "of-the-container" in sh(husk, box, "ls", "--cwd", "/")
    finally:
        subprocess.run(["umount", "-l", str(bundle.rootfs)], check=True)     # it is the caller's mount namespace


# ---- what describes the process -------------------------------------------------------


def test_rlimits(husk, bundle):
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 300, "hard": 400}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    box = husk.started(bundle)
    show = "ulimit -n; ulimit -Hn; ulimit -c; ulimit -Hc; ulimit -s"
    assert sh(husk, box, show).split()[:4] == ["300", "400", "0", "0"]
    assert sh(husk, box, show, "--rlimit", "nofile=100:200").split()[:4] == ["100", "200", "0", "0"]
    assert sh(husk, box, show, "--rlimit=NOFILE=90", "--rlimit=RLIMIT_STACK=1048576").split() == ["90", "90", "0", "0", "1024"]
    assert sh(husk, box, show, "--rlimit", "nofile=1:2", "--rlimit", "nofile=50:60").split()[:2] == ["50", "60"]


def test_umask_oom_score_and_affinity(husk, box):
    show = "umask; cat /proc/self/oom_score_adj; grep Cpus_allowed_list /proc/self/status"
    assert sh(husk, box, show, "--umask", "0027", "--oom-score-adj", "700", "--cpu-affinity", "0").split() == \
        ["0027", "700", "Cpus_allowed_list:", "0"]
    assert sh(husk, box, show, "--umask=0", "--cpu-affinity=0:0").split()[0] == "0000"


def stat(husk, box, *options):
    """policy, nice and real-time priority of the process: proc(5)."""
    fields = sh(husk, box, "exec cat /proc/self/stat", *options).rsplit(")", 1)[1].split()
    return int(fields[38]), int(fields[16]), int(fields[37])


@pytest.mark.parametrize("text,policy,nice", [("batch:nice=5", 3, 5), ("SCHED_OTHER:nice=3", 0, 3), ("idle", 5, None)])
def test_scheduler(husk, box, text, policy, nice):
    usual = stat(husk, box)
    assert stat(husk, box, "--scheduler", text) == (policy, usual[1] if nice is None else nice, 0)
    assert stat(husk, box) == usual, "the next one is as the container is"


def test_a_real_time_scheduler_is_set_or_refused_by_the_kernel(husk, box):
    result = husk("exec", "--scheduler", "fifo:priority=10", box, "/bin/true")
    assert result.code == 0 or "schedul" in result.err or "hint: a real-time process" in result.err, result


def test_io_priority(husk, box):
    def prio(*options):
        p = husk.popen("exec", *options, box, "/bin/sh", "-c", "echo; exec sleep 100", stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        p.stdout.readline()
        ps = set(json.loads(husk("ps", "--format", "json", box, check=0).out)) - {husk.state(box)["pid"]}
        out = subprocess.run(["ionice", "-p", str(ps.pop())], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        husk("exec", box, "sh", "-c", "kill -9 -1", check=None)
        p.communicate()
        return out
    assert prio("--io-priority", "idle") == "idle"
    assert prio("--io-priority", "be:3") == "best-effort: prio 3"


BAD = [
    (["--rlimit", "nofile"], "--rlimit"), (["--rlimit", "nofiles=1"], "--rlimit"), (["--rlimit", "nofile=5:4"], "--rlimit"),
    (["--rlimit", "nofile=x"], "--rlimit"), (["--rlimit", "nofile=1:2:3"], "--rlimit"), (["--rlimit", "=1"], "--rlimit"),
    (["--umask", "8"], "--umask"), (["--umask", "1000"], "--umask"), (["--umask", ""], "--umask"), (["--umask", "-1"], "--umask"),
    (["--oom-score-adj", "1001"], "--oom-score-adj"), (["--oom-score-adj", "x"], "--oom-score-adj"),
    (["--scheduler", "best"], "--scheduler"), (["--scheduler", "fifo:prio=1"], "--scheduler"), (["--scheduler", "fifo"], "scheduler.priority"),
    (["--scheduler", "batch:nice=20"], "scheduler.nice"), (["--scheduler", "deadline:runtime=5"], "scheduler.runtime"),
    (["--scheduler", "other:flag=x"], "--scheduler"), (["--scheduler", "batch:"], "--scheduler"),
    (["--io-priority", "high"], "--io-priority"), (["--io-priority", "be:8"], "--io-priority"), (["--io-priority", "be:"], "--io-priority"),
    (["--cpu-affinity", "x"], "--cpu-affinity"), (["--cpu-affinity", ""], "--cpu-affinity"), (["--cpu-affinity", "3-1"], "--cpu-affinity"),
    (["--cpu-affinity", "0:"], "--cpu-affinity"), (["--cpu-affinity", "8000"], "execCPUAffinity"),
    (["--timeout", "0"], "--timeout"), (["--timeout", "soon"], "--timeout"), (["--timeout", "-1s"], "--timeout"),
    (["--timeout", "1s", "--detach"], "--detach"), (["--cap", "CAP_NONESUCH"], "CAP_NONESUCH"), (["--cap", ""], "--cap"),
    (["--additional-gids", "users"], "--additional-gids"), (["--additional-gids", "-1"], "--additional-gids"),
    (["--cwd", "tmp"], "--cwd"), (["--env", "NOVALUE"], "NOVALUE"), (["--env", "=x"], "=x"), (["--user", ":"], "--user"),
    (["--preserve-fds", "x"], "--preserve-fds"), (["--preserve-fds", "-1"], "--preserve-fds"),
    (["--cgroup", "../.."], "../.."), (["--cgroup", "nonesuch"], "nonesuch"), (["--cgroup", "nonesuch:/"], "nonesuch"), (["--process", "/nonexistent"], "--process"),
    (["--console-socket", "/nonexistent"], "--console-socket"), (["--nosuchoption"], "nosuchoption"),
]


@pytest.mark.parametrize("options,message", BAD, ids=[" ".join(o) for o, _ in BAD])
def test_nonsense_is_refused_by_name_and_runs_nothing(husk, box, options, message):
    command = [] if "--process" in options else ["/bin/touch", "/tmp/ran"]
    result = husk("exec", *options, box, *command)
    assert result.code == 255 and message in result.err and not result.out, result
    assert "config.json" not in result.err, "the fault is not that file's"
    husk("exec", box, "test", "!", "-e", "/tmp/ran", check=0)


def test_errors_of_a_process_file_name_that_file_and_its_line(husk, box, tmp_path):
    result = husk("exec", "--process", tmp_path / "missing.json", box)
    assert result.code == 255 and str(tmp_path / "missing.json") in result.err
    assert "husk spec" not in result.err and "--bundle" not in result.err, "the hint is for somebody without a config.json"
    file = tmp_path / "process.json"
    for text, where in (('{"cwd": "/",\n "args": ["/bin/true"}', "line 2"),                                  # no JSON
                        ('{"cwd": "/",\n "args": ["/bin/true"],\n "terminal": "no"}', "line 3"),            # no process
                        ('{"args": ["/bin/true"],\n\n "cwd": "tmp"}', "line 3"),                             # refused by the planner
                        ('{"cwd": "/",\n "args": ["/bin/true"],\n "rlimits":\n [{"type": "RLIMIT_X", "soft": 1, "hard": 1}]}', "line 4"),
                        ('{"cwd": "/",\n "args": ["/bin/true"],\n "user": {"uid": 0, "gid": 0},\n "oomScoreAdj": 5000}', "line 4")):
        file.write_text(text)
        result = husk("exec", "--process", file, box)
        assert result.code == 255 and str(file) in result.err and where in result.err and "config.json" not in result.err, result


@pytest.mark.parametrize("option", [
    ["--env", "A=1"], ["--user", "1"], ["--additional-gids", "1"], ["--cwd", "/"], ["--cap", "CAP_KILL"], ["--no-new-privs"],
    ["--apparmor", "x"], ["--process-label", "x"], ["--rlimit", "core=0"], ["--umask", "0"], ["--oom-score-adj", "1"],
    ["--scheduler", "batch"], ["--io-priority", "be"], ["--cpu-affinity", "0"]], ids=lambda o: o[0])
def test_what_describes_the_process_has_no_place_beside_a_file_that_does(husk, box, tmp_path, option):
    result = husk("exec", "--process", process_file(tmp_path), *option, box)
    assert result.code == 255 and f"{option[0]} and --process exclude each other" in result.err, result


def test_nor_has_a_command(husk, box, tmp_path):
    result = husk("exec", "--process", process_file(tmp_path), box, "/bin/true")
    assert result.code == 255 and "exclude each other" in result.err
    assert "neither a command nor --process" in husk("exec", box).err


def test_what_engines_pass_beside_a_process_file_is_taken(husk, box, tmp_path):
    """conmon before 2.2 repeats --tty; shims pass --pid-file, --detach, --preserve-fds."""
    code, shown = in_terminal(husk.argv("exec", "--tty", "--process", process_file(tmp_path, terminal=True, args=["/bin/tty"]), box))
    assert code == 0 and "/dev/pts/" in shown
    husk("exec", "--process", process_file(tmp_path), "--detach", "--preserve-fds", "0", "--pid-file", tmp_path / "pid", box, check=0)
    assert (tmp_path / "pid").read_text().isdigit()
    result = husk("exec", "--tty", "--process", process_file(tmp_path), box)
    assert result.code == 255 and "--tty contradicts" in result.err


# ---- how it is run ----------------------------------------------------------------------


def test_a_detached_terminal_needs_somebody_who_takes_it(husk, box):
    result = husk("exec", "--tty", "--detach", box, "/bin/true")
    assert result.code == 255 and "--console-socket" in result.err


def test_labels_that_the_host_cannot_give_are_refused(husk, box):
    if not os.path.exists("/sys/kernel/security/apparmor"):
        assert husk("exec", "--apparmor", "some-profile", box, "/bin/true").code == 255
    if not os.path.exists("/sys/fs/selinux/enforce"):
        assert husk("exec", "--process-label", "u:r:t:s0", box, "/bin/true").code == 255


def test_cgroups_can_be_named_more_than_once(husk, box, group):
    """runc's syntax has controllers in front, and may be repeated; crun's is the path alone."""
    tops = [t for t in TOPS if os.path.basename(t) != "cpuset"]
    for top in tops:
        os.makedirs(f"{top}/{group}/a/b")
    own = {l.split(":", 2)[2] for l in sh(husk, box, "cat /proc/self/cgroup", "--cgroup", "a/b").split()}
    assert f"/{group}/a/b" in own
    if "/sys/fs/cgroup/memory" in tops and "/sys/fs/cgroup/pids" in tops:
        lines = sh(husk, box, "cat /proc/self/cgroup", "--cgroup", "memory:a", "--cgroup", "pids,freezer:a/b").split()
        at = {l.split(":", 2)[1]: l.split(":", 2)[2] for l in lines}
        assert (at["memory"], at["pids"], at["freezer"]) == (f"/{group}/a", f"/{group}/a/b", f"/{group}/a/b")


# ---- --timeout ----------------------------------------------------------------------------


PATIENCE = ["300ms", "10s"]             # a slow machine has not begun so soon


def below(group):
    return [d for top in TOPS for d in os.listdir(f"{top}/{group}") if d.startswith("exec-")]


def test_after_the_timeout_the_command_and_all_that_it_started_is_gone(husk, box, group):
    before = husk("ps", "--format", "json", box, check=0).out
    for limit in PATIENCE:
        result = husk("exec", "--timeout", limit, box, "sh", "-c",
                      "trap '' TERM; sleep 100 & (sh -c 'sleep 101 & sleep 102' &); echo begun; while :; do sleep 1; done")
        if result.out:
            break
    assert result.code == 124 and result.out == "begun\n", result
    assert result.err.startswith("husk: ") and "killed with all that it started" in result.err
    assert husk("ps", "--format", "json", box, check=0).out == before
    assert husk.state(box)["status"] == "running" and not below(group)


def test_the_timeout_spares_what_others_started(husk, box):
    detached(husk, "exec", "--detach", box, "/bin/sleep", "1000")
    assert husk("exec", "--timeout=100ms", box, "sleep", "100").code == 124
    assert len(json.loads(husk("ps", "--format", "json", box, check=0).out)) == 2


def test_a_command_that_ends_in_time_is_as_without(husk, box, group, tmp_path):
    assert husk("exec", "--timeout", "1m", box, "sh", "-c", "exit 7").code == 7
    assert husk("exec", "--timeout", "60", box, "sh", "-c", "kill -9 $$").code == 137
    assert not below(group)
    out = husk("exec", "--timeout", "1m", box, "sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo done", check=0).out
    assert out == "done\n" and len(json.loads(husk("ps", "--format", "json", box, check=0).out)) == 2, "what it leaves behind goes on"
    assert husk("exec", "--timeout", "1m", box, "nosuch").code == 255
    file = process_file(tmp_path, args=["/bin/sleep", "100"])
    assert husk("exec", "--timeout", "100ms", "--process", file, box).code == 124
    for limit in PATIENCE:
        code, shown = in_terminal(husk.argv("exec", "--timeout", limit, "--tty", box, "sh", "-c", "echo shown; exec sleep 100"))
        if "shown" in shown:
            break
    assert code == 124 and "shown" in shown


def test_the_timeout_holds_in_a_container_that_pauses(husk, box):
    """What is frozen dies at once or, on v1, when it is thawed."""
    p = husk.popen("exec", "--timeout", "300ms", box, "sh", "-c", "echo; exec sleep 100", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                   stdin=subprocess.DEVNULL)
    p.stdout.readline()
    husk("pause", box, check=0)
    time.sleep(0.5)
    husk("resume", box, check=0)
    p.communicate(timeout=20)
    assert p.returncode == 124


def test_without_cgroups_there_is_no_timeout(husk, bundle):
    bundle.args("/bin/sleep", "1000").write()
    ident = husk.new_id()
    assert husk.popen("run", "--detach", "--bundle", bundle.path, ident, options=["--cgroup-manager", "disabled"],
                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).wait(20) == 0
    result = husk("exec", "--timeout", "1s", ident, "/bin/true")
    assert result.code == 255 and "--timeout" in result.err and "cgroup" in result.err
    husk("exec", ident, "/bin/true", check=0)
