# SPDX-License-Identifier: Apache-2.0
"""LSM labels and the session keyring.

CVE-2019-16884: an image's own /proc took the label, and the container ran unconfined.  On hosts without AppArmor
and SELinux the labels must be refused; where they are, tests/vm asks the kernel for the label in force.
"""
import pathlib
import shutil
import subprocess

import pytest

from tests.user import UID

LABELS = [("apparmorProfile", "docker-default"), ("selinuxLabel", "system_u:system_r:container_t:s0:c1,c2")]


def has_lsm(name):
    try:
        return name in pathlib.Path("/sys/kernel/security/lsm").read_text().split(",")
    except OSError:
        return pathlib.Path("/sys/module/apparmor/parameters/enabled").exists() if name == "apparmor" else \
            pathlib.Path("/sys/fs/selinux/enforce").exists()


def fake_proc(bundle):
    """R18: /proc of the image is a plain folder with all the files that a label could be written to."""
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/proc"]
    bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    for who in ("self", "thread-self", "1", "self/task/1"):
        folder = bundle.rootfs / "proc" / who / "attr"
        (folder / "apparmor").mkdir(parents=True)
        for name in ("exec", "current", "keycreate", "apparmor/exec"):
            (folder / name).write_text("")


def taken(bundle):
    return [str(p) for p in (bundle.rootfs / "proc").rglob("*") if p.is_file() and p.read_text()]


@pytest.mark.parametrize("key, label", LABELS)
def test_label_without_lsm_is_refused(husk, bundle, key, label):
    if has_lsm("apparmor" if key == "apparmorProfile" else "selinux"):
        pytest.skip("this host has it")
    bundle.process[key] = label
    husk.refuse(bundle, f"process.{key}", label)


@pytest.mark.parametrize("key, label", LABELS)
def test_label_is_never_written_to_the_images_proc(husk, bundle, key, label):
    fake_proc(bundle)
    bundle.process[key] = label
    bundle.write()
    r = husk("run", "--bundle", bundle.path, husk.new_id())
    assert taken(bundle) == []
    assert r.code != 0 or has_lsm("apparmor" if key == "apparmorProfile" else "selinux")


def test_apparmor_profile_that_does_not_exist_is_refused(husk, bundle):
    bundle.process["apparmorProfile"] = "husk-no-such-profile"
    husk.refuse(bundle, "husk-no-such-profile")


def test_exec_with_a_label_without_lsm_is_refused(husk, bundle):
    ident = husk.started(bundle)
    if not has_lsm("apparmor"):
        r = husk("exec", "--apparmor", "docker-default", ident, "true")
        assert r.code != 0 and "docker-default" in r.err
    if not has_lsm("selinux"):
        r = husk("exec", "--process-label", "u:r:t:s0", ident, "true")
        assert r.code != 0 and "u:r:t:s0" in r.err


# ---- keyring ------------------------------------------------------------------------------

DESCRIBE = "250,6,0xfffffffffffffffd,@4000,4000"           # keyctl(KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING)


def name_of(text):
    """"ok keyring;0;0;3f1b0000;_ses.web" """
    assert text.startswith("ok keyring;"), text
    return text.strip().split(";")


def test_session_keyring_bears_the_containers_name(husk, bundle, probe, x86_64):
    kind, uid, gid, permissions, name = name_of(husk.out(bundle.args(probe, DESCRIBE)))
    assert name == "_ses." + husk.ids[-1] and (uid, gid) == ("0", "0")
    # in a user namespace, which nobody else enters, its owner is another one than the caller of `exec`
    assert permissions == ("3f130008" if UID else "3f1b0000"), "nobody but its owner may find it"


def test_no_new_keyring_leaves_the_callers(husk, bundle, probe, x86_64):
    out = husk.out(bundle.args(probe, DESCRIBE), "--no-new-keyring")
    assert "_ses." + husk.ids[-1] not in out


def test_exec_is_in_the_same_keyring(husk, bundle, probe, x86_64):
    ident = husk.started(bundle)
    out = husk("exec", ident, probe, DESCRIBE, check=0).out
    assert name_of(out)[-1] == "_ses." + ident


def test_keyring_of_a_user_namespace_is_its_roots(husk, bundle, probe, x86_64):
    bundle.user_namespace()
    kind, uid, gid, permissions, name = name_of(husk.out(bundle.args(probe, DESCRIBE)))
    assert name == "_ses." + husk.ids[-1] and uid == "0", "seen from inside"
    ident = husk.started(bundle.args("/bin/sleep", "100"))
    assert name_of(husk("exec", ident, probe, DESCRIBE, check=0).out)[-1] == "_ses." + ident


def test_three_hundred_containers_of_one_user_find_room(husk, bundle):
    """R39, crun#981: keyrings of dead containers must not stay."""
    bundle.write()
    for _ in range(300):
        ident = husk.new_id()
        r = husk("run", "--bundle", bundle.path, ident)
        assert r.code == 0, r
    husk.ids.clear()


def test_keyrings_of_user_namespaces_find_room(husk, bundle):
    bundle.user_namespace().write()
    for _ in range(60):
        r = husk("run", "--bundle", bundle.path, husk.new_id())
        assert r.code == 0, r
    husk.ids.clear()


# ---- where there is an LSM: the label that is in force ----------------------------------------

PROFILE = """profile husk-attack-test flags=(attach_disconnected,mediate_deleted) {
  file, capability, network, signal, ptrace, unix,
  deny /tmp/** w,
}
"""


@pytest.fixture
def apparmor(tmp_path):
    if not has_lsm("apparmor") or not shutil.which("apparmor_parser"):
        pytest.skip("needs AppArmor")
    source = tmp_path / "profile"
    source.write_text(PROFILE)
    subprocess.run(["apparmor_parser", "-r", str(source)], check=True)
    yield "husk-attack-test"
    subprocess.run(["apparmor_parser", "-R", str(source)], check=True)


@pytest.mark.parametrize("nnp", [True, False])
def test_apparmor_profile_is_in_force(husk, bundle, apparmor, nnp):
    bundle.process.update(apparmorProfile=apparmor, noNewPrivileges=nnp)
    bundle.sh("cat /proc/self/attr/apparmor/current; touch /tmp/x || echo refused")
    assert husk.out(bundle).split() == [apparmor, "(enforce)", "refused"]
    ident = husk.started(bundle.args("/bin/sleep", "100"))
    out = husk("exec", ident, "cat", "/proc/self/attr/apparmor/current", check=0).out
    assert out.split() == [apparmor, "(enforce)"]


def test_exec_apparmor_overrules(husk, bundle, apparmor):
    ident = husk.started(bundle)
    out = husk("exec", "--apparmor", apparmor, ident, "cat", "/proc/self/attr/apparmor/current", check=0).out
    assert out.split()[0] == apparmor


def test_selinux_label_is_in_force(husk, bundle):
    if not has_lsm("selinux"):
        pytest.skip("needs SELinux")
    label = "system_u:system_r:container_t:s0:c1,c2"
    subprocess.run(["chcon", "-R", "system_u:object_r:container_file_t:s0:c1,c2", str(bundle.rootfs)], check=True)
    bundle.process["selinuxLabel"] = label
    assert husk.out(bundle.args("/bin/cat", "/proc/self/attr/current")).strip("\0\n ") == label
