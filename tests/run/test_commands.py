# SPDX-License-Identifier: Apache-2.0
"""What the commands print and answer, as engines need it: the words, the exit codes, silence."""
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from tests.conftest import SPEC, STATE, SYSTEM, UNDER_STRACE, UNSUPPORTED, USAGE, wait_for
from tests.groups import TOPS
from tests.user import UID

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def test_unknown_containers_do_not_exist(husk):
    for words in (["state"], ["kill"], ["delete"], ["start"], ["pause"], ["resume"], ["ps"], ["update", "--memory", "1g"]):
        result = husk(*words, "nope")
        assert result.code == STATE and "container does not exist" in result.err, result
        assert "no such file" not in result.err, "Podman would take it for a missing command"
    result = husk("exec", "nope", "true")
    assert result.code == 255 and "container does not exist" in result.err


def test_delete_force_of_what_is_not_there_is_silent(husk):
    result = husk("delete", "--force", "nope", check=0)
    assert result.out == result.err == ""


def test_commands_are_silent_on_success(husk, bundle):
    bundle.args("/bin/sleep", "1000").write()
    ident = husk.new_id()
    for words in (["create", "--bundle", bundle.path], ["start"], ["pause"], ["resume"], ["update", "--pids-limit", "100"],
                  ["kill", "--all"], ["delete", "--force"]):
        with open(husk.folder / "output", "w+") as f:
            assert subprocess.run(husk.argv(*words, ident), stdin=subprocess.DEVNULL, stdout=f, stderr=f).returncode == 0
            f.seek(0)
            assert f.read() == "", words


@pytest.mark.parametrize("words", [["list"], ["features"], ["info", "--format=json"], ["--version"], ["--help"], ["help"],
                                   ["update", "--help"], ["man"], ["completion", "zsh"]], ids=" ".join)
