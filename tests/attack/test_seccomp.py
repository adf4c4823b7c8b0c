# SPDX-License-Identifier: Apache-2.0
"""Seccomp: every action does what it says, old profiles meet new system calls, and nothing slips by."""
import array
import errno
import json
import os
import signal
import socket
import threading

import pytest

pytestmark = pytest.mark.usefixtures("x86_64")

ALL = "SCMP_ACT_ALLOW"
GETPPID, MKDIR, IOCTL, PERSONALITY, CLONE3, OPENAT2 = 110, 83, 16, 135, 435, 437


def rule(action, *names, errno_ret=None, args=None):
    r = {"names": list(names), "action": "SCMP_ACT_" + action}
    if errno_ret is not None:
        r["errnoRet"] = errno_ret
    if args:
        r["args"] = [dict(zip(("index", "op", "value", "valueTwo"), a)) for a in args]
    return r


def profile(*rules, default="ALLOW", **more):
    return {"defaultAction": "SCMP_ACT_" + default, "syscalls": list(rules), **more}


def ask(husk, bundle, probe, seccomp, *calls, nnp=True, **more):
    bundle.linux["seccomp"] = seccomp
    bundle.process["noNewPrivileges"] = nnp
    return husk.run(bundle.args(probe, *calls), **more)


BOTH = pytest.mark.parametrize("nnp", [True, False])

OLD = """access arch_prctl brk capget capset chdir clone close dup2 execve exit exit_group fcntl fork fstat futex
getcwd getdents64 getegid geteuid getgid getpid getppid getuid ioctl lseek mmap mprotect munmap nanosleep open openat
pipe poll prctl pread64 read readlink readlinkat readv rt_sigaction rt_sigprocmask rt_sigreturn set_robust_list
set_tid_address setgid setgroups setuid stat sysinfo uname unlink wait4 write writev""".split()


@BOTH
def test_old_profile_gives_enosys_for_younger_calls(husk, bundle, probe, nnp):
    """R38, moby#42680: EPERM for clone3 broke every program of a newer libc."""
    out = ask(husk, bundle, probe, profile(rule("ALLOW", *OLD), default="ERRNO"),
              str(CLONE3), str(OPENAT2), "999", str(MKDIR), str(GETPPID), nnp=nnp).out.split()
    assert out == [str(errno.ENOSYS)] * 3 + [str(errno.EPERM), "ok"]


@BOTH
def test_profile_that_allows_execve_and_little_else_starts(husk, bundle, probe, nnp):
    """What init itself still does is not the profile's business."""
    names = ["execve", "write", "writev", "exit_group", "arch_prctl", "set_tid_address", "mmap", "brk", "ioctl"]
    r = ask(husk, bundle, probe, profile(rule("ALLOW", *names), default="KILL_PROCESS"), nnp=nnp)
    assert r.code == 0, r


@BOTH
@pytest.mark.parametrize("action, ret, want", [
    ("ERRNO", 33, "33"), ("ERRNO", None, "1"), ("ERRNO", 0, "ok"), ("ALLOW", None, "ok"), ("LOG", None, "ok"),
    ("TRACE", None, str(errno.ENOSYS)),             # nobody traces
])
def test_action(husk, bundle, probe, nnp, action, ret, want):
    out = ask(husk, bundle, probe, profile(rule(action, "getppid", errno_ret=ret)), str(GETPPID), nnp=nnp).out
    assert out.split() == [want]


@pytest.mark.parametrize("action", ["KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP"])
def test_deadly_action(husk, bundle, probe, action):
    r = ask(husk, bundle, probe, profile(rule(action, "getppid")), str(GETPPID), check=None)
    assert r.code == 128 + signal.SIGSYS, r


def test_tiocsti_cannot_hide_behind_high_bits(husk, bundle, probe):
    """R38: the kernel looks at 32 bits of ioctl's number; a mask says so, and EQ compares all 64."""
    masked = profile(rule("ERRNO", "ioctl", errno_ret=44, args=[(1, "SCMP_CMP_MASKED_EQ", 0xffffffff, 0x5412)]))
    out = ask(husk, bundle, probe, masked, f"{IOCTL},0,0x5412", f"{IOCTL},0,0x100005412", f"{IOCTL},0,0x5401").out.split()
    assert out[:2] == ["44", "44"] and out[2] != "44"


