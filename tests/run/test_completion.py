# SPDX-License-Identifier: Apache-2.0
"""The completion scripts in the shells themselves: what stands after the cursor for a line as one types it."""
import fcntl
import os
import select
import shlex
import shutil
import subprocess
import termios
import time

import pytest

from tests.conftest import HUSK

BASH = """
source <("$HUSK_PROGRAM" completion bash) || exit 1
compopt() { :; }                # works inside a completion alone
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_husk
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = """
$HUSK_PROGRAM completion fish | source
complete -C "$argv[1]"
"""


class Shell:
    def __init__(self, name, path):
        if not shutil.which(name):
            pytest.skip(f"this machine has no {name}: contrib/build/install-packages tests")
        self.name, self.path = name, path
        self.env = dict(os.environ, HUSK_PROGRAM=HUSK, HOME=str(path), XDG_CONFIG_HOME=str(path), XDG_DATA_HOME=str(path),
                        PATH=f"{path}/bin:{os.environ['PATH']}")
        (path / "bin").mkdir()
        (path / "bin/husk").symlink_to(os.path.abspath(HUSK))

    def __call__(self, *words):
        """What completes the last of WORDS."""
        if self.name == "bash":
            argv = ["bash", "--norc", "-c", BASH, "bash", "husk", *self.split(words)]
        else:
            argv = ["fish", "--no-config", "-c", FISH, " ".join(["husk", *map(shlex.quote, words[:-1]), words[-1]])]
        done = subprocess.run(argv, env=self.env, cwd=self.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return {self.last(line.split("\t")[0]) for line in done.stdout.splitlines() if line}

    def split(self, words):
        """As bash splits a line: "=" is a word."""
        for word in words:
            parts = word.partition("=")
            yield from [word] if not parts[1] or not word.startswith("-") else filter(None, parts)

    def last(self, word):
        """Without what stands before an equals sign: shells differ in whether they repeat it."""
        return word.partition("=")[2] if word.startswith("--") and "=" in word else word


@pytest.fixture(params=["bash", "fish"])
def shell(request, tmp_path):
    path = tmp_path / "shell"
    path.mkdir()
    return Shell(request.param, path)


def test_commands_and_options(shell):
    assert {"create", "start", "kill", "completion"} <= shell("")
    assert shell("cre") == {"create"}
    assert {"--root", "--log", "--debug"} <= shell("--")
    assert {"--bundle", "--pid-file"} <= shell("create", "--") and "--root" not in shell("create", "--")
    assert shell("--root", "/tmp", "delete", "--fo") == {"--force"}


def test_containers_by_their_ids(shell, husk, bundle):
    ident = husk.create(bundle)
    for words in (["--root", husk.root, "start", ""], [f"--root={husk.root}", "kill", "t"], ["--root", husk.root, "kill", "-a", ""]):
        assert shell(*map(str, words)) == {ident}, words


def test_words_signals_files_and_folders(shell):
    (shell.path / "process.json").write_text("{}")
    (shell.path / "bundle").mkdir()
    assert shell("list", "--format", "") == {"table", "json"}
    assert shell("list", "--format=js") == {"json"}
    assert shell("--log-format", "t") == {"text"}
    assert shell("kill", "x", "TER") == {"TERM"}
    assert shell("exec", "-p", "proc") == {"process.json"}
    assert {word.rstrip("/") for word in shell("create", "--bundle", "b")} == {"bin", "bundle"}
    assert shell("completion", "") == {"bash", "zsh", "fish"}


def test_what_follows_a_program_is_not_ours(shell):
    assert "--detach" not in shell("exec", "x", "ls", "--")
    assert "--detach" in shell("exec", "--")


TYPED = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(husk completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; source <(husk completion zsh)"),
    "fish": (["fish", "--no-config", "-i"], "husk completion fish | source"),
}


class Typist:
    """A shell in a terminal of its own, and somebody who types."""

    def __init__(self, argv, shell):
        self.master, slave = os.openpty()
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=dict(shell.env, TERM="xterm"),
                                        cwd=shell.path, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.shown = b""

    def type(self, text, result):
        """Until the file RESULT has something in it."""
        os.write(self.master, text.encode())
        end = time.monotonic() + 30
        while not result.exists() or not result.read_text():
            assert time.monotonic() < end and self.process.poll() is None, self.shown.decode(errors="replace")
            if select.select([self.master], [], [], 0.05)[0]:
                self.shown += os.read(self.master, 65536)
        return result.read_text()

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.mark.parametrize("name", sorted(TYPED))
def test_a_line_is_completed_as_it_is_typed(name, tmp_path, husk, bundle):
    """Commands, words behind an equals sign and as words of their own, options, containers: the line is run at the end."""
    ident = husk.create(bundle)
    path = tmp_path / "shell"
    path.mkdir()
    shell = Shell(name, path)
    argv, load = TYPED[name]
    typist = Typist(argv, shell)
    try:
        typist.type(f"{load}; echo loaded > ready\n", path / "ready")
        assert ident in typist.type(f"husk --root={husk.root} lis\t --format=js\t> one\n", path / "one")
        assert ident == typist.type(f"husk --root {husk.root} list --qui\t> two\n", path / "two").strip()
        assert ident in typist.type(f"husk --root {husk.root} state {ident[:4]}\t> three\n", path / "three")
    finally:
        typist.close()
