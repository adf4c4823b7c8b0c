# SPDX-License-Identifier: Apache-2.0
"""checkpoint and restore as far as no CRIU is needed: what is refused, and with which words.  The rest: tests/vm/test_checkpoint.py."""
import json
import os
import shutil
import socket
import subprocess

import pytest

from tests.conftest import PEER, STATE, SYSTEM, UNSUPPORTED, USAGE, wait_for
from tests.groups import TOPS
from tests.user import needs_root

HAS_CRIU = bool(shutil.which("criu", path=os.environ["PATH"] + ":/usr/local/sbin:/usr/sbin:/sbin"))

CHECKPOINT = ["--image-path", "i", "--work-path", "w", "--parent-path", "../p", "--leave-running", "--leave-running", "--tcp-established",
              "--tcp-skip-in-flight", "--link-remap", "--ext-unix-sk", "--shell-job", "--file-locks", "--pre-dump",
              "--page-server", "[::1]:27", "--empty-ns", "network", "--auto-dedup", "--manage-cgroups-mode", "soft",
              "--network-lock", "skip"]
RESTORE = ["--image-path", "i", "--work-path", "w", "--pid-file", "p", "--detach", "-d", "--tcp-established", "--tcp-close", "--ext-unix-sk",
           "--shell-job", "--file-locks", "--manage-cgroups-mode", "ignore", "--lsm-profile", "selinux:a:b:c", "--lsm-mount-context=x",
           "--no-pivot", "-no-subreaper", "--no-subreaper", "--empty-ns=network", "--auto-dedup", "--lazy-pages", "--console-socket", "s"]


def refused(husk, *words, code=USAGE):
    result = husk(*words)
    assert result.code == code and result.out == "" and len(result.err.splitlines()) == 1, result
    return result.err


def test_the_options_of_the_others_are_understood(husk, tmp_path):
    assert "container does not exist" in refused(husk, "checkpoint", *CHECKPOINT, "x", code=STATE)
    assert "container does not exist" in refused(husk, "checkpoint", "--lazy-pages", "--page-server=a:1", "--status-fd", "1", "x", code=STATE)
    assert str(tmp_path) in refused(husk, "restore", *RESTORE, "--bundle", tmp_path, "x", code=SYSTEM)
    assert str(tmp_path) in refused(husk, "restore", *RESTORE, "-b", tmp_path, "x", code=SYSTEM)


@pytest.mark.parametrize("words, why", [
    (["checkpoint", "--manage-cgroups-mode", "hard"], '"hard"'), (["restore", "--manage-cgroups-mode", ""], '""'),
    (["checkpoint", "--network-lock", "ebpf"], '"ebpf"'), (["checkpoint", "--empty-ns", "ipc"], '"ipc"'),
    (["restore", "--empty-ns", "net"], '"net"'), (["checkpoint", "--page-server", "27"], '"27"'),
    (["checkpoint", "--page-server", ":27"], '":27"'), (["checkpoint", "--page-server", "a:0"], '"a:0"'),
    (["checkpoint", "--page-server", "a:65536"], '"a:65536"'), (["checkpoint", "--status-fd", "77"], "77"),
    (["checkpoint", "--status-fd", "x"], '"x"'), (["checkpoint", "--lazy-pages"], "--page-server"),
    (["checkpoint", "--lazy-pages", "--page-server", "a:1", "--pre-dump"], "--pre-dump"),
    (["restore", "--lsm-profile", "label"], '"label"')])
def test_wrong_values_are_refused_by_name(husk, words, why):
    message = refused(husk, *words, "x")
    assert words[1] in message and why in message


def test_podman_finds_out_what_is_supported(husk):
    assert "--leave-running" in husk("checkpoint", "--help", check=0).out
    assert "requires an argument" in husk("restore", "--lsm-mount-context").err


def test_only_what_runs_can_be_checkpointed(husk, bundle, tmp_path):
    bundle.args("/bin/true")
    ident = husk.create(bundle)
    message = refused(husk, "checkpoint", "--image-path", tmp_path / "images", ident, code=STATE)
    assert "container not running" in message and "started" in message
    husk("start", ident, check=0)
    husk.wait_status(ident, "stopped")
    assert "container not running" in refused(husk, "checkpoint", "--image-path", tmp_path / "images", ident, code=STATE)
    assert not (tmp_path / "images").exists()