def test_output_that_does_not_fit_on_the_disk_is_a_failure(husk, words):
    with open("/dev/full", "w") as full:
        done = subprocess.run(husk.argv(*words), stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == SYSTEM and "write to standard output" in done.stderr, done


def test_the_error_is_in_the_log_as_one_json_record(husk, tmp_path):
    log = tmp_path / "log.json"
    for count in (1, 2):
        result = husk("start", "nope", options=["--log", log, "--log-format", "json"])
        records = [json.loads(line) for line in log.read_text().splitlines()]
        assert len(records) == count, "appended, never truncated; no warnings in between"
        assert records[-1]["level"] == "error" and "container does not exist" in records[-1]["msg"]
        assert RFC3339.fullmatch(records[-1]["time"])
        assert records[-1]["msg"] in result.err


def test_pid_file_holds_digits_alone(husk, bundle, tmp_path):
    pid_file = tmp_path / "pid"
    pid_file.write_text("")
    ident = husk.create(bundle.args("/bin/sleep", "1000"), "--pid-file", pid_file)
    assert pid_file.read_text() == str(husk.state(ident)["pid"])


def test_a_failed_create_leaves_no_pid_file_and_no_container(husk, bundle, tmp_path):
    ident = husk.create(bundle.args("/nosuch"), "--pid-file", tmp_path / "pid", check=1)
    assert not (tmp_path / "pid").exists()
    assert "container does not exist" in husk("state", ident).err


@pytest.mark.parametrize("command, needle", [
    ("nosuch", 'exec: "nosuch": executable file not found in $PATH'),
    ("/nosuch", "no such file or directory"),
    ("/etc", "permission denied"),
    ("/etc/passwd", "permission denied"),
])
def test_commands_that_cannot_run_are_refused_by_create(husk, bundle, command, needle):
    result = husk.refuse(bundle.args(command), needle)
    assert len(result.err.splitlines()) == 1
    running = husk.started(bundle.args("/bin/sleep", "1000"))
    result = husk("exec", running, command)
    assert result.code == 255 and needle in result.err


def test_a_failed_exec_leaves_no_pid_file(husk, bundle, tmp_path):
    ident = husk.started(bundle)
    result = husk("exec", "--detach", "--pid-file", tmp_path / "pid", ident, "nosuch")
    assert result.code == 255 and not (tmp_path / "pid").exists()


def test_state_has_what_engines_read(husk, bundle):
    bundle.config["annotations"] = {"a.b": "c"}
    ident = husk.started(bundle)
    state = husk.state(ident)
    assert state["ociVersion"].startswith("1.") and state["id"] == ident and state["status"] == "running"
    assert state["bundle"] == str(bundle.path) and state["rootfs"] == str(bundle.rootfs)
    assert state["annotations"] == {"a.b": "c"} and RFC3339.fullmatch(state["created"]) and state["pid"] > 0
    husk("kill", ident, "KILL", check=0)
    husk.wait_status(ident, "stopped")
    assert husk.state(ident)["pid"] == 0


def test_list_tells_all_and_survives_what_is_half_made(husk, bundle):
    one, two = husk.started(bundle), husk.create(bundle)
    (husk.root / "broken").mkdir(mode=0o700)
    (husk.root / "torn").mkdir(mode=0o700)
    (husk.root / "torn" / "record.json").write_text('{"version": 1, "id": "to')
    listed = {c["id"]: c["status"] for c in json.loads(husk("list", "--format=json", check=0).out)}
    assert listed == {one: "running", two: "created", "broken": "stopped", "torn": "stopped"}
    assert set(husk("list", "-q", check=0).out.split()) == set(listed)
    assert husk("list", check=0).out.splitlines()[0].split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER", "EXIT"]
    for ident in ("broken", "torn"):
        husk("delete", "--force", ident, check=0)


def test_a_container_whose_record_is_damaged_is_not_lost_without_force(husk, bundle):
    ident = husk.started(bundle)
    record = husk.root / ident / "record.json"
    whole = record.read_text()
    record.write_text(whole[:20])
    result = husk("delete", ident, check=STATE)
    assert "its record cannot be read" in result.err and "--force" in result.err
    record.write_text(whole)
    assert husk.state(ident)["status"] == "running", "nothing was touched"
    record.write_text(whole[:20])
    assert "stay" in husk("delete", "--force", ident, check=0).err
    (husk.root / ident).mkdir(mode=0o700)
    record.write_text(whole)
    husk("delete", "--force", ident, check=0)


@pytest.mark.parametrize("words", [["ps"], ["stop"], ["exec", "{}", "true"]], ids=lambda w: w[0])
def test_nobody_is_told_to_remove_what_is_just_being_made(husk, words):
    (husk.root / "fresh").mkdir(parents=True, mode=0o700)
    (husk.root / "fresh" / "record.json").write_text('{"version": 1, "id": "fr')
    lock = os.open(husk.root / "fresh", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = [w.format("fresh") for w in words]
        result = husk(*words, *([] if "fresh" in words else ["fresh"]))
        assert result.code != 0 and "not running: another command is making or removing it" in result.err
    finally:
        os.close(lock)
    assert "half made" in husk("ps", "fresh").err
    husk("delete", "--force", "fresh", check=0)


def test_list_of_nothing_is_an_empty_array(husk):
    assert json.loads(husk("list", "--format", "json", check=0).out) == []


def test_kill_on_what_has_ended_says_not_running(husk, bundle):
    ident = husk.started(bundle.sh("exit 0"))
    husk.wait_status(ident, "stopped")
    result = husk("kill", ident, "15")
    assert result.code == STATE and "container not running" in result.err
    husk("kill", "--all", ident, "9", check=0)
    husk("delete", ident, check=0)


@pytest.mark.parametrize("name", ["9", "KILL", "SIGKILL", "kill"])
def test_kill_takes_numbers_and_names(husk, bundle, name):
    ident = husk.started(bundle.args("/bin/sleep", "1000"))
    husk("kill", ident, name, check=0)
    husk.finish(ident)


def test_kill_of_unknown_signals_is_refused(husk, bundle):
    ident = husk.started(bundle)
    for name in ("SIGFOO", "999", "-1", ""):
        assert husk("kill", "--", ident, name).code == USAGE
    assert husk.state(ident)["status"] == "running"


def test_kill_reaches_a_created_container(husk, bundle):
    ident = husk.create(bundle)
    husk("kill", ident, "KILL", check=0)
    husk.finish(ident)


def test_kill_all_reaches_those_without_a_pid_namespace(husk, bundle):
    bundle.without_namespace("pid").sh("sleep 1000 & sleep 1000 & echo up; exit 0")
    ident = husk.started(bundle)
    husk.wait_status(ident, "stopped")
    assert len(json.loads(husk("ps", "--format", "json", ident, check=0).out)) == 2
    husk("kill", "--all", ident, "KILL", check=0)
    end = time.monotonic() + 5
    while json.loads(husk("ps", "--format", "json", ident, check=0).out):
        assert time.monotonic() < end
    husk("delete", ident, check=0)


def test_kill_and_delete_by_regular_expression(husk, bundle):
    idents = [husk.started(bundle) for _ in range(2)]
    husk("kill", "--regex", "^t", "KILL", check=0)
    for ident in idents:
        husk.wait_status(ident, "stopped")
    husk("delete", "--regex", "^t", check=0)
    assert json.loads(husk("list", "--format=json").out) == []


def test_delete_needs_a_stopped_or_created_container(husk, bundle):
    ident = husk.started(bundle)
    result = husk("delete", ident)
    assert result.code == STATE and "is not stopped: running" in result.err
    husk("pause", ident, check=0)
    assert husk("delete", ident).code == STATE
    husk("delete", "--force", ident, check=0)
    assert not (husk.root / ident).exists()
    husk("delete", husk.create(bundle), check=0)


def test_delete_force_that_cannot_look_into_the_cgroups_fails_and_can_be_repeated(husk, bundle, group):
    # the pids of the host: who is not init survives it
    bundle.linux["namespaces"] = [n for n in bundle.linux["namespaces"] if n["type"] != "pid"]
    ident = husk.started(bundle.sh("sleep 1000 & sleep 1000"))
    wait_for(lambda: len(json.loads(husk("ps", "--format", "json", ident, check=0).out)) >= 2)
    pids = json.loads(husk("ps", "--format", "json", ident, check=0).out)
    places = [f"{top}/{group}" for top in TOPS if os.path.exists(f"{top}/{group}")]
    powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if UID == 0 else []
    try:
        for place in places:
            os.chmod(place, 0)
        done = subprocess.run([*powerless, *husk.argv("delete", "--force", ident)], capture_output=True, text=True, timeout=60)
        assert done.returncode == SYSTEM and "permission denied" in done.stderr and "can be repeated" in done.stderr, done
        assert husk.state(ident)["status"] == "stopped"
        assert any(os.path.exists(f"/proc/{pid}") for pid in pids)
    finally:
        for place in places:
            os.chmod(place, 0o755)
    husk("delete", "--force", ident, check=0)
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))


