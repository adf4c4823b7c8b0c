# SPDX-License-Identifier: Apache-2.0
"""--trace writes what Perfetto and chrome://tracing open, --timing a table of the same.

The validator below holds a file against the Trace Event Format: the JSON Object Format, complete events and metadata.
"""
import decimal
import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import time

import pytest

from tests.conftest import SPEC, STATE, USAGE, in_terminal
from tests.kernel import needs_time
from tests.user import ROOT, needs_root

SRC = pathlib.Path(__file__).parents[2] / "src"
METADATA = {"process_name": "name", "thread_name": "name", "process_sort_index": "sort_index"}


def stage_names():
    return dict(re.findall(r"STAGE\((\w+),\s*\"([^\"]+)\"\)", (SRC / "spawn/stages.h").read_text()))


def table(file):
    """The names of a table of stages, out of the source that init is made of."""
    names = stage_names()
    rows = re.findall(r"^\t\{ STAGE_(\w+),", (SRC / "init" / file).read_text(), re.M)
    assert len(rows) > 1
    return [names[row] for row in rows]


# Before the first one of all something happens, too.
FIRST, CREATE, JOIN = ["start", *table("main.c")], table("create.c"), table("join.c")
assert min(len(CREATE), len(JOIN)) > 15


def load(path):
    return json.loads(pathlib.Path(path).read_text(), parse_float=decimal.Decimal)


def validate(path):
    """Returns the complete events of a file that is right in every respect that the format demands."""
    document = load(path)
    assert set(document) == {"displayTimeUnit", "traceEvents"} and document["displayTimeUnit"] in ("ms", "ns")
    assert isinstance(document["traceEvents"], list)
    named, spans = {}, []
    for event in document["traceEvents"]:
        assert isinstance(event["name"], str) and event["name"]
        for key in ("pid", "tid"):
            assert type(event[key]) is int and event[key] > 0
        if event["ph"] == "M":
            assert set(event["args"]) == {METADATA[event["name"]]}
            named.setdefault(event["pid"], set()).add(event["name"])
            continue
        assert event["ph"] == "X" and set(event) <= {"ph", "cat", "name", "ts", "dur", "pid", "tid", "args"}
        assert type(event["cat"]) is str
        for key in ("ts", "dur"):
            assert isinstance(event[key], (decimal.Decimal, int)) and event[key] >= 0
        assert all(isinstance(v, str) for v in event.get("args", {}).values())
        spans.append(event)
    for event in spans:
        assert named[event["pid"]] == set(METADATA), "each track has a name"
    check_nesting(spans)
    return spans


def check_nesting(spans):
    """On one track spans are beside or within each other."""
    for track in {s["tid"] for s in spans}:
        open_until = []
        mine = sorted((s for s in spans if s["tid"] == track), key=lambda s: (s["ts"], -s["dur"]))
        for span in mine:
            end = span["ts"] + span["dur"]
            while open_until and open_until[-1] <= span["ts"]:
                open_until.pop()
            assert not open_until or end <= open_until[-1], span
            if span["dur"]:
                open_until.append(end)


def check_one_command(spans, name):
    """Of a file of one command: in order of time, and the first span is around all others."""
    assert [s["ts"] for s in spans] == sorted(s["ts"] for s in spans)
    assert spans[0]["name"] == name and spans[0]["cat"] == "host"
    end = spans[0]["ts"] + spans[0]["dur"]
    assert all(s["ts"] + s["dur"] <= end for s in spans)


def names(spans, side):
    return [s["name"] for s in spans if s["cat"] == side]


def inside(spans):
    """What init and, before it, the bridge did."""
    return [s["name"] for s in spans if s["cat"] in ("bridge", "init")]


@pytest.fixture
def trace(tmp_path):
    return tmp_path / "trace.json"


def test_run_is_traced_from_the_first_stage_to_the_exit(husk, bundle, trace):
    husk.run(bundle.sh("sleep 0.1; exit 3"), check=3, options=["--trace", trace])
    spans = validate(trace)
    check_one_command(spans, "run")
    assert inside(spans) == [*FIRST, *CREATE]
    assert {"look at the host", "reserve", "decode", "plan", "make cgroup", "spawn", "conversation", "READY", "save record",
            "wait for execve", "watch", "delete"} <= set(names(spans, "host"))
    by_name = {s["name"]: s for s in spans}
    assert by_name["watch"]["dur"] >= 50000, "the foreground is covered to the exit"
    assert by_name["spawn"]["pid"] != by_name["user"]["pid"]
    assert "error" not in json.dumps([s.get("args") for s in spans])


