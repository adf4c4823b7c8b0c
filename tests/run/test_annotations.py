# SPDX-License-Identifier: Apache-2.0
"""Annotations that change what husk does: each in the meaning that other runtimes give it, and none that is malformed."""
import base64
import json
import os
import pathlib
import socket
import struct
import threading
import time

import pytest

from tests.groups import V2, read
from tests.user import ROOT, needs_root

UNSAFE = ["run.oci.hooks.stderr", "run.oci.hooks.stdout", "run.oci.keep_original_groups", "run.oci.mount_context_type",
          "run.oci.pidfd_receiver", "run.oci.seccomp.receiver", "run.oci.seccomp_bpf_data",
          "run.oci.systemd.force_cgroup_v1", "org.systemd.property.", "org.criu.config"]


def note(bundle, key, value):
    bundle.config.setdefault("annotations", {})["run.oci." + key] = value
    return bundle


def test_features_lists_what_strangers_could_do_harm_with(husk):
    assert json.loads(husk("features", check=0).out)["potentiallyUnsafeConfigAnnotations"] == UNSAFE


@pytest.mark.parametrize("key, value, why", [
    ("keep_original_groups", "maybe", "neither 1 nor 0"), ("keep_original_groups", "", "neither 1 nor 0"),
    ("seccomp_fail_unknown_syscall", "yes", "neither 1 nor 0"),
    ("pidfd_receiver", "relative", "absolute"), ("seccomp.receiver", "", "absolute"),
    ("mount_context_type", "context,uid=0", "neither context"), ("mount_context_type", "", "neither context"),
    ("hooks.stdout", "out", "absolute"), ("hooks.stderr", "", "absolute"),
    ("systemd.subgroup", "../other", "no path beneath"), ("systemd.subgroup", "/x", "no path beneath"),
    ("systemd.force_cgroup_v1", "x", "absolute"), ("systemd.force_cgroup_v1", "/no/mount/here", "nothing is mounted"),
    ("seccomp_bpf_data", "", "empty"), ("seccomp_bpf_data", "###", "not base64"), ("seccomp_bpf_data", "AAAA", "instructions"),
    ("handler", "krun", "no handler"), ("handler", "", "no handler"),
    ("delegate-cgroup", "a/../../b", "no path beneath"), ("delegate-cgroup", "/x", "no path beneath"),
    ("seccomp.plugins", "/a.so", "does not do")])
def test_what_is_malformed_or_not_done_is_refused_by_name_and_line(husk, bundle, key, value, why):
    result = husk.refuse(note(bundle, key, value), f'annotations["run.oci.{key}"]', why)
    assert result.code in (4, 6)


@pytest.mark.parametrize("key, value", [
    ("run.oci.unknown", "x"), ("org.systemd.property.KillSignal", "15"), ("org.systemd.property.TimeoutStopUSec", "uint64 1"),
    ("org.criu.config", "/etc/criu/x.conf"), ("bundle", "/elsewhere"), ("io.podman.annotations.init", "TRUE"),
    ("run.oci.systemd.subgroup", ""), ("run.oci.systemd.subgroup", "container"), ("run.oci.delegate-cgroup", "")])
def test_what_means_nothing_here_is_only_shown_by_state(husk, bundle, key, value):
    """config.md: no error for a key that is not known. systemd's and CRIU's are theirs, whose help nobody asked for."""
    bundle.config["annotations"] = {key: value}
    ident = husk.started(bundle)
    assert husk.state(ident)["annotations"] == {key: value}
    assert husk.state(ident)["bundle"] == str(bundle.path)


# ---- cgroups beneath ---------------------------------------------------------------------------------------------------

@pytest.mark.skipif(V2, reason="needs cgroup v1")
def test_a_cgroup_of_v1_is_not_delegated(husk, bundle):
    husk.refuse(note(bundle, "delegate-cgroup", "x"), 'annotations["run.oci.delegate-cgroup"]: "x"', "only a cgroup of v2")


