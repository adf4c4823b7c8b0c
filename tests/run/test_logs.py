# SPDX-License-Identifier: Apache-2.0
"""Where messages go: a file, the journal and syslog as sockets that really listen, in mount namespaces of their own."""
import json
import os
import re
import socket
import struct
import subprocess

import pytest

from tests.user import unshare

ABSENT = "container does not exist"
JOURNAL = "/run/systemd/journal/socket"
SYSLOG = "/dev/log"
# /run and /dev are replaced for one command alone, so that these tests know neither journal nor syslog of the machine.
REPLACE = """set -e
cd "$1"; shift
mkdir -p dev run
mount -t tmpfs none dev
mount -t tmpfs none run
for node in null zero full random urandom tty; do touch dev/$node; mount --bind /dev/$node dev/$node; done
if [ "$1" = /dev/log ]; then ln -s "$2" dev/log; fi
if [ "$1" = /run/systemd/journal/socket ]; then mkdir -p run/systemd/journal; ln -s "$2" run/systemd/journal/socket; fi
mount --rbind dev /dev
mount --rbind run /run
shift 2
exec "$@"
"""


class Service:
    """A datagram socket where journal or syslog would have theirs."""

    def __init__(self, folder, where):
        self.folder, self.where, self.path = folder, where, str(folder / "socket")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(10)

    def run(self, husk, *words, options=(), where=None):
        argv = [*unshare("--mount", "--propagation", "private"), "sh", "-c", REPLACE, "sh", self.folder,
                self.where if where is None else where, self.path, *husk.argv(*words, options=options)]
        return subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60)

    def messages(self):
        self.socket.setblocking(False)
        found = []
        try:
            while True:
                found.append(self.socket.recv(1 << 20))
        except BlockingIOError:
            return found

    def fields(self):
        """Of each message: the native protocol of the journal, read by its own rules."""
        return [self.parse(data) for data in self.messages()]

    @staticmethod
    def parse(data):
        fields = {}
        while data:
            line, _, data = data.partition(b"\n")
            name, equals, value = line.partition(b"=")
            if not equals:
                size, = struct.unpack("<Q", data[:8])
                value, data = data[8:8 + size], data[8 + size:]
                assert data[:1] == b"\n"
                data = data[1:]
            assert re.fullmatch(b"[A-Z][A-Z0-9_]*", name) and name not in fields
            fields[name.decode()] = value.decode()
        return fields


@pytest.fixture
def journal(tmp_path):
    service = Service(tmp_path, JOURNAL)
    yield service
    service.socket.close()


@pytest.fixture
def syslog(tmp_path):
    service = Service(tmp_path, SYSLOG)
    yield service
    service.socket.close()


def test_the_journal_gets_an_error_by_its_native_protocol(husk, journal):
    done = journal.run(husk, "state", "nope", options=["--log", "journald:engine"])
    fields, = journal.fields()
    assert done.returncode != 0 and ABSENT in done.stderr, "standard error has it, too"
    assert fields["PRIORITY"] == "3" and fields["SYSLOG_IDENTIFIER"] == "engine" and fields["SYSLOG_PID"].isdigit()
    assert done.stderr == f"husk: {fields['MESSAGE']}\n"


@pytest.mark.parametrize("options", [["--systemd-log"], ["--log=journald:husk", "--log-format=json"]])
def test_the_journal_gets_plain_text_whatever_the_format(husk, journal, options):
    journal.run(husk, "state", "nope", options=options)
    fields, = journal.fields()
    assert fields["SYSLOG_IDENTIFIER"] == "husk" and fields["MESSAGE"].endswith(ABSENT)


def test_a_message_cannot_forge_fields_of_the_journal(husk, journal):
    journal.run(husk, "state", "x\nPRIORITY=0\nMESSAGE=forged", options=["--systemd-log"])
    fields, = journal.fields()
    assert fields["PRIORITY"] == "3" and "forged" in fields["MESSAGE"]


