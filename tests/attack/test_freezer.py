# SPDX-License-Identifier: Apache-2.0
"""A container that may write to its cgroups makes more of them and freezes those: it dies nonetheless."""
import pytest

from tests.conftest import wait_for

FREEZES_ITSELF = """
cd /sys/fs/cgroup
[ ! -e freezer/cgroup.procs ] || cd freezer
mkdir -p a/b
for group in a a/b; do
    sh -c "echo 0 > $group/cgroup.procs && touch /tmp/in-${group#a/} && exec sleep 1000" &
done
until [ -e /tmp/in-a ] && [ -e /tmp/in-b ]; do sleep 0.02; done
for group in a/b a; do
    if [ -e a/freezer.state ]; then echo FROZEN > $group/freezer.state; else echo 1 > $group/cgroup.freeze; fi
done
touch /tmp/frozen
exec sleep 1000
"""


@pytest.fixture
def frozen(husk, bundle):
    bundle.config["linux"]["namespaces"].append({"type": "cgroup"})
    bundle.config["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"]})
    ident = husk.started(bundle.sh(FREEZES_ITSELF))
    wait_for((bundle.rootfs / "tmp/frozen").exists)
    return ident


@pytest.mark.parametrize("killed", [True, False], ids=["init-killed-before", "alive"])
def test_delete_with_force_ends_what_froze_itself_in_groups_of_its_own(husk, frozen, killed):
    if killed:
        husk("kill", frozen, "KILL", check=0)
    husk("delete", "--force", frozen, check=0)
    assert husk("state", frozen).code != 0


@pytest.mark.parametrize("words", [["stop", "--timeout", "0"], ["kill", "--all", "{}", "KILL"], ["kill", "{}", "KILL"]],
                         ids=["stop", "kill-all", "kill"])
def test_stop_and_kill_end_what_froze_itself_in_groups_of_its_own(husk, frozen, words):
    words = [frozen if w == "{}" else w for w in words]
    husk(*words, *([] if frozen in words else [frozen]), check=0)
    husk.wait_status(frozen, "stopped")
    husk("delete", frozen, check=0)
