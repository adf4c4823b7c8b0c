# SPDX-License-Identifier: Apache-2.0
"""`husk info`, `husk doctor`: what this host offers and lacks, compared with what the host itself says."""
import json
import os
import shutil
import subprocess
import tempfile

import pytest

from tests.user import INSIDE, ROOT, UID, needs_root

UNSUPPORTED = 6


@pytest.fixture
def findings(husk):
    def look(*words, **more):
        result = json.loads(husk("info", "--format", "json", *words, check=0, **more).out)
        assert result["usable"] is True
        assert len({f["subject"] for f in result["findings"]}) == len(result["findings"])
        return {f["subject"]: f for f in result["findings"]}
    return look


def test_each_lack_has_its_consequence_and_its_cure(findings):
    for finding in findings().values():
        assert finding["state"] in ("ok", "lack")
        assert finding["value"]
        assert ("consequence" in finding, "cure" in finding) == ((False, False) if finding["state"] == "ok" else (True, True))


def test_the_facts_are_those_of_the_host(findings):
    facts = findings()
    assert os.uname().release in facts["kernel"]["value"]
    assert facts["system calls"]["state"] == "ok"
    v2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    v1 = [line.split(":")[1] for line in open("/proc/self/cgroup") if line.split(":")[1]]
    assert facts["cgroup layout"]["value"] == ("v2" if v2 else "hybrid" if os.path.exists("/sys/fs/cgroup/unified") else "v1")
    for names in v1:
        if not v2 and not names.startswith("name="):
            assert names in facts["cgroup controllers"]["value"]
    if v2:
        assert facts["cgroup controllers"]["value"].startswith(open("/sys/fs/cgroup/cgroup.controllers").read().strip())
    assert facts["seccomp"]["value"] == open("/proc/sys/kernel/seccomp/actions_avail").read().strip()
    assert (facts["newuidmap, newgidmap"]["state"] == "ok") == (os.path.exists("/usr/bin/newuidmap"))
    assert (facts["systemd"]["state"] == "ok") == os.path.exists("/run/systemd/system")
    assert (facts["AppArmor"]["state"] == "ok") == (
        os.path.exists("/sys/module/apparmor") and open("/sys/module/apparmor/parameters/enabled").read()[0] == "Y")
    assert (facts["criu"]["state"] == "ok") == bool(shutil.which("criu", path="/usr/sbin:/usr/bin:/usr/local/sbin"))
    assert facts["user"]["value"] == ("root" if ROOT else "0 in a user namespace: rootless" if INSIDE else f"{UID}: rootless")


def test_the_text_says_the_same_as_the_json(husk, findings):
    text = husk("info", check=0).out
    assert husk("doctor", check=0).out == text
    for subject, finding in findings().items():
        line = next(line for line in text.splitlines() if line.startswith(f"{finding['state']:5}  {subject}  "))
        assert line.endswith(finding["value"])
        for words in ("consequence", "cure"):
            assert finding.get(words, "") in text
    lacks = [line for line in text.splitlines() if line.startswith("lack")]
    assert text.count("so: ") == text.count("cure: ") == len(lacks)


@needs_root("another user")
def test_somebody_without_root_is_told_what_is_missing(findings):
    user = dict(user=4242, group=4242, extra_groups=[])
    with tempfile.TemporaryDirectory(dir="/var/tmp") as runtime:
        os.chown(runtime, 4242, 4242)
        facts = findings(env={"XDG_RUNTIME_DIR": runtime}, **user)
    assert facts["user"]["value"] == "4242: rootless"
    assert facts["subordinate ids"]["state"] == "lack" and "subuid" in facts["subordinate ids"]["cure"]
    assert facts["delegated controllers"]["state"] == "lack"
    assert facts["delegated controllers"]["consequence"].startswith("limits are refused")
    assert "XDG_RUNTIME_DIR" not in facts
    without = findings(env={}, **user)
    assert without["XDG_RUNTIME_DIR"]["state"] == "lack"


def test_root_of_a_user_namespace_is_rootless(husk):
    out = subprocess.run(["unshare", "--user", "--map-root-user", *husk.argv("info", "--format", "json")],
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    facts = {f["subject"]: f for f in json.loads(out)["findings"]}
    assert facts["user"]["value"] == "0 in a user namespace: rootless"


@needs_root("a capability less")
def test_root_that_may_not_mount_is_told_that_nothing_can_run(husk):
    done = subprocess.run(["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin", *husk.argv("info")],
                          stdout=subprocess.PIPE, text=True)
    assert done.returncode == UNSUPPORTED
    assert "fatal  capabilities of husk" in done.stdout


def test_forbidden_system_calls_are_found(husk, tmp_path):
    """Under a filter that lacks openat2, as an old outer container has one."""
    code = tmp_path / "filtered.py"
    number = {"x86_64": 437, "aarch64": 437}.get(os.uname().machine)
    if number is None:
        pytest.skip("the numbers of this machine are not known here")
    code.write_text(f"""
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
code = b"".join(struct.pack("HBBI", *i) for i in [
    (0x20, 0, 0, 0), (0x15, 0, 1, {number}), (0x06, 0, 0, 0x50000 | 38), (0x06, 0, 0, 0x7fff0000)])
buffer = ctypes.create_string_buffer(code)
program = struct.pack("HxxxxxxQ", 4, ctypes.addressof(buffer))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
""")
    done = subprocess.run(["/usr/bin/python3", str(code), *husk.argv("info")], stdout=subprocess.PIPE, text=True)
    assert done.returncode == UNSUPPORTED, done.stdout
    assert "fatal" in done.stdout


def test_nothing_is_written(husk, tmp_path):
    before = sorted(map(str, tmp_path.rglob("*")))
    husk("info", check=0)
    assert sorted(map(str, tmp_path.rglob("*"))) == before


@pytest.mark.parametrize("words,needle", [(("--format", "yaml"), "option --format"), (("more",), "unexpected argument"),
                                          (("--nonsense",), "nonsense")])
def test_bad_usage_is_refused(husk, words, needle):
    result = husk("info", *words, check=2)
    assert needle in result.err and result.out == ""
