# SPDX-License-Identifier: Apache-2.0
"""--help, the manual pages and the completion scripts: made from the tables of options, so all of them tell the same."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from tests.conftest import HUSK

OPTION = re.compile(r"^  (?:-(?P<letter>\w), |    )--(?P<name>[\w-]+)(?:=(?P<value>\S+))?", re.M)


def text(*words):
    return subprocess.run([HUSK, *words], stdout=subprocess.PIPE, check=True, text=True, timeout=30).stdout


def needs(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"this machine has no {program}: contrib/build/install-packages tests")


def commands():
    listed = text("--help").split("Commands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  (\w+)", listed, re.M)


def options(command):
    """(letter, name, value) of each, as --help has them."""
    return [m.groups() for m in OPTION.finditer(text("help", *([command] if command else [])))]


@pytest.fixture(scope="module")
def tables():
    return {command: options(command) for command in ["", *commands()]}


def plain(page):
    """A page without the marks of roff."""
    return re.sub(r"\\f[BIR]", "", page.replace("\\-", "-"))


def test_every_command_is_listed_and_explains_itself(tables):
    assert len(tables) > 20 and {"create", "start", "state", "kill", "delete", "help", "man", "completion"} <= set(tables)
    for command in tables:
        words = [command] if command else []
        shown = text("help", *words)
        assert shown.startswith("Usage: husk ") and "  -h, --help" in shown
        assert text(*words, "--help") == shown == text(*words, "-h"), command


def test_help_fits_a_terminal(tables):
    for command in tables:
        for line in text("help", *([command] if command else [])).splitlines():
            assert len(line) <= 80, f"{command}: {line}"


def test_help_goes_on_below_an_option_that_is_too_long():
    assert "\n      --log-level=error|warning|info|debug\n                              what is worth" in text("--help")


@pytest.mark.parametrize("page", ["", *commands()])
def test_a_manual_page_has_every_option_and_no_mistake(page, tables, tmp_path):
    words = [page] if page else []
    source = text("man", *words)
    for letter, name, value in tables[page]:
        term = (f"-{letter}, " if letter else "") + f"--{name}" + (f"={value}" if value else "")
        assert f"\n.TP\n{term}\n" in plain(source), term
    assert re.search(r"^\.SH NAME\nhusk\S* \\- \S", source, re.M)
    (tmp_path / "page.8").write_text(source)
    needs("mandoc", "groff")
    for check in (["mandoc", "-T", "lint", "-W", "style"], ["groff", "-man", "-ww", "-z", "-Tutf8"]):
        done = subprocess.run([*check, tmp_path / "page.8"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0 and done.stdout == "", done.stdout


def test_the_main_page_names_every_command_and_every_matter(tables):
    page = plain(text("man"))
    for command in tables:
        assert not command or f".BR husk-{command} (8)" in page
    for chapter in ("OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES", "SIGNALS", "ANNOTATIONS", "EXAMPLES", "SEE ALSO"):
        assert f"\n.SH {chapter}\n" in page


def test_the_main_page_has_every_annotation_that_features_calls_unsafe():
    page = plain(text("man")).split(".SH ANNOTATIONS")[1].split("\n.SH ")[0]
    for annotation in json.loads(text("features")).get("potentiallyUnsafeConfigAnnotations", []):
        assert f"\n.TP\n{annotation}" in page, annotation


def test_the_main_page_explains_the_exit_codes():
    page = plain(text("man")).split(".SH EXIT STATUS")[1].split("\n.SH ")[0]
    for done, name in ((["nosuchcommand"], "command"), (["state", "nosuch"], "state"), (["kill"], "usage")):
        code = subprocess.run([HUSK, *done], stderr=subprocess.DEVNULL, timeout=30).returncode
        assert f"\n.TP\n{code} ({name})\n" in page
    assert "128+N" in page and "\n255 (exec)" in page


def test_the_main_page_has_every_variable_that_the_source_reads():
    page = plain(text("man")).split(".SH ENVIRONMENT")[1].split("\n.SH ")[0]
    source = pathlib.Path(__file__).parents[2] / "src"
    if not source.is_dir():
        pytest.skip("the tests are here alone, without the source")
    names = {name for file in source.rglob("*.c") for name in re.findall(r'getenv\("(\w+)"\)', file.read_text())}
    assert "NOTIFY_SOCKET" in names
    for name in names:
        assert name in page, name


def test_pages_and_scripts_are_installed(tmp_path):
    build = pathlib.Path(HUSK).resolve().parent
    if not (build / "Makefile").exists():
        pytest.skip("this husk does not lie where it was built")
    subprocess.run(["make", "-s", "-C", build, "install", f"DESTDIR={tmp_path}", "prefix=/usr"], check=True, timeout=300,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]})
    share = tmp_path / "usr/share"
    assert {p.name for p in (share / "man/man8").iterdir()} == {"husk.8"} | {f"husk-{c}.8" for c in commands()}
    for path, words in (("man/man8/husk.8", ["man"]), ("man/man8/husk-create.8", ["man", "create"]),
                        ("bash-completion/completions/husk", ["completion", "bash"]),
                        ("zsh/site-functions/_husk", ["completion", "zsh"]),
                        ("fish/vendor_completions.d/husk.fish", ["completion", "fish"])):
        assert (share / path).read_text() == text(*words)
    assert os.access(tmp_path / "usr/bin/husk", os.X_OK)


def test_pages_read_as_text():
    needs("groff")
    shown = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou"], input=text("man", "kill"), stdout=subprocess.PIPE,
                           text=True, check=True).stdout
    assert "husk-kill - send a signal" in shown and "-a, --all" in shown and "CONTAINER-ID [SIGNAL]" in shown


def test_the_list_of_pages_is_that_of_the_commands(tables):
    assert set(text("man", "--list").split()) == set(tables) - {""}


@pytest.mark.parametrize("words", [["man", "nosuch"], ["help", "nosuch"], ["completion", "csh"], ["completion"], ["man", "a", "b"]])
def test_topics_that_do_not_exist_are_refused(words):
    done = subprocess.run([HUSK, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode != 0 and done.stdout == "" and done.stderr.startswith("husk: ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_understood_by_its_shell(shell, tmp_path):
    needs(shell)
    (tmp_path / "script").write_text(text("completion", shell))
    done = subprocess.run([shell, "-n", tmp_path / "script"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0 and done.stdout == ""
    assert text("completion", "--shell", shell) == text("completion", shell) == text("completion", "-s", shell)


def test_every_option_is_in_every_completion_script(tables):
    bash, zsh, fish = (text("completion", shell) for shell in ("bash", "zsh", "fish"))
    for command, rows in tables.items():
        words = re.search(rf"^\t'{command}'\) options='(.*)' ;;$", bash, re.M).group(1).split()
        part = zsh.split("_arguments -C ")[1] if not command else zsh.split(f"\n\t\t{command})\n")[1]
        part = part.split(";;")[0]
        for letter, name, value in rows:
            assert f"--{name}" in words and (not letter or f"-{letter}" in words)
            assert re.search(rf"--{name}[='}},]", part), f"zsh: {command} --{name}"
            line = rf"^complete -c husk -n '__husk_at \"{command}\"( 1)?' -l {name}( -s {letter})?( |$)"
            assert re.search(line, fish, re.M), f"fish: {command} --{name}"
        if command:
            assert f"-a {command} -d" in fish and f" {command}" in bash.split("_husk_commands=")[1].split("\n")[0]