def test_delete_force_of_a_running_container_frees_the_name_at_once(husk, bundle):
    bundle.args("/bin/sleep", "1000").write()
    ident = husk.new_id()
    for _ in range(5):
        subprocess.run(husk.argv("run", "-d", "--bundle", bundle.path, ident), stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True, timeout=30)
        husk("delete", "--force", ident, check=0)


def test_pause_resume_and_their_errors(husk, bundle):
    ident = husk.started(bundle)
    husk("pause", ident, check=0)
    assert husk.state(ident)["status"] == "paused"
    result = husk("exec", ident, "/bin/true")
    assert result.code == 255 and "cannot exec in a paused container" in result.err
    husk("resume", ident, check=0)
    result = husk("resume", ident)
    assert result.code == STATE and "container not paused" in result.err
    husk("pause", ident, check=0)
    husk("kill", ident, "KILL", check=0)
    husk.finish(ident)


def test_start_errors(husk, bundle):
    ident = husk.started(bundle)
    assert "cannot start an already running container" in husk("start", ident).err
    husk("kill", ident, "KILL", check=0)
    husk.wait_status(ident, "stopped")
    assert "cannot start a container that has stopped" in husk("start", ident).err
    assert "cannot exec in a stopped container" in husk("exec", ident, "/bin/true").err


def test_create_of_an_existing_id_changes_nothing(husk, bundle):
    ident = husk.started(bundle)
    result = husk("create", "--bundle", bundle.path, ident)
    assert result.code == STATE and "already exists" in result.err
    assert husk.state(ident)["status"] == "running"


@pytest.mark.parametrize("ident", ["../../x", "a/b", ".", "..", "-x", "a b", "a\nb", "x" * 256, ""])
def test_strange_ids_are_refused(husk, bundle, ident):
    bundle.write()
    assert husk("create", "--bundle", bundle.path, "--", ident).code == USAGE
    assert not husk.root.exists() or os.listdir(husk.root) == []


def test_exec_codes_and_environment(husk, bundle):
    ident = husk.started(bundle)
    assert husk("exec", ident, "/bin/sh", "-c", "exit 42").code == 42
    assert husk("exec", ident, "/bin/sh", "-c", "kill -9 $$").code == 128 + 9
    assert husk("exec", "-e", "A=B C", ident, "/bin/sh", "-c", "echo $A; echo $PATH").out.splitlines()[0] == "B C"
    assert husk("exec", "--cwd", "/tmp", ident, "pwd", check=0).out == "/tmp\n"
    assert husk("exec", "-u", "1000:2000", ident, "id", "-u", check=0).out == "1000\n"
    assert husk("exec", ident, "echo", "-t", "--detach", check=0).out == "-t --detach\n"


