# SPDX-License-Identifier: Apache-2.0
"""Commands over many containers and many processes: list, ps, kill --all, --regex; pause and resume of both."""
import json
import os
import subprocess
import time

import pytest

from tests.conftest import wait_for
from tests.kernel import needs_ps
from tests.user import NAME


def pids(husk, ident):
    return json.loads(husk("ps", "--format=json", ident, check=0).out)


def test_list_is_a_table_with_a_row_for_each(husk, bundle):
    running, created = husk.started(bundle), husk.create(bundle)
    head, *rows = [line.split() for line in husk("list", check=0).out.splitlines()]
    assert head == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER", "EXIT"]
    rows = {row[0]: row for row in rows}
    assert set(rows) == {running, created}
    assert rows[running][1:4] == [str(husk.state(running)["pid"]), "running", str(bundle.path)]
    assert rows[created][2] == "created" and rows[created][5] == NAME and rows[created][4] == husk.state(created)["created"]


def test_list_as_json_has_the_members_of_runc_and_crun(husk, bundle):
    ident = husk.started(bundle)
    (one,) = json.loads(husk("list", "-f", "json", check=0).out)
    assert set(one) >= {"ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "owner"}
    assert one["id"] == ident and one["owner"] == NAME and one["pid"] == husk.state(ident)["pid"]


def test_list_refuses_other_formats_and_arguments(husk):
    assert '"yaml" is not table or json' in husk("list", "--format", "yaml").err
    assert husk("list", "x").code != 0


@needs_ps
def test_ps_is_the_hosts_table_of_the_containers_processes(husk, bundle):
    ident = husk.started(bundle.sh("sleep 1001 & sleep 1002 & wait"))
    wait_for(lambda: {"sleep 1001", "sleep 1002"} <= {row[-10:] for row in husk("ps", ident).out.splitlines()}, 10)
    head, *rows = husk("ps", ident, check=0).out.splitlines()
    assert "PID" in head.split() and len(rows) == 3
    assert {int(row.split()[1]) for row in rows} == set(pids(husk, ident))
    assert sum(row.endswith(" sleep 1001") for row in rows) == 1


@pytest.mark.parametrize("options", [["-eo", "pid,comm"], ["-e", "-o", "comm,pid"], pytest.param(["aux"], marks=needs_ps), pytest.param(["-ef"], marks=needs_ps)])
def test_ps_passes_its_options_on(husk, bundle, options):
    ident = husk.started(bundle)
    head, row = husk("ps", ident, *options, check=0).out.splitlines()
    assert row.split()[head.split().index("PID")] == str(husk.state(ident)["pid"])


def test_ps_refuses_what_it_cannot_filter(husk, bundle):
    ident = husk.started(bundle)
    assert "no column PID" in husk("ps", ident, "-eo", "comm").err
    assert '"xml" is not table or json' in husk("ps", "--format", "xml", ident).err
    assert husk("ps", ident, "--no-such-option").code != 0


def test_ps_of_what_has_ended_is_empty(husk, bundle):
    ident = husk.started(bundle.sh("exit 0"))
    husk.wait_status(ident, "stopped")
    wait_for(lambda: pids(husk, ident) == [], 10)
    assert len(husk("ps", ident, check=0).out.splitlines()) == 1


def test_kill_all_reaches_every_process_and_thaws_what_is_to_die(husk, bundle):
    script = "for n in 1 2 3; do (trap 'echo got >> /tmp/got' USR1; echo up >> /tmp/up; while :; do sleep 0.05; done) & done; trap : USR1; while :; do wait; done"
    ident = husk.started(bundle.sh(script))
    wait_for(lambda: (bundle.rootfs / "tmp/up").exists() and len((bundle.rootfs / "tmp/up").read_text().split()) == 3, 10)
    husk("kill", "--all", ident, "USR1", check=0)
    wait_for(lambda: (bundle.rootfs / "tmp/got").exists() and len((bundle.rootfs / "tmp/got").read_text().split()) == 3, 10)
    husk("pause", ident, check=0)
    husk("kill", "-a", ident, "KILL", check=0)
    husk.wait_status(ident, "stopped")
    wait_for(lambda: pids(husk, ident) == [], 10)


def test_kill_by_regex_takes_those_that_match_and_no_others(husk, bundle):
    one, two, other = husk.started(bundle), husk.started(bundle), husk.started(bundle)
    husk("kill", "--regex", f"^({one}|{two})$", "KILL", check=0)
    husk.wait_status(one, "stopped")
    husk.wait_status(two, "stopped")
    assert husk.state(other)["status"] == "running"
    result = husk("kill", "--regex", ".*", "KILL")
    assert result.code != 0 and "container not running" in result.err, "the first that fails is told"
    husk.wait_status(other, "stopped")


def test_delete_by_regex_goes_on_behind_those_that_cannot_be_deleted(husk, bundle):
    running, created = husk.started(bundle), husk.create(bundle)
    result = husk("delete", "--regex", "^t")
    assert result.code != 0 and "not stopped" in result.err and running in result.err
    assert husk("list", "-q", check=0).out.split() == [running]
    husk("delete", "--regex", "--force", "nothing-like-this", check=0)
    assert husk("list", "-q", check=0).out.split() == [running]
    husk("delete", "-f", "-r", "^t", check=0)
    assert husk("list", "-q", check=0).out == "" and not (husk.root / created).exists()


@pytest.mark.parametrize("command", ["kill", "delete"])
def test_an_empty_pattern_takes_nobody(husk, bundle, command):
    """An unset variable of a script would otherwise mean all containers."""
    ident = husk.started(bundle)
    result = husk(command, "--regex", "")
    assert result.code == 2 and "empty" in result.err, result
    assert husk.state(ident)["status"] == "running"


@pytest.mark.parametrize("command", ["kill", "delete"])
def test_a_pattern_that_is_none_is_refused(husk, bundle, command):
    ident = husk.started(bundle)
    result = husk(command, "--regex", "t[")
    assert result.code != 0 and '"t[" is not a regular expression' in result.err
    assert husk.state(ident)["status"] == "running"


def test_pause_stops_every_process_and_resume_lets_them_go_on(husk, bundle):
    ident = husk.started(bundle.sh("while :; do echo x >> /tmp/beat; sleep 0.02; done"))
    beat = bundle.rootfs / "tmp/beat"
    wait_for(lambda: beat.exists() and beat.stat().st_size > 4, 10)
    husk("pause", ident, check=0)
    size = beat.stat().st_size
    time.sleep(0.2)
    assert beat.stat().st_size == size and husk.state(ident)["status"] == "paused"
    husk("resume", ident, check=0)
    wait_for(lambda: beat.stat().st_size > size, 10)


def test_a_created_container_can_be_paused(husk, bundle):
    ident = husk.create(bundle.args("/bin/sleep", "1000"))
    husk("pause", ident, check=0)
    assert husk.state(ident)["status"] == "paused"
    assert husk("start", ident).code != 0
    husk("resume", ident, check=0)
    assert husk.state(ident)["status"] == "created"
    husk("start", ident, check=0)


def test_pause_and_resume_refuse_what_makes_no_sense(husk, bundle):
    ident = husk.started(bundle)
    husk("pause", ident, check=0)
    result = husk("pause", ident)
    assert result.code != 0 and "container not running: it is paused" in result.err
    husk("resume", ident, check=0)
    assert "container not paused" in husk("resume", ident).err
    husk("kill", ident, "KILL", check=0)
    husk.wait_status(ident, "stopped")
    assert "container not running" in husk("pause", ident).err
    for command in ("pause", "resume"):
        assert husk(command).code != 0 and husk(command, "a", "b").code != 0 and husk(command, "--now", ident).code != 0


def test_many_paused_containers_die_at_once(husk, bundle):
    idents = [husk.started(bundle) for _ in range(3)]
    for ident in idents:
        husk("pause", ident, check=0)
    husk("delete", "--regex", "--force", "^t", check=0)
    assert os.listdir(husk.root) == []


def test_without_cgroups_pause_says_why_not(husk, bundle):
    bundle.args("/bin/sleep", "1000").write()
    ident = husk.new_id()
    with open(os.devnull, "w") as null:
        subprocess.run(husk.argv("run", "--detach", "--bundle", bundle.path, ident, options=["--cgroup-manager=disabled"]),
                       stdin=subprocess.DEVNULL, stdout=null, stderr=null, check=True, timeout=30)
    result = husk("pause", ident)
    assert result.code != 0 and "cgroup" in result.err
    assert "container not paused" in husk("resume", ident).err
