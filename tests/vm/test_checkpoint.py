# SPDX-License-Identifier: Apache-2.0
"""checkpoint and restore with the real CRIU, where the kernel has what CRIU needs: the emulated machine."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from tests.conftest import PEER, Result, wait_for

CHECK = subprocess.run(["criu", "check"], capture_output=True, text=True) if shutil.which("criu") and os.geteuid() == 0 else None
pytestmark = pytest.mark.skipif(not CHECK or CHECK.returncode != 0, reason="criu cannot dump here")

COUNT = "n=0; while :; do n=$((n+1)); echo $n >/tmp/n; sleep 0.05; done"


def groups(pid):
    return open(f"/proc/{pid}/cgroup").read().strip().rpartition("::/")[2]


def mounts(pid):
    """Of the container: where, which attributes, which type.  A masked path's tmpfs has no name to compare."""
    lines = [line.split(" - ") for line in open(f"/proc/{pid}/mountinfo").read().splitlines()]
    return sorted((a.split()[4], *sorted(a.split()[5].split(",")), *a.split()[6:], b.split()[0]) for a, b in lines)


class Checkpoints:
    """Images in a folder, and what is done with them."""

    def __init__(self, husk, bundle, folder):
        self.husk, self.bundle, self.images, self.work = husk, bundle, folder / "images", folder / "work"
        self.manager = ()

    def where(self):
        return ["--image-path", self.images, "--work-path", self.work]

    def log(self, name):
        try:
            return (self.work / name).read_text()[-3000:]
        except OSError:
            return "no log"

    def checkpoint(self, ident, *options, check=0):
        result = self.husk("checkpoint", *self.where(), *options, ident)
        assert result.code == check, f"{self.log('dump.log')}\n{result}"
        return result

    def restore(self, *options, ident=None, check=0, manager=(), **streams):
        self.bundle.write()
        ident = ident or self.husk.new_id()
        argv = self.husk.argv("restore", *self.where(), "--bundle", self.bundle.path, "--detach", *options, ident, options=manager)
        err = self.husk.folder / "restore.err"
        # as husk.create() has them: a file of the host's comes back as a file, a pipe as a pipe
        with open(err, "w") as e, open(self.husk.folder / "restore.out", "w") as out:
            done = subprocess.run(argv, **{"stdin": subprocess.DEVNULL, "stdout": out, "stderr": e, "timeout": 120, **streams})
        assert done.returncode == check, f"{self.log('restore.log')}\n{err.read_text()}"
        return ident if check == 0 else Result(argv, done.returncode, "", err.read_text())


@pytest.fixture
def images(husk, bundle, tmp_path):
    bundle.linux["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
    return Checkpoints(husk, bundle, tmp_path)


@pytest.fixture
def counting(husk, bundle):
    """A container that counts, and the number that it has come to."""
    bundle.sh(COUNT)

    def number():
        try:
            return int((bundle.rootfs / "tmp/n").read_text())
        except (OSError, ValueError):
            return 0
    return number


def test_what_was_checkpointed_goes_on_where_it_stood(husk, bundle, images, counting, group, tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "file").write_text("of the host\n")
    bundle.mount("/mnt", tmp_path / "source", options=("bind", "ro")).mount("/etc/file", tmp_path / "file")
    bundle.linux["resources"]["pids"] = {"limit": 50}
    bundle.config["annotations"] = {"a": "b"}
    ident = husk.started(bundle)
    wait_for(lambda: counting() > 5)
    before = mounts(husk.state(ident)["pid"])
    images.checkpoint(ident)
    assert not (husk.root / ident).exists() and not os.path.exists(f"/sys/fs/cgroup/{group}")
    stood = counting()
    restored = images.restore("--pid-file", tmp_path / "pid")
    state = husk.state(restored)
    assert state["status"] == "running" and state["annotations"] == {"a": "b"} and state["pid"] == int((tmp_path / "pid").read_text())
    wait_for(lambda: counting() > stood + 5)
    assert stood < counting() < stood + 10000
    assert groups(state["pid"]) == group and open(f"/sys/fs/cgroup/{group}/pids.max").read() == "50\n"
    assert mounts(state["pid"]) == before
    assert husk("exec", restored, "/bin/sh", "-c", "hostname; cat /etc/file; touch /mnt/x || echo ro", check=0).out == "husk\nof the host\nro\n"
    assert json.loads(husk("events", "--stats", restored, check=0).out)["data"]["pids"]["limit"] == 50
    husk("pause", restored, check=0)
    assert husk.state(restored)["status"] == "paused"
    husk("resume", restored, check=0)
    husk("kill", restored, "KILL", check=0)
    husk.finish(restored)


def test_it_may_come_back_under_another_name_in_another_cgroup(husk, bundle, images, counting, group):
    ident = husk.started(bundle)
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident)
    bundle.linux["cgroupsPath"] = f"/{group}2"
    restored = images.restore()
    assert groups(husk.state(restored)["pid"]) == f"{group}2"
    husk("delete", "--force", restored, check=0)