def test_exec_of_a_process_file(husk, bundle, tmp_path):
    ident = husk.started(bundle)
    process = dict(bundle.process, args=["/bin/sh", "-c", "id -u; pwd"], user={"uid": 7, "gid": 8}, cwd="/tmp")
    (tmp_path / "p.json").write_text(json.dumps(process))
    assert husk("exec", "--process", tmp_path / "p.json", ident, check=0).out == "7\n/tmp\n"
    process["oomScoreAdj"] = "much"
    (tmp_path / "p.json").write_text(json.dumps(process, indent=1))
    result = husk("exec", "--process", tmp_path / "p.json", ident)
    assert result.code == 255 and "oomScoreAdj" in result.err and "line" in result.err


def test_exec_forwards_signals(husk, bundle):
    ident = husk.started(bundle)
    p = husk.popen("exec", ident, "/bin/sleep", "1000")
    end = time.monotonic() + 5
    while len(json.loads(husk("ps", "--format", "json", ident, check=0).out)) < 2:
        assert time.monotonic() < end
    time.sleep(0.1)
    p.send_signal(signal.SIGTERM)
    assert p.wait(10) == 128 + 15


def test_run_does_not_wait_for_background_children(husk, bundle):
    began = time.monotonic()
    assert husk.run(bundle.sh("sleep 100 >/dev/null 2>&1 & exit 3"), check=3)
    assert time.monotonic() - began < 5


def test_run_keep_leaves_a_stopped_container(husk, bundle):
    bundle.args("/bin/true").write()
    ident = husk.new_id()
    husk("run", "--keep", "--bundle", bundle.path, ident, check=0)
    assert husk.state(ident)["status"] == "stopped"
    husk("delete", ident, check=0)


def test_update_reads_standard_input_and_ignores_devices(husk, bundle):
    ident = husk.started(bundle)
    text = json.dumps({"devices": [{"allow": False, "access": "rwm"}], "pids": {"limit": 77}})
    husk("update", "--resources=-", ident, stdin=text, check=0)
    husk("update", "--resources", "-", ident, stdin="{}", check=0)
    husk("exec", ident, "/bin/sh", "-c", "echo x > /dev/null", check=0)
    assert husk("update", "--resources", "-", ident, stdin="{").code == SPEC


def test_features_and_version(husk):
    features = json.loads(husk("features", check=0).out)
    assert "rro" in features["mountOptions"] and "user" in features["linux"]["namespaces"]
    lines = husk("--version", check=0).out.splitlines()
    assert re.fullmatch(r"husk version \S+", lines[0]) and lines[2] == "spec: 1.3.0"
    assert re.fullmatch(r"commit: ([0-9a-f]{40}(-dirty)?|unknown)", lines[1])
    assert features["annotations"]["husk.commit"] == lines[1].removeprefix("commit: ")


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_the_commit_is_that_of_git_in_a_clone_and_of_a_file_in_a_release(tmp_path):
    def git(*words):
        return subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e", *words], cwd=tmp_path, check=True,
                              capture_output=True, text=True, timeout=60).stdout.strip()

    def commit():
        return subprocess.run([script], check=True, capture_output=True, text=True, timeout=60, cwd="/").stdout

    script = tmp_path / "contrib/build/commit"
    script.parent.mkdir(parents=True)
    shutil.copy(pathlib.Path(__file__).parents[2] / "contrib/build/commit", script)
    assert commit() == "unknown\n"
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    assert commit() == git("rev-parse", "HEAD") + "\n"
    with open(script, "a") as f:
        f.write("\n")
    assert commit() == git("rev-parse", "HEAD") + "-dirty\n"
    (tmp_path / "commit").write_text("0123456789\n")
    assert commit() == "0123456789\n"


def test_spec_writes_a_bundle_that_runs(husk, bundle):
    husk("spec", "--bundle", bundle.path, check=0)
    bundle.config = json.loads((bundle.path / "config.json").read_text())
    bundle.process["terminal"] = False
    assert husk.out(bundle.sh("echo works")) == "works\n"
    assert husk("spec", "--bundle", bundle.path).code == USAGE, "an existing file is not overwritten"


def test_usage_errors(husk, bundle):
    assert husk("create", "--nosuchflag", "x").code == USAGE
    assert husk("nosuchcommand").code == 3
    assert husk("create").code == USAGE
    assert husk("state", "a", "b").code == USAGE
    for command in ("create", "run", "exec", "kill", "delete", "state", "list", "ps", "update", "spec", "features",
                    "checkpoint", "restore"):
        result = husk(command, "--help", check=0)
        assert "Usage: husk" in result.out and result.err == ""


