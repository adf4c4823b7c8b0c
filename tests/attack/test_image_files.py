# SPDX-License-Identifier: Apache-2.0
"""Files of the image that a runtime reads are hostile: R34 (CVE-2024-47262 class), R35 (CVE-2019-14271)."""
import os
import pathlib
import shutil
import subprocess
import time

import pytest

from tests.conftest import UNDER_STRACE
from tests.user import needs_root


def fifo(path):
    os.mkfifo(path)


def sparse(path):
    with open(path, "wb") as f:
        f.truncate(10 << 30)


def directory(path):
    path.mkdir()


def no_newline(path):
    path.write_text("x" * (1 << 20))


def link(target):
    def make(path):
        path.symlink_to(target)
    make.__name__ = "link_to_" + target.strip("/").replace("/", "_").replace(".", "_")
    return make


KINDS = [fifo, sparse, directory, no_newline, link("/dev/zero"), link("/proc/kmsg"), link("/dev/tty"), link("passwd"),
         link("../../../../../../etc/passwd"), link("/proc/self/fd/0")]


@pytest.mark.parametrize("name", ["passwd", "group"])
@pytest.mark.parametrize("make", KINDS, ids=lambda f: f.__name__)
def test_account_file_of_any_kind_neither_blocks_nor_eats_memory(husk, bundle, name, make):
    target = bundle.rootfs / "etc" / name
    target.unlink()
    make(target)
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.process["env"] = ["PATH=/bin"]
    began = time.monotonic()
    ident = husk.started(bundle.args("/bin/sleep", "100"), check=0)
    rss = int(subprocess.run(["grep", "VmHWM", f"/proc/{husk.state(ident)['pid']}/status"], capture_output=True,
                             text=True).stdout.split()[1])
    home = husk("exec", ident, "sh", "-c", "echo $HOME", timeout=20, check=0).out.strip()
    assert time.monotonic() - began < 10
    assert rss < 20000
    if name == "passwd":
        assert home == "/", "nothing was found, so there is no home"


def test_passwd_does_not_lead_out_of_the_image(husk, bundle, tmp_path):
    (tmp_path / "secret").write_text("leak:x:1000:1000::/leaked:/bin/sh\n")
    target = bundle.rootfs / "etc/passwd"
    target.unlink()
    target.symlink_to(tmp_path / "secret")
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    assert husk.out(bundle.sh("echo $HOME")).strip() == "/"


def test_numeric_user_is_never_looked_up_as_a_name(husk, bundle):
    """CVE-2016-3697: a user named "1000" with uid 0."""
    (bundle.rootfs / "etc/passwd").write_text("1000:x:0:0:root:/root:/bin/sh\n")
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    assert husk.out(bundle.sh("id -u; echo $HOME")).split() == ["1000", "/"]
    ident = husk.started(bundle.args("/bin/sleep", "100"))
    assert husk("exec", "-u", "1000", ident, "id", "-u", check=0).out.strip() == "1000"


@needs_root("a program under strace cannot use newuidmap")
def test_nothing_of_the_image_is_opened_that_config_does_not_name(husk, bundle, tmp_path):
    """R35: evil nsswitch.conf, NSS modules, preload lists and locales in the image are never looked at."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    for name in ("etc/nsswitch.conf", "etc/ld.so.preload", "etc/ld.so.cache", "lib/x86_64-linux-gnu/libnss_files.so.2",
                 "lib/libnss_files.so.2", "usr/lib/locale/locale-archive", "usr/lib/gconv/gconv-modules"):
        path = bundle.rootfs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("evil")
    bundle.write()
    trace = tmp_path / "trace"
    argv = ["timeout", "60", "strace", "-f", "-qq", "-o", str(trace), "-e", "trace=openat,open,openat2,execve,execveat",
            *husk.argv("run", "--bundle", bundle.path, husk.new_id())]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, env=UNDER_STRACE)
    assert done.returncode == 0, done
    text = trace.read_text()
    inside = text[text.index("execveat("):]
    for word in ("nsswitch", "ld.so", "libnss", "locale", "gconv", ".so"):
        assert word not in inside, [line for line in inside.splitlines() if word in line]


# ---- R40, R41: config.json itself -----------------------------------------------------------


@pytest.mark.parametrize("spoil", [
    lambda c: c["process"]["args"].append("a\0b"),
    lambda c: c["process"]["env"].append("A=b\0c"),
    lambda c: c["process"].update(cwd="/\0x"),
    lambda c: c["mounts"].append({"destination": "/tmp\0x", "type": "tmpfs", "source": "x"}),
    lambda c: c.update(hostname="a\0b"),
    lambda c: c["root"].update(path="rootfs\0x"),
    lambda c: c["linux"]["maskedPaths"].append("/proc/kcore\0x"),
    lambda c: c["linux"].update(sysctl={"net.ipv4.ip_forward\0x": "1"}),
    lambda c: c["linux"].update(cgroupsPath="/a\0/../b"),
], ids=["args", "env", "cwd", "mount", "hostname", "root", "maskedPaths", "sysctl", "cgroupsPath"])
def test_nul_in_a_string_is_refused(husk, bundle, spoil):
    spoil(bundle.config)
    husk.refuse(bundle)


def whole(bundle):
    bundle.write()
    return (bundle.path / "config.json").read_text()


@pytest.mark.parametrize("spoil", [
    lambda t: t.replace('"noNewPrivileges": true', '"noNewPrivileges": true, "noNewPrivileges": false'),
    lambda t: t + "x",
    lambda t: t + t,
    lambda t: "\ufeff" + t,
    lambda t: "// comment\n" + t,
    lambda t: t.replace('"husk"', '"hu\udcffsk"'),
    lambda t: t[:-2],
    lambda t: "",
    lambda t: "null",
    lambda t: "[]",
    lambda t: t.replace('"process": {', '"process": {}, "process": {'),
    lambda t: "[" * 100000,
], ids=["double", "trailing", "two", "bom", "comment", "utf-8", "cut", "empty", "null", "list", "double-object", "deep"])
def test_document_that_is_not_plain_json_is_refused(husk, bundle, spoil):
    text = spoil(whole(bundle))
    (bundle.path / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    r = husk("run", "--bundle", bundle.path, husk.new_id())
    assert r.code not in (0, 127) and r.code < 128 and "config.json" in r.err, r


def test_null_is_absent_and_null_for_required_is_missing(husk, bundle):
    bundle.linux["seccomp"] = None
    bundle.config["hooks"] = None
    husk.run(bundle)
    bundle.process["args"] = None
    husk.refuse(bundle, "process.args")
