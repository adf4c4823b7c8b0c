# SPDX-License-Identifier: Apache-2.0
"""linux.netDevices: devices of the host that move into the container with their addresses."""
import os
import subprocess

import pytest

from tests.user import needs_root

pytestmark = needs_root("network devices of the host")


def ip(*words):
    return subprocess.run(["ip", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture
def device():
    name, peer = f"hd{os.getpid() % 100000}", f"hp{os.getpid() % 100000}"
    if ip("link", "add", name, "type", "veth", "peer", "name", peer).returncode:
        pytest.skip("this host cannot make veth devices")
    ip("addr", "add", "192.0.2.7/24", "dev", name)
    yield name
    ip("link", "del", peer)


@pytest.mark.parametrize("name, inside", [(None, None), ("inner", "inner"), ("in%d", "in0")])
def test_a_device_is_moved_named_kept_and_brought_up(husk, bundle, device, name, inside):
    bundle.linux["netDevices"] = {device: {"name": name} if name else {}}
    out = husk.out(bundle.args("/bin/ip", "addr"))
    line = next(x for x in out.splitlines() if f" {inside or device}@" in x)
    assert ",UP" in line.split()[2].rstrip(">") + ",", line
    assert "inet 192.0.2.7/24 scope global" in out


def test_a_name_that_is_taken_inside_is_an_error(husk, bundle, device):
    bundle.linux["netDevices"] = {device: {"name": "lo"}}
    husk.refuse(bundle, f'linux.netDevices["{device}"]')
    assert ip("link", "show", device).returncode == 0, "the device is still the host's"


def test_a_device_that_is_not_there_is_named(husk, bundle):
    bundle.linux["netDevices"] = {"nosuchdev0": {}}
    husk.refuse(bundle, 'linux.netDevices["nosuchdev0"]')