@pytest.mark.parametrize("op, value, two, yes, no", [
    ("NE", 5, 0, [4, 1 << 32 | 5], [5]), ("LT", 1 << 32, 0, [0, 0xffffffff], [1 << 32, 1 << 63]),
    ("LE", 5, 0, [0, 5], [6, 1 << 32]), ("EQ", 1 << 32 | 5, 0, [1 << 32 | 5], [5, 1 << 32]),
    ("GE", 1 << 32, 0, [1 << 32, 1 << 63], [0xffffffff]), ("GT", 5, 0, [6, 1 << 32], [5, 0]),
    ("MASKED_EQ", 0xff00000000f0, 0x100000000010, [0x10000000001f, 0x10000100001f], [0x10, 0x100000000020]),
])
def test_operator_compares_64_bits(husk, bundle, probe, op, value, two, yes, no):
    seccomp = profile(rule("ERRNO", "getppid", errno_ret=50, args=[(5, "SCMP_CMP_" + op, value, two)]))
    calls = [f"{GETPPID},0,0,0,0,0,{v}" for v in yes + no]
    assert ask(husk, bundle, probe, seccomp, *calls).out.split() == ["50"] * len(yes) + ["ok"] * len(no)


def test_conditions_of_one_rule_must_all_hold_and_rules_are_alternatives(husk, bundle, probe):
    seccomp = profile(rule("ERRNO", "getppid", errno_ret=50, args=[(0, "SCMP_CMP_EQ", 1), (1, "SCMP_CMP_EQ", 2)]),
                      rule("ERRNO", "getppid", errno_ret=51, args=[(0, "SCMP_CMP_EQ", 7)]))
    out = ask(husk, bundle, probe, seccomp, f"{GETPPID},1,2", f"{GETPPID},1,3", f"{GETPPID},0,2", f"{GETPPID},7,2").out
    assert out.split() == ["50", "ok", "ok", "51"]


def test_calls_of_an_architecture_that_is_not_listed_are_killed(husk, bundle, probe, i386_calls):
    r = ask(husk, bundle, probe, profile(rule("ERRNO", "getppid")), "i386:64", check=None)
    assert r.code == 128 + signal.SIGSYS, r


def test_listed_architectures_are_filtered_by_their_own_numbers(husk, bundle, probe, i386_calls):
    seccomp = profile(rule("ERRNO", "getppid", errno_ret=60), architectures=["SCMP_ARCH_X86", "SCMP_ARCH_ARM"])
    out = ask(husk, bundle, probe, seccomp, "i386:64", "i386:20", str(GETPPID), "64,0,0,0").out.split()
    assert out[0] == "60" and out[1] == "ok" and out[2] == "60"


def test_socket_cannot_hide_behind_socketcall(husk, bundle, probe, i386_calls):
    seccomp = profile(rule("ERRNO", "socket", errno_ret=61), architectures=["SCMP_ARCH_X86"])
    out = ask(husk, bundle, probe, seccomp, "41,1,1,0", "i386:359,1,1,0", "i386:102,1,0").out.split()
    assert out == ["61", "61", "61"]


def test_x32_numbers_do_not_bypass_the_filter(husk, bundle, probe):
    r = ask(husk, bundle, probe, profile(rule("ERRNO", "getppid")), str(0x40000000 | GETPPID), check=None)
    assert r.code == 128 + signal.SIGSYS, r
    seccomp = profile(rule("ERRNO", "getppid", errno_ret=62), architectures=["SCMP_ARCH_X32"])
    assert ask(husk, bundle, probe, seccomp, str(0x40000000 | GETPPID)).out.split() == ["62"]


def test_exec_has_the_same_filter(husk, bundle, probe):
    bundle.linux["seccomp"] = profile(rule("ERRNO", "getppid", errno_ret=63))
    ident = husk.started(bundle)
    assert husk("exec", ident, probe, str(GETPPID), check=0).out.split() == ["63"]


def test_unknown_names_are_ignored(husk, bundle, probe):
    seccomp = profile(rule("ERRNO", "no_such_call", "getppid", errno_ret=64))
    assert ask(husk, bundle, probe, seccomp, str(GETPPID)).out.split() == ["64"]