def test_leave_running_lets_it_run_and_the_images_are_good(husk, images, bundle, counting):
    ident = husk.started(bundle)
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident, "--leave-running")
    stood = counting()
    wait_for(lambda: counting() > stood + 3)
    assert husk.state(ident)["status"] == "running"
    husk("delete", "--force", ident, check=0)
    images.restore(ident=ident)
    wait_for(lambda: counting() > stood + 3)
    husk("delete", "--force", ident, check=0)


def test_pre_dumps_make_the_last_one_smaller(husk, bundle, images, counting, tmp_path):
    ident = husk.started(bundle)
    wait_for(lambda: counting() > 2)
    husk("checkpoint", "--image-path", tmp_path / "first", "--pre-dump", ident, check=0)
    assert husk.state(ident)["status"] == "running" and not (tmp_path / "first/descriptors.json").exists()
    result = husk("checkpoint", "--image-path", tmp_path / "images", "--parent-path", "../nowhere", ident)
    assert result.code == 1 and "--parent-path" in result.err and husk.state(ident)["status"] == "running"
    images.checkpoint(ident, "--parent-path", "../first")
    assert os.readlink(tmp_path / "images/parent") == "../first"

    def size(folder):
        return sum(p.stat().st_size for p in folder.glob("pages-*.img"))
    assert size(tmp_path / "images") < size(tmp_path / "first")
    restored = images.restore()
    stood = counting()
    wait_for(lambda: counting() > stood + 3)
    husk("delete", "--force", restored, check=0)


def test_in_the_foreground_it_gives_output_and_exit_code(husk, bundle, images, tmp_path):
    bundle.sh("echo first; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo second; exit 7")
    bundle.write()
    ident = husk.new_id()
    with subprocess.Popen(husk.argv("run", "--bundle", bundle.path, ident), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout.readline() == "first\n"
        images.checkpoint(ident)
        assert run.wait(60) == 137
    descriptors = json.loads((images.images / "descriptors.json").read_text())
    assert len(descriptors) == 3 and all(d.startswith("pipe:[") for d in descriptors)
    (bundle.rootfs / "tmp/go").touch()
    result = husk("restore", *images.where(), "--bundle", bundle.path, ident, stdin="", timeout=120)
    assert (result.code, result.out, result.err) == (7, "second\n", ""), images.log("restore.log")
    assert not (husk.root / ident).exists()


def test_a_failed_checkpoint_says_why_and_lets_it_run(husk, bundle, images, counting, tmp_path):
    (tmp_path / "criu.conf").write_text("ghost-limit nosuchnumber\nfoo-bar-option\n")
    bundle.config["annotations"] = {"org.criu.config": str(tmp_path / "criu.conf")}
    ident = husk.started(bundle)
    result = images.checkpoint(ident, check=PEER)
    assert "criu" in result.err and str(images.work) in result.err
    assert husk.state(ident)["status"] == "running"
    stood = counting()
    wait_for(lambda: counting() > stood + 3)
    assert not (images.images / "descriptors.json").exists()
    husk("delete", "--force", ident, check=0)


def test_a_failed_restore_says_why_and_leaves_nothing(husk, bundle, images, counting, group):
    ident = husk.started(bundle)
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident)
    (images.images / "core-1.img").rename(images.images / "hidden")
    result = images.restore(check=PEER)
    assert str(images.work / "restore.log") in result.err and "criu: " in result.err
    assert os.listdir(husk.root) == [] and not os.path.exists(f"/sys/fs/cgroup/{group}")
    (images.images / "hidden").rename(images.images / "core-1.img")
    husk("delete", "--force", images.restore(), check=0)
