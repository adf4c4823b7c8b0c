# SPDX-License-Identifier: Apache-2.0
"""Writes the script of floor.c for a config.json: the system calls that its container needs at the least.

Knows what the benchmarks use of config.json, and refuses what it does not know: a floor that leaves something out
would flatter nobody.
"""
import os
import re
import struct

MS = {"ro": 1, "nosuid": 2, "nodev": 4, "noexec": 8, "strictatime": 1 << 24, "relatime": 1 << 21, "bind": 4096,
      "rbind": 4096 | 16384, "rprivate": 0}
MS_REMOUNT = 32
CLONE_NEW = {"mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "pid": 0x20000000,
             "network": 0x40000000}
RLIMITS = {"RLIMIT_NOFILE": 7, "RLIMIT_NPROC": 6}
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
         "ptmx": "pts/ptmx"}
CAPS = ("CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
        "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT "
        "SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL "
        "SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE").split()
# What the container may use when everything else is denied, as the specification's default devices need it.
ALLOWED = ["c *:* m", "b *:* m", "c 136:* rwm"] + [f"c {a}:{b} rwm" for a, b in [*DEVICES.values(), (5, 2)]]


def hierarchies():
    """[(mount point, [controllers] or None for v2, our cgroup in it)] that this process sees."""
    own = {}
    for line in open("/proc/self/cgroup"):
        _, names, path = line.rstrip("\n").split(":", 2)
        own[names] = path
    out = []
    for line in open("/proc/self/mountinfo"):
        left, right = line.rstrip("\n").split(" - ")
        kind, _, options = right.split(" ")[:3]
        point = left.split(" ")[4]
        if kind == "cgroup2":
            out.append((point, None, own.get("", "/")))
        elif kind == "cgroup":
            names = [o for o in options.split(",") if o in own or f"name={o[5:]}" in own and o.startswith("name=")]
            key = next((k for k in own if k and set(k.split(",")) & set(options.split(","))), None)
            if key:
                out.append((point, names or [key], own[key]))
    return out


def groups(ident):
    """The cgroups that a container gets, v1 first: [(path, controllers or None)]."""
    found = hierarchies()
    v1 = [(point + "/" + ident, names) for point, names, _ in found if names]
    return v1 or [(point + "/" + ident, None) for point, names, _ in found if names is None]


class Script:
    def __init__(self):
        self.lines = []

    def add(self, *words):
        self.lines.append("\t".join(map(str, words)))

    def text(self):
        return "\n".join(self.lines) + "\n"


def place(s, config, ident, with_cgroups):
    if not with_cgroups:
        return
    resources = config["linux"].get("resources", {})
    unknown = set(resources) - {"devices", "pids"}
    if unknown:
        raise ValueError(f"no floor for resources: {unknown}")
    for path, names in groups(ident):
        s.lines.insert(1, f"G\t{path}")
        if names is None:
            s.lines.insert(2, "2")
            if "pids" in resources and "pids" in open(os.path.dirname(path) + "/cgroup.controllers").read():
                s.add("W", path + "/pids.max", resources["pids"]["limit"])
            continue
        if "cpuset" in names:
            for name in ("cpus", "mems"):
                value = open(f"{os.path.dirname(path)}/cpuset.{name}").read().strip()
                s.add("W", f"{path}/cpuset.{name}", value)
        if "pids" in names and "pids" in resources:
            s.add("W", path + "/pids.max", resources["pids"]["limit"])
        if "devices" in names and resources.get("devices"):
            s.add("W", path + "/devices.deny", "a")
            for rule in ALLOWED:
                s.add("W", path + "/devices.allow", rule)
        s.add("W", path + "/tasks", 0)     # a thread that moves itself needs no lock of all forks


def mount(s, m, ident):
    target = m["destination"].lstrip("/")
    options = m.get("options", [])
    flags = 0
    data = []
    for o in options:
        flags |= MS[o] if o in MS else 0
        data += [o] if o not in MS else []
    kind = m["type"]
    if kind == "bind":
        s.add("d", target, "0755")
        s.add("m", m["source"], target, "bind", MS["rbind"], "")
        if flags & ~MS["rbind"]:
            s.add("m", "", target, "bind", flags | 4096 | MS_REMOUNT, "")
    elif kind == "cgroup":
        v1 = [(p, n) for p, n in groups(ident) if n]
        if not v1:
            s.add("m", "cgroup2", target, "cgroup2", flags, "")
            return
        s.add("m", "tmpfs", target, "tmpfs", flags & ~1, "mode=755")
        for path, names in v1:
            sub = f"{target}/{os.path.basename(os.path.dirname(path))}"
            s.add("d", sub, "0755")
            s.add("m", path, sub, "bind", 4096, "")
            s.add("m", "", sub, "bind", flags | 4096 | MS_REMOUNT, "")
        s.add("m", "", target, "bind", flags | 4096 | MS_REMOUNT, "")
    else:
        # The folders of these are in the root; below /dev the tmpfs is new.
        if target.startswith("dev/"):
            s.add("d", target, "0755")
        s.add("m", m.get("source", kind), target, kind, flags, ",".join(data))