def test_the_pids_are_those_of_the_real_processes(husk, bundle, trace, tmp_path):
    ident = husk.create(bundle.args("/bin/sleep", "100"))
    husk("delete", "--force", ident, check=0)
    bundle.write()
    ident = husk.new_id()
    with open(os.devnull, "w") as null:
        p = husk.popen("create", "--bundle", bundle.path, ident, options=["--trace", trace], stdin=subprocess.DEVNULL,
                       stdout=null, stderr=null)
        assert p.wait(60) == 0
    spans = validate(trace)
    assert {s["pid"] for s in spans if s["cat"] == "host"} == {p.pid}
    assert {s["pid"] for s in spans if s["cat"] == "init"} == {husk.state(ident)["pid"]}


def test_create_ends_at_the_gate_and_start_goes_on_to_the_execve(husk, bundle, trace, tmp_path):
    ident = husk.new_id()
    bundle.args("/bin/sleep", "100").write()
    with open(os.devnull, "w") as null:
        assert subprocess.run(husk.argv("create", "--bundle", bundle.path, ident, options=["--trace", trace]), stdout=null,
                              stderr=null, stdin=subprocess.DEVNULL, timeout=60).returncode == 0
    created = validate(trace)
    check_one_command(created, "create")
    gate = CREATE.index("gate")
    assert inside(created) == [*FIRST, *CREATE[:gate]]
    husk("start", ident, check=0, options=["--trace", tmp_path / "start.json"])
    started = validate(tmp_path / "start.json")
    check_one_command(started, "start")
    assert inside(started) == CREATE[gate:]
    assert {s["pid"] for s in started if s["cat"] == "init"} == {husk.state(ident)["pid"]}


def test_commands_with_one_file_are_one_timeline(husk, bundle, trace):
    bundle.args("/bin/sleep", "100").write()
    options = ["--trace", trace]
    ident = husk.new_id()
    with open(os.devnull, "w") as null:
        assert subprocess.run(husk.argv("create", "--bundle", bundle.path, ident, options=options), stdout=null, stderr=null,
                              stdin=subprocess.DEVNULL, timeout=60).returncode == 0
    for words in (["start", ident], ["exec", ident, "true"], ["pause", ident], ["resume", ident], ["ps", ident],
                  ["kill", ident, "KILL"], ["delete", "--force", ident]):
        husk(*words, options=options, check=0)
    spans = validate(trace)
    commands = [s for s in spans if s["cat"] == "host" and s["name"] == s.get("args", {}).get("detail", "").split(" ")[0]]
    assert [s["name"] for s in commands] == ["create", "start", "exec", "pause", "resume", "ps", "kill", "delete"]
    for before, after in zip(commands, commands[1:]):
        assert before["ts"] + before["dur"] <= after["ts"], "one after the other, on one clock"


def test_exec_is_traced_with_its_own_stages_and_the_bridge_before_them(husk, bundle, trace):
    ident = husk.started(bundle)
    husk("exec", ident, "sh", "-c", "exit 5", options=["--trace", trace], check=5)
    spans = validate(trace)
    check_one_command(spans, "exec")
    assert inside(spans) == [*FIRST, *JOIN]
    fork = JOIN.index(stage_names()["FORK"])
    assert names(spans, "bridge") == [*FIRST, *JOIN[:fork + 1]]
    assert len({s["pid"] for s in spans}) == 3
    assert "wait for execve" in names(spans, "host") and "watch" in names(spans, "host")


@needs_time
def test_time_namespaces_do_not_shift_the_stages(husk, bundle, trace):
    bundle.linux["namespaces"].append({"type": "time"})
    bundle.linux["timeOffsets"] = {"monotonic": {"secs": 100000, "nanosecs": 0}, "boottime": {"secs": 100000, "nanosecs": 0}}
    husk.run(bundle, options=["--trace", trace])
    spans = validate(trace)
    check_one_command(spans, "run")
    assert inside(spans) == [*FIRST, *CREATE]


def test_user_namespaces_show_the_steps_that_they_need(husk, bundle, trace):
    husk.run(bundle.user_namespace(), options=["--trace", trace])
    spans = validate(trace)
    steps = set(names(spans, "host"))
    assert {"IDMAP", "READY"} <= steps
    assert "PLACE" not in steps, "init was given at birth what it enters its cgroups by"
    assert inside(spans) == [*FIRST, *CREATE]


