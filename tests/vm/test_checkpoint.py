# SPDX-License-Identifier: Apache-2.0
"""checkpoint and restore with the real CRIU, where the kernel has what CRIU needs: the emulated machine."""
import fcntl
import json
import os
import select
import socket
import subprocess
import time

import pytest

from tests.conftest import PEER, in_terminal, wait_for
from tests.vm.checkpoints import groups, mounts, needs_criu

pytestmark = needs_criu


def test_what_was_checkpointed_goes_on_where_it_stood(husk, bundle, images, counting, group, tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "file").write_text("of the host\n")
    bundle.mount("/mnt", tmp_path / "source", options=("bind", "ro")).mount("/etc/file", tmp_path / "file")
    bundle.linux["resources"]["pids"] = {"limit": 50}
    bundle.config["annotations"] = {"a": "b"}
    ident = images.started()
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
    ident = images.started()
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident)
    bundle.linux["cgroupsPath"] = f"/{group}2"
    restored = images.restore()
    assert groups(husk.state(restored)["pid"]) == f"{group}2"
    husk("delete", "--force", restored, check=0)


def test_leave_running_lets_it_run_and_the_images_are_good(husk, images, bundle, counting):
    ident = images.started()
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
    ident = images.started()
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
    ident = images.checkpoint_attached()
    (bundle.rootfs / "tmp/go").touch()
    result = husk("restore", *images.where(), "--bundle", bundle.path, ident, stdin="", timeout=120)
    assert (result.code, result.out, result.err) == (7, "second\n", ""), images.log("restore.log")
    assert not (husk.root / ident).exists()


def test_a_failed_checkpoint_says_why_and_lets_it_run(husk, bundle, images, counting, tmp_path):
    (tmp_path / "criu.conf").write_text("ghost-limit nosuchnumber\nfoo-bar-option\n")
    bundle.config["annotations"] = {"org.criu.config": str(tmp_path / "criu.conf")}
    ident = images.started()
    result = images.checkpoint(ident, check=PEER)
    assert "criu" in result.err and str(images.work) in result.err
    assert husk.state(ident)["status"] == "running"
    stood = counting()
    wait_for(lambda: counting() > stood + 3)
    assert not (images.images / "descriptors.json").exists()
    husk("delete", "--force", ident, check=0)


def test_a_failed_restore_says_why_and_leaves_nothing(husk, bundle, images, counting, group):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident)
    (images.images / "core-1.img").rename(images.images / "hidden")
    result = images.restore(check=PEER)
    assert str(images.work / "restore.log") in result.err and "criu: " in result.err
    assert os.listdir(husk.root) == [] and not os.path.exists(f"/sys/fs/cgroup/{group}")
    (images.images / "hidden").rename(images.images / "core-1.img")
    husk("delete", "--force", images.restore(), check=0)