def test_levels_decide_what_reaches_the_journal(husk, journal, bundle):
    bundle.config["unknownMember"] = True
    bundle.process["capabilities"]["bounding"] = ["CAP_NOSUCH"]
    bundle.write(json.dumps(bundle.config))             # who may mount in a namespace is its root
    for level, priorities in (("error", set()), ("warning", {"4"}), ("debug", {"4", "7"})):
        done = journal.run(husk, "run", "--bundle", bundle.path, husk.new_id(), options=["--systemd-log", "--log-level", level])
        assert done.returncode == 0 and done.stderr == "", done.stderr
        found = {fields["PRIORITY"] for fields in journal.fields()}
        assert found == priorities, level


def test_syslog_gets_an_error_as_services_send_it(husk, syslog):
    done = syslog.run(husk, "state", "nope", options=["--log=syslog:engine"])
    message, = syslog.messages()
    assert done.returncode != 0
    match = re.fullmatch(rb"<27>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d engine\[\d+\]: (.*)", message)
    assert match and done.stderr == f"husk: {match.group(1).decode()}\n"


@pytest.mark.parametrize("target, where", [("journald:x", JOURNAL), ("syslog:x", SYSLOG)])
def test_a_service_that_is_not_there_is_an_error_before_anything_happens(husk, bundle, journal, target, where):
    bundle.write()
    ident = husk.new_id()
    done = journal.run(husk, "create", "--bundle", bundle.path, ident, options=["--log", target], where="nowhere")
    assert done.returncode != 0 and "option --log" in done.stderr and where in done.stderr, done.stderr
    assert not (husk.root / ident).exists()


def test_a_service_that_does_not_read_stops_nobody(husk, journal):
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.connect(journal.path)
    sender.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            sender.send(b"X=1\n")
    done = journal.run(husk, "state", "nope", options=["--systemd-log"])
    assert ABSENT in done.stderr
    sender.close()


@pytest.mark.parametrize("options, needle", [
    (["--log", "journald:"], "not a name"),
    (["--log", "syslog:a b"], "not a name"),
    (["--log", "/x", "--systemd-log"], "only one of them"),
    (["--log", "/nosuch/folder/log"], 'open "/nosuch/folder/log"'),
    (["--log", "/"], "option --log"),
    (["--log-format", "xml"], "not text or json"),
    (["--log-level", "loud"], "not error, warning, info or debug"),
])
def test_logs_that_cannot_be_are_refused(husk, options, needle):
    result = husk("list", options=options)
    assert result.code != 0 and needle in result.err and result.out == ""


def test_a_file_gets_text_by_default_and_is_appended_to(husk, tmp_path):
    log = tmp_path / "log"
    log.write_text("was here\n")
    for target in (log, f"file:{log}"):
        husk("state", "nope", options=["--log", target])
    first, *lines = log.read_text().splitlines()
    assert first == "was here" and len(lines) == 2
    for line in lines:
        assert re.fullmatch(r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" level=error msg=".*' + ABSENT + '"', line)


def test_json_records_hold_any_message(husk, tmp_path):
    log = tmp_path / "log"
    husk("state", 'a"b\\c\té\udcff', options=["-l", log, "--log-format=json"])
    record = json.loads(log.read_text())
    assert record["level"] == "error" and 'a"b\\c' in record["msg"] and "\ufffd" in record["msg"]


def test_a_log_does_not_take_the_number_of_a_promised_descriptor(husk, bundle, tmp_path):
    """Descriptor 3 is open, 4 is not: the log must not become 4 and be passed for it."""
    bundle.sh("ls /proc/self/fd").write()
    read, write = os.pipe()

    def only_three():
        os.dup2(write, 3, inheritable=True)
        os.closerange(4, 256)

    def run(promised, *options):
        return husk("run", "--preserve-fds", promised, "--bundle", bundle.path, husk.new_id(),
                    options=["--log", tmp_path / "log", *options], preexec_fn=only_three, close_fds=False)

    assert run(1).out.split() == ["0", "1", "2", "3", "4"], "ls has one of its own"
    for options in ((), ("--debug",)):
        result = run(2, *options)
        assert result.code != 0 and "option --preserve-fds: descriptor 4 is not open" in result.err and result.out == ""
    os.close(read)
    os.close(write)
