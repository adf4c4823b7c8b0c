# SPDX-License-Identifier: Apache-2.0
"""The completion scripts in the shells themselves: what stands after the cursor for a line as one types it."""
import os
import shlex
import subprocess

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