def test_what_criu_could_not_bring_back_is_refused_while_it_runs_on(husk, bundle, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    mount = {"destination": "/mnt", "type": "bind", "source": str(source), "options": ["bind"],
             "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}], "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}]}
    bundle.config["mounts"].append(mount)
    try:
        ident = husk.started(bundle)
    except AssertionError as why:
        pytest.skip(f"no idmapped mounts here: {why}")
    message = refused(husk, "checkpoint", "--image-path", tmp_path / "images", ident, code=UNSUPPORTED)
    assert f"mounts[{len(bundle.config['mounts']) - 1}]" in message and "idmapped" in message
    assert husk.state(ident)["status"] == "running"


def test_a_mount_that_came_later_is_refused(husk, bundle, tmp_path):
    ident = husk.started(bundle)
    (tmp_path / "mounts.json").write_text('[{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]')
    husk("mounts", "add", ident, tmp_path / "mounts.json", check=0)
    assert '"/tmp"' in refused(husk, "checkpoint", ident, code=UNSUPPORTED)
    assert husk.state(ident)["status"] == "running"


@needs_root("CRIU")
def test_a_filter_that_asks_an_agent_is_refused(husk, bundle, tmp_path):
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))
        agent.listen()
        bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": str(tmp_path / "agent"),
                                   "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_NOTIFY"}]}
        ident = husk.started(bundle)
        assert "linux.seccomp" in refused(husk, "checkpoint", "--image-path", tmp_path / "images", ident, code=UNSUPPORTED)
        assert "linux.seccomp" in refused(husk, "restore", "--bundle", bundle.path, husk.new_id(), code=UNSUPPORTED)
        assert husk.state(ident)["status"] == "running" and not (tmp_path / "images").exists()


@needs_root("CRIU")
def test_a_mount_namespace_that_was_joined_is_refused(husk, bundle, tmp_path):
    ident = husk.started(bundle)
    bundle.namespaces("pid", "network", "ipc", "uts", mount=f"/proc/{husk.state(ident)['pid']}/ns/mnt").write()
    message = refused(husk, "restore", "--bundle", bundle.path, husk.new_id(), code=UNSUPPORTED)
    assert "linux.namespaces[4]" in message and "mount namespace" in message


# A program of CRIU's name: it hears the first question, gives its ANSWER and ends.
STRANGER = """
#include <unistd.h>

int main(void)
{
	static const char answer[] = { ANSWER };
	char question[4096];

	if (read(3, question, sizeof(question)) > 0 && sizeof(answer) > 1)
		(void)!write(3, answer, sizeof(answer) - 1);
	return 3;
}
"""


@needs_root("CRIU")
@pytest.mark.parametrize("answer, code, why", [
    ("8, 10, 16, 1, 0x52, 4, 8, 3, 16, 14, 0", UNSUPPORTED, "criu is too old: it is 3.14"),
    ("8, 10, 16, 1, 0x52, 4, 8, 2, 16, 99, 0", UNSUPPORTED, "criu is too old: it is 2.99"),
    ("8, 0, 16, 0, 0", UNSUPPORTED, "criu is too old: it does not tell its version"),
    ("-1, -1, -1, -1, 0", UNSUPPORTED, "criu is too old: it does not tell its version"),
    ("0", PEER, "criu exited with 3 before it had answered"),
    ("8, 10, 16, 1, 0x52, 4, 8, 4, 16, 2, 0", PEER, "criu exited with 3 before it had answered")],
    ids=["3.14", "2.99", "no-version", "no-message", "silent", "ends"])
def test_a_criu_that_cannot_do_it_is_refused_while_it_runs_on(husk, bundle, tmp_path, group, answer, code, why):
    (tmp_path / "bin").mkdir()
    (tmp_path / "criu.c").write_text(STRANGER.replace("ANSWER", answer))
    subprocess.run([shutil.which("musl-gcc") or "cc", "-static", "-o", tmp_path / "bin/criu", tmp_path / "criu.c"], check=True)
    env = dict(os.environ, PATH=f"{tmp_path}/bin:{os.environ['PATH']}")
    ident = husk.started(bundle)
    result = husk("checkpoint", "--image-path", tmp_path / "images", ident, env=env)
    assert result.code == code and why in result.err and len(result.err.splitlines()) == 1, result
    if code == PEER:
        assert f'(see "{tmp_path}/images/dump.log")' in result.err
    assert husk.state(ident)["status"] == "running"
    husk("delete", "--force", ident, check=0)
    (tmp_path / "images/descriptors.json").write_text('["", "", "", ""]')
    result = husk("restore", "--image-path", tmp_path / "images", "--bundle", bundle.path, ident, env=env)
    assert result.code == code and why in result.err, result
    assert not (husk.root / ident).exists() and not [t for t in TOPS if os.path.exists(f"{t}/{group}")]


