# SPDX-License-Identifier: Apache-2.0
"""`events`: what a container uses, in runc's words and as OpenMetrics; and what happens to all of them, as one stream."""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
import time

import pytest

from tests.conftest import leftover_cgroups, remove_cgroup, wait_for
from tests.groups import read
from tests.kernel import TELLS_OF_ENDS, needs_ends
from tests.user import UID

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
HUNGRY = "x=a; while :; do x=$x$x; done"


class Stream:
    """`events` in the background; its lines as they come."""

    def __init__(self, husk, *words):
        self.husk, self.lines = husk, []
        self.process = husk.popen("events", *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def listens(self):
        """What begins from now on is told as an event: those that are there already have been looked at."""
        self.until(lambda: os.path.exists(self.husk.root / ".listeners" / str(self.process.pid)))
        self.until(lambda: open(f"/proc/{self.process.pid}/stat").read().rpartition(")")[2].split()[0] == "S")
        return self

    def until(self, what, seconds=20):
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end and self.process.poll() is None, self.lines
            time.sleep(0.02)

    def of(self, ident):
        return [e for e in self.lines if e["id"] == ident]

    def types(self, ident):
        return [e["type"] for e in self.of(ident)]

    def deleted(self, ident):
        self.until(lambda: "deleted" in self.types(ident))
        return self.of(ident)

    def end(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        assert self.process.wait(10) == 0 and self.process.stderr.read() == ""
        self.reader.join()
        return self.lines


@pytest.fixture
def stream(husk):
    begun = []

    def begin(*words):
        begun.append(Stream(husk, *(words or ("--all",))))
        return begun[-1] if words and words[0] != "--all" else begun[-1].listens()

    yield begin
    for s in begun:
        if s.process.poll() is None:
            s.process.kill()
        s.process.wait()
        s.reader.join()
        s.process.stdout.close()
        s.process.stderr.close()


def test_the_stream_tells_a_whole_life(husk, bundle, stream):
    s = stream()
    ident = husk.create(bundle.args("/bin/sleep", "1000"))
    pid = husk.state(ident)["pid"]
    for words in (["start"], ["pause"], ["resume"], ["kill"], ["stop", "--timeout=0"], ["delete"]):
        husk(*words, ident, check=0)
    events = s.deleted(ident)
    assert s.types(ident) == ["created", "started", "paused", "resumed", "exited", "deleted"]
    assert all(RFC3339.fullmatch(e["time"]) for e in events) and [e["time"] for e in events] == sorted(e["time"] for e in events)
    assert {e["pid"] for e in events[:5]} == {pid}
    assert not TELLS_OF_ENDS or events[4]["exit"]["code"] == 137 and events[4]["exit"]["signal"] == 9
    s.end()
    assert not (husk.root / ".listeners").exists(), "the stream leaves nothing behind"


def test_lives_of_milliseconds_and_many_at_once_lose_nothing(husk, bundle, stream):
    s = stream()
    bundle.sh("exit 3").write()
    idents = [husk.new_id() for _ in range(24)]
    runs = []

    def live(some):
        for ident in some:
            runs.append(husk("run", "--bundle", bundle.path, ident))

    threads = [threading.Thread(target=live, args=(idents[i::4],)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    # a listener that misses something is warned of
    assert [(r.code, r.err) for r in runs] == [(3, "")] * len(idents)
    for ident in idents:
        events = s.deleted(ident)
        assert [e["type"] for e in events] == ["created", "started", "exited", "deleted"], events
        assert not TELLS_OF_ENDS or events[2]["exit"]["code"] == 3
    assert len(s.end()) == 4 * len(idents)


def test_nothing_is_lost_while_the_stream_stands_still(husk, bundle, stream):
    s = stream()
    os.kill(s.process.pid, signal.SIGSTOP)
    bundle.sh("exit 5")
    idents = []
    for _ in range(5):
        idents.append(husk.started(bundle))
        husk.finish(idents[-1])
    os.kill(s.process.pid, signal.SIGCONT)
    for ident in idents:
        events = s.deleted(ident)
        assert s.types(ident) == ["created", "started", "exited", "deleted"]
        assert [e["time"] for e in events] == sorted(e["time"] for e in events)
        assert not TELLS_OF_ENDS or events[2]["exit"]["code"] == 5


def test_the_stream_begins_with_what_is_there(husk, bundle, stream):
    bundle.args("/bin/sleep", "1000")
    created, running, paused, stopped = husk.create(bundle), husk.started(bundle), husk.started(bundle), husk.started(bundle)
    husk("pause", paused, check=0)
    husk("kill", stopped, "KILL", check=0)
    husk.wait_status(stopped, "stopped")
    s = stream()
    s.until(lambda: len(s.lines) == 4)
    assert {e["id"]: e["status"] for e in s.lines if e["type"] == "state"} == {
        created: "created", running: "running", paused: "paused", stopped: "stopped"}
    husk("start", created, check=0)
    husk("resume", paused, check=0)
    for ident in (created, running, paused, stopped):
        husk("delete", "--force", ident, check=0)
        s.deleted(ident)
    assert s.types(created) == ["state", "started", "exited", "deleted"]
    assert s.types(running) == ["state", "exited", "deleted"]
    assert s.types(paused) == ["state", "resumed", "exited", "deleted"]
    assert s.types(stopped) == ["state", "deleted"]


def test_the_stream_tells_of_the_oom_killer(husk, bundle, stream):
    s = stream()
    bundle.linux["resources"]["memory"] = {"limit": 8 << 20, "swap": 8 << 20}
    husk.run(bundle.sh(HUNGRY), check=137)
    events = s.deleted(husk.ids[-1])
    assert [e["type"] for e in events] == ["created", "started", "oom", "exited", "deleted"]
    assert not TELLS_OF_ENDS or events[3]["exit"]["oomKilled"] is True
    ident = husk.started(bundle.sh(f"sh -c '{HUNGRY}'; sleep 1000"))
    s.until(lambda: "oom" in s.types(ident))
    assert husk.state(ident)["status"] == "running"


@needs_ends
def test_the_stream_keeps_how_containers_end(husk, bundle, stream):
    s = stream()
    ident = husk.started(bundle.sh("exit 4"))
    s.until(lambda: "exited" in s.types(ident))
    assert husk("wait", ident, check=0).out == "4\n"


def test_a_failed_run_and_a_refused_start_tell_no_lies(husk, bundle, stream):
    s = stream()
    husk.refuse(bundle.args("/nowhere"))
    bundle.config["hooks"] = {"poststart": [{"path": "/bin/false"}]}
    husk.refuse(bundle.args("/bin/sleep", "1000"))
    assert s.deleted(husk.ids[-1]) and s.types(husk.ids[-1]) == ["created", "started", "exited", "deleted"]
    bundle.config["hooks"] = {"startContainer": [{"path": "/bin/false"}]}
    husk.refuse(bundle)
    assert s.deleted(husk.ids[-1]) and s.types(husk.ids[-1]) == ["created", "exited", "deleted"]
    assert s.types(husk.ids[0]) == []


def test_a_state_directory_that_is_removed_by_hand_counts_as_deleted(husk, bundle, stream):
    ident = husk.started(bundle.args("/bin/sleep", "1000"))
    s = stream()
    husk("stop", "--timeout=0", ident, check=0)
    s.until(lambda: "exited" in s.types(ident))
    shutil.rmtree(husk.root / ident)
    s.deleted(ident)
    for group in leftover_cgroups([ident]):
        remove_cgroup(group)


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_the_stream_well(husk, stream, sig):
    assert stream().end(sig) == []


def test_the_stream_ends_when_nobody_reads_it(husk):
    p = husk.popen("events", "--all", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.close()
    assert p.wait(10) == 0 and p.stderr.read() == b""
    p.stderr.close()


def test_a_stream_that_was_killed_harms_nobody(husk, bundle, stream):
    s = stream()
    s.process.kill()
    s.process.wait()
    result = husk("run", "--bundle", bundle.write().path, husk.new_id(), check=0)
    assert result.err == ""
    assert os.listdir(husk.root / ".listeners") == [], "its socket is taken away"
    assert husk("list", "-q", check=0).out == ""


def test_two_streams_hear_the_same(husk, bundle, stream):
    one, two = stream(), stream()
    husk.run(bundle)
    ident = husk.ids[-1]
    assert [e["type"] for e in one.deleted(ident)] == [e["type"] for e in two.deleted(ident)]
    one.end()
    husk.run(bundle)
    two.deleted(husk.ids[-1])


def test_the_stream_sleeps_while_nothing_happens(husk, bundle, stream):
    husk.started(bundle)
    s = stream()
    s.until(lambda: len(s.lines) == 1)

    def switches():
        with open(f"/proc/{s.process.pid}/status") as f:
            return sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)

    def is_asleep():
        before = switches()
        time.sleep(0.5)
        return switches() == before

    # the last line may have been read before it went to sleep
    wait_for(is_asleep, seconds=5)


def families(text):
    """By the parser of the reference implementation, which is strict."""
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    assert text.endswith("# EOF\n")
    return {f.name: f for f in parser.text_string_to_metric_families(text)}


def test_openmetrics_of_one_container(husk, bundle):
    bundle.linux["resources"].update(memory={"limit": 64 << 20}, pids={"limit": 50}, cpu={"quota": 50000, "period": 100000})
    ident = husk.started(bundle.sh("while :; do :; done"))
    found = families(husk("events", "--format", "openmetrics", ident, check=0).out)
    one = {name: f.samples[0].value for name, f in found.items() if len(f.samples) == 1}
    assert one["husk_container_memory_limit_bytes"] == 64 << 20
    assert one["husk_container_processes_limit"] == 50 and one["husk_container_processes"] == 1
    assert one["husk_container_oom_kills"] == 0
    assert found["husk_container_cpu_usage_seconds"].unit == "seconds" and one["husk_container_cpu_usage_seconds"] > 0
    assert all(s.labels["id"] == ident for f in found.values() for s in f.samples)


def test_openmetrics_of_all_containers(husk, bundle):
    running, created = husk.started(bundle), husk.create(bundle.args("/bin/sleep", "1000"))
    stopped = husk.started(bundle.args("/bin/false"))
    husk.wait_status(stopped, "stopped")
    found = families(husk("events", "--all", "--format=openmetrics", check=0).out)
    assert {s.labels["id"] for s in found["husk_container_memory_usage_bytes"].samples} == {running, created}
    assert {s.labels["status"]: s.value for s in found["husk_containers"].samples} == {
        "creating": 0, "created": 1, "running": 1, "paused": 0, "stopped": 1}


def test_openmetrics_without_any_container(husk):
    assert all(s.value == 0 for s in families(husk("events", "--all", "--format=openmetrics", check=0).out)["husk_containers"].samples)


def test_openmetrics_knows_the_network_of_the_container(husk, bundle):
    ident = husk.started(bundle.sh("echo ready; sleep 1000"))
    pid = husk.state(ident)["pid"]
    if subprocess.run(["ip", "link", "add", "ev0", "type", "bridge"], preexec_fn=lambda: _enter_net(pid)).returncode:
        pytest.skip("this host cannot make bridges")
    found = families(husk("events", "--format", "openmetrics", ident, check=0).out)
    assert [s.labels["interface"] for s in found["husk_container_network_receive_bytes"].samples] == ["ev0"]
    interfaces = json.loads(husk("events", "--stats", ident, check=0).out)["data"]["network_interfaces"]
    assert [i["Name"] for i in interfaces] == ["ev0"] and interfaces[0]["TxBytes"] == 0
    shared = husk.started(bundle.without_namespace("network"))
    assert json.loads(husk("events", "--stats", shared, check=0).out)["data"]["network_interfaces"] == []


def _enter_net(pid):
    import ctypes
    for kind in ["user", "net"] if UID else ["net"]:
        with open(f"/proc/{pid}/ns/{kind}") as f:
            assert ctypes.CDLL(None).setns(f.fileno(), 0) == 0


def test_stats_have_the_members_of_runc(husk, bundle, group):
    bundle.linux["resources"].update(memory={"limit": 64 << 20}, pids={"limit": 50})
    ident = husk.started(bundle)
    event = json.loads(husk("events", "--stats", ident, check=0).out)
    assert event["type"] == "stats" and event["id"] == ident
    data = event["data"]
    assert set(data) >= {"cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"}
    assert {"kernel", "user"} <= set(data["cpu"]["usage"]) and isinstance(data["cpu"]["throttling"], dict)
    assert set(data["memory"]) >= {"usage", "swap", "kernel", "kernelTCP", "raw"}
    assert data["memory"]["usage"]["limit"] == 64 << 20 and data["memory"]["usage"]["usage"] > 0
    assert data["pids"] == {"current": 1, "limit": 50}
    assert all(isinstance(n, int) for n in data["cpuset"].get("cpus", []))
    assert {"cpu_exclusive", "memory_migrate", "sched_load_balance", "sched_relax_domain_level"} <= set(data["cpuset"])
    for name, part in (("cpu", data["cpu"]), ("memory", data["memory"]), ("io", data["blkio"])):
        assert ("psi" in part) == bool(read(group, f"{name}.pressure")), "pressure is told where the kernel measures it"
        for kind in ("some", "full") if "psi" in part else ():
            assert set(part["psi"][kind]) == {"avg10", "avg60", "avg300", "total"}
    for page in data["hugetlb"].values():
        assert "failcnt" in page
    husk("delete", "--force", ident, check=0)


def test_runc_and_husk_agree_about_the_same_cgroup(husk, bundle, tmp_path):
    if not shutil.which("runc"):
        pytest.skip("runc is not installed")
    bundle.linux["resources"].update(memory={"limit": 64 << 20}, pids={"limit": 50})
    ident = husk.started(bundle)
    ours = json.loads(husk("events", "--stats", ident, check=0).out)["data"]
    theirs_id = husk.new_id()
    runc = ["runc", "--root", str(tmp_path / "runc")]
    subprocess.run([*runc, "run", "-d", "--bundle", str(bundle.path), theirs_id], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   check=True, timeout=30)
    try:
        init = json.loads(subprocess.run([*runc, "state", theirs_id], capture_output=True, check=True, timeout=30).stdout)["pid"]
        # runc does not wait for the execve(2), and its own init has more threads than one.
        wait_for(lambda: open(f"/proc/{init}/comm").read() == "sleep\n")
        theirs = json.loads(subprocess.run([*runc, "events", "--stats", theirs_id], capture_output=True, check=True, timeout=30).stdout)["data"]
    finally:
        subprocess.run([*runc, "delete", "--force", theirs_id], check=True, timeout=30)
    assert set(theirs) <= set(ours)
    for part in ("cpu", "memory", "pids", "cpuset"):
        # What is nothing is left out, and one of the two may have caused the page cache.
        assert set(theirs[part]) - {"cache"} <= set(ours[part]), part
    assert set(theirs["memory"]["raw"]) <= set(ours["memory"]["raw"])
    assert theirs["memory"]["usage"]["limit"] == ours["memory"]["usage"]["limit"] and theirs["pids"] == ours["pids"]


def test_one_container_is_told_of_at_intervals_until_it_ends(husk, bundle, stream):
    bundle.linux["resources"]["memory"] = {"limit": 8 << 20, "swap": 8 << 20}
    ident = husk.started(bundle.sh(f"sh -c '{HUNGRY}'; sleep 1000"))
    s = stream("--interval", "100ms", ident)
    s.until(lambda: s.types(ident).count("stats") >= 3)
    husk("kill", ident, "KILL", check=0)
    assert s.process.wait(10) == 0


def test_stats_of_all_are_one_line_each(husk, bundle):
    idents = {husk.started(bundle), husk.started(bundle)}
    lines = [json.loads(line) for line in husk("events", "--all", "--stats", check=0).out.splitlines()]
    assert {e["id"] for e in lines} == idents and {e["type"] for e in lines} == {"stats"}


def test_events_refuse_what_makes_no_sense(husk, bundle):
    ident = husk.started(bundle.sh("exit 0"))
    husk.wait_status(ident, "stopped")
    for words, needle in ((["nope"], "container does not exist"), ([ident], "container not running"), ([], "requires a container"),
                          (["--all", ident], "one too many"), (["--all", "--interval=1s"], "--interval"),
                          (["--format", "xml", ident], '"xml" is not json or openmetrics'), (["--interval", "soon", ident], '"soon"'),
                          (["--format=openmetrics", ident], "container not running"), (["--stats", ident], "container not running"),
                          (["--format=openmetrics", "nope"], "container does not exist")):
        result = husk("events", *words)
        assert result.code != 0 and needle in result.err and result.out == "", result


def test_without_cgroups_there_are_no_statistics_but_a_life(husk, bundle, stream):
    s = stream()
    bundle.args("/bin/sleep", "1000").write()
    ident = husk.new_id()
    with open(os.devnull, "w") as null:
        subprocess.run(husk.argv("run", "--detach", "--bundle", bundle.path, ident, options=["--cgroup-manager=disabled"]),
                       stdin=subprocess.DEVNULL, stdout=null, stderr=null, check=True, timeout=30)
    assert "no statistics" in husk("events", "--stats", ident).err
    assert husk("events", "--all", "--stats", check=0).out == ""
    husk("delete", "--force", ident, check=0)
    s.deleted(ident)
    assert s.types(ident) == ["created", "started", "exited", "deleted"]


def test_a_stream_without_descriptors_says_so_and_ends(husk, bundle, stream):
    s = stream()
    resource.prlimit(s.process.pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{s.process.pid}/fd")), 4096))
    husk.run(bundle)
    assert s.process.wait(10) != 0
    assert "events: accept: " in s.process.stderr.read()
