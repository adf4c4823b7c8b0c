# SPDX-License-Identifier: Apache-2.0
"""Hooks: when each kind runs, where, with what, and what its failure does."""
import json
import os
import subprocess
import time

import pytest

from tests.conftest import wait_for
from tests.user import needs_root

HOST = ("prestart", "createRuntime", "poststart", "poststop")
INSIDE = ("createContainer", "startContainer")


def hook(script, **more):
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"], **more}


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "hooks.log"
    path.write_text("")
    return path


def write_state(kind, log):
    return hook(f"(echo '{kind}'; cat) | tr '\\n' ' ' >> {log}; echo >> {log}")


def states(log):
    return [(line.split(" ", 1)[0], json.loads(line.split(" ", 1)[1])) for line in log.read_text().splitlines()]


def with_all_kinds(bundle, log, make):
    """startContainer's path resolves inside: the log is mounted at the same place there."""
    bundle.config["hooks"] = {kind: [make(kind)] for kind in HOST + INSIDE}
    bundle.mount(str(log), log)
    return bundle


def test_all_kinds_run_in_the_order_of_the_specification(husk, bundle, log):
    with_all_kinds(bundle, log, lambda kind: hook(f"echo {kind} >> {log}"))
    bundle.args("/bin/sleep", "1000")
    ident = husk.create(bundle)
    assert log.read_text().split() == ["prestart", "createRuntime", "createContainer"]
    husk("start", ident, check=0)
    assert log.read_text().split()[3:] == ["startContainer", "poststart"]
    husk("delete", "--force", ident, check=0)
    assert log.read_text().split()[5:] == ["poststop"]


def test_hooks_of_a_kind_run_in_their_order(husk, bundle, log):
    bundle.config["hooks"] = {"createRuntime": [hook(f"echo {i} >> {log}") for i in range(5)]}
    husk.run(bundle)
    assert log.read_text().split() == list("01234")


def test_hooks_get_the_state_with_status_and_pid(husk, bundle, log):
    with_all_kinds(bundle, log, lambda kind: write_state(kind, log))
    bundle.config["annotations"] = {"org.example.key": 'a "quoted" value', "pid": '"pid":7'}
    bundle.args("/bin/sleep", "1000")
    ident = husk.create(bundle)
    pid = husk.state(ident)["pid"]
    husk("start", ident, check=0)
    husk("delete", "--force", ident, check=0)
    got = dict(states(log))
    assert {k: v["status"] for k, v in got.items()} == {
        "prestart": "creating", "createRuntime": "creating", "createContainer": "creating",
        "startContainer": "created", "poststart": "running", "poststop": "stopped"}
    for kind, state in got.items():
        assert state["id"] == ident
        assert state["bundle"] == str(bundle.path)
        assert state["annotations"] == bundle.config["annotations"]
        assert state["ociVersion"].startswith("1.")
    assert got["prestart"]["pid"] == got["createRuntime"]["pid"] == got["poststart"]["pid"] == pid
    assert got["createContainer"]["pid"] == got["startContainer"]["pid"] == 1


def test_runtime_hooks_run_on_the_host_and_container_hooks_inside(husk, bundle, log):
    with_all_kinds(bundle, log, lambda kind: hook(
        f"echo {kind} $(readlink /proc/self/ns/uts) $(readlink /proc/self/ns/mnt) >> {log}",
        env=["PATH=/usr/bin:/bin"]))
    husk.run(bundle)
    host = os.readlink("/proc/self/ns/uts")
    for line in log.read_text().splitlines():
        kind, uts, mnt = line.split()
        assert (uts == host) == (kind in HOST), line
        assert (mnt == os.readlink("/proc/self/ns/mnt")) == (kind in HOST), line


def test_createcontainer_runs_before_and_startcontainer_after_the_root_is_entered(husk, bundle, log, tmp_path):
    bundle.config["hooks"] = {"createContainer": [hook(f"ls -d {bundle.rootfs}/bin/busybox >> {log}")],
                              "startContainer": [hook(f"ls -d {bundle.rootfs} 2>/dev/null; echo $0 $(ls /) > {log}")]}
    bundle.mount(str(log), log)
    husk.run(bundle)
    assert log.read_text().split()[0] == "sh" and "bin" in log.read_text().split()