# Holds the processes in its hands, as CRIU does, and waits for something that does not come.
HOLDER = """
#include <fcntl.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(void)
{
	static const char version[] = { 8, 10, 16, 1, 0x52, 4, 8, 4, 16, 2 };
	char question[65536];

	if (read(3, question, sizeof(question)) <= 0 || write(3, version, sizeof(version)) <= 0 ||
	    read(3, question, sizeof(question)) <= 0 ||
	    ptrace(PTRACE_SEIZE, INIT, 0, 0) || ptrace(PTRACE_SEIZE, OTHER, 0, 0))
		return 3;
	close(creat(DONE, 0600));
	for (;;)
		pause();
}
"""


@needs_root("CRIU")
def test_a_checkpoint_ends_a_criu_that_does_not_see_that_the_container_is_killed(husk, bundle, tmp_path):
    ident = husk.started(bundle.sh("sleep 1000 & exec sleep 1000"))
    init = husk.state(ident)["pid"]

    def others():
        return set(json.loads(husk("ps", "--format", "json", ident, check=0).out)) - {init}

    wait_for(others)
    (tmp_path / "bin").mkdir()
    (tmp_path / "criu.c").write_text(HOLDER)
    subprocess.run([shutil.which("musl-gcc") or "cc", "-static", f"-DINIT={init}", f"-DOTHER={others().pop()}", f'-DDONE="{tmp_path}/seized"',
                    "-o", tmp_path / "bin/criu", tmp_path / "criu.c"], check=True)
    env = dict(os.environ, PATH=f"{tmp_path}/bin:{os.environ['PATH']}")
    with husk.popen("checkpoint", "--image-path", tmp_path / "images", ident, env=env, stderr=subprocess.PIPE, text=True) as checkpoint:
        try:
            wait_for(lambda: (tmp_path / "seized").exists() or checkpoint.poll() is not None)
            husk("kill", ident, "KILL", check=0)
            err = checkpoint.communicate(timeout=60)[1]
        finally:
            checkpoint.kill()
    assert checkpoint.returncode == PEER and "the images are not complete" in err and f'(see "{tmp_path}/images/dump.log")' in err
    husk.wait_status(ident, "stopped")


@needs_root("CRIU")
def test_a_criu_that_is_no_program_is_told(husk, bundle, tmp_path):
    (tmp_path / "criu").write_text("text")
    (tmp_path / "criu").chmod(0o755)
    ident = husk.started(bundle)
    result = husk("checkpoint", "--image-path", tmp_path / "images", ident, env=dict(os.environ, PATH=str(tmp_path)))
    assert result.code == SYSTEM and "criu" in result.err and "exec format error" in result.err.lower(), result
    assert husk.state(ident)["status"] == "running"


@pytest.mark.skipif(HAS_CRIU, reason="criu is installed")
def test_without_criu_it_is_said_what_is_missing(husk, bundle, tmp_path):
    ident = husk.started(bundle)
    message = refused(husk, "checkpoint", "--image-path", tmp_path / "images", ident, code=UNSUPPORTED)
    assert "criu is not installed" in message
    assert husk.state(ident)["status"] == "running" and not (tmp_path / "images").exists()
    other = husk.new_id()
    assert "criu is not installed" in refused(husk, "restore", "--bundle", bundle.path, other, code=UNSUPPORTED)
    assert not (husk.root / other).exists()


def test_a_failed_restore_leaves_nothing(husk, bundle, group, tmp_path):
    bundle.write()
    ident = husk.new_id()
    result = husk("restore", "--bundle", bundle.path, "--image-path", tmp_path / "nowhere", ident)
    assert result.code in (SYSTEM, UNSUPPORTED) and ("nowhere" in result.err or "criu" in result.err), result
    assert not (husk.root / ident).exists() and not [t for t in TOPS if os.path.exists(f"{t}/{group}")]
    assert "already exists" not in husk("restore", "--bundle", bundle.path, ident).err


def test_a_container_that_is_there_is_not_restored_over(husk, bundle):
    ident = husk.started(bundle)
    assert "already exists" in refused(husk, "restore", "--bundle", bundle.path, ident, code=STATE)
    assert husk.state(ident)["status"] == "running"


def test_a_wrong_configuration_is_told_before_anything_is_made(husk, bundle):
    bundle.config["mounts"].append({"destination": "relative", "type": "tmpfs", "source": "tmpfs", "options": ["nosuch=option=x", "bind"]})
    bundle.write()
    ident = husk.new_id()
    assert "mounts[" in refused(husk, "restore", "--bundle", bundle.path, ident, code=4)
    assert not (husk.root / ident).exists()
