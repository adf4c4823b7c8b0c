# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of checkpoint and restore."""
import os

import pytest

from tests.vm.checkpoints import COUNT, Checkpoints


@pytest.fixture
def images(husk, bundle, tmp_path):
    bundle.linux["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
    return Checkpoints(husk, bundle, tmp_path)


@pytest.fixture
def counting(husk, bundle):
    """A container that counts, and the number that it has come to."""
    bundle.sh(COUNT)
    os.mkfifo(bundle.rootfs / "tmp/fifo")

    def number():
        try:
            return int((bundle.rootfs / "tmp/n").read_text())
        except (OSError, ValueError):
            return 0
    return number
