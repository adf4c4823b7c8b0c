# SPDX-License-Identifier: Apache-2.0
"""`exec`: what the new process takes over from the container, and what flags and process.json change."""
import json
import os
import time

import pytest

SHOW = r"""
echo uid $(id -u); echo gid $(id -g); echo groups $(id -G); echo umask $(umask); echo cwd $(pwd)
echo env "$A" "$B"; echo home $HOME; echo nofile $(ulimit -n) $(ulimit -Hn)
echo oom $(cat /proc/self/oom_score_adj)
while read a b; do case $a in NoNewPrivs:|Seccomp:|CapBnd:|CapEff:|CapPrm:|CapInh:|CapAmb:) echo $a $b;; esac; done </proc/self/status
echo machine $(uname -m)
for n in mnt pid net ipc uts; do echo $n $(readlink /proc/self/ns/$n); done
"""

ERRNO_ON_CHROOT = {"defaultAction": "SCMP_ACT_ALLOW",
                   "syscalls": [{"names": ["chroot"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}


def facts(text):
    return {line.split(" ", 1)[0].rstrip(":"): line.split(" ", 1)[1] if " " in line else "" for line in text.splitlines()}


@pytest.fixture
def full(bundle):
    p = bundle.process
    p["user"] = {"uid": 1000, "gid": 1000, "umask": 0o27, "additionalGids": [2000]}
    p["env"] = ["PATH=/bin", "A=1"]
    p["cwd"] = "/tmp"
    p["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]
    p["oomScoreAdj"] = 500
    bundle.linux["seccomp"] = ERRNO_ON_CHROOT
    bundle.linux["personality"] = {"domain": "LINUX32"}
    return bundle.sh(f"{SHOW}\nexec sleep 1000")


def shown(husk, ident, *options, **more):
    return facts(husk("exec", *options, ident, "/bin/sh", "-c", SHOW, check=0, **more).out)


def test_exec_is_as_the_container_is(husk, full):
    """Runtimes dropped noNewPrivileges, seccomp or rlimits here: each was a hole."""
    ident = husk.started(full)
    for _ in range(200):
        if "uts" in husk.output(ident):
            break
        time.sleep(0.02)
    init = facts(husk.output(ident))
    assert shown(husk, ident) == init
    assert init["uid"] == "1000" and init["groups"] == "1000 2000" and init["umask"] == "0027"
    assert init["cwd"] == "/tmp" and init["nofile"] == "100 200" and init["oom"] == "500"
    assert init["NoNewPrivs"] == "1" and init["Seccomp"] == "2" and init["machine"] in ("i686", "i386", os.uname().machine)
    assert init["home"] == "/home/user"


def test_flags_change_what_they_name_and_nothing_else(husk, full):
    ident = husk.started(full)
    before = shown(husk, ident)
    after = shown(husk, ident, "--cwd", "/", "--env", "A=2", "--env", "B=3", "--user", "0:5", "--additional-gids", "77")
    changed = {k for k in before if before[k] != after[k]}
    assert changed <= {"uid", "gid", "groups", "cwd", "env", "home", "CapEff", "CapPrm"}
    assert (after["uid"], after["gid"], after["cwd"], after["env"]) == ("0", "5", "/", "2 3")
    assert set(after["groups"].split()) == {"5", "2000", "77"}
    assert after["home"] == "/root"
    assert after["NoNewPrivs"] == "1" and after["Seccomp"] == "2"


def test_no_new_privs_can_be_switched_on_but_not_off(husk, full):
    full.process["noNewPrivileges"] = False
    ident = husk.started(full)
    assert shown(husk, ident)["NoNewPrivs"] == "0"
    assert shown(husk, ident, "--no-new-privs")["NoNewPrivs"] == "1"


def test_a_user_name_is_that_of_the_container(husk, bundle):
    bundle.rootfs.joinpath("etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nnobody-here:x:4242:4343::/h:/bin/sh\n")
    ident = husk.started(bundle)
    got = shown(husk, ident, "--user", "nobody-here")
    assert (got["uid"], got["gid"], got["home"]) == ("4242", "4343", "/h")


@pytest.mark.parametrize("user", ["no-such-user", "", "-1", "4294967295", "1:-1", "1:4294967295", "1000 ", "99999999999"])
def test_a_user_that_is_none_is_refused(husk, bundle, user):
    ident = husk.started(bundle)
    result = husk("exec", "--user", user, ident, "/bin/id")
    assert result.code != 0 and "uid=" not in result.out, result


def test_a_number_is_never_looked_up_as_a_name(husk, bundle):
    """CVE-2016-3697: an image with a user called "1000" and uid 0."""
    bundle.rootfs.joinpath("etc/passwd").write_text("1000:x:0:0::/root:/bin/sh\n")
    ident = husk.started(bundle)
    assert shown(husk, ident, "--user", "1000:1000")["uid"] == "1000"
    assert shown(husk, ident, "--user", "1000")["uid"] == "1000"


def test_capabilities_are_added_but_never_to_the_inheritable_set(husk, bundle):
    ident = husk.started(bundle)
    before = shown(husk, ident)
    after = shown(husk, ident, "--cap", "CAP_SYS_PTRACE")
    bit = 1 << 19
    for kind in ("CapBnd", "CapPrm", "CapEff"):
        assert int(after[kind], 16) == int(before[kind], 16) | bit
    assert int(after["CapInh"], 16) == 0


def process_file(tmp_path, **members):
    path = tmp_path / "process.json"
    path.write_text(json.dumps({"cwd": "/", "args": ["/bin/sh", "-c", SHOW], "env": ["PATH=/bin"],
                                "user": {"uid": 0, "gid": 0}, **members}))
    return path


def test_a_process_file_replaces_the_process(husk, full, tmp_path):
    ident = husk.started(full)
    got = facts(husk("exec", "--process", process_file(tmp_path), ident, check=0).out)
    assert (got["uid"], got["gid"], got["groups"], got["cwd"], got["env"].strip()) == ("0", "0", "0", "/", "")
    assert got["NoNewPrivs"] == "0"


def test_a_process_file_does_not_lift_seccomp_or_what_it_leaves_out(husk, full, tmp_path):
    ident = husk.started(full)
    got = facts(husk("exec", "--process", process_file(tmp_path), ident, check=0).out)
    before = shown(husk, ident)
    for same in ("Seccomp", "CapBnd", "nofile", "oom", "umask", "machine"):
        assert got[same] == before[same], same


def test_a_process_file_can_say_everything(husk, full, tmp_path):
    ident = husk.started(full)
    got = facts(husk("exec", "--process", process_file(
        tmp_path, user={"uid": 3, "gid": 4, "umask": 0o77, "additionalGids": [5]}, noNewPrivileges=True, oomScoreAdj=600,
        capabilities={}, rlimits=[{"type": "RLIMIT_NOFILE", "soft": 50, "hard": 60}]), ident, check=0).out)
    assert (got["uid"], got["gid"], got["groups"], got["umask"]) == ("3", "4", "4 5", "0077")
    assert (got["oom"], got["nofile"], got["NoNewPrivs"], got["CapBnd"]) == ("600", "50 60", "1", "0000000000000000")


def test_errors_of_a_process_file_name_the_member(husk, bundle, tmp_path):
    ident = husk.started(bundle)
    result = husk("exec", "--process", process_file(tmp_path, cwd="relative"), ident)
    assert result.code != 0 and "process.cwd" in result.err, result
    result = husk("exec", "--process", process_file(tmp_path, noNewPrivileges="true"), ident)
    assert result.code != 0 and "noNewPrivileges" in result.err, result


def test_the_bundle_may_change_without_effect(husk, full):
    """runtime.md: changes of config.json after create have no effect; runc rereads it."""
    ident = husk.started(full)
    before = shown(husk, ident)
    full.process["noNewPrivileges"] = False
    full.process["user"] = {"uid": 0, "gid": 0}
    full.write()
    assert shown(husk, ident) == before


def test_affinity_of_exec(husk, bundle):
    if os.cpu_count() < 2:
        pytest.skip("needs two CPUs")
    bundle.process["execCPUAffinity"] = {"initial": "0", "final": "1"}
    ident = husk.started(bundle)
    show = "grep Cpus_allowed_list /proc/self/status"
    assert husk("exec", ident, "/bin/sh", "-c", show, check=0).out.split()[1] == "1"


def test_the_affinity_of_the_caller_does_not_leak_in(husk, bundle):
    if os.cpu_count() < 2:
        pytest.skip("needs two CPUs")
    ident = husk.started(bundle)
    all_cpus = husk("exec", ident, "/bin/nproc", check=0).out
    narrow = husk("exec", ident, "/bin/nproc", check=0, preexec_fn=lambda: os.sched_setaffinity(0, {0})).out
    assert narrow == all_cpus