def test_the_working_directory_is_the_bundle_and_inside_the_root(husk, bundle, log):
    with_all_kinds(bundle, log, lambda kind: hook(f"echo {kind} $(pwd) >> {log}"))
    husk.run(bundle)
    for line in log.read_text().splitlines():
        kind, cwd = line.split()
        assert cwd == ("/" if kind == "startContainer" else str(bundle.path)), line


def test_a_hook_without_env_has_none(husk, bundle, log):
    """The environment of the caller, or of the image, in a hook was CVE-2025-23266."""
    bundle.process["env"] = ["LD_PRELOAD=/evil.so", "PATH=/bin"]
    shell = lambda kind: {"path": "/bin/sh", "args": ["sh", "-c", f"read -r x < /proc/self/environ; "
                                                      f"echo {kind} ${{LD_PRELOAD-none}} ${{SECRET-none}} >> {log}"]}
    with_all_kinds(bundle, log, shell)
    husk.run(bundle, env={"SECRET": "1", "PATH": "/bin"})
    assert sorted(log.read_text().splitlines()) == sorted(f"{k} none none" for k in HOST + INSIDE)


def test_args_and_env_are_exactly_those_of_the_config(husk, bundle, log):
    bundle.config["hooks"] = {"createRuntime": [{
        "path": "/bin/sh", "args": ["zero", "-c", f'echo "$0|$1|$2|$X|$(env | wc -l)" > {log}', "a b", ""],
        "env": ["X=y z", "PATH=/usr/bin:/bin"]}]}
    husk.run(bundle)
    zero, one, two, x, _ = log.read_text().strip().split("|")
    assert (zero, one, two, x) == ("a b", "", "", "y z")


def test_hooks_have_no_descriptor_of_ours(husk, bundle, log):
    script = ("n=; for i in 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
              "test -e /proc/$$/fd/$i && n=\"$n $i\"; done; echo KIND$n >> LOG")
    with_all_kinds(bundle, log, lambda kind: hook(script.replace("KIND", kind).replace("LOG", str(log))))
    husk.run(bundle)
    assert sorted(log.read_text().splitlines()) == sorted(HOST + INSIDE)


@pytest.mark.parametrize("kind", ("prestart", "createRuntime", "createContainer"))
def test_a_failing_create_hook_fails_create_and_runs_poststop(husk, bundle, log, kind):
    bundle.config["hooks"] = {kind: [hook("echo the reason >&2; exit 7"), hook(f"echo never >> {log}")],
                              "poststop": [hook(f"echo poststop >> {log}")]}
    bundle.write()
    result = husk("create", "--bundle", bundle.path, husk.new_id())
    assert result.code != 0
    assert f"hooks.{kind}[0]" in result.err and "exited with 7: the reason" in result.err, result
    assert log.read_text().split() == ["poststop"]
    assert not (husk.root / husk.ids[-1]).exists()


def test_a_failing_startcontainer_hook_fails_start_and_the_program_never_runs(husk, bundle, log):
    bundle.config["hooks"] = {"startContainer": [hook("exit 7")], "poststop": [hook(f"echo poststop >> {log}")]}
    bundle.mount(str(log), log).sh(f"echo ran >> {log}")
    ident = husk.create(bundle)
    result = husk("start", ident)
    assert result.code != 0 and "hooks.startContainer[0]" in result.err, result
    husk("delete", "--force", ident, check=0)
    assert log.read_text().split() == ["poststop"]


def test_a_failing_poststart_hook_stops_the_container(husk, bundle, log):
    """runtime.md, step 9: an error, and the life goes on at step 12."""
    bundle.config["hooks"] = {"poststart": [hook("exit 7")], "poststop": [hook(f"echo poststop >> {log}")]}
    bundle.args("/bin/sleep", "1000")
    ident = husk.create(bundle)
    pid = husk.state(ident)["pid"]
    result = husk("start", ident)
    assert result.code != 0 and "hooks.poststart[0]" in result.err, result
    for _ in range(100):
        if not os.path.exists(f"/proc/{pid}") or " Z " in open(f"/proc/{pid}/stat").read():
            break
        time.sleep(0.02)
    else:
        raise AssertionError("the container still runs")
    husk("delete", "--force", ident, check=0)
    assert log.read_text().split() == ["poststop"]


