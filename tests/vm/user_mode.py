# SPDX-License-Identifier: Apache-2.0
"""User mode Linux: a kernel that is a program.  Boots systemd in two seconds each time, so no state is saved.

Its lines are polled with epoll, so both ends must be pollable: sockets, neither files nor /dev/null.  It is an
ET_EXEC program with libraries of another Debian, so it runs in a chroot, in a private mount namespace.
"""
import os
import shlex
import signal
import socket
import subprocess

from common import IMAGES, LSM, TOOLS, image, order_of, pump, say


class Process:
    """The kernel and the helpers it makes in its session."""

    def __init__(self, *args, **kw):
        self.p = subprocess.Popen(*args, start_new_session=True, **kw)

    def kill(self):
        if self.p.poll() is None:
            os.killpg(self.p.pid, signal.SIGKILL)
            self.p.wait()


def chroot_script(o, tmp, control, share):
    binds = [(control, "vmctl"), (share, "vmshare"), (IMAGES, "vmbase"), (tmp, "vmtmp"), ("/dev", "dev"), ("/proc", "proc")]
    lines = ["set -e", "mount --make-rprivate /"]
    for source, folder in binds:
        os.makedirs(f"{TOOLS}/{folder}", exist_ok=True)
        lines.append(f"mount --bind {shlex.quote(source)} {TOOLS}/{folder}")
    lines += [f"mount -t tmpfs -o size={o.mem + 256}M shm {TOOLS}/dev/shm", f'exec chroot {TOOLS} "$@"']
    return "\n".join(lines)


def kernel(o, out, err, status, console):
    disk = "ubd0=/vmbase/" if o.persist else "ubd0=/vmtmp/cow,/vmbase/"
    words = [f"mem={o.mem}M", disk + image(o), "root=/dev/ubda", "rw", "rootfstype=ext4",
             f"con=null con0=fd:{console} ssl=null ssl0=fd:{out} ssl1=fd:{err} ssl2=fd:{status}",
             "quiet loglevel=4 panic=-1 TERM=dumb guest.uml=1 systemd.unit=guest.target", "lsm=" + LSM[o.lsm]]
    if o.lsm == "selinux":
        words.append(f"enforcing={0 if o.permissive else 1}")
    if o.cgroup == "v2":
        words.append("seccomp=on")
    else:
        words.append(f"systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller={int(o.cgroup == 'v1')}")
    program = "/usr/bin/linux.uml" if o.cgroup == "v2" else "/usr/bin/linux-legacy.uml"
    return [program, *" ".join(words).split()]


def run(o, tmp, share, running):
    control = tmp + "/control"
    os.mkdir(control)
    with open(control + "/cmd", "wb") as f:
        f.write(order_of(o))
    (out_r, out), (err_r, err), (status_r, status), (console_r, console) = \
        [[s.detach() for s in socket.socketpair()] for _ in range(4)]
    argv = ["unshare", "-m", "sh", "-c", chroot_script(o, tmp, control, share), "machine", *kernel(o, out, err, status, console)]
    with open(tmp + "/console", "wb") as log:
        running.append(Process(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(out, err, status, console)))
        for fd in (out, err, status, console):
            os.close(fd)
        threads = [pump(out_r, 1), pump(err_r, 2), pump(console_r, log.fileno())]
        code = 125
        with os.fdopen(status_r) as lines:
            for line in lines:
                words = line.split()
                if len(words) == 2 and words[0] == "rc":
                    code = int(words[1])
        running[0].p.wait()
        for t in threads:
            t.join(5)
    say(o, f"ended with {code}")
    return code
