# SPDX-License-Identifier: Apache-2.0
"""parity.tsv: every command and option of runc 1.5 and crun 1.29, and the sensible ones of youki 0.7, with the tests that use it.

Its columns: who has it; the command ("-": before the command); the option or argument ("-": the command itself); how it is here;
the tests, FOLDER/FILE::TEST.  How it is here:

    works       does what it does there
    no effect   accepted and ignored, as the help says
    refused     refused for good; the last column says why

These tests come last.  When a test of the table has run before them they know what it really said to husk, otherwise that
it exists and its file has the option.  Rows of "behaviour" and "annotation" are words for people; the
file of the latter must have the name.
"""
import collections
import json
import os
import pathlib
import re
import subprocess

import pytest

from tests.conftest import HUSK, said

TESTS = pathlib.Path(__file__).parent.parent
Row = collections.namedtuple("Row", "who command option how tests why")
OPTION = re.compile(r"^  (?:-(\w), |    )--([\w-]+)(=\S+)?", re.M)


def read():
    for line in (pathlib.Path(__file__).parent / "parity.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            who, command, option, how, tests, *why = line.split("\t")
            yield Row(who, command.strip("-"), "" if option == "-" else option, how, tests.split(), " ".join(why))


ROWS = list(read())
MANDATORY = {"create", "start", "state", "kill", "delete"}


def tables():
    """Of each command ("" for the global ones): option, long or short, and whether it takes a value."""
    def of(command):
        text = subprocess.run([HUSK, "help", *command], stdout=subprocess.PIPE, text=True, check=True, timeout=30).stdout
        return text, {word: bool(value) for letter, name, value in OPTION.findall(text)
                      for word in ([f"-{letter}"] if letter else []) + [f"--{name}"]}

    text, options = of([])
    names = re.findall(r"^  (\w+)", text.split("Commands:\n")[1].split("\n\n")[0], re.M)
    return {"": options, **{name: of([name])[1] for name in names}}


def uses(words, known):
    """What WORDS ask for: (command, option) pairs, and (command, argument)."""
    command, used, words, count = "", set(), list(words), 0
    while words:
        word = words.pop(0)
        if word == "--":
            break
        if word.startswith("-") and len(word) > 1:
            name, equals, _ = word.partition("=")
            used.add((command, name))
            if known[command].get(name) and not equals and words:
                words.pop(0)
        elif not command:
            command = word if word in known else "?"
            known = dict(known, **{"?": {}})
            used.add((command, ""))
        else:
            count += 1
            used.add((command, word))
            if command in ("exec", "ps") and words:
                used.add((command, "..."))      # what follows is not husk's
                break
    return used


def says(test, row, known):
    file, _, name = test.partition("::")
    text = (TESTS / file).read_text()
    assert re.search(rf"^def {name}\(", text, re.M), f"there is no {test}"
    if row.command == "behaviour":
        return True
    if row.command == "annotation":
        return row.option.removeprefix("run.oci.") in text
    if test in said:
        return (row.command, row.option) in set().union(*(uses(line, known) for line in said[test]))
    helpers = [TESTS / "conftest.py", *(p for p in (TESTS / file).parent.glob("*.py") if not p.name.startswith("test_"))]
    return row.option.strip("-.") in text + "".join(p.read_text() for p in helpers)


@pytest.fixture(scope="module")
def known():
    return tables()


def test_the_table_is_whole():
    commands = {row.command for row in ROWS if row.command}
    assert MANDATORY <= commands and len(ROWS) > 170
    for row in ROWS:
        assert row.how in ("works", "no effect", "refused"), row
        assert row.tests and all(re.fullmatch(r"\w+/test_\w+\.py::test_\w+", t) for t in row.tests), row
        assert row.why or row.how == "works", row
        assert set(row.who.split(",")) <= {"runc", "crun", "youki"}, row
    keys = [(row.command, row.option) for row in ROWS]
    assert len(keys) == len(set(keys)), [k for k in keys if keys.count(k) > 1]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.command or 'global'} {row.option}".strip())
def test_each_is_used_by_its_tests_and_known_to_the_parser(row, known):
    if row.how in ("works", "no effect") and row.command not in ("behaviour", "annotation"):
        assert row.command in known
        if row.option.startswith("-") and row.option not in ("-h", "--help", "-?", "--usage"):
            assert row.option in known[row.command]
    if row.how == "no effect":
        help_text = subprocess.run([HUSK, "help", *row.command.split()], stdout=subprocess.PIPE, text=True, timeout=30).stdout
        assert re.search(rf"{row.option}\b[^-]*without effect", re.sub(r"\s+", " ", help_text))
    # Where tests are skipped for what the host lacks, what was said is no measure.
    for test in row.tests if "HUSK_HOST" not in os.environ else ():
        assert says(test, row, known), f"{test} does not use it"


FEATURES = """ociVersionMin ociVersionMax hooks mountOptions linux.namespaces linux.capabilities linux.cgroup.v1 linux.cgroup.v2
linux.cgroup.systemd linux.cgroup.systemdUser linux.cgroup.rdma linux.seccomp.enabled linux.seccomp.actions
linux.seccomp.operators linux.seccomp.archs linux.seccomp.knownFlags linux.seccomp.supportedFlags linux.apparmor.enabled
linux.selinux.enabled linux.memoryPolicy.modes linux.memoryPolicy.flags linux.intelRdt.enabled linux.intelRdt.schemata
linux.intelRdt.monitoring linux.mountExtensions.idmap.enabled linux.netDevices.enabled annotations
potentiallyUnsafeConfigAnnotations""".split()


@pytest.mark.parametrize("path", FEATURES)
def test_features_has_every_member_that_the_others_have(husk, path):
    value = json.loads(husk("features", check=0).out)
    for name in path.split("."):
        assert name in value
        value = value[name]
    assert value not in (None, [], {}, "")