def shield(s, config):
    for path in config["linux"].get("maskedPaths", []):
        if os.path.isdir(path):
            s.add("m", "tmpfs", path.lstrip("/"), "tmpfs", 1, "size=0k")
        elif os.path.exists(path):
            s.add("m", "dev/null", path.lstrip("/"), "bind", 4096, "")
    for path in config["linux"].get("readonlyPaths", []):
        if os.path.exists(path):
            s.add("m", path.lstrip("/"), path.lstrip("/"), "bind", 4096 | 16384, "")
            s.add("m", "", path.lstrip("/"), "bind", 4096 | MS_REMOUNT | 1 | 2 | 4 | 8, "")


def filter_of(profile):
    """As many comparisons as the profile has names, all of which let through: the kernel's work on it, in the order of size."""
    names = {n for rule in profile["syscalls"] for n in rule["names"]}
    code = [(0x20, 0, 0, 4), (0x15, 1, 0, 0xc000003e), (0x06, 0, 0, 0x7fff0000), (0x20, 0, 0, 0)]
    for i in range(len(names)):
        code += [(0x15, 0, 1, i), (0x06, 0, 0, 0x7fff0000)]
    code += [(0x06, 0, 0, 0x7fff0000)]
    return b"".join(struct.pack("HBBI", *c) for c in code)


def mask_of(names):
    return sum(1 << CAPS.index(re.sub("^CAP_", "", n)) for n in names)


def write(folder, config, ident, with_cgroups=True):
    """Writes FOLDER/script (and FOLDER/filter); returns the path of the script."""
    s = Script()
    process, linux = config["process"], config["linux"]
    kinds = {n["type"] for n in linux["namespaces"]}
    s.add("N", hex(sum(CLONE_NEW[k] for k in kinds - {"cgroup"})))
    if linux.get("seccomp"):
        with open(folder + "/filter", "wb") as f:
            f.write(filter_of(linux["seccomp"]))
        s.add("s", folder + "/filter")
    place(s, config, ident, with_cgroups)
    if "cgroup" in kinds:
        s.add("U", hex(CLONE_NEW["cgroup"]))
    s.add("e")                  # nothing of the caller's terminal
    if "network" in kinds:
        s.add("o")              # config-linux.md has no word for it, but every engine and runtime counts on it
    s.add("u", "0")             # for the modes of what is made; the specification's devices are for everybody
    s.add("R", os.path.realpath(config["root"]["path"]))
    for m in config["mounts"]:
        mount(s, m, ident)
        if m["destination"] == "/dev":
            for name, (major, minor) in DEVICES.items():
                s.add("n", "dev/" + name, oct(0o20666).replace("0o", "0"), major, minor)
            for name, to in LINKS.items():
                s.add("l", to, "dev/" + name)
    shield(s, config)
    if config["root"].get("readonly"):
        s.add("w")
    s.add("P")
    if config.get("hostname"):
        s.add("h", config["hostname"])
    for limit in process.get("rlimits") or []:
        s.add("r", RLIMITS[limit["type"]], limit["soft"], limit["hard"])
    s.add("u", process["user"].get("umask", "022"))
    user = process["user"]
    if user.get("additionalGids") or user["uid"]:
        raise ValueError("no floor for other users and groups")
    s.add("K", ident)
    if linux.get("seccomp"):
        s.add("S")
    s.add("i", user["uid"], user["gid"])       # root, whose capabilities stay
    if process.get("capabilities"):
        s.add("c", hex(mask_of(process["capabilities"]["bounding"])), hex(mask_of(process["capabilities"].get("ambient") or [])))
    if process.get("noNewPrivileges"):
        s.add("k")
    s.add("f")
    s.add("X", *process["args"])
    path = folder + "/script"
    with open(path, "w") as f:
        f.write(s.text())
    return path