def test_hooks_are_told_with_their_paths(husk, bundle, trace):
    bundle.config["hooks"] = {kind: [{"path": "/bin/true"}] for kind in ("prestart", "createRuntime", "poststart", "poststop")}
    husk.run(bundle, options=["--trace", trace])
    spans = validate(trace)
    hooks = [(s["name"], s["args"]["detail"]) for s in spans if s.get("args", {}).get("detail") == "/bin/true"]
    assert hooks == [(kind, "/bin/true") for kind in ("prestart", "createRuntime", "poststart", "poststop")]


def test_a_filter_that_kills_what_asks_for_the_time_does_not_notice_the_trace(husk, bundle, trace):
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
                               "syscalls": [{"names": ["clock_gettime", "gettimeofday", "time"],
                                             "action": "SCMP_ACT_KILL_PROCESS"}]}
    husk.run(bundle, options=["--trace", trace])
    assert inside(validate(trace)) == [*FIRST, *CREATE]


def test_a_refused_configuration_leaves_a_valid_trace_that_ends_with_the_plan(husk, bundle, trace):
    bundle.mount("/x", "/tmp", options=["nonsense"])
    result = husk.refuse(bundle, "nonsense", options=["--trace", trace])
    assert result.code == SPEC
    spans = validate(trace)
    check_one_command(spans, "run")
    # On cgroup v1 alone init waits for the plan already.
    assert set(inside(spans)) <= set(FIRST) and "plan" in names(spans, "host") and "seal plan" not in names(spans, "host")
    assert "nonsense" in spans[0]["args"]["error"]


def test_the_trace_ends_with_the_stage_that_failed(husk, bundle, trace):
    bundle.mount("/x", "none", kind="overlay", options=["lowerdir=/nowhere/at/all"])
    husk.refuse(bundle, "root file system", options=["--trace", trace])
    spans = validate(trace)
    check_one_command(spans, "run")
    assert inside(spans) == [*FIRST, *CREATE[:CREATE.index("root file system") + 1]]
    failed = [s for s in spans if "error" in s.get("args", {})]
    assert [s["name"] for s in failed] == ["run", "root file system"]


def test_the_trace_ends_where_init_died(husk, bundle, trace, tmp_path):
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\nkill -KILL $PPID\n")
    hook.chmod(0o755)
    bundle.config["hooks"] = {"createContainer": [{"path": str(hook)}]}
    husk.refuse(bundle.without_namespace("pid"), "SIGKILL", options=["--trace", trace])
    spans = validate(trace)
    stages = [s for s in spans if s["cat"] == "init"]
    assert stages[-1]["name"] == "createContainer hooks" and "error" in stages[-1]["args"]


def test_a_failure_behind_the_gate_shows_in_the_trace_of_start(husk, bundle, trace):
    bundle.config["hooks"] = {"startContainer": [{"path": "/bin/false"}]}
    ident = husk.create(bundle.args("/bin/true"))
    assert husk("start", ident, options=["--trace", trace]).code != 0
    stages = [s for s in validate(trace) if s["cat"] == "init"]
    assert [s["name"] for s in stages] == ["gate", "startContainer hooks"]
    assert "error" not in stages[0].get("args", {}) and "error" in stages[1]["args"]


def test_every_command_can_be_traced_also_when_it_fails(husk, trace, tmp_path):
    for n, words in enumerate((["list"], ["features"], ["state", "x"], ["update", "x"], ["create"], ["kill", "x", "NOSIG"])):
        file = tmp_path / f"{n}.json"
        husk(*words, options=["--trace", file])
        check_one_command(validate(file), words[0])


def test_a_file_that_is_no_trace_is_left_as_it_is(husk, trace):
    for text in ("precious\n", "{}", '{"displayTimeUnit":"ns","traceEvents":[', "x" * 10000):
        trace.write_text(text)
        result = husk("list", options=["--trace", trace])
        assert result.code == USAGE and "not a trace" in result.err and result.out == ""
        assert trace.read_text() == text
    assert husk("list", options=["--trace", "/dev/null"]).code == USAGE
    fifo = trace.with_name("fifo")
    os.mkfifo(fifo)
    assert husk("list", options=["--trace", fifo]).code == USAGE
    assert husk("list", options=["--trace", trace.parent]).code != 0
    assert husk("list", options=["--trace", trace.parent / "no/such/folder"]).code != 0


def test_an_empty_file_becomes_a_trace(husk, trace):
    trace.write_text("")
    husk("list", options=["--trace", trace], check=0)
    check_one_command(validate(trace), "list")


