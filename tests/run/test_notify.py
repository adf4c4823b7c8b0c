# SPDX-License-Identifier: Apache-2.0
"""sd_notify through husk: the caller's NOTIFY_SOCKET hears READY=1 of the container, and nothing is left."""
import os
import signal
import socket
import subprocess

from tests.conftest import in_terminal


def test_readiness_is_passed_on_and_nothing_is_left(husk, bundle, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as host:
        host.bind(str(tmp_path / "notify"))
        env = dict(os.environ, NOTIFY_SOCKET=str(tmp_path / "notify"))
        bundle.sh("echo $NOTIFY_SOCKET; mkdir /run/notify/a 2>/dev/null; exit 0")
        ident = husk.create(bundle, env=env)
        husk("start", ident, env=env, check=0)
        husk.wait_status(ident, "stopped")
    assert husk.output(ident) == "/run/notify/notify.sock\n"
    husk("delete", ident, check=0)
    assert not (husk.root / ident).exists()


def test_a_foreground_run_passes_signals_on_while_it_waits_for_readiness(husk, bundle, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as host:
        host.bind(str(tmp_path / "notify"))
        env = dict(os.environ, NOTIFY_SOCKET=str(tmp_path / "notify"))
        bundle.sh("trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done").write()
        p = husk.popen("run", "--bundle", bundle.path, husk.new_id(), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert p.stdout.readline() == b"up\n"
        p.send_signal(signal.SIGTERM)
        assert p.wait(10) == 7
        p.stdout.close()


def test_a_foreground_terminal_works_while_it_waits_for_readiness(husk, bundle, tmp_path):
    bundle.process["terminal"] = True
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as host:
        host.bind(str(tmp_path / "notify"))
        bundle.args("/bin/echo", "shown").write()
        code, shown = in_terminal(husk.argv("run", "--bundle", bundle.path, husk.new_id()),
                                  env=dict(os.environ, NOTIFY_SOCKET=str(tmp_path / "notify")))
        assert code == 0 and "shown" in shown


def test_a_foreground_run_passes_readiness_on(husk, bundle, tmp_path):
    host_dir = tmp_path / "notify"
    tool = bundle.rootfs / "ready"
    source = tmp_path / "ready.c"
    source.write_text("""
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char c;

	strcpy(to.sun_path, "/run/notify/notify.sock");
	if (sendto(fd, "STATUS=x", 8, 0, (void *)&to, sizeof(to)) < 0 || sendto(fd, "READY=1", 7, 0, (void *)&to, sizeof(to)) < 0)
		return 1;
	return read(0, &c, 1) == 0 ? 5 : 6;
}
""")
    subprocess.run(["gcc", "-static", "-o", tool, source], check=True, capture_output=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as host:
        host.bind(str(host_dir))
        host.settimeout(10)
        bundle.args("/ready").write()
        ident = husk.new_id()
        p = husk.popen("run", "--bundle", bundle.path, ident, env=dict(os.environ, NOTIFY_SOCKET=str(host_dir)), stdin=subprocess.PIPE)
        assert host.recv(100) == f"MAINPID={husk.state(ident)['pid']}\nREADY=1".encode()
        p.stdin.close()
        assert p.wait(10) == 5