def test_where_there_is_no_cgroup_none_is_delegated(husk, bundle):
    note(bundle, "delegate-cgroup", "x").write()
    result = husk("--cgroup-manager=disabled", "run", "--bundle", bundle.path, husk.new_id())
    assert result.code == 6 and 'annotations["run.oci.delegate-cgroup"]: "x"' in result.err, result


@pytest.fixture
def delegated(bundle, group):
    """The process begins in a cgroup within the container's own, and may divide it, not the one with the limits."""
    if not V2:
        pytest.skip("needs cgroup v2")
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.linux["resources"]["pids"] = {"limit": 33}
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev"])
    if ROOT:                            # a plain user has them all already, and is the container's root
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
    return note(bundle, "delegate-cgroup", "a/b")


def test_the_delegated_cgroup_is_below_the_root_of_the_cgroup_namespace_and_the_users(husk, delegated, group):
    out = husk.out(delegated.sh("cat /proc/self/cgroup; cd /sys/fs/cgroup; cat pids.max; mkdir x 2>/dev/null || echo not here; "
                                "mkdir a/x 2>/dev/null || echo nor here; cd a/b && mkdir x && echo 0 >x/cgroup.procs && "
                                "echo +pids >cgroup.subtree_control && echo 5 >x/pids.max && cat x/pids.max; cat /proc/self/cgroup"))
    refused = "not here\nnor here\n" if ROOT else ""
    assert out == f"0::/a/b\n33\n{refused}5\n0::/a/b/x\n"


def test_commands_find_all_of_a_container_with_a_delegated_cgroup(husk, delegated, group):
    ident = husk.started(delegated.args("sleep", "1000"))
    assert husk("exec", ident, "cat", "/proc/self/cgroup").out == "0::/a/b\n"
    assert husk("exec", "--cgroup", "/", "--user", "0:0", ident, "true").code != 0      # it hands controllers down
    assert len(json.loads(husk("ps", "--format", "json", ident, check=0).out)) == 1
    husk("update", "--pids-limit", "44", ident, check=0)
    assert read(group, "pids.max") == "44" and read(f"{group}/a/b", "pids.max") == "max"
    assert json.loads(husk("events", "--stats", ident, check=0).out)["data"]["pids"] == {"current": 1, "limit": 44}
    husk("pause", ident, check=0)
    assert husk.state(ident)["status"] == "paused"
    husk("resume", ident, check=0)
    husk("kill", "--all", ident, "KILL", check=0)
    husk.finish(ident)
    assert read(group, "pids.max") is None


# ---- groups ----------------------------------------------------------------------------------------------------------

@needs_root("setgroups")
@pytest.mark.parametrize("value, kept", [("1", True), ("true", True), ("0", False), ("false", False)])
def test_the_callers_groups_are_kept_when_asked_for(husk, bundle, value, kept):
    note(bundle, "keep_original_groups", value).sh("id -G")
    ident = husk.started(bundle, preexec_fn=lambda: os.setgroups([4711]))
    husk.wait_status(ident, "stopped")
    assert ("4711" in husk.output(ident).split()) == kept


# ---- a pidfd for somebody ---------------------------------------------------------------------------------------------

@pytest.fixture
def receiver(tmp_path):
    """(path, what has come: a list of (text, descriptors))"""
    path, got = str(tmp_path / "receiver"), []
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(4)

    def serve():
        while True:
            try:
                conn, _ = server.accept()
            except OSError:
                return
            with conn:
                text, fds, _, _ = socket.recv_fds(conn, 1 << 16, 4)
                got.append((text, fds))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield path, got
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(10)
    for _, fds in got:
        for fd in fds:
            os.close(fd)


def letters(got, n=1):
    """Once they have come: who connects has been served, who reads may need a moment more."""
    end = time.monotonic() + 20
    while len(got) < n and time.monotonic() < end:
        time.sleep(0.01)
    assert len(got) == n and all(len(fds) == 1 for _, fds in got)
    return got


def pid_behind(fd):
    for line in pathlib.Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    return None


