# SPDX-License-Identifier: Apache-2.0
"""How containers end: `wait` tells the exit code, `stop` brings the end about, the record keeps it."""
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from tests.conftest import STATE, UNDER_STRACE, UNSEEN, USAGE, holds_pidfd
from tests.kernel import needs_ends
from tests.user import NAME, needs_root

PR_SET_CHILD_SUBREAPER = 36
TRAP = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"


@pytest.fixture
def parent():
    """Makes this process the parent of the containers, which it then waits for itself."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def ready(husk, ident):
    end = time.monotonic() + 10
    while "ready" not in husk.output(ident):
        assert time.monotonic() < end
        time.sleep(0.02)


def end_of(husk, ident):
    return json.loads(husk("wait", "--format=json", ident, check=0).out)


def reap(husk, ident):
    """As an engine does, before anybody of husk has looked."""
    os.waitpid(json.loads((husk.root / ident / "record.json").read_text())["pid"], 0)


def waiting(husk, *words):
    """`wait` in the background, once it holds on to the process."""
    p = husk.popen("wait", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 10
    while True:
        if holds_pidfd(p.pid):
            return p
        assert time.monotonic() < end and p.poll() is None
        time.sleep(0.02)


def answer(p):
    out, err = p.communicate(timeout=20)
    return p.returncode, out, err


@pytest.mark.parametrize("script, code", [("exit 0", 0), ("exit 42", 42), ("kill -9 $$", None)])
def test_wait_prints_the_exit_code_of_what_has_ended(husk, bundle, parent, script, code):
    ident = husk.started(bundle.sh(script) if code is not None else bundle.args("/bin/sleep", "1000"))
    if code is None:
        husk("kill", ident, "KILL", check=0)
        code = 128 + 9
    husk.wait_status(ident, "stopped")
    assert husk("wait", ident, check=0).out == f"{code}\n"
    assert husk("wait", "--return", ident, check=code).out == f"{code}\n"
    exit = husk.state(ident)["exit"]
    assert exit["code"] == code and exit.get("signal") == (9 if code == 137 else None)


def test_wait_waits_and_the_record_keeps_it_for_all_who_ask_later(husk, bundle, parent):
    ident = husk.create(bundle.sh("sleep 0.3; exit 5"))
    p = waiting(husk, ident)
    assert "exit" not in husk.state(ident)
    husk("start", ident, check=0)
    assert answer(p) == (0, "5\n", "")
    reap(husk, ident)
    assert husk("wait", ident, check=0).out == "5\n"
    assert husk.state(ident)["exit"]["code"] == 5 and husk.state(ident)["exit"]["time"].endswith("Z")
    listed = json.loads(husk("list", "--format=json", check=0).out)
    assert [c["exit"]["code"] for c in listed] == [5]
    heading, row = husk("list", check=0).out.splitlines()
    assert heading.split()[-1] == "EXIT" and row.split()[-2:] == [NAME, "5"]
    husk("delete", ident, check=0)


@needs_ends
def test_wait_knows_the_code_although_somebody_else_reaps_first(husk, bundle, parent):
    ident = husk.started(bundle.sh("sleep 0.3; exit 6"))
    p = waiting(husk, ident)
    os.kill(p.pid, signal.SIGSTOP)
    reap(husk, ident)
    os.kill(p.pid, signal.SIGCONT)
    assert answer(p) == (0, "6\n", "")


@needs_ends
def test_wait_knows_the_code_although_the_container_is_deleted_meanwhile(husk, bundle, parent):
    ident = husk.started(bundle)
    p = waiting(husk, ident)
    os.kill(p.pid, signal.SIGSTOP)
    husk("delete", "--force", ident, check=0)
    os.kill(p.pid, signal.SIGCONT)
    assert answer(p) == (0, "137\n", "")


def test_what_nobody_saw_is_unknown_and_never_guessed(husk, bundle, parent):
    ident = husk.started(bundle.sh("exit 3"))
    reap(husk, ident)
    for words in (["wait"], ["wait", "--return"]):
        result = husk(*words, ident, check=UNSEEN)
        assert result.out == "unknown\n" and result.err == ""
    assert husk("wait", "--format", "json", ident, check=UNSEEN).out == "{}\n"
    assert "exit" not in husk.state(ident)


def test_a_foreground_run_keeps_how_it_ended(husk, bundle):
    bundle.sh("exit 9").write()
    ident = husk.new_id()
    husk("run", "--keep", "--bundle", bundle.path, ident, check=9)
    assert husk("wait", ident, check=0).out == "9\n"
    husk("delete", ident, check=0)


def test_what_the_oom_killer_did_is_kept(husk, bundle, parent):
    bundle.linux["resources"]["memory"] = {"limit": 8 << 20, "swap": 8 << 20}
    ident = husk.create(bundle.sh("x=a; while :; do x=$x$x; done"))
    p = waiting(husk, "--format", "json", ident)
    husk("start", ident, check=0)
    code, out, _ = answer(p)
    exit = json.loads(out)
    assert (code, exit["code"], exit["signal"], exit["oomKilled"]) == (0, 137, 9, True)
    assert husk.state(ident)["exit"]["oomKilled"] is True
    bundle.linux["resources"]["memory"] = {"limit": 64 << 20}
    ident = husk.started(bundle.sh("exit 1"))
    husk.wait_status(ident, "stopped")
    assert "oomKilled" not in husk.state(ident)["exit"]


def test_a_damaged_ending_counts_as_none(husk, bundle, parent):
    ident = husk.started(bundle.sh("exit 3"))
    reap(husk, ident)
    for text in ("", "{", "{}", '{"code": "3"}', '{"code": -1}'):
        (husk.root / ident / "ended").write_text(text)
        assert husk("wait", ident).code == UNSEEN
        assert "exit" not in husk.state(ident)
    (husk.root / ident / "ended").write_text('{"code": 3, "from": "the future"}')
    assert husk("wait", ident, check=0).out == "3\n"


def test_stop_asks_first(husk, bundle, parent):
    ident = husk.started(bundle.sh(TRAP))
    ready(husk, ident)
    result = husk("stop", ident, check=0)
    assert result.out == result.err == "" and husk.state(ident)["status"] == "stopped"
    assert end_of(husk, ident)["code"] == 7
    husk("stop", ident, check=0)
    husk("delete", ident, check=0)


def test_stop_kills_all_of_it_after_the_timeout(husk, bundle, parent):
    ident = husk.started(bundle.sh("trap '' TERM; (trap '' TERM; sleep 1000) & echo ready; while :; do sleep 0.05; done"))
    ready(husk, ident)
    husk("stop", "--timeout", "1", ident, check=0)
    assert husk.state(ident)["status"] == "stopped" and end_of(husk, ident)["signal"] == 9
    assert json.loads(husk("ps", "--format=json", ident, check=0).out) == []


def test_stop_takes_the_signal_of_the_image_and_of_the_option(husk, bundle, parent):
    bundle.config["annotations"] = {"org.opencontainers.image.stopSignal": "SIGUSR1"}
    bundle.sh("trap 'exit 1' TERM; trap 'exit 2' USR1; trap 'exit 3' USR2; echo ready; while :; do sleep 0.05; done")
    for words, code in (([], 2), (["--signal", "USR2"], 3), (["-s", "15"], 1)):
        ident = husk.started(bundle)
        ready(husk, ident)
        husk("stop", *words, ident, check=0)
        assert end_of(husk, ident)["code"] == code


def test_a_paused_container_gets_the_signal_and_then_goes_on(husk, bundle, parent):
    ident = husk.started(bundle.sh(TRAP))
    ready(husk, ident)
    husk("pause", ident, check=0)
    husk("stop", ident, check=0)
    assert end_of(husk, ident)["code"] == 7


@needs_root("how a process ended that nobody may trace")
def test_a_created_container_is_killed_at_once(husk, bundle, parent):
    ident = husk.create(bundle)
    husk("stop", "--timeout", "600", ident, check=0)
    assert end_of(husk, ident)["signal"] == 9


def test_stop_ends_those_who_outlive_init_without_a_pid_namespace(husk, bundle, parent):
    ident = husk.started(bundle.without_namespace("pid").sh("trap 'exit 7' TERM; sleep 1000 & echo ready; wait"))
    ready(husk, ident)
    husk("stop", ident, check=0)
    assert end_of(husk, ident)["code"] == 7
    end = time.monotonic() + 10
    while json.loads(husk("ps", "--format=json", ident, check=0).out):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("own", [True, False])
def test_without_cgroups_members_are_listed_signalled_and_stopped(husk, bundle, parent, own):
    if not own:
        bundle.without_namespace("pid")
    bundle.sh("trap 'exit 7' TERM; sleep 1000 & echo ready; wait; sleep 1000").write()
    ident = husk.create(bundle)
    husk("delete", "--force", ident, check=0)
    log = husk.folder / f"{ident}.out"
    with open(log, "w") as f:
        assert subprocess.run(husk.argv("create", "--bundle", bundle.path, ident, options=["--cgroup-manager=disabled"]),
                              stdin=subprocess.DEVNULL, stdout=f, stderr=f).returncode == 0
    husk("start", ident, check=0)
    ready(husk, ident)
    pids = json.loads(husk("ps", "--format=json", ident, check=0).out)
    assert len(pids) == 2 and husk.state(ident)["pid"] in pids
    table = husk("ps", ident, "-eo", "pid,args", check=0).out.splitlines()
    assert len(table) == 3 and sum("sleep 1000" in line for line in table) >= 1
    assert "no cgroup" in husk("pause", ident).err
    husk("kill", "--all", ident, "KILL", check=0)
    assert end_of(husk, ident)["signal"] == 9
    for pid in pids:
        end = time.monotonic() + 10
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            while open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z":
                assert time.monotonic() < end
                time.sleep(0.02)
    husk("stop", ident, check=0)
    husk("delete", ident, check=0)


def test_wait_and_stop_refuse_what_makes_no_sense(husk, bundle):
    for command in ("wait", "stop"):
        result = husk(command, "nope")
        assert result.code == STATE and "container does not exist" in result.err
        assert husk(command).code == USAGE and husk(command, "a", "b").code == USAGE
    ident = husk.started(bundle)
    assert '"yaml" is not text or json' in husk("wait", "--format", "yaml", ident).err
    assert 'unknown signal "FOO"' in husk("stop", "--signal", "FOO", ident).err
    for value in ("-1", "1s", "", "99999999999"):
        assert husk("stop", f"--timeout={value}", ident).code == USAGE
    assert husk.state(ident)["status"] == "running"


@needs_root("how a process ended that nobody may trace")
def test_a_container_killed_before_it_executes_was_not_started(husk, bundle, parent):
    bundle.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo > /tmp/here; sleep 1000"]}]}
    ident = husk.create(bundle)
    p = husk.popen("start", ident, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 10
    while not (bundle.rootfs / "tmp/here").exists():
        assert time.monotonic() < end and p.poll() is None
        time.sleep(0.02)
    husk("kill", ident, "KILL", check=0)
    code, err = p.wait(10), p.stderr.read()
    p.stderr.close()
    assert code != 0 and "killed before it could execute" in err
    assert husk.state(ident)["status"] == "stopped" and husk.state(ident)["exit"]["signal"] == 9


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_the_state_is_removed_though_others_write_in_it_how_the_container_ended(husk, bundle, group):
    """Who saw the end (events --all, wait) writes without a lock: the directory may be not empty again and again."""
    ident = husk.started(bundle.sh("exit 3"))
    husk.wait_status(ident, "stopped")
    strace = ["strace", "-qq", "-o", os.devnull, "-P", ident, "-e", "trace=unlinkat", "-e", "inject=unlinkat:error=ENOTEMPTY:when=1..3"]
    done = subprocess.run([*strace, *husk.argv("delete", ident)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env=UNDER_STRACE)
    assert (done.returncode, done.stderr) == (0, "") and not (husk.root / ident).exists()
