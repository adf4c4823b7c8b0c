# SPDX-License-Identifier: Apache-2.0
"""R20: sysctls reach the container's own namespaces and nothing else (CVE-2025-52881, CVE-2022-0811)."""
import pathlib

import pytest

WATCHED = ["kernel/domainname", "kernel/core_pattern", "kernel/hostname", "vm/overcommit_memory", "kernel/randomize_va_space"]


@pytest.fixture(autouse=True)
def host_is_unchanged():
    before = {k: pathlib.Path("/proc/sys", k).read_text() for k in WATCHED
              if pathlib.Path("/proc/sys", k).exists()}
    yield
    assert {k: pathlib.Path("/proc/sys", k).read_text() for k in before} == before


@pytest.mark.parametrize("key", [
    "kernel/core_pattern", "kernel.core_pattern", "+kernel.core_pattern", "kernel..core_pattern", "kernel.../x",
    "../kernel/domainname", "net/../kernel/core_pattern", "net.ipv4.../kernel.core_pattern", "/kernel/core_pattern",
    "net.ipv4.conf.eth0/../../../../kernel/core_pattern", "vm.overcommit_memory", "", ".", "..", "net", "net.",
    "fs.mqueue./../../kernel/core_pattern", "kernel.shmmax\n", "kernel.shm_rmid_forced ",
])
def test_key_that_is_not_the_containers_is_refused(husk, bundle, key):
    bundle.linux["sysctl"] = {key: "|/bin/evil"}
    husk.refuse(bundle)


def test_keys_of_namespaces_are_set_inside(husk, bundle):
    bundle.linux["sysctl"] = {"kernel.shm_rmid_forced": "1", "net.ipv4.ip_forward": "1", "fs.mqueue.msg_max": "17"}
    out = husk.out(bundle.sh("cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_forward "
                             "/proc/sys/fs/mqueue/msg_max"))
    assert out.split() == ["1", "1", "17"]


@pytest.mark.parametrize("key, kind", [("net.ipv4.ip_forward", "network"), ("kernel.shm_rmid_forced", "ipc")])
def test_key_of_a_namespace_that_is_the_hosts_is_refused(husk, bundle, key, kind):
    bundle.without_namespace(kind)
    bundle.linux["sysctl"] = {key: "1"}
    husk.refuse(bundle, "linux.sysctl")


def test_images_proc_does_not_take_the_write(husk, bundle):
    """/proc of the image leads elsewhere; no procfs is mounted there."""
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/proc"]
    bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    target = bundle.rootfs / "proc/sys/net/ipv4"
    target.mkdir(parents=True)
    (target / "ip_forward").write_text("untouched")
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    bundle.write()
    husk("run", "--bundle", bundle.path, husk.new_id())
    assert (target / "ip_forward").read_text() == "untouched"


def test_newline_in_a_value_sets_nothing_else(husk, bundle):
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1\n0"}
    bundle.write()
    r = husk("run", "--bundle", bundle.path, husk.new_id())
    assert r.code != 0 or r.out == ""
