# SPDX-License-Identifier: Apache-2.0
"""The common commands make no more system calls than tests/bench/budget allows (see budget.py)."""
import os

import pytest

import budget


@pytest.fixture(scope="module")
def allowed():
    kind = budget.kind_of(os.environ["HUSK"])
    if kind != "musl":
        pytest.skip(f"the budget is that of a husk linked statically with musl; this one is {kind}")
    with budget.Workplace():
        lines = {key: n for _, key, n in budget.read() if key and key[0] == budget.layout()}
        if not lines:
            pytest.skip(f"no budget for a host with cgroup {budget.layout()}; tests/bench/budget.py --renew writes one")
        yield lines


@pytest.mark.parametrize("case", budget.CASES)
def test_a_command_needs_no_more_system_calls_than_its_budget(allowed, case):
    calls = budget.least_calls(case)
    limits = {program: n for (_, name, program), n in allowed.items() if name == case}
    assert set(calls) <= set(limits), "a program ran that has no line in the budget"
    assert {p: n for p, n in calls.items() if n > limits[p]} == {}, f"over {limits}"
