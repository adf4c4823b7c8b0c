# SPDX-License-Identifier: Apache-2.0
"""What is left when husk, or CRIU, is killed in the middle of a checkpoint or a restore."""
import os
import signal
import subprocess
import time

import pytest

from tests.conftest import PEER, wait_for
from tests.vm.checkpoints import needs_criu

pytestmark = needs_criu


def crius(images):
    """Processes of CRIU: they work in the folder of the logs."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd") == str(images.work) and os.readlink(f"/proc/{pid}/exe").endswith("/criu"):
                found.append(int(pid))
        except OSError:
            pass
    return found


def log_has(images, name, line):
    try:
        return line in (images.work / name).read_text()
    except OSError:
        return False


def killed_at(images, argv, log, line, whom=None):
    """Starts ARGV and kills it, or what WHOM tells, as soon as CRIU's log has the line, or when it has ended."""
    null = subprocess.DEVNULL
    with open(images.husk.folder / "killed.err", "w") as err, subprocess.Popen(argv, stdin=null, stdout=null, stderr=err) as p:
        wait_for(lambda: p.poll() is not None or log_has(images, log, line), 60)
        for pid in whom() if whom else [p.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    return p.returncode, (images.husk.folder / "killed.err").read_text()


DUMPING = ["Seized task", "Collecting fds", "Dumping pages", "Dumping core", "Dumping cgroups", "Running post-dump", "Dumping finished"]


@pytest.mark.parametrize("line", DUMPING)
def test_a_checkpoint_that_is_killed_lets_the_container_run_or_has_ended(husk, bundle, images, counting, line):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    killed_at(images, husk.argv("checkpoint", *images.where(), ident), "dump.log", line)
    wait_for(lambda: not crius(images))
    if not (husk.root / ident).exists() or husk.state(ident)["status"] == "stopped":
        assert log_has(images, "dump.log", "Dumping finished successfully")
        husk("delete", "--force", ident, check=0)
        images.restore(ident=ident)
    stood = counting()
    wait_for(lambda: counting() > stood + 3)
    assert husk.state(ident)["status"] == "running"
    images.checkpoint(ident)
    assert not (husk.root / ident).exists()


@pytest.mark.parametrize("line", ["Seized task", "Dumping pages", "Running post-dump"])
def test_a_container_can_be_deleted_while_a_killed_checkpoint_goes_on(husk, bundle, images, counting, group, line):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    killed_at(images, husk.argv("checkpoint", *images.where(), ident), "dump.log", line)
    husk("delete", "--force", ident, check=0)
    assert not (husk.root / ident).exists() and not os.path.exists(f"/sys/fs/cgroup/{group}")
    wait_for(lambda: not crius(images))


def test_a_checkpoint_whose_criu_is_killed_says_so_and_leaves_nothing_frozen(husk, bundle, images, counting, group):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    code, err = killed_at(images, husk.argv("checkpoint", *images.where(), ident), "dump.log", "Seized task", lambda: crius(images))
    assert code == PEER and "criu was killed by signal 9" in err and str(images.work / "dump.log") in err
    assert open(f"/sys/fs/cgroup/{group}/cgroup.freeze").read() == "0\n"
    husk("delete", "--force", ident, check=0)


@pytest.mark.parametrize("line", ["Seized task", "Sent msg to daemon", "Dumping pages", "Dumping core"])
def test_a_checkpoint_whose_container_is_killed_ends_and_says_so(husk, bundle, images, counting, group, line):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    init = husk.state(ident)["pid"]
    code, err = killed_at(images, husk.argv("checkpoint", *images.where(), ident), "dump.log", line, lambda: [init])
    # CRIU may see it by itself, or have been done before.
    assert code == 0 or (code == PEER and "criu" in err and str(images.work / "dump.log") in err), err
    assert not crius(images)
    husk("delete", "--force", ident, check=0)
    assert not (husk.root / ident).exists() and not os.path.exists(f"/sys/fs/cgroup/{group}")


RESTORING = ["Preparing cgroups yard", "Forking task with 1 pid", "Running setup-namespaces", "Restoring 1 to 1 sid", "Run late stage hook",
             "Running post-restore", "Restore finished successfully"]


@pytest.fixture
def kept(husk, bundle, images, counting):
    """Images of a container that counted."""
    ident = images.started()
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident)
    return ident


def restoring(images, ident, *options):
    images.bundle.write()
    return images.husk.argv("restore", *images.where(), "--bundle", images.bundle.path, "--detach", ident, options=options)


@pytest.mark.parametrize("line", RESTORING)
def test_of_a_restore_that_is_killed_delete_leaves_nothing(husk, bundle, images, kept, group, line):
    killed_at(images, restoring(images, kept), "restore.log", line)
    husk("delete", "--force", kept, check=0)
    assert not (husk.root / kept).exists() and not os.path.exists(f"/sys/fs/cgroup/{group}")
    wait_for(lambda: not crius(images))
    images.restore(ident=kept)
    husk("delete", "--force", kept, check=0)


@pytest.mark.parametrize("line", ["Forking task with 1 pid", "Running setup-namespaces"])
def test_what_a_killed_restore_has_made_ends_by_itself(husk, bundle, images, kept, group, line):
    killed_at(images, restoring(images, kept), "restore.log", line)
    wait_for(lambda: not crius(images))
    wait_for(lambda: open(f"/sys/fs/cgroup/{group}/cgroup.procs").read() == "")
    assert husk.state(kept)["status"] == "stopped"
    husk("delete", kept, check=0)
    assert not (husk.root / kept).exists() and not os.path.exists(f"/sys/fs/cgroup/{group}")


@pytest.mark.skipif(not os.path.isdir("/run/systemd/system"), reason="needs systemd")
@pytest.mark.parametrize("line", RESTORING)
def test_of_a_killed_restore_into_a_scope_delete_leaves_nothing(husk, bundle, images, counting, line):
    ident = husk.new_id()
    bundle.linux["cgroupsPath"] = f"system.slice:husk:{ident}"
    images.started(manager=["--systemd-cgroup"], ident=ident)
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident)
    killed_at(images, restoring(images, ident, "--systemd-cgroup"), "restore.log", line)
    husk("delete", "--force", ident, check=0)
    wait_for(lambda: not crius(images))
    wait_for(lambda: not os.path.exists(f"/sys/fs/cgroup/system.slice/husk-{ident}.scope"))
    assert not (husk.root / ident).exists()


def test_a_restore_that_hangs_in_a_hook_can_be_deleted(husk, bundle, images, kept, group, tmp_path):
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f": >{tmp_path}/hangs; sleep 1000"]}]}
    null = subprocess.DEVNULL
    with subprocess.Popen(restoring(images, kept), stdin=null, stdout=null, stderr=null) as p:
        wait_for((tmp_path / "hangs").exists)
        begin = time.monotonic()
        husk("delete", "--force", kept, check=0)
        assert p.wait(60) != 0 and time.monotonic() - begin < 60
    assert not (husk.root / kept).exists() and not os.path.exists(f"/sys/fs/cgroup/{group}")
    wait_for(lambda: not crius(images))


def test_a_restore_whose_criu_is_killed_leaves_nothing(husk, bundle, images, kept, group):
    for line in ("Forking task with 1 pid", "Restoring 1 to 1 sid"):
        code, err = killed_at(images, restoring(images, kept), "restore.log", line, lambda: crius(images))
        assert code == PEER and "criu was killed by signal 9" in err
        assert not (husk.root / kept).exists() and not os.path.exists(f"/sys/fs/cgroup/{group}")
