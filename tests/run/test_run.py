# SPDX-License-Identifier: Apache-2.0
"""`run`: a container from its birth to its exit status."""
import os
import signal
import subprocess
import time


def test_run_shows_the_output_of_the_container(husk, bundle):
    assert husk.out(bundle.args("/bin/echo", "hello")) == "hello\n"


def test_run_exits_as_the_container_does(husk, bundle):
    husk.run(bundle.sh("exit 42"), check=42)


def test_run_exits_with_128_and_the_signal_that_killed_the_container(husk, bundle):
    bundle.process["args"] = ["/bin/sh", "-c", "kill -9 $$"]
    bundle.without_namespace("pid")
    husk.run(bundle, check=128 + 9)


def test_run_leaves_no_state_behind(husk, bundle):
    husk.run(bundle)
    assert not os.listdir(husk.root)


def test_run_with_keep_keeps_the_stopped_container(husk, bundle):
    husk.run(bundle, "--keep")
    assert husk.state(husk.ids[-1])["status"] == "stopped"
    husk("delete", husk.ids[-1], check=0)


def test_the_container_is_process_1_of_its_pid_namespace(husk, bundle):
    assert husk.out(bundle.sh("echo $$")) == "1\n"


def test_stdin_reaches_the_container(husk, bundle):
    assert husk.run(bundle.args("/bin/cat"), stdin="a line\n").out == "a line\n"


def test_signals_are_forwarded_to_the_container(husk, bundle):
    bundle.sh("trap 'echo got it; exit 7' USR1; echo ready; while :; do sleep 0.05; done").write()
    with open(husk.folder / "out", "w+") as out:
        p = husk.popen("run", "--bundle", bundle.path, husk.new_id(), stdout=out)
        for _ in range(400):
            if "ready" in (husk.folder / "out").read_text():
                break
            time.sleep(0.02)
        p.send_signal(signal.SIGUSR1)
        assert p.wait(30) == 7
    assert "got it" in (husk.folder / "out").read_text()


def run_detached(husk, bundle, ident, *options):
    """Its stdio is a file: the container keeps it open after husk has left."""
    with open(husk.folder / "out", "w") as out:
        p = husk.popen("run", "-d", *options, "--bundle", bundle.path, ident, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        assert p.wait(30) == 0, (husk.folder / "out").read_text()


def test_run_detached_returns_while_the_container_runs(husk, bundle):
    bundle.args("/bin/sleep", "1000").write()
    ident = husk.new_id()
    run_detached(husk, bundle, ident)
    assert husk.state(ident)["status"] == "running"
    husk("delete", "--force", ident, check=0)


def test_run_detached_writes_the_pid_file(husk, bundle):
    bundle.args("/bin/sleep", "1000").write()
    ident = husk.new_id()
    run_detached(husk, bundle, ident, "--pid-file", husk.folder / "pid")
    assert int((husk.folder / "pid").read_text()) == husk.state(ident)["pid"]
    husk("delete", "-f", ident, check=0)


def test_the_caller_s_descriptors_do_not_reach_the_container(husk, bundle):
    fd = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        out = husk.out(bundle.sh("ls /proc/self/fd"), pass_fds=[fd])
    finally:
        os.close(fd)
    assert out.split() == ["0", "1", "2", "3"]     # 3: ls itself reads the directory


def test_preserve_fds_hands_down_that_many(husk, bundle):
    r, w = os.pipe()
    try:
        # In the child alone: 3 belongs to the test runner here.
        husk.out(bundle.sh("echo through >&3"), "--preserve-fds", "1", pass_fds=[3], preexec_fn=lambda: os.dup2(w, 3))
        assert os.read(r, 100) == b"through\n"
    finally:
        os.close(r), os.close(w)
