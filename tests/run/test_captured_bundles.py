# SPDX-License-Identifier: Apache-2.0
"""The life of each captured config.json, resource limits and all: create, state, start, state, kill, delete.

Only what names a thing of the machine where it was written is replaced.  What this machine cannot grant (a cgroup
controller that it has not, a limit above its own) skips the test with husk's own words; `pytest -rs -s` shows a table.
"""
import json
import pathlib
import re
import resource

import pytest

from tests.run.test_bundles import CAPTURED, adapt_paths, give_root_to_its_user

# What husk says when a host lacks something, and nothing else.
LACKS = re.compile(r"this host|not mounted|no cgroup|cgroup controller|not enabled|not supported|cgroup v[12]|"
                   r"no such device|memory\.memsw|swap|hugetlb", re.I)


def granted(rlimits):
    """The same limits, no higher than ours: without CAP_SYS_RESOURCE nobody can raise them."""
    out = []
    for limit in rlimits or []:
        top = resource.getrlimit(getattr(resource, limit["type"], resource.RLIMIT_NOFILE))[1]
        top = 2**64 - 1 if top == resource.RLIM_INFINITY else top
        out.append({"type": limit["type"], "soft": min(limit["soft"], top), "hard": min(limit["hard"], top)})
    return out


def adapt(config, tmp_path):
    adapt_paths(config, tmp_path / "sources")
    process = config["process"]
    process.update(args=["/bin/sleep", "1000"], terminal=False, cwd="/", rlimits=granted(process.get("rlimits")))
    process.pop("consoleSize", None)
    ours = int(pathlib.Path("/proc/self/oom_score_adj").read_text())
    if process.get("oomScoreAdj", ours) < ours:
        del process["oomScoreAdj"]
    config.pop("hooks", None)
    linux = config["linux"]
    for namespace in linux["namespaces"]:
        namespace.pop("path", None)
    linux.pop("cgroupsPath", None)
    resources = linux.get("resources") or {}
    for devices in (resources.get("blockIO") or {}).values():
        if isinstance(devices, list):
            devices.clear()             # block devices of another machine
    return config


@pytest.mark.parametrize("captured", CAPTURED, ids=lambda p: p.stem)
def test_a_captured_config_lives_and_dies(husk, bundle, tmp_path, captured):
    bundle.config = adapt(json.loads(captured.read_text()), tmp_path)
    give_root_to_its_user(bundle)
    try:
        ident = husk.create(bundle)
    except AssertionError as failure:
        words = str(failure).split("create: ", 1)[-1].splitlines()[0]
        print(f"table: {captured.stem}: refused: {words}")
        if LACKS.search(words):
            pytest.skip(words)
        raise
    assert husk.state(ident)["status"] == "created"
    husk("start", ident, check=0)
    assert husk.state(ident)["status"] == "running"
    husk("kill", ident, "KILL", check=0)
    assert husk.wait_status(ident, "stopped") == "stopped"
    husk("delete", ident, check=0)
    assert husk("state", ident).code != 0
    print(f"table: {captured.stem}: lives and dies")
