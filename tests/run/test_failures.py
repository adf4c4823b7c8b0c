# SPDX-License-Identifier: Apache-2.0
"""How a failure is told to programs: the exit code of its class, and the object of --error-fd."""
import errno
import json
import os
import re
import pathlib
import signal
import subprocess

import pytest

from tests.conftest import BUG, EXEC_FAILED, NO_COMMAND, PEER, SPEC, STATE, SYSTEM, UNSUPPORTED, USAGE

CODES = pathlib.Path(__file__).parents[2] / "src/cli/codes.c"


def failing(husk, *words, options=(), env=None):
    """Runs a command that must fail: its exit code, and what came over --error-fd, which is one line."""
    r, w = os.pipe()
    try:
        result = husk(*words, options=["--error-fd", w, *options], pass_fds=[w], env=env)
        os.close(w)
        w = -1
        text = os.read(r, 1 << 16).decode()
        assert os.read(r, 1) == b""
    finally:
        for fd in (r, w):
            if fd >= 0:
                os.close(fd)
    assert result.code != 0, result
    assert text.endswith("\n") and text.count("\n") == 1, text
    told = json.loads(text)
    assert told["exitCode"] == result.code, told
    assert told["message"] in result.err
    return result, told


def line_of(bundle, word):
    lines = (bundle.path / "config.json").read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if word in line)


def test_a_wrong_value_of_the_configuration_is_told_with_its_path_and_place(husk, bundle):
    bundle.mount("/x", "/tmp", options=["bind", "nonsense"]).write()
    ident = husk.new_id()
    result, told = failing(husk, "create", "--bundle", bundle.path, ident)
    assert result.code == SPEC and told["kind"] == "spec" and told["command"] == "create"
    assert told["path"] == "mounts[6].options[1]"
    assert told["file"] == "config.json" and told["line"] == line_of(bundle, '"nonsense"') and told["column"] > 1
    assert "errno" not in told and "stage" not in told


def test_a_wrong_type_is_told_with_its_path_and_place(husk, bundle):
    bundle.config["process"]["cwd"] = 7
    bundle.write()
    result, told = failing(husk, "run", "--bundle", bundle.path, husk.new_id())
    assert result.code == SPEC
    assert (told["path"], told["line"]) == ("process.cwd", line_of(bundle, '"cwd": 7'))
    assert told["column"] > 1


def test_a_failure_of_init_is_told_with_its_stage_and_the_mount_that_it_was_about(husk, bundle):
    bundle.mount("/x", "nodev", kind="overlay", options=["lowerdir=/nowhere/at/all"]).write()
    result, told = failing(husk, "run", "--bundle", bundle.path, husk.new_id())
    assert result.code == SYSTEM and told["kind"] == "system"
    assert told["stage"] == "root file system"
    assert told["path"] == "mounts[6]" and told["line"] == line_of(bundle, '"destination": "/x"') - 1
    assert getattr(errno, told["errno"]["name"]) == told["errno"]["number"]
    assert os.strerror(told["errno"]["number"]).lower() in told["message"].lower()


def test_a_failure_behind_the_gate_is_told_with_its_stage(husk, bundle, tmp_path):
    bundle.config["hooks"] = {"startContainer": [{"path": "/bin/false"}]}
    ident = husk.create(bundle.args("/bin/true"))
    result, told = failing(husk, "start", ident)
    assert told["stage"] == "startContainer hooks" and told["command"] == "start"


def test_the_end_of_init_is_told_as_that_of_a_peer_with_its_stage(husk, bundle, tmp_path):
    """Its SIGKILL comes from a hook that it waits for."""
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\nkill -KILL $PPID\n")
    hook.chmod(0o755)
    bundle.config["hooks"] = {"createContainer": [{"path": str(hook)}]}
    bundle.without_namespace("pid").write()
    result, told = failing(husk, "create", "--bundle", bundle.path, husk.new_id())
    assert result.code == PEER and told["kind"] == "peer"
    assert told["stage"] == "createContainer hooks" and "SIGKILL" in told["message"]


def test_a_container_that_does_not_exist_is_a_matter_of_state(husk):
    for words in (["state", "x"], ["start", "x"], ["kill", "x"], ["delete", "x"], ["pause", "x"], ["resume", "x"]):
        result, told = failing(husk, *words)
        assert result.code == STATE and told["kind"] == "state" and told["command"] == words[0]


def test_a_wrong_command_line_is_told_even_when_a_global_option_is_wrong(husk):
    result, told = failing(husk, "create")
    assert result.code == USAGE and told["kind"] == "usage" and told["command"] == "create"
    result, told = failing(husk, "list", options=["--nosuchoption"])
    assert result.code == USAGE and told["kind"] == "usage"


def test_an_unknown_command_has_a_code_of_its_own_and_a_hint(husk):
    result, told = failing(husk, "nosuchcommand")
    assert result.code == NO_COMMAND and told["kind"] == "command" and "--help" in told["hint"]
    assert told["hint"] not in told["message"] and f"hint: {told['hint']}" in result.err
    for about in ("help", "man"):
        result, told = failing(husk, about, "nosuchcommand")
        assert result.code == NO_COMMAND and told["kind"] == "command" and "--help" in told["hint"]


