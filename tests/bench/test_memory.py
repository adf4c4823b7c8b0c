# SPDX-License-Identifier: Apache-2.0
"""Commands need little memory, and containers that wait for `start` still less; no clock, so that it can be a test."""
import os

import pytest

import bench
import budget

MOST = 1536             # KiB beyond a static program that does nothing
MOST_WAITING = 300      # KiB of the process that waits at the gate, that it shares with nobody

COMMANDS = [
    ["--version"], ["--help"], ["features"], ["info"], ["list"], ["list", "--format", "json"], ["state", "ID"],
    ["ps", "--format", "json", "ID"], ["events", "--stats", "ID"], ["exec", "ID", "/bin/true"], ["kill", "ID", "WINCH"],
    ["update", "--pids-limit", "100", "ID"], ["check", "BUNDLE"], ["mounts", "add", "ID", "MOUNTS"],
    ["spec", "--bundle", "EMPTY"],
]


@pytest.fixture(scope="module")
def place():
    kind = budget.kind_of(os.environ["HUSK"])
    if kind != "musl":
        pytest.skip(f"the limits are for a husk linked statically with musl; this one is {kind}")
    with budget.Workplace() as place:
        yield place


@pytest.fixture(scope="module")
def most(place):
    return bench.spawn([bench.tool("nothing")]).peak + MOST


@pytest.fixture(scope="module")
def runtime(place):
    return bench.Runtime("husk", [os.environ["HUSK"]])


@pytest.fixture(scope="module")
def live(place):
    case = bench.start(bench.State, bench.Runtime("live", [os.environ["HUSK"]]))
    yield case
    case.close()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_needs_at_most_a_mebibyte_and_a_half_beyond_a_program_that_does_nothing(live, most, words, tmp_path):
    mounts = tmp_path / "mounts.json"
    mounts.write_text('[{"destination": "/mnt", "source": "/usr", "options": ["rbind", "ro"]}]')
    names = {"ID": live.id, "BUNDLE": live.bundle, "EMPTY": str(tmp_path), "MOUNTS": str(mounts)}
    assert bench.spawn(live.rt.cmd(*[names.get(w, w) for w in words])).peak <= most


@pytest.mark.parametrize("case", ["run", "podman", "lifecycle", "pause", "names400", "mounts2000", "list100"])
def test_what_is_measured_needs_no_more_memory_either(runtime, most, case):
    case = bench.start(bench.CASES[case], runtime)
    try:
        assert case.once().peak <= most
    finally:
        case.close()
        bench.Crowd.leave(runtime, None)


@pytest.mark.parametrize("config", ["minimal", "podman4-default"])
def test_a_container_that_waits_for_start_keeps_at_most_300_KiB_for_itself(runtime, config):
    case = bench.start(type("Waits", (bench.Waiting,), {"config": config}), runtime)
    try:
        assert 0 < case.once().peak <= MOST_WAITING
    finally:
        case.close()