class ConsoleSocket:
    """What an engine listens on for the terminal's master."""

    def __init__(self, folder):
        self.path = str(folder / "console.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()

    def master(self):
        self.listener.settimeout(20)
        connection, _ = self.listener.accept()
        with connection:
            _, fds, _, _ = socket.recv_fds(connection, 100, 1)
        return fds[0]


def read_until(fd, word, seconds=20):
    shown, end = b"", time.monotonic() + seconds
    while word not in shown:
        assert time.monotonic() < end, shown
        if select.select([fd], [], [], 0.1)[0]:
            shown += os.read(fd, 4096)
    return shown


def test_a_terminal_comes_back_over_the_console_socket(husk, bundle, images, tmp_path):
    bundle.process["terminal"] = True
    bundle.sh("while read line; do echo got $line; done")
    console = ConsoleSocket(tmp_path)
    ident = images.started("--console-socket", console.path)
    master = console.master()
    os.write(master, b"one\n")
    read_until(master, b"got one")
    images.checkpoint(ident)
    os.close(master)
    restored = images.restore("--console-socket", console.path, "--pid-file", tmp_path / "pid")
    master = console.master()
    assert (tmp_path / "pid").read_text() == str(husk.state(restored)["pid"])
    os.write(master, b"two\n")
    read_until(master, b"got two")
    assert husk("exec", restored, "/bin/sh", "-c", "tty </dev/console", check=0).out.startswith("/dev/")
    husk("delete", "--force", restored, check=0)
    os.close(master)


def test_in_the_foreground_a_terminal_is_the_callers(husk, bundle, images, tmp_path):
    bundle.process["terminal"] = True
    bundle.sh("while [ ! -e /tmp/go ]; do sleep 0.05; done; echo it is back; exit 3")
    console = ConsoleSocket(tmp_path)
    ident = images.started("--console-socket", console.path)
    images.checkpoint(ident)
    (bundle.rootfs / "tmp/go").touch()
    code, shown = in_terminal(husk.argv("restore", *images.where(), "--bundle", bundle.path, ident))
    assert code == 3 and "it is back" in shown, shown


@pytest.fixture
def namespaces(tmp_path):
    """A process in namespaces of its own, to be joined."""
    with subprocess.Popen(["unshare", "--net", "--ipc", "--uts", "sh", "-c", "hostname outside; ip link set lo up; echo; exec sleep 1000"],
                          stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        yield {kind: f"/proc/{holder.pid}/ns/{short}" for kind, short in (("network", "net"), ("ipc", "ipc"), ("uts", "uts"))}
        holder.kill()


def test_namespaces_that_were_joined_are_joined_again(husk, bundle, images, counting, namespaces):
    bundle.namespaces("pid", "mount", **namespaces)
    del bundle.config["hostname"]
    ident = images.started()
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident)
    restored = images.restore()
    pid = husk.state(restored)["pid"]
    for path in namespaces.values():
        assert os.readlink(path) == os.readlink(f"/proc/{pid}/ns/{path.rpartition('/')[2]}")
    husk("delete", "--force", restored, check=0)


def test_a_user_namespace_comes_back(husk, bundle, images, counting):
    bundle.user_namespace()
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/dev/mqueue"]
    (bundle.rootfs / "tmp").chmod(0o1777)
    (bundle.rootfs / "tmp/fifo").chmod(0o666)
    images.images.mkdir(0o711)
    ident = images.started()
    wait_for(lambda: counting() > 2)
    before = mounts(husk.state(ident)["pid"])
    images.checkpoint(ident)
    restored = images.restore()
    stood = counting()
    wait_for(lambda: counting() > stood + 3)
    pid = husk.state(restored)["pid"]
    assert open(f"/proc/{pid}/uid_map").read().split() == ["0", "100000", "65536"]
    assert mounts(pid) == before
    assert husk("exec", restored, "/bin/sh", "-c", "id -u; cat /proc/self/uid_map", check=0).out.split() == ["0", "0", "100000", "65536"]
    husk("delete", "--force", restored, check=0)


def test_hooks_take_part(husk, bundle, images, counting, tmp_path):
    told = tmp_path / "told"
    bundle.config["hooks"] = {kind: [{"path": "/bin/sh", "args": ["sh", "-c", f"s=$(cat); [ ! -e {tmp_path} ] || echo {kind} $s >>{told}"]}]
                              for kind in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")}
    ident = images.started()
    wait_for(lambda: counting() > 2)
    told.unlink()
    images.checkpoint(ident)
    assert [line.split()[0] for line in told.read_text().splitlines()] == ["poststop"]
    told.unlink()
    restored = images.restore()
    lines = [line.split(None, 1) for line in told.read_text().splitlines()]
    assert [kind for kind, _ in lines] == ["prestart", "createRuntime", "poststart"]
    pid = husk.state(restored)["pid"]
    for kind, state in lines:
        state = json.loads(state)
        assert (state["id"], state["pid"]) == (restored, pid)
        assert state["status"] == ("running" if kind == "poststart" else "creating")
    husk("delete", "--force", restored, check=0)


def test_a_hook_that_fails_ends_the_restore(husk, bundle, images, counting, group):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident)
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "echo no way >&2; exit 3"]}]}
    result = images.restore(check=1)
    assert "no way" in result.err and "createRuntime" in result.err
    assert os.listdir(husk.root) == [] and not os.path.exists(f"/sys/fs/cgroup/{group}")