@pytest.mark.skipif(os.path.isdir("/run/systemd/system"), reason="systemd runs here: see tests/vm")
def test_the_systemd_manager_is_refused_clearly_where_systemd_does_not_run(husk, bundle):
    bundle.write()
    result = husk("run", "--bundle", bundle.path, husk.new_id(), options=["--systemd-cgroup"])
    assert result.code == UNSUPPORTED and "systemd" in result.err


@pytest.mark.skipif(os.path.isdir("/run/systemd/system"), reason="systemd runs here: see tests/vm")
def test_delete_force_ends_what_has_begun_to_ask_for_a_systemd_that_is_not_there(husk, bundle):
    bundle.write()
    ident = husk.new_id()
    strace = ["strace", "-o", os.devnull, "-P", "/run/systemd/system", "-e", "trace=openat", "-e", "inject=openat:signal=KILL"]
    subprocess.run([*strace, *husk.argv("create", "--bundle", bundle.path, ident, options=["--systemd-cgroup"])], env=UNDER_STRACE,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    assert ".scope" in (husk.root / ident / "record.json").read_text()
    husk("delete", "--force", ident, check=0)


def test_nearly_no_environment_is_needed(husk, bundle):
    bundle.args("/bin/sleep", "100")
    ident = husk.started(bundle)
    for words in (["state"], ["pause"], ["resume"], ["kill"], ["delete", "--force"]):
        husk(*words, ident, env={"XDG_RUNTIME_DIR": ""}, check=0)


def test_pidfd_socket(husk, bundle, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "pidfd"))
        server.listen(1)
        ident = husk.create(bundle.args("/bin/sleep", "100"), "--pidfd-socket", tmp_path / "pidfd")
        connection, _ = server.accept()
        _, fds, _, _ = socket.recv_fds(connection, 100, 1)
    with open(f"/proc/self/fdinfo/{fds[0]}") as f:
        assert f"Pid:\t{husk.state(ident)['pid']}\n" in f.read()
    os.close(fds[0])


@pytest.mark.parametrize("kind", ["prestart", "createRuntime"])
def test_a_hanging_hook_does_not_block_state_and_delete(husk, bundle, tmp_path, kind):
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ncat > /dev/null\necho $$ > {tmp_path}/hook.pid\nexec sleep 1000\n")
    hook.chmod(0o755)
    bundle.config["hooks"] = {kind: [{"path": str(hook)}]}
    bundle.write()
    ident = husk.new_id()
    creating = husk.popen("create", "--bundle", bundle.path, ident, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 5
    while not (tmp_path / "hook.pid").exists() or not (tmp_path / "hook.pid").read_text().endswith("\n"):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert husk.state(ident)["status"] == "creating"
    assert "container not running" in husk("kill", ident).err
    husk("delete", "--force", ident, check=0, timeout=30)
    _, said = creating.communicate(timeout=10)
    assert creating.returncode != 0 and f"hooks.{kind}[0]" in said and "the process that it was for has ended" in said
    assert not os.path.exists(f"/proc/{int((tmp_path / 'hook.pid').read_text())}"), "the hook is gone as well"
    assert not (husk.root / ident).exists()


def test_a_create_killed_at_any_instant_can_be_deleted(husk, bundle):
    bundle.args("/bin/sleep", "1000").write()
    for step in range(40):
        ident = husk.new_id()
        p = husk.popen("create", "--bundle", bundle.path, ident, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        time.sleep(step * 0.0007)
        p.kill()
        p.wait()
        husk("delete", "--force", ident, check=0)
        assert not (husk.root / ident).exists()


def test_many_deletes_at_once_agree(husk, bundle):
    for _ in range(3):
        ident = husk.started(bundle)
        results = []
        threads = [threading.Thread(target=lambda: results.append(husk("delete", "--force", ident))) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert all(r.code == 0 and r.err == "" for r in results), results


def test_many_creates_of_one_id_have_one_winner(husk, bundle):
    bundle.args("/bin/sleep", "1000").write()
    ident = husk.new_id()
    ps = [husk.popen("create", "--bundle", bundle.path, ident, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                     stderr=subprocess.DEVNULL) for _ in range(6)]
    assert sorted(p.wait(30) for p in ps) == [0] + 5 * [STATE]
    assert husk.state(ident)["status"] == "created"
