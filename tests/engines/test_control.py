# SPDX-License-Identifier: Apache-2.0
"""Docker and Podman at the controls: pause, unpause, top, stats, events, kill of all; and husk's own view of their containers."""
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from tests.conftest import HUSK, holds_pidfd, wait_for
from tests.engines.conftest import RUNTIME, inspect
from tests.kernel import TELLS_OF_ENDS, ps_shows_times

SLEEP = ("busybox", "/bin/sleep", "1000")
BEAT = ("busybox", "/bin/sh", "-c", "while :; do echo x >> /v/beat; sleep 0.02; done")


def full_id(engine, ident):
    return inspect(engine, ident)["Id"]


def state_root(engine):
    """The --root that the engine gives husk."""
    if engine.name == "podman":
        return "/run/husk"
    found = [os.path.join(folder, "moby") for folder, dirs, _ in os.walk(engine.folder / "exec") if "moby" in dirs and "runtime-" in folder]
    assert len(found) == 1, found
    return found[0]


only_husk = pytest.mark.skipif(RUNTIME != HUSK, reason="husk's own view of what it runs")


def husk(engine, *words):
    return subprocess.run([HUSK, "--root", state_root(engine), *words], capture_output=True, text=True, timeout=60)


def test_pause_stops_the_processes_and_unpause_lets_them_go_on(engine, tmp_path):
    ident = engine.detached("-v", f"{tmp_path}:/v:z", *BEAT)
    beat = tmp_path / "beat"
    wait_for(beat.exists)
    engine("pause", ident, check=0)
    assert inspect(engine, ident)["State"]["Paused"] is True
    size = beat.stat().st_size
    time.sleep(0.2)
    assert beat.stat().st_size == size
    assert engine("exec", ident, "/bin/true").code != 0
    assert engine("pause", ident).code != 0
    engine("unpause", ident, check=0)
    wait_for(lambda: beat.stat().st_size > size)
    assert inspect(engine, ident)["State"]["Paused"] is False
    assert engine("unpause", ident).code != 0


def test_a_paused_container_can_be_killed_or_removed(engine):
    ident = engine.detached(*SLEEP)
    engine("pause", ident, check=0)
    engine("rm", "-f", ident, check=0)
    assert ident not in engine("ps", "-aq", "--no-trunc", check=0).out


def test_top_shows_every_process_with_the_columns_asked_for(engine):
    if engine.name == "docker" and not ps_shows_times():
        pytest.skip("ps -ef, which Docker calls, does not work here")
    ident = engine.detached("busybox", "/bin/sh", "-c", "sleep 1001 & sleep 1002 & wait")
    engine("exec", "-d", ident, "/bin/sleep", "1003", check=0)
    wait_for(lambda: "sleep 1003" in engine("top", ident, check=0).out)
    out = engine("top", ident, check=0).out
    assert "PID" in out and all(f"sleep 100{n}" in out for n in (1, 2, 3))
    if engine.name == "docker":
        rows = engine("top", ident, "-o", "pid,comm", check=0).out.splitlines()
        assert rows[0].split() == ["PID", "COMMAND"] and len(rows) == 5


def test_stats_tell_memory_and_processes(engine):
    ident = engine.detached("-m", "64m", *SLEEP)
    out = engine("stats", "--no-stream", "--format", "{{.MemUsage}};{{.PIDs}}", ident, check=0).out
    usage, count = out.strip().split(";")
    used, limit = (part.strip() for part in usage.split("/"))
    assert limit in ("64MiB", "67.11MB") and used[0].isdigit() and not used.startswith("0B"), out
    assert count.strip() == "1"


def events(engine, ident, since):
    """The words of the engine's own stream about one container."""
    words = ["events", "--since", str(int(since)), "--filter", f"container={ident}", "--format", "{{.Status}}"]
    if engine.name == "podman":
        words.insert(1, "--stream=false")
    else:
        words[1:1] = ["--until", str(int(time.time()) + 1)]
    return engine(*words, check=0).out.split()


def test_the_engines_events_tell_what_husk_did(engine):
    since = time.time() - 1
    ident = engine.detached(*SLEEP)
    engine("pause", ident, check=0)
    engine("unpause", ident, check=0)
    engine("kill", ident, check=0)
    wait_for(lambda: not inspect(engine, ident)["State"]["Running"])
    died = {"podman": "died", "docker": "die"}[engine.name]
    wait_for(lambda: died in events(engine, ident, since))
    said = events(engine, ident, since)
    order = [said.index(word) for word in ("create", "start", "pause", "unpause", died)]
    assert order == sorted(order), said