def test_the_pidfd_is_that_of_the_containers_process(husk, bundle, receiver):
    path, got = receiver
    ident = husk.create(note(bundle, "pidfd_receiver", path).args("/bin/sleep", "1000"))
    assert pid_behind(letters(got)[0][1][0]) == husk.state(ident)["pid"]


def test_nobody_at_the_socket_fails_the_create(husk, bundle, tmp_path):
    husk.refuse(note(bundle, "pidfd_receiver", str(tmp_path / "nobody")), "pidfd socket", "nobody")


# ---- seccomp ---------------------------------------------------------------------------------------------------------

def notify_profile():
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}


def test_the_receiver_stands_in_for_a_listener_path(husk, bundle, receiver):
    path, got = receiver
    bundle.linux["seccomp"] = notify_profile()
    ident = husk.create(note(bundle, "seccomp.receiver", path).args("/bin/sleep", "1000"))
    state = json.loads(letters(got)[0][0])
    assert state["fds"] == ["seccompFd"] and state["pid"] == husk.state(ident)["pid"] and state["state"]["id"] == ident


def test_the_listener_path_of_the_profile_comes_first(husk, bundle, receiver, tmp_path):
    path, got = receiver
    bundle.linux["seccomp"] = dict(notify_profile(), listenerPath=path)
    husk.create(note(bundle, "seccomp.receiver", str(tmp_path / "nobody")).args("/bin/sleep", "1000"))
    letters(got)


def test_a_receiver_that_is_absent_fails_the_create(husk, bundle, tmp_path):
    bundle.linux["seccomp"] = notify_profile()
    husk.refuse(note(bundle, "seccomp.receiver", str(tmp_path / "nobody")), "seccomp agent", "nobody")


def test_an_unknown_system_call_is_an_error_only_when_asked_for(husk, bundle):
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"},
        {"names": ["chroot", "no_such_call"], "action": "SCMP_ACT_ERRNO"}]}
    husk.run(bundle)
    husk.run(note(bundle, "seccomp_fail_unknown_syscall", "0"))
    husk.refuse(note(bundle, "seccomp_fail_unknown_syscall", "1"), "linux.seccomp.syscalls[1].names[1]", "no_such_call", "line ")
    bundle.linux["seccomp"]["syscalls"][1]["names"].pop()
    husk.run(bundle)


ALLOW, ERRNO = 0x7fff0000, 0x00050000
LOAD, JEQ, RETURN = 0x20, 0x15, 0x06


def program(*instructions):
    return base64.b64encode(b"".join(struct.pack("=HBBI", *i) for i in instructions)).decode()


def refuse_call(number, errno):
    return program((LOAD, 0, 0, 0), (JEQ, 0, 1, number), (RETURN, 0, 0, ERRNO | errno), (RETURN, 0, 0, ALLOW))


def mkdir_number():
    return {"x86_64": 83}.get(os.uname().machine) or pytest.skip("mkdir(2) is numbered for x86_64 here")


@pytest.mark.parametrize("no_new_privs", [True, False])
def test_a_finished_program_takes_the_place_of_the_profile(husk, bundle, no_new_privs):
    bundle.process["noNewPrivileges"] = no_new_privs
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                               "syscalls": [{"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO"}]}
    note(bundle, "seccomp_bpf_data", refuse_call(mkdir_number(), 28))
    bundle.sh("grep Seccomp: /proc/self/status; mkdir /x 2>&1; chmod 700 /tmp && echo changed")
    out = husk.out(bundle)
    assert "Seccomp:\t2" in out and "No space left" in out and "changed" in out


def test_exec_is_under_the_same_program(husk, bundle):
    ident = husk.started(note(bundle, "seccomp_bpf_data", refuse_call(mkdir_number(), 28)))
    assert "No space left" in husk("exec", ident, "/bin/mkdir", "/x").err


