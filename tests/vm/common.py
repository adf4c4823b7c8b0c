# SPDX-License-Identifier: Apache-2.0
"""What both kinds of test machine have in common: where the images are, and the words the guest understands."""
import base64
import os
import shlex
import sys
import threading
import time

IMAGES = os.environ.get("HUSK_VM", "/var/cache/husk-vm")
TOOLS = IMAGES + "/tools"               # a tree with QEMU and the user mode kernels
LSM = {"apparmor": "yama,integrity,apparmor", "selinux": "yama,integrity,selinux", "none": "yama,integrity"}


class MachineFailed(Exception):
    pass


def image(o):
    """security.selinux attributes on a machine without SELinux break rootless overlays: so there are two images."""
    if o.cgroup != "v2":
        return "legacy.ext4"
    return "vm-selinux.ext4" if o.lsm == "selinux" else "vm.ext4"


def order(**words):
    """One line for the guest: shell assignments of GUEST_*, in base64."""
    text = "\n".join(f"GUEST_{k}={shlex.quote(str(v))}" for k, v in words.items() if v)
    return base64.b64encode(text.encode()) + b"\n"


def order_of(o):
    folder = "/mnt/share" if o.share else ""
    return order(DATE=int(time.time()), USER=o.user, SHARE=folder, CWD=folder, LSM=o.lsm, SCRIPT=o.script)


def pump(source, target):
    """Copies everything from one descriptor to the other, in a thread of its own, which is returned."""
    def copy():
        while True:
            some = os.read(source, 65536)
            if not some:
                return
            try:
                while some:
                    some = some[os.write(target, some):]
            except OSError:
                pass
    t = threading.Thread(target=copy, daemon=True)
    t.start()
    return t


def say(o, what):
    if o.verbose:
        print(f"machine: {time.time() - o.begin:7.2f} s {what}", file=sys.stderr, flush=True)