def test_what_is_paused_may_be_checkpointed(husk, bundle, images, counting):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    husk("pause", ident, check=0)
    images.checkpoint(ident, "--leave-running")
    assert husk.state(ident)["status"] == "paused"
    images.checkpoint(ident)
    assert not (husk.root / ident).exists()
    restored = images.restore()
    stood = counting()
    wait_for(lambda: counting() > stood + 3)
    assert husk.state(restored)["status"] == "running"
    husk("delete", "--force", restored, check=0)


def test_locks_are_kept_when_asked_for(husk, bundle, images, tmp_path):
    for link in ("lib", "lib64"):
        (bundle.rootfs / link).symlink_to(f"usr/{link}")
    bundle.mount("/usr", "/usr", options=("rbind", "ro")).args("/usr/bin/flock", "/tmp/lock", "/bin/cat", "/tmp/fifo")
    os.mkfifo(bundle.rootfs / "tmp/fifo")

    def is_locked():
        try:
            with open(bundle.rootfs / "tmp/lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            pass
        return False
    ident = images.started()
    wait_for(is_locked)
    assert "lock" in images.checkpoint(ident, check=PEER).err
    assert husk.state(ident)["status"] == "running"
    images.checkpoint(ident, "--file-locks")
    assert not is_locked()
    restored = images.restore("--file-locks")
    assert is_locked()
    husk("delete", "--force", restored, check=0)


def test_lazy_pages_are_served_to_the_restored(husk, bundle, images, counting, tmp_path):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    ready, status = os.pipe()
    argv = husk.argv("checkpoint", *images.where(), "--lazy-pages", "--page-server", "127.0.0.1:27777", "--status-fd", status, ident)
    with subprocess.Popen(argv, pass_fds=[status], stderr=subprocess.PIPE) as dumping:
        os.close(status)
        assert os.read(ready, 1) == b"\0", images.log("dump.log")
        os.close(ready)
        stood = counting()
        with subprocess.Popen(["criu", "lazy-pages", "--page-server", "--address", "127.0.0.1", "--port", "27777", "-D", images.images,
                               "-W", images.work], stdout=subprocess.DEVNULL) as lazy:
            wait_for(lambda: (images.work / "lazy-pages.socket").exists())
            bundle.write()
            restored = images.restore("--lazy-pages")
            wait_for(lambda: counting() > stood + 3)
            assert lazy.wait(60) == 0
        assert dumping.wait(60) == 0, dumping.stderr.read()
    husk("delete", "--force", restored, check=0)


def is_connected(pid):
    """Has the process's network namespace an established TCP connection?"""
    return any(line.split()[3] == "01" for line in open(f"/proc/{pid}/net/tcp").read().splitlines()[1:])


def test_tcp_connections_are_kept_or_closed(husk, bundle, images):
    os.mkfifo(bundle.rootfs / "tmp/fifo")
    bundle.sh("exec 3<>/tmp/fifo; busybox nc -l -p 77 <&3 & until busybox nc 127.0.0.1 77 <&3; do read -t 0.1 x <&3; done")
    ident = images.started()
    wait_for(lambda: is_connected(husk.state(ident)["pid"]))
    assert "tcp" in images.checkpoint(ident, check=PEER).err
    assert is_connected(husk.state(ident)["pid"])
    images.checkpoint(ident, "--tcp-established", "--network-lock", "skip")
    images.restore("--tcp-established", ident=ident)
    assert is_connected(husk.state(ident)["pid"])
    husk("delete", "--force", ident, check=0)


def test_criu_takes_all_that_is_passed_on(husk, bundle, images, counting):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    images.checkpoint(ident, "--link-remap", "--tcp-skip-in-flight", "--tcp-established", "--auto-dedup", "--ext-unix-sk", "--shell-job",
                      "--empty-ns", "network")
    restored = images.restore("--ext-unix-sk", "--auto-dedup", "--empty-ns", "network", "--tcp-close", "--shell-job", "--no-subreaper")
    stood = counting()
    wait_for(lambda: counting() > stood + 3)
    husk("delete", "--force", restored, check=0)
