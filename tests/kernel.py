# SPDX-License-Identifier: Apache-2.0
"""What only some kernels can do, asked of the kernel itself; as marks that say why a test is skipped."""
import ctypes
import fcntl
import os
import struct
import subprocess

import pytest

libc = ctypes.CDLL(None, use_errno=True)
FSOPEN, FSCONFIG, FSMOUNT, MOUNT_SETATTR = 430, 431, 432, 442        # on every architecture
AT_EMPTY_PATH, MOUNT_ATTR_IDMAP, FSCONFIG_CMD_CREATE = 0x1000, 0x100000, 6
PIDFD_GET_INFO, PIDFD_INFO_EXIT = 0xc040ff0b, 1 << 3


def tells_of_ends():
    """Does a pidfd tell the exit code of a process that somebody else has waited for?"""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    fd = os.pidfd_open(pid)
    os.waitpid(pid, 0)
    try:
        answer = fcntl.ioctl(fd, PIDFD_GET_INFO, struct.pack("Q56x", PIDFD_INFO_EXIT))
        return bool(struct.unpack_from("Q", answer)[0] & PIDFD_INFO_EXIT)
    except OSError:
        return False
    finally:
        os.close(fd)


def maps_ids_of_tmpfs():
    if os.geteuid() != 0:
        return False
    holder = subprocess.Popen(["unshare", "--user", "--map-root-user", "sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE)
    try:
        holder.stdout.readline()
        userns = os.open(f"/proc/{holder.pid}/ns/user", os.O_RDONLY)
        fs = libc.syscall(FSOPEN, b"tmpfs", 0)
        libc.syscall(FSCONFIG, fs, FSCONFIG_CMD_CREATE, None, None, 0)
        mount = libc.syscall(FSMOUNT, fs, 0, 0)
        attr = struct.pack("QQQQ", MOUNT_ATTR_IDMAP, 0, 0, userns)
        done = libc.syscall(MOUNT_SETATTR, mount, b"", AT_EMPTY_PATH, attr, len(attr)) == 0
        for fd in (userns, fs, mount):
            os.close(fd)
        return done
    finally:
        holder.kill()
        holder.communicate()


def ps_shows_times():
    done = subprocess.run(["ps", "-ef"], stdin=subprocess.DEVNULL, capture_output=True)
    return done.returncode == 0 and done.stdout.count(b"\n") > 1


def needs(has, reason):
    return pytest.mark.skipif(not has, reason=reason)


TELLS_OF_ENDS = tells_of_ends()
needs_ends = needs(TELLS_OF_ENDS, "this kernel's pidfds do not tell how a process ended (Linux 6.15 does)")
needs_time = needs(os.path.exists("/proc/self/ns/time"), "this kernel has no time namespaces")
needs_tmpfs_idmap = needs(maps_ids_of_tmpfs(), "this kernel does not map the ids of tmpfs (Linux 6.3 does)")
needs_ps = needs(ps_shows_times(), "ps -ef does not work here, whoever calls it")
