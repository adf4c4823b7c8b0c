# SPDX-License-Identifier: Apache-2.0
"""Terminals: in the foreground, and over --console-socket."""
import array
import fcntl
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import termios
import time

import pytest

from tests.conftest import USAGE


class Terminal:
    """husk in the foreground on a terminal of ours."""

    def __init__(self, husk, *words, rows=24, columns=80):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(husk.argv(*words), stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        self.slave = slave
        self.seen = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def write(self, text):
        os.write(self.master, text.encode())

    def expect(self, text, seconds=10):
        end = time.monotonic() + seconds
        while text.encode() not in self.seen:
            assert time.monotonic() < end, f"{text!r} never came: {self.seen!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)

    def finish(self, seconds=10):
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"does not end: {self.seen!r}"
            if select.select([self.master], [], [], 0.02)[0]:
                self.seen += os.read(self.master, 65536)
        while select.select([self.master], [], [], 0.05)[0]:
            self.seen += os.read(self.master, 65536)
        after = termios.tcgetattr(self.slave)
        os.close(self.master), os.close(self.slave)
        assert after == self.before, "the terminal's settings are not given back"
        return self.process.returncode


@pytest.fixture
def terminal_bundle(bundle):
    bundle.process["terminal"] = True
    return bundle


def run(husk, bundle, **more):
    bundle.write()
    return Terminal(husk, "run", "--bundle", bundle.path, husk.new_id(), **more)


def test_run_has_a_terminal_that_can_be_typed_into(husk, terminal_bundle):
    t = run(husk, terminal_bundle.sh("tty; read x; echo got $x; exit 5"))
    t.expect("/dev/pts/0")
    t.write("hello\n")
    t.expect("got hello")
    assert t.finish() == 5


def test_run_hands_the_window_size_down_and_its_changes(husk, terminal_bundle):
    t = run(husk, terminal_bundle.sh("trap 'stty size; exit 0' WINCH; stty size; while :; do sleep 0.1; done"), rows=33, columns=101)
    t.expect("33 101")
    t.resize(40, 120)
    os.kill(t.process.pid, signal.SIGWINCH)
    t.expect("40 120")
    assert t.finish() == 0


def test_control_c_reaches_the_process_inside(husk, terminal_bundle):
    t = run(husk, terminal_bundle.sh("trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done"))
    t.expect("ready")
    t.write("\x03")
    t.expect("caught")
    assert t.finish() == 9


def test_all_output_arrives_before_the_end(husk, terminal_bundle):
    t = run(husk, terminal_bundle.sh("seq 1 20000; echo the-very-end"))
    assert t.finish(30) == 0
    assert b"the-very-end" in t.seen and b"\n19999\r\n" in t.seen


def test_a_terminal_works_for_output_without_one_outside(husk, terminal_bundle):
    result = husk.run(terminal_bundle.sh("tty; echo out"))
    assert result.out == "/dev/pts/0\nout\n"


def test_the_end_of_input_is_an_end_of_file_inside(husk, terminal_bundle):
    result = husk.run(terminal_bundle.args("/bin/cat"), stdin="hello\n", timeout=20)
    assert "hello\nhello\n" == result.out


def test_exec_has_a_terminal_of_its_own(husk, bundle):
    ident = husk.started(bundle)
    t = Terminal(husk, "exec", "-t", ident, "/bin/sh", "-c", "tty; echo $TERM; exit 3")
    assert t.finish() == 3
    assert b"/dev/pts/0" in t.seen


def receive(server):
    connection, _ = server.accept()
    data, control, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
    assert len(control) == 1 and len(control[0][2]) == 4, "exactly one descriptor"
    return data, array.array("i", control[0][2])[0]


def test_create_sends_the_master_without_waiting_for_accept(husk, terminal_bundle, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "console"))
        server.listen(1)
        ident = husk.create(terminal_bundle.sh("tty; stty size"), "--console-socket", tmp_path / "console")
        data, master = receive(server)
    assert 0 < len(data) < 4096
    husk("start", ident, check=0)
    husk.wait_status(ident, "stopped")
    assert b"/dev/pts/0" in os.read(master, 4096)
    os.close(master)


def test_console_sockets_may_have_long_paths(husk, terminal_bundle, tmp_path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    here = os.open(deep, os.O_PATH)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(f"/proc/self/fd/{here}/console")
        server.listen(1)
        husk.create(terminal_bundle, "--console-socket", deep / "console")
        os.close(receive(server)[1])
    os.close(here)


def test_a_detached_terminal_needs_a_console_socket(husk, terminal_bundle):
    terminal_bundle.write()
    result = husk("create", "--bundle", terminal_bundle.path, husk.new_id())
    assert result.code == USAGE and "console" in result.err
