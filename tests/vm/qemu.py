# SPDX-License-Identifier: Apache-2.0
"""QEMU in software emulation.  The first machine of a kind boots (15 to 35 s) and its state is saved; later ones
start from that state in a second.  Saved are the devices alone; the memory is a file that is mapped copy-on-write.
"""
import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time

from common import IMAGES, LSM, TOOLS, MachineFailed, image, order, order_of, pump, say

LIB = TOOLS + "/usr/lib/x86_64-linux-gnu"
LOADER = [TOOLS + "/lib64/ld-linux-x86-64.so.2", "--library-path", f"{LIB}:{LIB}/pulseaudio"]
SHARED_MEMORY = [{"capability": "x-ignore-shared", "state": True}]


def append(o):
    words = ("console=hvc0 quiet loglevel=4 panic=-1 TERM=dumb nokaslr mitigations=off init_on_alloc=0 tsc=reliable no_timer_check "
             "cryptomgr.notests random.trust_cpu=on systemd.unit=guest.target lsm=landlock,lockdown," + LSM[o.lsm])
    return words + (f" enforcing={0 if o.permissive else 1}" if o.lsm == "selinux" else "")


class Machine:
    def __init__(self, o, tmp, disk, share, memory=None, keep_memory=False, keep_disk=False, incoming=False):
        self.out, out = os.pipe()
        self.err, err = os.pipe()
        self.status_socket, status = socket.socketpair()
        self.orders, orders = socket.socketpair()
        self.control, control = socket.socketpair()
        argv = LOADER + [
            TOOLS + "/usr/bin/qemu-system-x86_64", "-L", TOOLS + "/usr/share/qemu", "-L", TOOLS + "/usr/share/seabios",
            "-name", "husk", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            # several threads while it boots: "Oops: int3", a race in the kernel's text patching under emulation
            "-accel", "tcg,thread=single,tb-size=512",
            "-M", "q35,usb=off,smbus=off,sata=off,hpet=off,vmport=off", "-cpu", "max,la57=off",
            "-smp", str(o.smp), "-m", str(o.mem), "-kernel", IMAGES + "/vmlinux", "-initrd", IMAGES + "/initrd", "-append", append(o),
            # the image is everybody's, machines of user mode Linux lock it as well; nobody writes to it
            "-drive", f"if=none,id=d0,file={disk},cache=unsafe,snapshot={'off' if keep_disk else 'on'},file.locking=off,"
                      f"format={'qcow2,backing.file.locking=off' if disk.endswith('.qcow2') else 'raw'}",
            "-device", "virtio-blk-pci,drive=d0",
            "-fsdev", f"local,id=fs0,path={share},security_model=none,multidevs=remap",
            "-device", "virtio-9p-pci,fsdev=fs0,mount_tag=vmshare", "-device", "virtio-rng-pci",
            "-device", "virtio-serial-pci,max_ports=8",
            "-chardev", f"file,id=con,path={tmp}/console", "-device", "virtconsole,chardev=con,nr=0",
            "-chardev", f"file,id=out,path=/dev/fd/{out},append=on", "-device", "virtserialport,chardev=out,nr=1,name=guest.out",
            "-chardev", f"file,id=err,path=/dev/fd/{err},append=on", "-device", "virtserialport,chardev=err,nr=2,name=guest.err",
            "-chardev", f"socket,id=rc,fd={status.fileno()}", "-device", "virtserialport,chardev=rc,nr=3,name=guest.rc",
            "-chardev", f"socket,id=cmd,fd={orders.fileno()}", "-device", "virtserialport,chardev=cmd,nr=4,name=guest.cmd",
            "-chardev", f"socket,id=qmp,fd={control.fileno()}", "-mon", "chardev=qmp,mode=control"]
        if memory:
            argv += ["-object", f"memory-backend-file,id=ram,size={o.mem}M,mem-path={memory},share={'on' if keep_memory else 'off'}",
                     "-machine", "memory-backend=ram"]
        if incoming:
            argv += ["-incoming", "defer"]
        fds = (out, err, status.fileno(), orders.fileno(), control.fileno())
        with open(tmp + "/qemu.err", "ab") as log:
            self.p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=fds,
                                      env=dict(os.environ, QEMU_MODULE_DIR=LIB + "/qemu"))
        os.close(out)
        os.close(err)
        for s in (status, orders, control):
            s.close()
        self.threads = [pump(self.out, 1), pump(self.err, 2)]
        self.answers = self.control.makefile("rb", 0)
        self.statuses = self.status_socket.makefile("rb", 0)
        self.answers.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.control.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            line = self.answers.readline()
            if not line:
                raise MachineFailed("QEMU went away in " + command)
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise MachineFailed(f"{command}: {answer['error']['desc']}")

    def migrated(self):
        while True:
            status = self.ask("query-migrate").get("status")
            if status == "completed":
                return
            if status in ("failed", "cancelled"):
                raise MachineFailed("migration " + status)
            time.sleep(0.02)

    def order(self, line):
        self.orders.sendall(line)
        words = self.statuses.readline().split()
        if len(words) != 2:
            raise MachineFailed("the machine stopped without a status")
        return int(words[1])

    def quit(self):
        self.ask("quit")
        self.p.wait(30)
        for t in self.threads:
            t.join(5)

    def kill(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()


def kind(o):
    """Whatever changes the saved state; the image by its size and time."""
    facts = [image(o), o.lsm, o.permissive, o.user, o.mem, o.smp, append(o)]
    for name in (image(o), "vmlinux", "initrd"):
        s = os.stat(f"{IMAGES}/{name}")
        facts += [s.st_size, s.st_mtime_ns]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def save_state(o, tmp, folder, running):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    subprocess.run(LOADER + [TOOLS + "/usr/bin/qemu-img", "create", "-q", "-f", "qcow2", "-b", f"{IMAGES}/{image(o)}",
                             "-F", "raw", folder + "/disk.qcow2"], check=True)
    m = Machine(o, tmp, folder + "/disk.qcow2", tmp, folder + "/memory", keep_memory=True, keep_disk=True)
    running.append(m)
    # the user's session is part of the state
    if m.order(order(DATE=int(time.time()), PREP=1, USER=o.user, SCRIPT=":")) != 0:
        raise MachineFailed("the machine could not be prepared")
    time.sleep(0.5)
    m.ask("stop")
    m.ask("migrate-set-capabilities", capabilities=SHARED_MEMORY)
    m.ask("migrate", uri=f"file:{folder}/state.tmp")
    m.migrated()
    m.quit()
    os.rename(folder + "/state.tmp", folder + "/state")
    say(o, "state saved")


def run(o, tmp, share, running):
    folder = f"{IMAGES}/states/{kind(o)}"
    os.makedirs(IMAGES + "/states", exist_ok=True)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if o.rebuild or not os.path.exists(folder + "/state"):
            save_state(o, tmp, folder, running)
    m = Machine(o, tmp, folder + "/disk.qcow2", share, folder + "/memory", incoming=True)
    running.append(m)
    m.ask("migrate-set-capabilities", capabilities=SHARED_MEMORY)
    m.ask("migrate-incoming", uri=f"file:{folder}/state")
    m.migrated()
    m.ask("cont")
    say(o, "restored")
    code = m.order(order_of(o))
    m.quit()
    say(o, f"ended with {code}")
    return code