def test_failing_poststop_hooks_are_warned_about_and_the_rest_runs(husk, bundle, log):
    bundle.config["hooks"] = {"poststop": [hook("exit 1"), hook(f"echo second >> {log}"), hook("exit 3"),
                                           hook(f"echo fourth >> {log}")]}
    ident = husk.create(bundle)
    husk("delete", "--force", ident, check=0)
    assert log.read_text().split() == ["second", "fourth"]


@pytest.mark.parametrize("kind", ("createRuntime", "createContainer", "startContainer"))
def test_a_hook_that_takes_too_long_is_killed_with_its_children(husk, bundle, log, kind):
    bundle.config["hooks"] = {kind: [hook(f"(sleep 3; echo survived >> {log}) & sleep 60", timeout=1)]}
    bundle.mount(str(log), log)
    begin = time.monotonic()
    result = husk.refuse(bundle, f"hooks.{kind}[0]", "did not end within 1 second")
    assert time.monotonic() - begin < 20, result
    time.sleep(2.5)
    assert log.read_text() == ""


def test_a_missing_hook_is_not_reported_as_a_missing_command(husk, bundle):
    """Engines search for these words to say that the container's command is missing (exit code 127)."""
    bundle.config["hooks"] = {"createRuntime": [{"path": "/no/such/hook"}]}
    result = husk.refuse(bundle, "hooks.createRuntime[0]", '"/no/such/hook"')
    assert "no such file" not in result.err.lower() and "not found" not in result.err.lower()


def test_the_state_may_be_larger_than_a_pipe(husk, bundle, log):
    bundle.config["annotations"] = {f"key{i}": "x" * 1000 for i in range(300)}
    bundle.config["hooks"] = {"createRuntime": [hook(f"wc -c >> {log}")], "createContainer": [hook(f"wc -c >> {log}")],
                              "prestart": [hook("exit 0")]}
    husk.run(bundle)
    assert all(int(n) > 300000 for n in log.read_text().split()) and len(log.read_text().split()) == 2


def test_what_hooks_print_is_not_the_output_of_the_command(husk, bundle):
    bundle.config["hooks"] = {k: [hook("echo chatter; echo noise >&2")] for k in ("prestart", "createContainer")}
    result = husk.run(bundle.args("/bin/echo", "hello"))
    assert (result.out, result.err) == ("hello\n", "")


@needs_root("namespaces of a process that nobody may trace")
def test_createruntime_hooks_see_the_network_namespace_of_the_container(husk, bundle, log):
    bundle.config["hooks"] = {"createRuntime": [hook(
        "pid=$(sed 's/.*\"pid\"[: ]*\\([0-9]*\\).*/\\1/'); readlink /proc/$pid/ns/net > " + str(log))]}
    out = husk.out(bundle.sh("readlink /proc/self/ns/net"))
    assert out == log.read_text()
    assert out.strip() != os.readlink("/proc/self/ns/net")


@pytest.mark.parametrize("kind", HOST[:3] + INSIDE)
def test_the_log_tells_which_hook_is_waited_for(husk, bundle, log, kind):
    """A hook without a timeout may hang, and holds the command as long as it likes."""
    bundle.mount(str(log), log)
    bundle.config["hooks"] = {kind: [hook("exit 0"), hook(f"until [ -s {log} ]; do sleep 0.02; done")]}
    bundle.write()
    lines = log.with_name("husk.log")
    p = husk.popen("run", "--detach", "--bundle", bundle.path, husk.new_id(), options=["--log", lines, "--log-level", "info"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: lines.exists() and f"hooks.{kind}[1]: waiting for" in lines.read_text())
        assert p.poll() is None
    finally:
        log.write_text("go on")
    assert p.wait(20) == 0


def test_start_tells_that_hooks_in_the_container_are_waited_for(husk, bundle, log):
    bundle.config["hooks"] = {"startContainer": [hook("exit 0")]}
    ident = husk.create(bundle.args("/bin/sleep", "1000"))
    result = husk("start", ident, options=["--log-level", "info", "--log", log], check=0)
    assert "hooks.startContainer: waiting" in log.read_text() and not result.err