def test_the_oom_killer_is_told_of(engine):
    ident = engine.detached("-m", "16m", "--memory-swap", "16m", "busybox", "/bin/sh", "-c", "x=a; while :; do x=$x$x; done")
    wait_for(lambda: not inspect(engine, ident)["State"]["Running"])
    state = inspect(engine, ident)["State"]
    assert state["ExitCode"] == 137
    # On cgroup v1 conmon 2.1 misses it, on v2 containerd's shim does every other time, whatever the runtime.
    if (engine.name == "docker") != os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        assert state["OOMKilled"] is True


def test_all_containers_are_killed_and_stopped_at_once(engine):
    idents = [engine.detached(*SLEEP) for _ in range(3)]
    running = engine("ps", "-q", "--no-trunc", check=0).out.split()
    assert set(idents) <= set(running)
    engine(*(["kill", "-a"] if engine.name == "podman" else ["kill", *running]), check=0)
    for ident in idents:
        wait_for(lambda: inspect(engine, ident)["State"]["Status"] == "exited")
        assert inspect(engine, ident)["State"]["ExitCode"] == 137


def test_pause_of_all_and_unpause_of_all(engine):
    idents = [engine.detached(*SLEEP) for _ in range(2)]
    everything = ["-a"] if engine.name == "podman" else idents
    engine("pause", *everything, check=0)
    assert all(inspect(engine, ident)["State"]["Status"] == "paused" for ident in idents)
    engine("unpause", *everything, check=0)
    assert all(inspect(engine, ident)["State"]["Status"] == "running" for ident in idents)


@only_husk
def test_husk_lists_waits_and_measures_what_the_engine_runs(engine):
    ident = full_id(engine, engine.detached("-m", "64m", "busybox", "/bin/sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done"))
    assert ident in husk(engine, "list", "-q").stdout.split()
    data = json.loads(husk(engine, "events", "--stats", ident).stdout)["data"]
    assert data["memory"]["usage"]["limit"] == 64 << 20
    assert f'husk_container_memory_limit_bytes{{id="{ident}"}} {64 << 20}' in husk(engine, "events", "--format=openmetrics", ident).stdout
    p = subprocess.Popen([HUSK, "--root", state_root(engine), "wait", ident], stdout=subprocess.PIPE, text=True)
    wait_for(lambda: holds_pidfd(p.pid))
    stopped = engine("stop", "-t", "20", ident)
    out, _ = p.communicate(timeout=20)
    assert stopped.code == 0, stopped
    # The engine has waited for it, and so tells; older kernels do not.
    assert out == "7\n" if TELLS_OF_ENDS else out in ("7\n", "unknown\n")
    assert inspect(engine, ident)["State"]["ExitCode"] == 7


@only_husk
def test_husk_tells_the_life_of_the_engines_containers(engine):
    engine.run("busybox", "/bin/true")              # the state directory is there from now on
    root, lines = state_root(engine), []
    p = subprocess.Popen([HUSK, "--root", root, "events", "--all"], stdout=subprocess.PIPE, text=True)
    reader = threading.Thread(target=lambda: lines.extend(json.loads(line) for line in p.stdout))
    reader.start()
    try:
        wait_for(lambda: os.path.exists(f"{root}/.listeners/{p.pid}"))
        ident = full_id(engine, engine.detached("busybox", "/bin/sh", "-c", "until [ -e /go ]; do sleep 0.1; done; exit 3"))
        engine("pause", ident, check=0)
        engine("unpause", ident, check=0)
        engine("exec", ident, "/bin/sh", "-c", ": >/go", check=0)
        engine("wait", ident, check=0)
        engine("rm", "-f", ident, check=0)
        wait_for(lambda: any(e["id"] == ident and e["type"] == "deleted" for e in list(lines)))
    finally:
        p.send_signal(signal.SIGTERM)
        assert p.wait(20) == 0
        reader.join()
        p.stdout.close()
    mine = [e for e in lines if e["id"] == ident]
    assert [e["type"] for e in mine] == ["created", "started", "paused", "resumed", "exited", "deleted"], mine
    if TELLS_OF_ENDS:
        assert mine[4]["exit"]["code"] == 3
