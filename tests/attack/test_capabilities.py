# SPDX-License-Identifier: Apache-2.0
"""Capabilities: exactly the sets of config.json, in init and in exec.

CVE-2022-29162, CVE-2022-27650, CVE-2022-24769, CVE-2025-27612: inheritable sets that nobody asked for.
"""
import os
import shutil
import struct

import pytest

from tests.user import needs_root

KILL, CHOWN, BIND, ADMIN = 5, 0, 10, 21
SETS = "grep ^Cap /proc/self/status"


def sets(text):
    return {line.split(":")[0][3:].lower(): int(line.split()[1], 16) for line in text.splitlines()
            if line.startswith("Cap")}


def bits(*numbers):
    return sum(1 << n for n in numbers)


def without_inheritable(bundle):
    names = ["CAP_KILL", "CAP_NET_BIND_SERVICE"]
    bundle.process["capabilities"] = {k: names for k in ("bounding", "effective", "permitted")}
    return bits(KILL, BIND)


def test_inheritable_is_empty_in_init_and_exec(husk, bundle):
    want = without_inheritable(bundle)
    assert sets(husk.out(bundle.sh(SETS))) == {"inh": 0, "prm": want, "eff": want, "bnd": want, "amb": 0}
    ident = husk.started(bundle.args("/bin/sleep", "100"))
    got = sets(husk("exec", ident, "sh", "-c", SETS, check=0).out)
    assert got == {"inh": 0, "prm": want, "eff": want, "bnd": want, "amb": 0}


def test_exec_cap_adds_nothing_to_the_inheritable_set(husk, bundle):
    want = without_inheritable(bundle) | bits(CHOWN)
    ident = husk.started(bundle)
    got = sets(husk("exec", "--cap", "CAP_CHOWN", ident, "sh", "-c", SETS, check=0).out)
    assert got["inh"] == 0 and got["amb"] == 0
    assert got["bnd"] == got["prm"] == want


def test_exec_cap_with_an_unknown_name_is_refused(husk, bundle):
    ident = husk.started(bundle)
    r = husk("exec", "--cap", "CAP_NOSUCH", ident, "true")
    assert r.code != 0 and "CAP_NOSUCH" in r.err, r


@needs_root("capabilities of files")
def test_file_capability_gives_a_user_no_more_than_config_says(husk, bundle):
    """R21: a program with cap_kill=ei must not turn an inheritable set into capabilities."""
    tool = bundle.rootfs / "bin/busybox-filecap"
    shutil.copy("/bin/busybox", tool)
    magic = 0x02000000 | 1                          # VFS_CAP_REVISION_2, effective
    os.setxattr(tool, "security.capability", struct.pack("<5I", magic, 0, 1 << KILL, 0, 0))
    without_inheritable(bundle)
    bundle.process["noNewPrivileges"] = False
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    got = sets(husk.out(bundle.args("/bin/busybox-filecap", "grep", "^Cap", "/proc/self/status")))
    assert got["prm"] == 0 and got["eff"] == 0 and got["inh"] == 0


@pytest.mark.parametrize("nnp", [True, False])
def test_user_with_ambient_capabilities_has_them_and_no_others(husk, bundle, nnp):
    names = ["CAP_KILL", "CAP_NET_BIND_SERVICE"]
    bundle.process["capabilities"] = {"bounding": names, "permitted": names, "inheritable": names[:1],
                                      "effective": names, "ambient": names[:1]}
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.process["noNewPrivileges"] = nnp
    want = {"inh": bits(KILL), "prm": bits(KILL), "eff": bits(KILL), "bnd": bits(KILL, BIND), "amb": bits(KILL)}
    assert sets(husk.out(bundle.sh(SETS))) == want
    ident = husk.started(bundle.args("/bin/sleep", "100"))
    assert sets(husk("exec", ident, "sh", "-c", SETS, check=0).out) == want
    nnp_line = husk("exec", ident, "grep", "NoNewPrivs", "/proc/self/status", check=0).out.split()[1]
    assert nnp_line == str(int(nnp))


def test_ambient_beyond_inheritable_is_left_out_with_a_warning(husk, bundle):
    bundle.process["capabilities"] = {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "ambient": ["CAP_KILL"]}
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    r = husk.run(bundle.sh(SETS))
    assert sets(r.out)["amb"] == 0
    assert "process.capabilities.ambient" in r.err


def test_unknown_capability_is_a_warning(husk, bundle):
    """config.md: what cannot be granted MUST be logged as a warning, SHOULD NOT fail."""
    bundle.process["capabilities"]["bounding"] = ["CAP_KILL", "CAP_FUTURE"]
    r = husk.run(bundle.sh(SETS))
    assert "CAP_FUTURE" in r.err and sets(r.out)["bnd"] == bits(KILL)


def test_no_capabilities_object_means_none(husk, bundle):
    del bundle.process["capabilities"]
    assert set(sets(husk.out(bundle.sh(SETS))).values()) == {0}


def test_filter_without_no_new_privileges_leaves_no_cap_sys_admin(husk, bundle):
    """Loading needs CAP_SYS_ADMIN; the payload must not have it, though the profile even denies capset(2)."""
    bundle.process["noNewPrivileges"] = False
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["capset"], "action": "SCMP_ACT_KILL_PROCESS"}]}
    want = without_inheritable(bundle)
    for uid, caps in ((0, want), (1000, 0)):
        bundle.process["user"] = {"uid": uid, "gid": uid}
        got = sets(husk.out(bundle.sh(SETS)))
        assert got == {"inh": 0, "prm": caps, "eff": caps, "bnd": want, "amb": 0}, uid


def test_user_namespace_has_the_same_sets(husk, bundle):
    want = without_inheritable(bundle)
    bundle.user_namespace()
    assert sets(husk.out(bundle.sh(SETS))) == {"inh": 0, "prm": want, "eff": want, "bnd": want, "amb": 0}
    ident = husk.started(bundle.args("/bin/sleep", "100"))
    got = sets(husk("exec", ident, "sh", "-c", SETS, check=0).out)
    assert got == {"inh": 0, "prm": want, "eff": want, "bnd": want, "amb": 0}


def test_callers_inheritable_and_ambient_sets_stay_outside(husk, bundle):
    want = without_inheritable(bundle)
    bundle.sh(SETS).write()
    import subprocess
    argv = ["capsh", "--inh=cap_sys_admin,cap_net_raw", "--addamb=cap_sys_admin", "--", "-c",
            " ".join(husk.argv("run", "--bundle", bundle.path, husk.new_id()))]
    if not shutil.which("capsh"):
        pytest.skip("needs capsh")
    r = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r
    assert sets(r.stdout) == {"inh": 0, "prm": want, "eff": want, "bnd": want, "amb": 0}