@pytest.mark.skipif(os.path.isdir("/run/systemd/system"), reason="systemd runs here")
def test_what_husk_cannot_do_is_unsupported(husk, bundle):
    bundle.write()
    result, told = failing(husk, "run", "--bundle", bundle.path, husk.new_id(), options=["--systemd-cgroup"])
    assert result.code == UNSUPPORTED and told["kind"] == "unsupported"


def test_exec_says_255_whatever_the_kind_of_failure(husk, bundle):
    ident = husk.started(bundle)
    for words, kind in ((["exec", "nosuch", "true"], "state"), (["exec", ident, "/nosuch"], None),
                        (["exec", ident], "usage"), (["exec", "--nosuchoption", ident, "true"], "usage")):
        result, told = failing(husk, *words)
        assert result.code == EXEC_FAILED and kind in (told["kind"], None)


def test_a_failing_exec_is_told_with_its_stage(husk, bundle):
    ident = husk.started(bundle)
    _, told = failing(husk, "exec", ident, "/nosuch")
    assert told["stage"] == "find program" and told["errno"]["name"] == "ENOENT"


def test_a_wrong_process_file_is_told_with_its_place_in_that_file(husk, bundle, tmp_path):
    ident = husk.started(bundle)
    file = tmp_path / "process.json"
    file.write_text(json.dumps({"args": ["true"], "cwd": "/", "user": {"uid": 0, "gid": 0},
                                "capabilities": {"bounding": ["CAP_NOSUCH"]}, "rlimits": [{"type": "NONE"}]}, indent=1))
    _, told = failing(husk, "exec", "--process", file, ident)
    assert told["kind"] == "spec" and told["file"] == str(file) and told["line"] > 1
    assert told["path"].startswith(("rlimits[0]", "capabilities.bounding"))


def test_nothing_is_written_on_success_and_the_container_does_not_get_the_descriptor(husk, bundle):
    r, w = os.pipe()
    try:
        bundle.sh("ls -l /proc/self/fd; exit 3").write()
        result = husk("run", "--bundle", bundle.path, husk.new_id(), options=["--error-fd", w], pass_fds=[w])
        os.close(w)
        assert os.read(r, 1) == b"", "the exit code of the container's process is no failure"
    finally:
        os.close(r)
    assert result.code == 3
    assert "pipe" not in "".join(line for line in result.out.splitlines() if not re.search(r" [012] ->", line))


def test_a_descriptor_that_is_not_open_or_cannot_be_written_is_a_usage_error(husk):
    result = husk("list", options=["--error-fd", 300])
    assert result.code == USAGE and "--error-fd" in result.err
    with open("/dev/null") as f:
        result = husk("list", options=["--error-fd", f.fileno()], pass_fds=[f.fileno()])
    assert result.code == USAGE and "--error-fd" in result.err
    assert husk("list", options=["--error-fd", "x"]).code == USAGE


def test_a_descriptor_that_is_passed_on_to_the_container_is_refused(husk, bundle):
    bundle.write()
    code, told = failing_at(husk, 3, "run", "--preserve-fds", 1, "--bundle", bundle.path, husk.new_id())
    assert code == told["exitCode"] == USAGE and "--preserve-fds" in told["message"]


def failing_at(husk, number, *words):
    """The same with the descriptor NUMBER."""
    r, w = os.pipe()
    try:
        done = subprocess.run(husk.argv(*words, options=["--error-fd", number]), stdin=subprocess.DEVNULL, capture_output=True,
                              close_fds=False, timeout=60, preexec_fn=lambda: os.dup2(w, number, inheritable=True))
    finally:
        os.close(w)
    with os.fdopen(r) as f:
        return done.returncode, json.loads(f.read())


def test_preserved_descriptors_and_the_error_descriptor_live_side_by_side(husk, bundle, tmp_path):
    bundle.sh("cat <&3").write()
    kept = tmp_path / "kept"
    kept.write_text("kept\n")
    argv = husk.argv("run", "--preserve-fds", 1, "--bundle", bundle.path, husk.new_id(), options=["--error-fd", 4])
    done = subprocess.run(["/bin/sh", "-c", 'exec "$@" 3<"$KEPT" 4>&2', "sh", *argv], env={"KEPT": str(kept)},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "kept\n", "")


def test_a_reader_that_is_gone_does_not_change_the_exit_code(husk):
    r, w = os.pipe()
    os.close(r)
    done = subprocess.run(husk.argv("state", "x", options=["--error-fd", w]), pass_fds=[w], capture_output=True, timeout=60,
                          preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
    os.close(w)
    assert done.returncode == STATE


def test_hostile_text_stays_one_line_of_json(husk):
    result, told = failing(husk, "bad\"\n\x1b[31m\\\udcff")
    assert "bad" in told["message"] and "\n" not in told["message"]


def test_each_class_of_errors_has_one_code_that_no_other_has():
    rows = re.findall(r"\{ (EXIT_\w+), (ERR_\w+), \"(\w+)\"", CODES.read_text())
    kinds = re.findall(r"\t(ERR_\w+)[,;]", (CODES.parents[1] / "base/err.h").read_text())
    assert len({code for code, _, _ in rows}) == len(rows) == len({name for _, _, name in rows})
    assert sorted(kind for _, kind, _ in rows if kind != "ERR_NONE") == sorted(set(kinds) - {"ERR_NONE"})
    assert BUG == 8
