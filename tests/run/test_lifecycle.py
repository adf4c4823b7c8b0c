# SPDX-License-Identifier: Apache-2.0
"""create, start, state, kill, delete, list: the operations of the specification (runtime.md)."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from tests.conftest import wait_for
from tests.user import ROOT


def test_a_created_container_has_not_run_its_program(husk, bundle):
    ident = husk.create(bundle.args("/bin/echo", "hello"))
    state = husk.state(ident)
    assert state["status"] == "created" and state["pid"] > 0
    assert husk.output(ident) == ""
    husk("start", ident, check=0)
    husk.finish(ident)
    assert husk.output(ident) == "hello\n"


def test_state_has_what_the_specification_demands(husk, bundle):
    bundle.config["annotations"] = {"org.example.key": "value"}
    ident = husk.started(bundle)
    state = husk.state(ident)
    assert re.match(r"1\.\d+\.\d+", state["ociVersion"])
    assert state["id"] == ident and state["status"] == "running"
    assert state["bundle"] == str(bundle.path)
    assert state["annotations"]["org.example.key"] == "value"
    assert os.path.exists(f"/proc/{state['pid']}")


def test_a_stopped_container_can_be_deleted_and_is_gone(husk, bundle):
    ident = husk.started(bundle)
    husk("kill", ident, "KILL", check=0)
    husk.wait_status(ident, "stopped")
    husk("delete", ident, check=0)
    r = husk("state", ident)
    assert r.code != 0 and "does not exist" in r.err


def test_delete_of_a_running_container_is_refused(husk, bundle):
    ident = husk.started(bundle)
    r = husk("delete", ident)
    assert r.code != 0 and "running" in r.err, r
    assert husk.state(ident)["status"] == "running"


def test_delete_with_force_kills(husk, bundle):
    ident = husk.started(bundle)
    pid = husk.state(ident)["pid"]
    husk("delete", "--force", ident, check=0)
    assert not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat").read().split()[2] in "XZ"


def test_delete_of_a_created_container_with_force(husk, bundle):
    ident = husk.create(bundle)
    husk("delete", "--force", ident, check=0)


def test_delete_with_force_of_an_unknown_container_succeeds(husk):
    husk("delete", "--force", "nobody", check=0)


def test_delete_of_an_unknown_container_fails(husk):
    r = husk("delete", "nobody")
    assert r.code != 0 and "does not exist" in r.err


def test_an_id_in_use_is_refused_and_the_container_lives_on(husk, bundle):
    ident = husk.started(bundle)
    r = husk("create", "--bundle", bundle.path, ident)
    assert r.code != 0 and "exist" in r.err, r
    assert husk.state(ident)["status"] == "running"


def test_start_of_a_running_container_is_refused(husk, bundle):
    ident = husk.started(bundle)
    r = husk("start", ident)
    assert r.code != 0 and r.err, r


def test_start_of_an_unknown_container_is_refused(husk):
    r = husk("start", "nobody")
    assert r.code != 0 and "does not exist" in r.err


def test_kill_takes_names_and_numbers(husk, bundle):
    for word in ("TERM", "SIGTERM", "15", "sigterm"):
        ident = husk.started(bundle.sh("trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done"))
        wait_for(lambda: "ready" in husk.output(ident))
        husk("kill", ident, word, check=0)
        husk.finish(ident)


def test_kill_with_an_unknown_signal_is_refused(husk, bundle):
    ident = husk.started(bundle)
    for word in ("FOO", "0x9", "-1", "65", ""):
        r = husk("kill", ident, word)
        assert r.code != 0 and r.err, r
    assert husk.state(ident)["status"] == "running"


def test_kill_of_a_stopped_container_says_it_is_not_running(husk, bundle):
    ident = husk.started(bundle.args("/bin/echo"))
    husk.wait_status(ident, "stopped")
    r = husk("kill", ident, "TERM")
    assert r.code != 0 and "not running" in r.err, r


def test_a_missing_executable_fails_at_start_and_says_so(husk, bundle):
    bundle.args("/bin/nowhere").write()
    r = husk("run", "--bundle", bundle.path, husk.new_id())
    assert r.code != 0 and "nowhere" in r.err and "no such file" in r.err.lower(), r


@pytest.fixture(params=["on a disk", "in memory"])
def other_root(request, husk, tmp_path):
    """State directories that outlive a boot, and such that do not: there a process is told apart by fewer marks."""
    folder = tempfile.mkdtemp(dir="/dev/shm" if request.param == "in memory" else tmp_path)
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder], check=True, capture_output=True, text=True).stdout.strip()
    if (kind == "tmpfs") != (request.param == "in memory"):
        shutil.rmtree(folder)
        pytest.skip(f"{folder} is on {kind}")
    husk.root, before = pathlib.Path(folder), husk.root
    yield husk.root
    husk.close()
    husk.root = before
    shutil.rmtree(folder)


def test_a_process_that_got_the_number_of_init_is_not_taken_for_it(husk, bundle, other_root):
    ident = husk.started(bundle)
    record = other_root / ident / "record.json"
    saved = json.loads(record.read_text())
    other = subprocess.Popen(["sleep", "1000"])
    try:
        record.write_text(json.dumps({**saved, "pid": other.pid}))
        assert husk.state(ident)["status"] == "stopped"
        for words in (("kill", ident, "KILL"), ("exec", ident, "/bin/true"), ("pause", ident)):
            assert husk(*words).code != 0, words
        assert other.poll() is None
        record.write_text(json.dumps(saved))
        assert husk.state(ident)["status"] == "running"
    finally:
        other.kill()
        other.wait()
        record.write_text(json.dumps(saved))


def test_list_shows_all_containers(husk, bundle):
    ident = husk.started(bundle)
    table = husk("list", check=0).out
    assert ident in table and "running" in table and table.startswith("ID")
    found = json.loads(husk("list", "--format", "json", check=0).out)
    assert [c["id"] for c in found] == [ident] and found[0]["status"] == "running"
    assert husk("list", "--quiet", check=0).out.split() == [ident]


def test_list_of_no_containers(husk):
    assert json.loads(husk("list", "--format", "json", check=0).out) in ([], None)


def test_bad_ids_are_refused(husk, bundle):
    bundle.write()
    for ident in ("", ".", "..", "a/b", "/abs", "a b", "a\nb", "-x", "x" * 1100, "a%b"):
        r = husk("create", "--bundle", bundle.path, "--", ident)
        assert r.code != 0, (ident, r)
    assert not husk.root.exists() or not os.listdir(husk.root)


def test_errors_go_to_the_log_in_json(husk, bundle):
    log = husk.folder / "log.json"
    r = husk("state", "nobody", options=["--log", log, "--log-format", "json"])
    assert r.code != 0
    last = json.loads(log.read_text().splitlines()[-1])
    assert last["level"] == "error" and "does not exist" in last["msg"] and last["time"]


def test_spec_writes_a_config_that_runs(husk, bundle):
    husk("spec", "--bundle", bundle.path, *([] if ROOT else ["--rootless"]), check=0)
    config = json.loads((bundle.path / "config.json").read_text())
    config["process"]["terminal"] = False
    config["process"]["args"] = ["/bin/echo", "default"]
    assert husk.run(bundle, text=json.dumps(config)).out == "default\n"


def test_spec_does_not_overwrite(husk, bundle):
    bundle.write()
    r = husk("spec", "--bundle", bundle.path)
    assert r.code != 0 and "exist" in r.err


def test_features_lists_what_config_json_may_say(husk):
    f = json.loads(husk("features", check=0).out)
    assert f["ociVersionMin"] and f["ociVersionMax"].startswith("1.3")
    assert "bind" in f["mountOptions"] and "time" in f["linux"]["namespaces"]
    assert "SCMP_ACT_NOTIFY" in f["linux"]["seccomp"]["actions"]
