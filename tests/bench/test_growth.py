# SPDX-License-Identifier: Apache-2.0
"""Cost grows with what config.json asks for, and with nothing else; told by system calls, which need no clock."""
import os

import pytest

import bench
import budget

# Who is first, husk or init, decides about a call or two.  A look at each of 30 containers, or at a table of 300 mounts, costs more.
CHANCE = 4


@pytest.fixture(scope="module", autouse=True)
def place():
    with budget.Workplace() as place:
        yield place


def least_calls(cls):
    return sum(budget.least_calls_of(cls).values())


@pytest.fixture(scope="module")
def alone(place):
    return least_calls(bench.Run)


def test_run_makes_the_same_calls_on_a_host_with_many_mounts(alone):
    with bench.HostWithMounts(300):
        assert least_calls(bench.Run) <= alone + CHANCE


def test_run_makes_the_same_calls_among_many_containers(alone):
    assert least_calls(type("Among", (bench.Run,), {"crowd": 30})) <= alone + CHANCE


@pytest.mark.parametrize("cls", [bench.Exec, bench.State, bench.Kill], ids=lambda cls: cls.__name__.lower())
def test_a_command_on_one_container_makes_the_same_calls_among_many(cls):
    assert least_calls(type("Among", (cls,), {"crowd": 30})) <= least_calls(cls) + CHANCE


def test_every_bind_mount_costs_the_same(place):
    few, some, many = (least_calls(type("Mounts", (bench.Mounts,), {"n": n})) for n in (100, 200, 400))
    # All of them with more than the memory that a command has without asking for it; a few calls for still more.
    assert abs((many - some) - 2 * (some - few)) <= 8


def test_a_listed_container_costs_the_same_among_many(place):
    few, some, many = (least_calls(type("List", (bench.List,), {"crowd": n})) for n in (10, 20, 40))
    assert abs((many - some) - 2 * (some - few)) <= 8
    assert some > few
