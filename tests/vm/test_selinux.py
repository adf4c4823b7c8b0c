# SPDX-License-Identifier: Apache-2.0
"""SELinux enforcing: what a confined process is, and what it can no longer do."""
import os
import subprocess

import pytest

LABEL = "system_u:system_r:container_t:s0:c1,c2"
FILES = "system_u:object_r:container_file_t:s0:c1,c2"
OTHER = "system_u:object_r:container_file_t:s0:c8,c9"

pytestmark = pytest.mark.skipif(not os.path.isdir("/sys/fs/selinux/booleans"), reason="needs SELinux")


def label_of(path):
    return os.getxattr(path, "security.selinux").decode().rstrip("\0")


@pytest.fixture
def confined(bundle):
    subprocess.run(["chcon", "-R", FILES, str(bundle.rootfs)], check=True)
    bundle.process["selinuxLabel"] = LABEL
    bundle.linux["mountLabel"] = FILES
    return bundle


@pytest.mark.parametrize("nnp", [True, False])
def test_the_process_and_exec_have_the_label(husk, confined, nnp):
    confined.process["noNewPrivileges"] = nnp
    ident = husk.started(confined)
    with open(f"/proc/{husk.state(ident)['pid']}/attr/current") as f:
        assert f.read().strip("\0\n") == LABEL
    assert husk("exec", ident, "cat", "/proc/self/attr/current", check=0).out.strip("\0\n ") == LABEL


def test_exec_process_label_overrules(husk, confined):
    ident = husk.started(confined)
    other = LABEL.replace("c1,c2", "c1,c2,c5")
    done = husk("exec", "--process-label", other, ident, "cat", "/proc/self/attr/current")
    assert done.code == 0 and done.out.strip("\0\n ") == other, done


def test_every_new_file_system_that_takes_it_bears_the_mount_label(husk, confined):
    """tmpfs, devpts, mqueue, an overlay, a copied directory and a masked one; proc and sysfs have labels of the policy."""
    (confined.rootfs / "etc/masked").mkdir()
    for name in ("lower", "upper", "work"):
        (confined.path / name).mkdir()
    confined.linux["maskedPaths"].append("/etc/masked")
    confined.mount("/tmp", "tmpfs", "tmpfs", ["nosuid"])
    confined.mount("/var", "tmpfs", "tmpfs", ["tmpcopyup"])
    confined.mount("/root", "overlay", "overlay", [f"{n}={confined.path}/{d}" for n, d in
                                                   (("lowerdir", "lower"), ("upperdir", "upper"), ("workdir", "work"))])
    ident = husk.started(confined)
    pid = husk.state(ident)["pid"]
    paths = ["/dev", "/dev/shm", "/dev/mqueue", "/dev/pts", "/tmp", "/var", "/root", "/etc/masked"]
    assert {path: label_of(f"/proc/{pid}/root{path}") for path in paths} == dict.fromkeys(paths, FILES)
    with open(f"/proc/{pid}/mountinfo") as f:
        labelled = {line.split()[4] for line in f if "context=" in line}
    assert labelled >= set(paths) - {"/dev/mqueue"}
    husk("exec", ident, "sh", "-c", "for d in /dev/shm /dev/mqueue /tmp /var /root; do touch $d/x || exit 1; done", check=0)


def test_a_mount_with_a_context_of_its_own_keeps_it(husk, confined):
    confined.config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
                                      "options": [f'context="{OTHER}"']})
    ident = husk.started(confined)
    assert label_of(f"/proc/{husk.state(ident)['pid']}/root/tmp") == OTHER


def test_another_containers_files_cannot_be_read(husk, confined, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    confined.mount("/secret", secret, options=("bind", "ro")).sh("cat /secret")
    subprocess.run(["chcon", OTHER, str(secret)], check=True)
    assert "secret" not in husk.run(confined, check=1).out
    subprocess.run(["chcon", FILES, str(secret)], check=True)
    assert husk.out(confined) == "secret\n"


def test_the_hosts_files_cannot_be_read(husk, confined):
    confined.mount("/shadow", "/etc/shadow", options=("bind", "ro")).sh("cat /shadow")
    assert husk.run(confined, check=1).out == ""


def test_a_label_that_the_policy_does_not_know_is_refused_and_leaves_nothing(husk, confined):
    confined.process["selinuxLabel"] = "nobody_u:nothing_r:no_such_t:s0"
    husk.refuse(confined, "nobody_u:nothing_r:no_such_t:s0")


def test_a_mount_label_that_the_policy_does_not_know_is_refused(husk, confined):
    confined.linux["mountLabel"] = "nobody_u:nothing_r:no_such_t:s0"
    husk.refuse(confined, "no_such_t")


def test_the_session_keyring_bears_the_label(husk, confined):
    confined.linux["maskedPaths"].remove("/proc/keys")
    ident = husk.started(confined)
    out = husk("exec", ident, "cat", "/proc/keys", check=0).out
    # what is shown at all is what the label may see: the keyring of its own
    assert f"_ses.{ident}" in out, out