@pytest.mark.parametrize("instructions, why", [
    ([(LOAD, 0, 0, 0)], "does not return"), ([(LOAD, 0, 0, 2), (RETURN, 0, 0, 0)], "instruction 0 loads"),
    ([(LOAD, 0, 0, 64), (RETURN, 0, 0, 0)], "instruction 0 loads"), ([(JEQ, 0, 1, 0), (RETURN, 0, 0, 0)], "jumps beyond"),
    ([(0x05, 0, 0, 1), (RETURN, 0, 0, 0)], "jumps beyond"), ([(0x28, 0, 0, 0), (RETURN, 0, 0, 0)], "not one for seccomp"),
    ([(0x02, 0, 0, 16), (RETURN, 0, 0, 0)], "memory"), ([(0x34, 0, 0, 0), (RETURN, 0, 0, 0)], "zero"),
    ([(0x64, 0, 0, 32), (RETURN, 0, 0, 0)], "shifts"), ([(RETURN, 0, 0, 0)] * 4097, "instructions")])
def test_a_program_that_the_kernel_would_refuse_is_refused_before_anything_happens(husk, bundle, instructions, why):
    husk.refuse(note(bundle, "seccomp_bpf_data", program(*instructions)), "seccomp_bpf_data", why)


# ---- hooks -----------------------------------------------------------------------------------------------------------

KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]


def hooks(bundle, *kinds, code=0):
    def script(kind):
        return {"path": "/bin/sh", "args": ["sh", "-c", f"echo out {kind}; echo err {kind} >&2; exit {code}"]}
    bundle.config["hooks"] = {kind: [script(kind)] for kind in kinds}


def test_what_hooks_print_is_appended_to_the_files(husk, bundle, tmp_path):
    hooks(bundle, *KINDS)
    (tmp_path / "out").write_text("before\n")
    note(bundle, "hooks.stdout", str(tmp_path / "out"))
    note(bundle, "hooks.stderr", str(tmp_path / "err"))
    ident = husk.started(bundle)
    husk("delete", "--force", ident, check=0)
    assert (tmp_path / "out").read_text() == "before\n" + "".join(f"out {k}\n" for k in KINDS)
    assert (tmp_path / "err").read_text() == "".join(f"err {k}\n" for k in KINDS)
    assert (tmp_path / "err").stat().st_mode & 0o777 == 0o600


def test_one_file_leaves_the_other_stream_to_the_error(husk, bundle, tmp_path):
    hooks(bundle, "createContainer", code=3)
    result = husk.refuse(note(bundle, "hooks.stdout", str(tmp_path / "out")), "exited with 3", "err createContainer")
    assert "out createContainer" not in result.err
    assert (tmp_path / "out").read_text() == "out createContainer\n"


@pytest.mark.parametrize("kind", ["createRuntime", "startContainer"])
def test_a_file_that_cannot_be_written_fails_the_command(husk, bundle, tmp_path, kind):
    hooks(bundle, kind)
    husk.refuse(note(bundle, "hooks.stdout", str(tmp_path / "no/such/folder")), "output of hooks", "no/such/folder")


def test_the_process_gets_nothing_of_the_files(husk, bundle, tmp_path):
    hooks(bundle, "startContainer")
    note(bundle, "hooks.stdout", str(tmp_path / "out"))
    assert husk.out(bundle.sh("ls -l /proc/self/fd")).count(str(tmp_path)) == 0


# ---- cgroup v1 for an old systemd ------------------------------------------------------------------------------------

def test_the_hierarchy_of_systemd_takes_the_place_of_a_mount(husk, bundle):
    if not os.path.exists("/sys/fs/cgroup/systemd/cgroup.procs"):
        husk.refuse(note(bundle.mount("/cg", "t", "tmpfs", []), "systemd.force_cgroup_v1", "/cg"), "name=systemd", "not mounted")
        return
    bundle.linux["namespaces"].append({"type": "cgroup"})
    note(bundle.mount("/cg", "t", "tmpfs", ["ro"]), "systemd.force_cgroup_v1", "/cg/")
    out = husk.out(bundle.sh("grep ' /cg ' /proc/self/mountinfo; cat /cg/cgroup.procs; mkdir /cg/mine && echo made; rmdir /cg/mine"))
    assert " - cgroup " in out and "name=systemd" in out and "made" in out and "1" in out.split("\n")[1:]
