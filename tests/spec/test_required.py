# SPDX-License-Identifier: Apache-2.0
"""Members that the specification calls REQUIRED: without one of them nothing is made, and the error names it."""
import copy

import pytest

SECCOMP = {"defaultAction": "SCMP_ACT_ALLOW",
           "syscalls": [{"names": ["chroot"], "action": "SCMP_ACT_ERRNO",
                         "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}
DEVICE = {"type": "c", "path": "/dev/x", "major": 1, "minor": 3}
BLOCK = {"major": 8, "minor": 0}

# Where the object goes, the object, its member, and the path that the error begins with.
REQUIRED = [
    ("", {"ociVersion": "1.3.0"}, "ociVersion", "ociVersion"),
    ("", {"root": {"path": "rootfs"}}, "root", "root"),
    ("root", {"path": "rootfs"}, "path", "root.path"),
    ("mounts", [{"destination": "/m", "type": "tmpfs"}], "destination", "mounts[0].destination"),
    ("process.consoleSize", {"height": 1, "width": 1}, "height", "process.consoleSize.height"),
    ("process.consoleSize", {"height": 1, "width": 1}, "width", "process.consoleSize.width"),
    ("process", {"cwd": "/", "args": ["/bin/true"], "user": {"uid": 0, "gid": 0}}, "cwd", "process.cwd"),
    ("process", {"cwd": "/", "args": ["/bin/true"], "user": {"uid": 0, "gid": 0}}, "args", "process.args"),
    ("process.rlimits", [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}], "type", "process.rlimits[0].type"),
    ("process.rlimits", [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}], "soft", "process.rlimits[0].soft"),
    ("process.rlimits", [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}], "hard", "process.rlimits[0].hard"),
    ("process.scheduler", {"policy": "SCHED_BATCH", "nice": 1}, "policy", "process.scheduler.policy"),
    ("process.ioPriority", {"class": "IOPRIO_CLASS_IDLE", "priority": 0}, "class", "process.ioPriority.class"),
    ("process.ioPriority", {"class": "IOPRIO_CLASS_IDLE", "priority": 0}, "priority", "process.ioPriority.priority"),
    ("process.user", {"uid": 0, "gid": 0}, "uid", "process.user.uid"),
    ("process.user", {"uid": 0, "gid": 0}, "gid", "process.user.gid"),
    *[(f"hooks.{kind}", [{"path": "/bin/true"}], "path", f"hooks.{kind}[0].path")
      for kind in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")],
    ("linux.namespaces", [{"type": "mount"}], "type", "linux.namespaces[0].type"),
    *[("linux.uidMappings", [{"containerID": 0, "hostID": 1, "size": 1}], m, f"linux.uidMappings[0].{m}")
      for m in ("containerID", "hostID", "size")],
    *[("linux.devices", [DEVICE], m, f"linux.devices[0].{m}") for m in ("type", "path", "major", "minor")],
    ("linux.resources.devices", [{"allow": False, "access": "rwm"}], "allow", "linux.resources.devices[0].allow"),
    *[(f"linux.resources.blockIO.{kind}", [dict(BLOCK, **rest)], m, f"linux.resources.blockIO.{kind}[0].{m}")
      for kind, rest in (("weightDevice", {"weight": 10}), ("throttleReadBpsDevice", {"rate": 1}),
                         ("throttleWriteBpsDevice", {"rate": 1}), ("throttleReadIOPSDevice", {"rate": 1}),
                         ("throttleWriteIOPSDevice", {"rate": 1}))
      for m in (*BLOCK, *(["rate"] if "rate" in rest else []))],
    *[("linux.resources.hugepageLimits", [{"pageSize": "2MB", "limit": 1}], m, f"linux.resources.hugepageLimits[0].{m}")
      for m in ("pageSize", "limit")],
    *[("linux.resources.network.priorities", [{"name": "lo", "priority": 1}], m,
       f"linux.resources.network.priorities[0].{m}") for m in ("name", "priority")],
    ("linux.memoryPolicy", {"mode": "MPOL_DEFAULT"}, "mode", "linux.memoryPolicy.mode"),
    ("linux.seccomp", SECCOMP, "defaultAction", "linux.seccomp.defaultAction"),
    *[("linux.seccomp.syscalls", SECCOMP["syscalls"], m, f"linux.seccomp.syscalls[0].{m}") for m in ("names", "action")],
    *[("linux.seccomp.syscalls.0.args", SECCOMP["syscalls"][0]["args"], m, f"linux.seccomp.syscalls[0].args[0].{m}")
      for m in ("index", "value", "op")],
    ("linux.personality", {"domain": "LINUX"}, "domain", "linux.personality.domain"),
]


def put(config, where, value):
    if not where:
        config.update(value)
        return
    *way, last = where.split(".")
    for key in way:
        config = config[int(key)] if key.isdigit() else config.setdefault(key, {})
    config[last] = value


@pytest.mark.parametrize("where, value, member, path", REQUIRED, ids=[r[3] for r in REQUIRED])
def test_a_missing_member_is_refused(husk, bundle, where, value, member, path):
    value = copy.deepcopy(value)
    if where.startswith("linux.seccomp."):
        bundle.linux["seccomp"] = copy.deepcopy(SECCOMP)
    put(bundle.config, where, value)
    if where == "":
        del bundle.config[member]
    else:
        (value[0] if isinstance(value, list) else value).pop(member)
    husk.refuse(bundle, path)


def test_a_fifo_needs_no_numbers(husk, bundle):
    bundle.linux["devices"] = [{"type": "p", "path": "/dev/fifo", "fileMode": 0o600}]
    husk.run(bundle.sh("test -p /dev/fifo"))
