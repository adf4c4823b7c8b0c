# SPDX-License-Identifier: Apache-2.0
"""Options that no other file is about, and the short forms: each does what its long one does."""
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from tests.conftest import HUSK, holds_pidfd, wait_for
from tests.user import for_user


@pytest.fixture
def receiver(tmp_path):
    """A socket at .path whose .descriptor() is what the other side sends."""
    class Receiver:
        path = tmp_path / "receiver"

        def __init__(self):
            self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.server.bind(str(self.path))
            self.server.listen(1)
            self.server.settimeout(20)
            self.fds = []

        def descriptor(self):
            connection, _ = self.server.accept()
            with connection:
                _, fds, _, _ = socket.recv_fds(connection, 4096, 1)
            self.fds += fds
            return fds[0]

    made = Receiver()
    yield made
    made.server.close()
    for fd in made.fds:
        os.close(fd)


def passing(write):
    """For subprocess: WRITE becomes descriptor 3, which the child inherits."""
    return {"preexec_fn": lambda: os.dup2(write, 3, inheritable=True), "pass_fds": [3]}


def silently(argv):
    """What stays behind may keep our streams open: none of them is a pipe that we read."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 0, argv


def pid_of(pidfd):
    with open(f"/proc/self/fdinfo/{pidfd}") as f:
        return int(next(line for line in f if line.startswith("Pid:")).split()[1])


def text(*words):
    return subprocess.run([HUSK, *words], stdout=subprocess.PIPE, check=True, text=True, timeout=30).stdout


def test_help_can_be_asked_for_in_all_the_ways_people_know():
    for word in ("-h", "-help", "--help", "-?", "--usage", "help"):
        assert text(word) == text("--help")
    for word in ("-h", "-help", "-?", "--usage"):
        assert text("create", word) == text("help", "create")


def test_the_version_has_two_names_and_other_letters_are_refused():
    assert text("-v") == text("--version") == text("-version")
    for word in ("-V", "--vers"):
        done = subprocess.run([HUSK, word], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
        assert done.returncode == 2 and done.stdout == "" and f'unknown option "{word}"' in done.stderr


def test_options_may_be_said_in_the_ways_of_runc_and_crun(husk, bundle):
    ident = husk.started(bundle)
    for words in (["--format", "json"], ["--format=json"], ["-format", "json"], ["-format=json"], ["-f", "json"], ["-fjson"],
                  ["-f=json"], ["--quiet=false", "-f", "json"]):
        assert json.loads(husk("list", *words, check=0).out)[0]["id"] == ident
    assert husk("exec", "-dt=false", ident, "true").code == 0, "letters may stand together"
    for words in (["list", "--form", "json"], ["exec", "--det", ident, "true"]):
        assert "unknown option" in husk(*words).err, "abbreviations would change their meaning with every new option"


def test_the_name_of_the_program_chooses_nothing(tmp_path):
    (tmp_path / "krun").symlink_to(os.path.abspath(HUSK))
    done = subprocess.run([tmp_path / "krun", "--version"], stdout=subprocess.PIPE, text=True, check=True, timeout=30)
    assert done.stdout == text("--version")


def test_signals_have_numbers_names_and_real_time_ones(husk, bundle):
    bundle.sh("trap 'echo rt' 37; trap 'echo usr' USR1; echo up; while :; do sleep 0.05; done")
    ident = husk.started(bundle)
    husk.until(lambda: "up" in husk.output(ident))
    husk("kill", ident, "SIGRTMIN+3", check=0)
    husk.until(lambda: "rt" in husk.output(ident))
    husk("kill", ident, "usr1", check=0)
    husk.until(lambda: "usr" in husk.output(ident))
    husk("kill", ident, "0", check=0)
    husk("kill", ident, "KILL", check=0)
    husk.wait_status(ident, "stopped")
    assert "not running" in husk("kill", ident, "0").err


def test_where_the_state_of_others_than_root_lies(tmp_path):
    """Root in a user namespace is such a one."""
    argv = ["unshare", "--user", "--map-root-user", HUSK, "list", "-q"]
    for folder in ("run", "other"):
        (tmp_path / folder / "husk" / "left-behind").mkdir(parents=True, mode=0o700)
        (tmp_path / folder / "husk").chmod(0o700)
    done = subprocess.run(argv, env=dict(os.environ, XDG_RUNTIME_DIR=str(tmp_path / "run")), stdout=subprocess.PIPE, text=True,
                          timeout=30)
    assert done.stdout == "left-behind\n"


def test_real_time_of_update_is_told_or_set(husk, bundle):
    ident = husk.started(bundle)
    bad = husk("update", "--cpu-rt-runtime", "much", ident)
    assert bad.code == 2 and "--cpu-rt-runtime" in bad.err
    done = husk("update", "--cpu-rt-period", "1000000", "--cpu-rt-runtime", "1000", ident)
    assert done.code == 0 or "realtime" in done.err or "rt_" in done.err, done


@pytest.mark.parametrize("options", [["--rootless", "true"], ["--rootless=auto"], ["--criu", "/usr/sbin/criu"]])
def test_global_options_without_effect_are_accepted(husk, options):
    assert husk("list", "--quiet", options=options, check=0).out == ""


def test_the_short_global_options(husk, bundle, tmp_path):
    ident = husk.started(bundle)
    done = subprocess.run([HUSK, "-r", str(husk.root), "-l", str(tmp_path / "log"), "list", "-q"], stdout=subprocess.PIPE,
                          text=True, check=True, timeout=30)
    assert done.stdout == f"{ident}\n" and (tmp_path / "log").exists()
    # Wherever this runs, the letter means the same manager; without systemd that is an error.
    bundle.linux["cgroupsPath"] = "/not/for/systemd"
    bundle.args("/bin/true").write()
    long, short = (husk("run", "-b", bundle.path, ident + "x", options=[word]) for word in ("--systemd-cgroup", "-s"))
    assert (short.code, short.err) == (long.code, long.err) and long.code != 0


@pytest.mark.parametrize("option", ["--config", "-f"])
@pytest.mark.parametrize("command", ["create", "run"])
def test_the_configuration_may_have_another_name(husk, bundle, command, option):
    bundle.write(json.dumps(dict(for_user(bundle.config), ociVersion="not this one")))
    (bundle.path / "other.json").write_text(json.dumps(for_user(bundle.config)))
    for name in ("other.json", bundle.path / "other.json"):
        ident = husk.new_id()
        silently(husk.argv(command, "-b", bundle.path, option, name, ident))
        assert command == "run" or husk.state(ident)["status"] == "created"
    result = husk(command, "-b", bundle.path, option, "nosuch.json", husk.new_id())
    assert result.code != 0 and "nosuch.json" in result.err


def test_the_bundle_is_the_current_folder_without_the_option(husk, bundle):
    bundle.write()
    husk("run", husk.new_id(), check=0, cwd=bundle.path)
    result = husk("run", husk.new_id(), cwd="/")
    assert result.code != 0 and "config.json" in result.err


def test_no_pivot_moves_the_root(husk, bundle):
    assert "bin" in husk.out(bundle.args("/bin/ls", "/"), "--no-pivot").split()
    ident = husk.create(bundle.sh("ls /; echo $(cat /proc/self/mountinfo | wc -l) > /tmp/count"), "--no-pivot")
    husk("start", ident, check=0)
    husk.wait_status(ident, "stopped")
    assert "bin" in husk.output(ident).split() and 0 < int((bundle.rootfs / "tmp/count").read_text()) < 30


def test_no_new_keyring_of_create(husk, bundle):
    bundle.linux["maskedPaths"] = []
    bundle.process["noNewPrivileges"] = False
    for options in ([], ["--no-new-keyring"]):
        ident = husk.create(bundle.args("/bin/cat", "/proc/keys"), *options)
        husk("start", ident, check=0)
        husk.wait_status(ident, "stopped")
        assert (f"_ses.{ident}" in husk.output(ident)) == (not options)


def test_descriptors_are_preserved_until_start(husk, bundle):
    read, write = os.pipe()
    ident = husk.create(bundle.sh("echo through >&3"), "--preserve-fds", "1", **passing(write))
    os.close(write)
    husk("start", ident, check=0)
    with os.fdopen(read) as f:
        assert f.read() == "through\n"


@pytest.mark.parametrize("command", ["create", "run", "exec"])
def test_a_descriptor_that_is_not_open_cannot_be_preserved(husk, bundle, command):
    words = [husk.started(bundle), "true"] if command == "exec" else ["-b", bundle.path, husk.new_id()]
    result = husk(command, "--preserve-fds", "7", *words)
    assert result.code != 0 and "is not open" in result.err and "--preserve-fds" in result.err


def test_run_sends_a_pidfd(husk, bundle, receiver):
    bundle.args("/bin/sleep", "1000").write()
    ident = husk.new_id()
    silently(husk.argv("run", "-d", "--pidfd-socket", receiver.path, "-b", bundle.path, ident))
    assert pid_of(receiver.descriptor()) == husk.state(ident)["pid"]


def test_a_detached_run_sends_its_terminal(husk, bundle, receiver):
    bundle.process["terminal"] = True
    bundle.sh("echo on $(tty); sleep 100").write()
    ident = husk.new_id()
    silently(husk.argv("run", "--detach", "--console-socket", receiver.path, "-b", bundle.path, ident))
    shown, master = b"", receiver.descriptor()
    while not shown.endswith(b"\n"):
        shown += os.read(master, 4096)
    assert shown == b"on /dev/pts/0\r\n"


def test_sockets_of_systemd_reach_a_process_of_exec(husk, bundle):
    ident = husk.started(bundle)
    read, write = os.pipe()
    done = husk("exec", ident, "/bin/sh", "-c", "echo $LISTEN_FDS $LISTEN_FDNAMES; test $LISTEN_PID = $$ && echo through >&3",
                env=dict(os.environ, LISTEN_FDS="1", LISTEN_FDNAMES="web"), check=0, **passing(write))
    os.close(write)
    with os.fdopen(read) as f:
        assert done.out == "1 web\n" and f.read() == "through\n"
    alien = husk("exec", ident, "/bin/sh", "-c", "echo $LISTEN_FDS.", env=dict(os.environ, LISTEN_FDS="1", LISTEN_PID="1"))
    assert alien.out == ".\n", "they are meant for another process"


def test_without_a_subreaper_orphans_are_not_awaited(husk, bundle):
    bundle.without_namespace("pid")
    assert husk.run(bundle.sh("(sleep 0.1; exit 0) & exit 4"), "--no-subreaper", check=4).err == ""


def test_kill_and_delete_in_short(husk, bundle):
    one, two = husk.started(bundle), husk.started(bundle)
    husk("kill", "-a", one, "KILL", check=0)
    husk.wait_status(one, "stopped")
    husk("kill", "-r", f"^{two}$", "9", check=0)
    husk.wait_status(two, "stopped")
    husk("delete", "-r", f"^({one}|{two})$", check=0)
    assert husk("list", "-q", check=0).out == ""
    for command in ("kill", "delete"):
        result = husk(command, "-r", "(")
        assert result.code == 2 and "not a regular expression" in result.err


def test_exec_with_a_terminal_over_a_socket(husk, bundle, receiver):
    ident = husk.started(bundle)
    silently(husk.argv("exec", "--tty", "-d", "--console-socket", receiver.path, "--pid-file", husk.folder / "pid", ident,
                       "/bin/sh", "-c", "test -t 0 && stty size && echo on $(tty)"))
    shown, master = b"", receiver.descriptor()
    while b"on " not in shown or not shown.endswith(b"\n"):
        shown += os.read(master, 4096)
    assert b"on /dev/pts/" in shown and (husk.folder / "pid").read_text().isdigit()
    result = husk("exec", "--console-socket", receiver.path, ident, "true")
    assert result.code == 255 and "terminal" in result.err


def test_exec_passes_descriptors_and_pidfds(husk, bundle, receiver):
    ident = husk.started(bundle)
    read, write = os.pipe()
    husk("exec", "--preserve-fds=1", "--no-subreaper", ident, "/bin/sh", "-c", "echo through >&3", check=0, **passing(write))
    os.close(write)
    with os.fdopen(read) as f:
        assert f.read() == "through\n"
    silently(husk.argv("exec", "-d", "--pidfd-socket", receiver.path, "--pid-file", husk.folder / "pid", ident, "sleep", "100"))
    assert pid_of(receiver.descriptor()) == int((husk.folder / "pid").read_text())


def test_exec_in_short(husk, bundle, tmp_path):
    ident = husk.started(bundle)
    assert set(husk("exec", "-g", "2000", "-g", "77", ident, "id", "-G", check=0).out.split()) >= {"77", "2000"}
    (tmp_path / "p.json").write_text(json.dumps(dict(bundle.process, args=["/bin/pwd"], cwd="/tmp")))
    assert husk("exec", "-p", tmp_path / "p.json", ident, check=0).out == "/tmp\n"
    assert husk("exec", "-g", "many", ident, "true").code == 255
    status = husk("exec", "-c", "CAP_NET_ADMIN", ident, "cat", "/proc/self/status", check=0).out
    bounding = next(line for line in status.splitlines() if line.startswith("CapBnd"))
    assert int(bounding.split()[1], 16) & 1 << 12, "CAP_NET_ADMIN is number 12"


def test_exec_into_a_paused_container_runs_when_it_is_resumed(husk, bundle):
    ident = husk.started(bundle)
    husk("pause", ident, check=0)
    p = husk.popen("exec", "--ignore-paused", ident, "echo", "late", stdout=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        p.wait(0.3)
    husk("resume", ident, check=0)
    assert p.communicate(timeout=20)[0] == "late\n" and p.returncode == 0


def test_tables_and_json_in_short(husk, bundle):
    ident = husk.started(bundle)
    assert [c["id"] for c in json.loads(husk("list", "-f", "json", check=0).out)] == [ident]
    pid = husk.state(ident)["pid"]
    assert json.loads(husk("ps", "-f", "json", ident, check=0).out) == [pid]
    heading, row = husk("ps", ident, "-o", "pid,args", check=0).out.splitlines()
    assert heading.split()[0] == "PID" and row.split() == [str(pid), "/bin/sleep", "1000"]
    for command in ("list", "ps"):
        words = [ident] if command == "ps" else []
        result = husk(command, "--format", "yaml", *words)
        assert result.code == 2 and "not table or json" in result.err


def test_spec_has_a_place_and_a_name(husk, bundle):
    husk("spec", "-b", bundle.path, "-f", "one.json", check=0)
    husk("spec", "--bundle", bundle.path, "--file=two.json", check=0)
    husk("spec", check=0, cwd=bundle.path)
    texts = {(bundle.path / name).read_text() for name in ("one.json", "two.json", "config.json")}
    assert len(texts) == 1 and json.loads(texts.pop())["process"]["args"] == ["sh"]


def test_a_rootless_spec_has_a_user_namespace_and_runs(husk, bundle):
    husk("spec", "--rootless", "-b", bundle.path, check=0)
    bundle.config = json.loads((bundle.path / "config.json").read_text())
    assert {"type": "user"} in bundle.linux["namespaces"]
    bundle.process["terminal"] = False
    assert husk.out(bundle.sh("id -u; cat /proc/self/uid_map")).split()[:3] == ["0", "0", str(os.getuid())]


def test_exec_into_a_paused_container_can_be_interrupted(husk, bundle):
    ident = husk.started(bundle)
    before = len(husk("ps", "--format", "json", ident, check=0).out.split(","))
    husk("pause", ident, check=0)
    p = husk.popen("exec", "--ignore-paused", ident, "/bin/sleep", "1000")
    try:
        end = time.monotonic() + 20
        while len(husk("ps", "--format", "json", ident, check=0).out.split(",")) == before:
            assert p.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        p.send_signal(signal.SIGTERM)
        assert p.wait(20) == -signal.SIGTERM
    finally:
        p.kill()
        p.wait()
    husk("resume", ident, check=0)
    end = time.monotonic() + 20
    while len(husk("ps", "--format", "json", ident, check=0).out.split(",")) != before:
        assert time.monotonic() < end, "what was on its way is still there"
        time.sleep(0.02)


def test_a_timeout_ends_the_wait_for_a_paused_container_and_nothing_is_started(husk, bundle):
    ident = husk.started(bundle)
    husk("pause", ident, check=0)
    result = husk("exec", "--timeout", "1s", ident, "touch", "/tmp/ran")
    assert result.code == 255 and "paused" in result.err, "without --ignore-paused it is refused at once"
    result = husk("exec", "--ignore-paused", "--timeout", "200ms", ident, "touch", "/tmp/ran")
    assert result.code == 124 and "paused for 0.200 seconds" in result.err, result
    assert len(json.loads(husk("ps", "--format", "json", ident, check=0).out)) == 1
    husk("resume", ident, check=0)
    assert not (bundle.rootfs / "tmp/ran").exists()


def test_a_command_with_a_timeout_runs_in_a_paused_container_that_is_resumed_in_time(husk, bundle):
    ident = husk.started(bundle)
    husk("pause", ident, check=0)
    p = husk.popen("exec", "--ignore-paused", "--timeout", "60s", ident, "echo", "late", stdout=subprocess.PIPE, text=True)
    wait_for(lambda: holds_pidfd(p.pid))
    husk("resume", ident, check=0)
    assert p.communicate(timeout=20)[0] == "late\n" and p.returncode == 0
    husk("pause", ident, check=0)
    p = husk.popen("exec", "--ignore-paused", "--timeout", "60s", ident, "true")
    wait_for(lambda: holds_pidfd(p.pid))
    husk("delete", "--force", ident, check=0)
    assert p.wait(20) == 255, "it does not wait for a container that is gone"
