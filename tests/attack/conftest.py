# SPDX-License-Identifier: Apache-2.0
"""What the attacks share: a program that makes any system call from inside."""
import pathlib
import platform
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="session")
def probe_program(tmp_path_factory):
    out = tmp_path_factory.mktemp("probe") / "probe"
    cc = shutil.which("musl-gcc") or shutil.which("cc")
    if not cc:
        pytest.skip("needs a C compiler")
    subprocess.run([cc, "-static", "-O1", "-o", str(out), str(HERE / "probe.c")], check=True)
    return out


@pytest.fixture
def probe(bundle, probe_program):
    """Puts /bin/probe into the bundle."""
    shutil.copy(probe_program, bundle.rootfs / "bin/probe")
    return "/bin/probe"


@pytest.fixture
def i386_calls(probe_program):
    """User mode Linux, for one, takes int 0x80 for a call of its own architecture."""
    if subprocess.run([probe_program, "i386:20"], capture_output=True, text=True).stdout.split() != ["ok"]:
        pytest.skip("this kernel has no system calls of 32-bit x86")


@pytest.fixture
def x86_64():
    if platform.machine() != "x86_64":
        pytest.skip("numbers of x86_64")
