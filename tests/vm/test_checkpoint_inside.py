# SPDX-License-Identifier: Apache-2.0
"""What a container can consist of when it is checkpointed: mounts, files, streams, sockets, namespaces, processes."""
import json
import os
import re
import select
import socket
import subprocess

import pytest

from tests.conftest import PEER, wait_for
from tests.vm.checkpoints import mounts, needs_criu

pytestmark = needs_criu


def goes_on(counting):
    stood = counting()
    wait_for(lambda: counting() > stood + 3)


def again(husk, images, ident, *options):
    """Checkpointed and restored under the same name."""
    images.checkpoint(ident)
    return images.restore(*options, ident=ident)


def alike(listed):
    """Without the numbers of peer groups."""
    return [tuple(re.sub(r":\d+", "", word) for word in mount) for mount in listed]


# ---- mounts


def test_mounts_within_mounts_come_back(husk, bundle, images, counting, tmp_path):
    for name in ("outer/deep", "inner", "innermost"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").write_text("of the host\n")
    bundle.mount("/mnt", tmp_path / "outer").mount("/mnt/deep", tmp_path / "inner", options=("bind", "ro"))
    bundle.mount("/mnt/deep/er", "tmpfs", "tmpfs", options=("size=1m",)).mount("/mnt/deep/er/file", tmp_path / "file")
    (tmp_path / "inner/er").mkdir()
    ident = images.started()
    wait_for(lambda: counting() > 2)
    before = mounts(husk.state(ident)["pid"])
    again(husk, images, ident)
    goes_on(counting)
    assert mounts(husk.state(ident)["pid"]) == before
    assert husk("exec", ident, "cat", "/mnt/deep/er/file", check=0).out == "of the host\n"
    husk("delete", "--force", ident, check=0)


@pytest.fixture
def tree(tmp_path):
    """A mount of the host's with another one in it."""
    top = tmp_path / "tree"
    top.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", top], check=True)
    subprocess.run(["mount", "--make-shared", top], check=True)
    (top / "sub").mkdir()
    (top / "late").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", top / "sub"], check=True)
    (top / "sub/file").write_text("of the host\n")
    yield top
    subprocess.run(["umount", "-R", top], check=True)


@pytest.mark.parametrize("propagation", ["rprivate", "rslave", "rshared"])
def test_a_tree_of_mounts_comes_back_with_its_propagation(husk, bundle, images, counting, tree, propagation):
    bundle.mount("/mnt", tree, options=("rbind", propagation))
    ident = images.started()
    wait_for(lambda: counting() > 2)
    before = mounts(husk.state(ident)["pid"])
    again(husk, images, ident)
    goes_on(counting)
    pid = husk.state(ident)["pid"]
    assert alike(mounts(pid)) == alike(before)
    (tree / "sub/file").write_text("changed\n")
    assert husk("exec", ident, "cat", "/mnt/sub/file", check=0).out == "changed\n"
    subprocess.run(["mount", "-t", "tmpfs", "late", tree / "late"], check=True)
    seen = [m for m in mounts(pid) if m[0] == "/mnt/late"]
    assert bool(seen) == (propagation == "rslave")
    # Peers CRIU does not make again.
    assert ("does not make it a peer" in (husk.folder / "restore.err").read_text()) == (propagation == "rshared")
    husk("delete", "--force", ident, check=0)


# ---- files


def test_tmpfs_and_files_that_are_deleted_but_open_come_back(husk, bundle, images):
    bundle.mount("/mnt", "tmpfs", "tmpfs", options=("mode=755", "size=1m"))
    os.mkfifo(bundle.rootfs / "tmp/fifo")
    bundle.sh("echo kept >/mnt/kept; echo one >/mnt/gone; exec 4<>/mnt/gone 5<>/tmp/gone 6<>/tmp/fifo; echo two >&5; rm /mnt/gone /tmp/gone; "
              ": >/tmp/ready; read x <&6; cat /mnt/kept >/tmp/out; cat <&4 >>/tmp/out; echo end >>/tmp/out; sleep 1000")
    ident = images.started()
    wait_for((bundle.rootfs / "tmp/ready").exists)
    again(husk, images, ident)
    with open(bundle.rootfs / "tmp/fifo", "w") as fifo:
        fifo.write("go\n")
    wait_for(lambda: (bundle.rootfs / "tmp/out").exists() and (bundle.rootfs / "tmp/out").read_text().endswith("end\n"))
    assert (bundle.rootfs / "tmp/out").read_text() == "kept\none\nend\n"
    pid = husk.state(ident)["pid"]
    assert os.readlink(f"/proc/{pid}/fd/5").endswith(" (deleted)") and open(f"/proc/{pid}/fd/5").read() == "two\n"
    husk("delete", "--force", ident, check=0)


# ---- streams


def test_what_a_shell_has_redirected_is_still_the_streams_it_was_given(husk, bundle, images, tmp_path):
    os.mkfifo(bundle.rootfs / "tmp/fifo")
    bundle.sh("exec 3>&1 4>&2 >/tmp/log 2>/tmp/log 5<>/tmp/fifo; echo in the log; echo first >&3; read x <&5; echo second >&3; echo third >&4; exit 7")
    ident = images.checkpoint_attached()
    with subprocess.Popen(husk.argv("restore", *images.where(), "--bundle", bundle.path, ident), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as restore:
        wait_for(lambda: restore.poll() is not None or (husk.root / ident).exists() and husk.state(ident)["status"] == "running", 60)
        with open(bundle.rootfs / "tmp/fifo", "w") as fifo:
            fifo.write("go\n")
        assert restore.communicate(timeout=60) == ("second\n", "third\n") and restore.returncode == 7, images.log("restore.log")
    assert (bundle.rootfs / "tmp/log").read_text() == "in the log\n"


def test_a_file_of_the_hosts_as_output_is_written_on(husk, bundle, images, tmp_path):
    os.mkfifo(bundle.rootfs / "tmp/fifo")
    bundle.sh("exec 5<>/tmp/fifo; echo first; : >/tmp/ready; read x <&5; echo second; sleep 1000")
    ident = husk.started(bundle)
    wait_for((bundle.rootfs / "tmp/ready").exists)
    images.checkpoint(ident)
    argv = husk.argv("restore", *images.where(), "--bundle", bundle.path, "--detach", ident)
    null = subprocess.DEVNULL
    with open(tmp_path / "other", "w") as other:
        result = subprocess.run(argv, stdin=null, stdout=other, stderr=subprocess.PIPE, timeout=120, text=True)
    assert result.returncode == PEER and "bad size 0 (expect 6)" in result.stderr
    with open(husk.folder / f"{ident}.out", "a") as out, open(husk.folder / f"{ident}.err", "a") as err:
        subprocess.run(argv, stdin=null, stdout=out, stderr=err, check=True, timeout=120)
    with open(bundle.rootfs / "tmp/fifo", "w") as fifo:
        fifo.write("go\n")
    wait_for(lambda: husk.output(ident) == "first\nsecond\n")
    husk("delete", "--force", ident, check=0)


# ---- processes


@pytest.mark.parametrize("options", [[], ["--leave-running"]], ids=["", "leave-running"])
def test_what_exec_has_started_is_not_in_the_checkpoint_and_that_is_said(husk, bundle, images, counting, options):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    with husk.popen("exec", ident, "sh", "-c", "echo here; exec cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"here\n"
        assert "1 process of exec" in images.checkpoint(ident, *options).err
        if options:
            assert process.communicate(b"still there", timeout=60)[0] == b"still there"
            husk("delete", "--force", ident, check=0)
        else:
            assert process.wait(60) == 137
    images.restore(ident=ident)
    goes_on(counting)
    assert len(json.loads(husk("ps", "-f", "json", ident, check=0).out)) == 2
    husk("delete", "--force", ident, check=0)


def test_wait_tells_how_the_restored_has_ended(husk, bundle, images):
    os.mkfifo(bundle.rootfs / "tmp/fifo")
    bundle.sh("exec 5<>/tmp/fifo; : >/tmp/ready; read x <&5; exit 42")
    ident = images.started()
    wait_for((bundle.rootfs / "tmp/ready").exists)
    again(husk, images, ident)
    with husk.popen("wait", ident, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        with open(bundle.rootfs / "tmp/fifo", "w") as fifo:
            fifo.write("go\n")
        out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 42 or "42" in out, (waiting.returncode, out, err)
    husk("delete", ident, check=0)


def test_pre_dumps_may_follow_each_other(husk, bundle, images, counting, tmp_path):
    ident = images.started()
    wait_for(lambda: counting() > 2)
    husk("checkpoint", "--image-path", tmp_path / "first", "--pre-dump", ident, check=0)
    husk("checkpoint", "--image-path", tmp_path / "second", "--pre-dump", "--parent-path", "../first", ident, check=0)
    images.checkpoint(ident, "--parent-path", "../second")
    assert [os.readlink(tmp_path / d / "parent") for d in ("second", "images")] == ["../first", "../second"]
    images.restore(ident=ident)
    goes_on(counting)
    husk("delete", "--force", ident, check=0)


# ---- namespaces


def test_a_user_namespace_comes_back_from_a_directory_that_is_roots_alone(husk, bundle, images, counting, tmp_path):
    bundle.user_namespace()
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/dev/mqueue"]
    (bundle.rootfs / "tmp").chmod(0o1777)
    (bundle.rootfs / "tmp/fifo").chmod(0o666)
    ident = images.started()
    wait_for(lambda: counting() > 2)
    husk("checkpoint", "--image-path", tmp_path / "first", "--pre-dump", ident, check=0)
    before = mounts(husk.state(ident)["pid"])
    images.checkpoint(ident, "--parent-path", "../first")
    assert {os.stat(tmp_path / d).st_mode & 0o777 for d in ("first", "images")} == {0o700}
    images.restore("--auto-dedup", ident=ident)
    goes_on(counting)
    pid = husk.state(ident)["pid"]
    assert open(f"/proc/{pid}/uid_map").read().split() == ["0", "100000", "65536"] and mounts(pid) == before
    assert husk("exec", ident, "/bin/sh", "-c", "id -u; cat /proc/self/uid_map", check=0).out.split() == ["0", "0", "100000", "65536"]
    husk("delete", "--force", ident, check=0)


def test_a_time_namespace_of_its_own_comes_back(husk, bundle, images, counting):
    bundle.namespaces("pid", "network", "ipc", "uts", "mount", "time")
    bundle.linux["timeOffsets"] = {"boottime": {"secs": 1000000, "nanosecs": 0}}
    ident = images.started()
    wait_for(lambda: counting() > 2)
    again(husk, images, ident)
    goes_on(counting)
    uptime = float(husk("exec", ident, "cat", "/proc/uptime", check=0).out.split()[0])
    assert 1000000 < uptime < 1100000
    husk("delete", "--force", ident, check=0)


@pytest.fixture
def holder():
    """A process in a PID and a time namespace of its own, to be joined; it buries the dead."""
    script = "echo; while :; do sleep 0.1; done"
    with subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "--time", "--boottime", "1000000", "sh", "-c", script],
                          stdout=subprocess.PIPE, text=True) as p:
        p.stdout.readline()
        child = open(f"/proc/{p.pid}/task/{p.pid}/children").read().split()[0]
        yield child
        p.kill()


@pytest.mark.parametrize("kind", ["pid", "time"])
def test_a_joined_namespace_is_joined_again(husk, bundle, images, counting, holder, kind):
    others = [k for k in ("pid", "network", "ipc", "uts", "mount") if k != kind]
    bundle.namespaces(*others, **{kind: f"/proc/{holder}/ns/{kind}"})
    ident = images.started()
    wait_for(lambda: counting() > 2)
    again(husk, images, ident)
    goes_on(counting)
    pid = husk.state(ident)["pid"]
    assert os.readlink(f"/proc/{pid}/ns/{kind}") == os.readlink(f"/proc/{holder}/ns/{kind}")
    husk("delete", "--force", ident, check=0)


# ---- sockets


def python(bundle, script):
    """The host's Python in the container."""
    for link in ("lib", "lib64"):
        if not (bundle.rootfs / link).is_symlink():
            (bundle.rootfs / link).symlink_to(f"usr/{link}")
    (bundle.rootfs / "usr").mkdir(exist_ok=True)
    bundle.mount("/usr", "/usr", options=("rbind", "ro")).args("/usr/bin/python3", "-c", script)


TELL = """import socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(sys.argv[1])
n = 0
while True:
    n += 1
    s.send(str(n).encode())
    time.sleep(0.05)
"""


def test_datagrams_to_a_socket_of_the_hosts_go_on(husk, bundle, images, tmp_path):
    (tmp_path / "source").mkdir()
    python(bundle, TELL)
    bundle.process["args"].append(str(tmp_path / "source/socket"))
    # CRIU looks for the other end in the container's network namespace, and by the name that it was bound to.
    bundle.without_namespace("network").mount(str(tmp_path / "source"), tmp_path / "source")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(tmp_path / "source/socket"))
        log.settimeout(60)
        ident = images.started()
        assert log.recv(100) == b"1"
        assert "unix" in images.checkpoint(ident, check=PEER).err.lower()
        images.checkpoint(ident, "--ext-unix-sk")
        last = 0
        while select.select([log], [], [], 0)[0]:
            last = int(log.recv(100))
        images.restore("--ext-unix-sk", ident=ident)
        assert int(log.recv(100)) == last + 1
        husk("delete", "--force", ident, check=0)


def connections(pid):
    return [line.split()[3] for line in open(f"/proc/{pid}/net/tcp").read().splitlines()[1:]]


@pytest.mark.parametrize("option", ["--tcp-established", "--tcp-close"])
def test_connections_come_back_open_or_closed(husk, bundle, images, option):
    python(bundle, """import socket, time
listener = socket.create_server(("127.0.0.1", 77))
a = socket.create_connection(("127.0.0.1", 77))
b, _ = listener.accept()
def both(word):
    try:
        a.send(b"x")
        got = b.recv(10)
        open("/tmp/said", "w").write(word + " sent" if got else word + " closed")
    except OSError as why:
        open("/tmp/said", "w").write(word + " closed")
both("first")
fifo = open("/tmp/fifo")
fifo.readline()
both("then")
time.sleep(1000)
""")
    os.mkfifo(bundle.rootfs / "tmp/fifo")

    def said():
        try:
            return (bundle.rootfs / "tmp/said").read_text()
        except OSError:
            return ""
    bundle.sh("ip link set lo up; exec /usr/bin/python3 -c '" + bundle.process["args"][2].replace("'", "'\\''") + "'")
    for kind in ("bounding", "effective", "permitted"):
        bundle.process["capabilities"][kind] = [*bundle.process["capabilities"][kind], "CAP_NET_ADMIN"]
    ident = images.started()
    wait_for(lambda: said() == "first sent")
    images.checkpoint(ident, "--tcp-established", "--network-lock", "skip")
    images.restore(option, ident=ident)
    assert ("01" in connections(husk.state(ident)["pid"])) == (option == "--tcp-established")
    with open(bundle.rootfs / "tmp/fifo", "w") as fifo:
        fifo.write("go\n")
    wait_for(lambda: said().startswith("then "))
    assert said() == ("then sent" if option == "--tcp-established" else "then closed")
    husk("delete", "--force", ident, check=0)
