# SPDX-License-Identifier: Apache-2.0
"""State directories that cannot take what is to be remembered: full, or read-only."""
import os
import subprocess
from contextlib import contextmanager

import pytest

from tests.user import UID


@contextmanager
def small_disk(path, *options):
    if UID:
        pytest.skip("needs root: a mount of the host")
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(["size=64k", "mode=700", *options]), "small", str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def fill(path):
    with open(path / "filler", "wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError:
            pass


def test_create_on_a_full_disk_is_refused_and_leaves_nothing(husk, bundle):
    with small_disk(husk.root):
        fill(husk.root)
        husk.refuse(bundle, "no space left on device")
        assert os.listdir(husk.root) == ["filler"]


def test_a_disk_that_has_room_again_is_used(husk, bundle):
    with small_disk(husk.root):
        fill(husk.root)
        husk.refuse(bundle)
        (husk.root / "filler").unlink()
        assert husk.out(bundle.args("/bin/echo", "room")) == "room\n"


def test_a_container_whose_disk_has_become_full_can_be_deleted(husk, bundle):
    with small_disk(husk.root):
        ident = husk.started(bundle)
        fill(husk.root)
        assert husk.state(ident)["status"] == "running"
        husk("delete", "--force", ident, check=0)
        assert os.listdir(husk.root) == ["filler"]


def test_a_read_only_state_directory_is_refused(husk, bundle):
    with small_disk(husk.root, "ro"):
        husk.refuse(bundle, "read-only file system")
        assert os.listdir(husk.root) == []
