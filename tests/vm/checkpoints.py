# SPDX-License-Identifier: Apache-2.0
"""What the tests of checkpoint and restore stand on: images in a folder, and a container that counts."""
import json
import os
import shutil
import subprocess

import pytest

from tests.conftest import Result, wait_for

CHECK = subprocess.run(["criu", "check"], capture_output=True, text=True) if shutil.which("criu") and os.geteuid() == 0 else None
needs_criu = pytest.mark.skipif(not CHECK or CHECK.returncode != 0, reason="criu cannot dump here")

# Starts nothing while it counts: CRIU cannot stop a process that is in vfork(2); and CRIU ends the sleep of sleep(1).
COUNT = "exec 3<>/tmp/fifo; read x <&3 & n=0; while :; do n=$((n+1)); echo $n >/tmp/n; read -t 0.05 x <&3; done"


def groups(pid):
    return open(f"/proc/{pid}/cgroup").read().strip().rpartition("::/")[2]


def mounts(pid):
    """Of the container: where, which attributes, which type.  A masked path's tmpfs has no name to compare."""
    lines = [line.split(" - ") for line in open(f"/proc/{pid}/mountinfo").read().splitlines()]
    return sorted((a.split()[4], *sorted(a.split()[5].split(",")), *a.split()[6:], b.split()[0]) for a, b in lines)


class Checkpoints:
    """Images in a folder, and what is done with them."""

    def __init__(self, husk, bundle, folder):
        self.husk, self.bundle, self.images, self.work = husk, bundle, folder / "images", folder / "work"

    def where(self):
        return ["--image-path", self.images, "--work-path", self.work]

    def log(self, name):
        try:
            return (self.work / name).read_text()[-3000:]
        except OSError:
            return "no log"

    def started(self, *options, manager=(), ident=None):
        """A container without streams: a file of the host's would have to be the same, and as long, when it comes back."""
        self.bundle.write()
        ident = ident or self.husk.new_id()
        null = subprocess.DEVNULL
        subprocess.run(self.husk.argv("run", "--bundle", self.bundle.path, "-d", *options, ident, options=manager), stdin=null, stdout=null,
                       stderr=null, check=True, timeout=120)
        return ident

    def checkpoint(self, ident, *options, check=0):
        result = self.husk("checkpoint", *self.where(), *options, ident)
        assert result.code == check, f"{self.log('dump.log')}\n{result}"
        return result

    def checkpoint_attached(self):
        """A container in the foreground, its streams pipes, from its first line on; returns its name."""
        self.bundle.write()
        ident = self.husk.new_id()
        with subprocess.Popen(self.husk.argv("run", "--bundle", self.bundle.path, ident), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as run:
            assert run.stdout.readline() == "first\n"
            self.checkpoint(ident)
            assert run.wait(60) == 137
        streams = json.loads((self.images / "descriptors.json").read_text())[:3]
        assert all(s.startswith("pipe:[") for s in streams)
        return ident

    def restore(self, *options, ident=None, check=0, manager=()):
        self.bundle.write()
        ident = ident or self.husk.new_id()
        argv = self.husk.argv("restore", *self.where(), "--bundle", self.bundle.path, "--detach", *options, ident, options=manager)
        err = self.husk.folder / "restore.err"
        with open(err, "w") as e:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=e, timeout=120)
        assert done.returncode == check, f"{self.log('restore.log')}\n{err.read_text()}"
        return ident if check == 0 else Result(argv, done.returncode, "", err.read_text())