@pytest.mark.parametrize("seccomp, needle", [
    (profile(default="NOTIFY", listenerPath="/x"), "linux.seccomp.defaultAction"),
    (profile(rule("NOTIFY", "mkdir")), "linux.seccomp.listenerPath"),
    (profile(rule("NOTIFY", "sendmsg"), listenerPath="/x"), "linux.seccomp.syscalls[0].names[0]"),
    (profile(listenerMetadata="x"), "linux.seccomp.listenerMetadata"),
    (profile(rule("KILL", "mkdir", errno_ret=1)), "linux.seccomp.syscalls[0].errnoRet"),
    (profile(default="KILL", defaultErrnoRet=1), "linux.seccomp.defaultErrnoRet"),
    (profile(rule("ERRNO", "mkdir", args=[(6, "SCMP_CMP_EQ", 1)])), "linux.seccomp.syscalls[0].args[0].index"),
    (profile(rule("ERRNO")), "linux.seccomp.syscalls[0].names"),
    (profile(flags=["SECCOMP_FILTER_FLAG_NOSUCH"]), "linux.seccomp.flags[0]"),
    (profile(architectures=["SCMP_ARCH_VAX"]), "linux.seccomp.architectures[0]"),
])
def test_refused(husk, bundle, seccomp, needle):
    bundle.linux["seccomp"] = seccomp
    husk.refuse(bundle, needle)


# ---- the listener -----------------------------------------------------------------------


class Agent(threading.Thread):
    """Takes connections as a seccomp agent does, and answers every call with errno 77."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(str(path))
        self.server.listen(8)
        self.states, self.seen = [], []
        self.start()

    def run(self):
        while True:
            try:
                conn, _ = self.server.accept()
            except OSError:
                return
            data, fds, _, _ = socket.recv_fds(conn, 1 << 16, 4)
            while True:
                more = conn.recv(1 << 16)
                if not more:
                    break
                data += more
            self.states.append((json.loads(data), len(fds)))
            threading.Thread(target=self.serve, args=(fds[0],), daemon=True).start()

    def serve(self, fd):
        import fcntl
        import struct
        while True:
            req = array.array("B", bytes(80))
            try:
                fcntl.ioctl(fd, 0xC0502100, req, True)          # SECCOMP_IOCTL_NOTIF_RECV
                ident, pid, _, nr = struct.unpack_from("=QIIi", req.tobytes())
                self.seen.append(nr)
                resp = array.array("B", struct.pack("=QqiI", ident, 0, -77, 0))
                fcntl.ioctl(fd, 0xC0182101, resp, True)         # SECCOMP_IOCTL_NOTIF_SEND
            except OSError:
                os.close(fd)
                return


@BOTH
def test_listener_gets_the_state_and_the_calls(husk, bundle, probe, tmp_path, nnp):
    agent = Agent(tmp_path / "agent")
    bundle.config["annotations"] = {"a.b": "c"}
    bundle.linux["seccomp"] = profile(rule("NOTIFY", "mkdir"), listenerPath=str(tmp_path / "agent"),
                                      listenerMetadata="some \"data\"")
    bundle.process["noNewPrivileges"] = nnp
    ident = husk.create(bundle.args(probe, f"{MKDIR},0,0", str(GETPPID)))
    husk.until(lambda: agent.states)                    # the agent reads when it comes to it
    state, fds = agent.states[0]
    assert fds == 1 and state["fds"] == ["seccompFd"] and state["metadata"] == "some \"data\""
    assert state["state"]["id"] == ident and state["state"]["status"] == "creating"
    assert state["pid"] == state["state"]["pid"] == husk.state(ident)["pid"]
    assert state["state"]["bundle"] == str(bundle.path) and state["state"]["annotations"] == {"a.b": "c"}
    assert state["ociVersion"] and state["state"]["ociVersion"]
    husk("start", ident, check=0)
    husk.wait_status(ident, "stopped")
    assert husk.output(ident).split() == ["77", "ok"]
    assert agent.seen == [MKDIR]


def test_exec_has_a_listener_of_its_own(husk, bundle, probe, tmp_path):
    agent = Agent(tmp_path / "agent")
    bundle.linux["seccomp"] = profile(rule("NOTIFY", "mkdir"), listenerPath=str(tmp_path / "agent"))
    ident = husk.started(bundle)
    assert husk("exec", ident, probe, f"{MKDIR},0,0", check=0).out.split() == ["77"]
    assert len(agent.states) == 2
    state = agent.states[1][0]
    assert state["state"]["status"] == "running" and state["state"]["pid"] == husk.state(ident)["pid"]
    assert state["pid"] != state["state"]["pid"]


def test_absent_agent_fails_the_create(husk, bundle, tmp_path):
    bundle.linux["seccomp"] = profile(rule("NOTIFY", "mkdir"), listenerPath=str(tmp_path / "nobody"))
    husk.refuse(bundle, "nobody")
