# SPDX-License-Identifier: Apache-2.0
"""What was confined is confined again, by the same profile or label or by another one."""
import os
import shutil
import subprocess

import pytest

from tests.conftest import SYSTEM, UNSUPPORTED, wait_for
from tests.vm.checkpoints import needs_criu

pytestmark = needs_criu
apparmor = pytest.mark.skipif(not os.path.exists("/sys/kernel/security/apparmor/profiles"), reason="needs AppArmor")
selinux = pytest.mark.skipif(not os.path.isdir("/sys/fs/selinux/booleans"), reason="needs SELinux")
# Of a type that may talk to CRIU: Debian's policy does not let container_t do that.
LABEL = "system_u:system_r:spc_t:s0:c1,c2"
FILES = "system_u:object_r:container_file_t:s0:c1,c2"
OTHER_LABEL, OTHER_FILES = LABEL.replace("c1,c2", "c3,c4"), FILES.replace("c1,c2", "c3,c4")


def confinement(pid):
    with open(f"/proc/{pid}/attr/current") as f:
        return f.read().strip("\0\n")


@pytest.fixture
def profiles(tmp_path):
    """husk-test, and a stricter one."""
    text = open("/etc/apparmor.d/husk-test").read()
    (tmp_path / "other").write_text(text.replace("husk-test", "husk-test-other").replace("deny /tmp/forbidden", "deny /tmp/other"))
    files = ["/etc/apparmor.d/husk-test", tmp_path / "other"]
    subprocess.run(["apparmor_parser", "-r", *files], check=True)
    yield "husk-test", "husk-test-other"
    subprocess.run(["apparmor_parser", "-R", files[1]], check=True)


@apparmor
def test_the_profile_is_that_of_the_checkpoint_or_the_one_that_is_asked_for(husk, bundle, images, counting, profiles):
    bundle.process["apparmorProfile"] = profiles[0]
    ident = images.started()
    wait_for(lambda: counting() > 2)
    before = confinement(husk.state(ident)["pid"])
    images.checkpoint(ident)
    images.restore(ident=ident)
    assert profiles[0] in before and confinement(husk.state(ident)["pid"]) == before
    images.checkpoint(ident)
    bundle.process["apparmorProfile"] = profiles[1]
    images.restore("--lsm-profile", f"apparmor:{profiles[1]}", ident=ident)
    assert confinement(husk.state(ident)["pid"]).split()[0] == profiles[1]
    result = husk("exec", ident, "sh", "-c", "echo >/tmp/forbidden && echo >/tmp/other")
    assert result.code != 0 and "/tmp/other" in result.err and "/tmp/forbidden" not in result.err
    husk("delete", "--force", ident, check=0)


@apparmor
def test_a_profile_that_is_not_loaded_or_of_another_module_is_an_error(husk, bundle, images, counting, profiles):
    bundle.process["apparmorProfile"] = profiles[0]
    ident = images.started()
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident)
    assert '"no-such-profile" is not loaded' in images.restore("--lsm-profile", "apparmor:no-such-profile", check=SYSTEM).err
    assert "SELinux is not in force" in images.restore("--lsm-profile", "selinux:a:b:c:d", check=UNSUPPORTED).err
    bundle.process["apparmorProfile"] = "no-such-profile"
    assert '"no-such-profile" is not loaded' in images.restore(check=SYSTEM).err
    bundle.process["apparmorProfile"] = profiles[0]
    assert os.listdir(husk.root) == []
    images.restore(ident=ident)
    husk("delete", "--force", ident, check=0)


@pytest.fixture
def labelled(bundle, counting):
    subprocess.run(["chcon", "-R", FILES, str(bundle.rootfs)], check=True)
    bundle.process["selinuxLabel"] = LABEL
    bundle.linux["mountLabel"] = FILES
    # Which Debian's policy forbids to CRIU, as to everybody.
    subprocess.run(["setsebool", "allow_execmem", "1"], check=True)
    yield bundle
    subprocess.run(["setsebool", "allow_execmem", "0"], check=True)


KNOWS_SELINUX = shutil.which("criu") and "libselinux" in subprocess.run(["ldd", shutil.which("criu")], capture_output=True, text=True).stdout


@selinux
@pytest.mark.skipif(KNOWS_SELINUX, reason="criu knows SELinux")
def test_without_its_label_nothing_is_restored(husk, labelled, images, counting):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident)
    stood = counting()
    result = images.restore(ident=ident, check=UNSUPPORTED)
    assert LABEL in result.err and "SELinux" in result.err
    assert os.listdir(husk.root) == [] and counting() == stood


@selinux
@pytest.mark.skipif(not KNOWS_SELINUX, reason="criu was built without SELinux")
def test_labels_are_those_of_the_checkpoint_or_those_that_are_asked_for(husk, labelled, images, counting):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident)
    images.restore(ident=ident)
    pid = husk.state(ident)["pid"]
    assert confinement(pid) == LABEL and FILES in open(f"/proc/{pid}/mountinfo").read()
    images.checkpoint(ident)
    subprocess.run(["chcon", "-R", OTHER_FILES, str(labelled.rootfs)], check=True)
    labelled.process["selinuxLabel"] = OTHER_LABEL
    labelled.linux["mountLabel"] = OTHER_FILES
    images.restore("--lsm-profile", f"selinux:{OTHER_LABEL}", "--lsm-mount-context", OTHER_FILES, ident=ident)
    pid = husk.state(ident)["pid"]
    shown = open(f"/proc/{pid}/mountinfo").read()
    assert confinement(pid) == OTHER_LABEL and OTHER_FILES in shown and FILES not in shown
    stood = counting()
    wait_for(lambda: counting() > stood + 3)
    husk("delete", "--force", ident, check=0)
