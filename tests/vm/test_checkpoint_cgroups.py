# SPDX-License-Identifier: Apache-2.0
"""What checkpoint and restore do to the cgroups of a container, in each of CRIU's modes."""
import json
import os
import pathlib
import subprocess

import pytest

from tests.conftest import PEER, STATE, wait_for
from tests.vm.checkpoints import groups, needs_criu

pytestmark = needs_criu
V2 = "/sys/fs/cgroup"


def has_all_in(husk, ident, group):
    pids = json.loads(husk("ps", "-f", "json", ident, check=0).out)
    return len(pids) == 2 and {groups(pid) for pid in pids} == {group}


@pytest.mark.parametrize("mode", ["soft", "full", "strict", "none", "props", "ignore"])
def test_the_mode_says_whose_settings_hold(husk, bundle, images, counting, group, mode):
    bundle.linux["resources"]["unified"] = {"cgroup.max.descendants": "50"}
    ident = images.started()
    wait_for(lambda: counting() > 2)
    (pathlib.Path(V2) / group / "cgroup.max.descendants").write_text("60")
    images.checkpoint(ident, "--manage-cgroups-mode", mode)
    restored = images.restore("--manage-cgroups-mode", mode)
    assert has_all_in(husk, restored, group)
    of_the_checkpoint = mode in ("full", "strict", "props")
    assert open(f"{V2}/{group}/cgroup.max.descendants").read() == ("60\n" if of_the_checkpoint else "50\n")
    husk("delete", "--force", restored, check=0)


def test_strict_takes_no_cgroup_that_is_there(husk, bundle, images, counting, group):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident)
    os.makedirs(f"{V2}/{group}")
    try:
        result = images.restore("--manage-cgroups-mode", "strict", check=STATE)
        assert group in result.err and "strict" in result.err
        assert os.listdir(husk.root) == [] and os.path.isdir(f"{V2}/{group}")
        images.restore(ident=ident)
        husk("delete", "--force", ident, check=0)
    finally:
        for path in (f"{V2}/{group}", f"{V2}/{os.path.dirname(group)}"):
            if os.path.isdir(path):
                os.rmdir(path)


# A container that makes a cgroup in its own, with a setting, and goes into it.
INNER = ("mount -t cgroup2 none /mnt; mkdir /mnt/inner; echo 7 >/mnt/inner/cgroup.max.depth; echo $$ >/mnt/inner/cgroup.procs; umount /mnt; "
         "exec 3<>/tmp/fifo; : >/tmp/ready; read x <&3")


@pytest.fixture
def inner(bundle, images, group):
    bundle.namespaces("pid", "network", "ipc", "uts", "mount", "cgroup").sh(INNER)
    for kind in ("bounding", "effective", "permitted"):
        bundle.process["capabilities"][kind] = [*bundle.process["capabilities"][kind], "CAP_SYS_ADMIN"]
    (bundle.rootfs / "mnt").mkdir()
    os.mkfifo(bundle.rootfs / "tmp/fifo")
    return f"{group}/inner"


@pytest.mark.parametrize("mode", ["soft", "full", "strict"])
def test_cgroups_of_its_own_come_back_with_their_settings(husk, bundle, images, inner, mode):
    ident = images.started()
    wait_for((bundle.rootfs / "tmp/ready").exists)
    assert groups(husk.state(ident)["pid"]) == inner
    images.checkpoint(ident)
    restored = images.restore("--manage-cgroups-mode", mode)
    assert groups(husk.state(restored)["pid"]) == inner and open(f"{V2}/{inner}/cgroup.max.depth").read() == "7\n"
    assert husk("exec", restored, "cat", "/proc/self/cgroup", check=0).out in ("0::/\n", "0::/inner\n")
    husk("delete", "--force", restored, check=0)


@pytest.mark.parametrize("mode", ["none", "props"])
def test_modes_that_make_no_cgroups_say_which_one_is_missing(husk, bundle, images, inner, mode):
    ident = images.started()
    wait_for((bundle.rootfs / "tmp/ready").exists)
    images.checkpoint(ident)
    result = images.restore("--manage-cgroups-mode", mode, check=PEER)
    assert f"{inner} doesn't exist" in result.err
    assert os.listdir(husk.root) == [] and not os.path.exists(f"{V2}/{inner}")


def test_ignored_cgroups_leave_all_in_the_containers_own(husk, bundle, images, inner, group):
    ident = images.started()
    wait_for((bundle.rootfs / "tmp/ready").exists)
    images.checkpoint(ident, "--manage-cgroups-mode", "ignore")
    restored = images.restore("--manage-cgroups-mode", "ignore")
    assert groups(husk.state(restored)["pid"]) == group
    husk("delete", "--force", restored, check=0)


@pytest.mark.skipif(not os.path.isdir("/run/systemd/system"), reason="needs systemd")
def test_the_systemd_manager_gives_it_a_scope(husk, bundle, images, counting):
    bundle.linux["resources"]["pids"] = {"limit": 60}
    ident = husk.new_id()
    bundle.linux["cgroupsPath"] = f"system.slice:husk:{ident}"
    images.started(manager=["--systemd-cgroup"], ident=ident)
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident)
    restored = images.restore(ident=ident, manager=["--systemd-cgroup"])
    pid = husk.state(restored)["pid"]
    scope = f"husk-{ident}.scope"
    assert groups(pid) == f"system.slice/{scope}"
    assert open(f"/sys/fs/cgroup/system.slice/{scope}/pids.max").read() == "60\n"
    shown = subprocess.run(["systemctl", "show", "-pTasksMax", "-pActiveState", scope], capture_output=True, text=True).stdout.split()
    assert sorted(shown) == ["ActiveState=active", "TasksMax=60"]
    husk("delete", "--force", restored, check=0)
    assert not os.path.exists(f"/sys/fs/cgroup/system.slice/{scope}")


@pytest.mark.skipif(not os.path.isdir("/run/systemd/system"), reason="needs systemd")
def test_a_group_within_the_scope_comes_back(husk, bundle, images, counting):
    ident = husk.new_id()
    bundle.linux["cgroupsPath"] = f"system.slice:husk:{ident}"
    bundle.config["annotations"] = {"run.oci.systemd.subgroup": "payload"}
    images.started(manager=["--systemd-cgroup"], ident=ident)
    wait_for(lambda: counting() > 2)
    path = f"system.slice/husk-{ident}.scope/payload"
    assert groups(husk.state(ident)["pid"]) == path
    images.checkpoint(ident)
    assert not os.path.exists(f"{V2}/{path}")
    images.restore(ident=ident, manager=["--systemd-cgroup"])
    assert has_all_in(husk, ident, path)
    husk("delete", "--force", ident, check=0)
    assert not os.path.exists(f"{V2}/system.slice/husk-{ident}.scope")


def test_a_delegated_group_comes_back(husk, bundle, images, counting, group):
    bundle.namespaces("pid", "network", "ipc", "uts", "mount", "cgroup")
    bundle.config["annotations"] = {"run.oci.delegate-cgroup": "own"}
    ident = images.started()
    wait_for(lambda: counting() > 2)
    before = groups(husk.state(ident)["pid"])
    assert before == f"{group}/own"
    images.checkpoint(ident)
    restored = images.restore()
    assert has_all_in(husk, restored, before)
    husk("delete", "--force", restored, check=0)