def test_the_file_is_valid_also_while_a_command_runs_and_when_husk_is_killed(husk, bundle, trace):
    bundle.args("/bin/sleep", "100").write()
    ident = husk.new_id()
    p = husk.popen("run", "--bundle", bundle.path, ident, options=["--trace", trace], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 20
    while husk("state", ident).code or husk.state(ident)["status"] != "running":
        assert time.monotonic() < end
        time.sleep(0.02)
    assert load(trace)["traceEvents"] == []
    p.send_signal(signal.SIGKILL)
    p.wait(20)
    assert load(trace)["traceEvents"] == []
    husk("delete", "--force", ident, options=["--trace", trace], check=0)
    check_one_command(validate(trace), "delete")


def test_commands_at_the_same_time_do_not_break_the_file(husk, trace):
    ps = [husk.popen("list", options=["--trace", trace], stdout=subprocess.DEVNULL) for _ in range(12)]
    assert [p.wait(60) for p in ps] == [0] * 12
    spans = validate(trace)
    assert names(spans, "host").count("list") == 12


@needs_root("a mount of the host", inside=True)
def test_a_full_disk_leaves_the_file_valid_and_the_command_successful(husk, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(small)], check=True)
    try:
        trace = small / "trace"
        for _ in range(20):
            result = husk("delete", "--force", "nope", options=["--trace", trace], check=0)
            validate(trace)
            if result.err:
                break
        assert "trace" in result.err and "no space" in result.err
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_the_file_does_not_reach_the_container(husk, bundle, trace):
    out = husk.out(bundle.sh("ls -l /proc/self/fd"), options=["--trace", trace])
    assert "trace" not in out and "memfd" not in out


def test_the_table_has_a_line_for_every_stage(husk, bundle):
    result = husk.run(bundle.sh("echo hello; exit 2"), check=2, options=["--timing"])
    assert result.out == "hello\n"
    lines = result.err.splitlines()
    assert lines[0].split() == ["stage", "side", "duration", "share"]
    rows = [re.fullmatch(r"( *)(.+?) +(host|init|bridge) +(\d+\.\d{3}) ms +(\d+\.\d) %", line) for line in lines[1:]]
    assert all(rows)
    assert [r[2] for r in rows if r[3] == "init" or r[3] == "bridge" and not ROOT] == [*FIRST, *CREATE]
    assert (rows[0][2], rows[0][3], rows[0][5]) == ("run", "host", "100.0")
    assert max(len(line) for line in lines) <= 80
    assert all(float(r[4]) <= float(rows[0][4]) for r in rows)


def test_the_table_marks_what_failed_and_the_message_comes_last(husk):
    result = husk("state", "x", options=["--timing"])
    assert result.code == STATE
    assert result.err.splitlines()[-1].endswith("container does not exist")
    assert result.err.splitlines()[0].startswith("stage ")


def test_the_table_and_the_file_tell_the_same(husk, bundle, trace):
    result = husk.run(bundle, options=["--timing", "--trace", trace])
    told = [line[:44].strip().split(":")[0] for line in result.err.splitlines()[1:]]
    assert told == [s["name"] for s in validate(trace)]


def test_the_table_can_be_read_on_a_terminal(husk):
    code, shown = in_terminal(husk.argv("list", options=["--timing"]))
    assert code == 0 and "stage" in shown and "100.0 %" in shown


def test_without_the_options_nothing_is_printed(husk, bundle):
    result = husk.run(bundle)
    assert result.err == "" and result.out == ""


def test_a_created_container_that_is_not_traced_can_be_started_with_a_trace_and_the_other_way_round(husk, bundle, trace):
    ident = husk.create(bundle.args("/bin/sleep", "100"))
    husk("start", ident, options=["--trace", trace], check=0)
    assert inside(validate(trace)) == CREATE[CREATE.index("gate"):]
    husk("delete", "--force", ident, check=0)
    ident = husk.new_id()
    with open(os.devnull, "w") as null:
        subprocess.run(husk.argv("create", "--bundle", bundle.path, ident, options=["--trace", trace]), stdout=null, stderr=null,
                       stdin=subprocess.DEVNULL, timeout=60, check=True)
    husk("start", ident, check=0)
    assert husk.state(ident)["status"] == "running"


def test_the_file_is_readable_by_others_and_not_executable(husk, trace):
    husk("list", options=["--trace", trace], check=0)
    assert stat.S_IMODE(trace.stat().st_mode) == 0o644
