# SPDX-License-Identifier: Apache-2.0
"""Namespaces that are made and joined, alone and together, and what exec finds in them."""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from tests.kernel import needs_time
from tests.user import INSIDE, ROOT, UID, chown, needs_root

ALL = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "user": "user", "cgroup": "cgroup", "time": "time",
       "mount": "mnt"}
LIST = "for n in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$n; done"


def of(pid, kind="*"):
    names = ALL.values() if kind == "*" else [ALL[kind]]
    return {n: os.readlink(f"/proc/{pid}/ns/{n}") for n in names if os.path.exists(f"/proc/self/ns/{n}")}


def with_everything(bundle, offset=864000):
    bundle.user_namespace()
    bundle.linux["namespaces"] += [{"type": "time"}, {"type": "cgroup"}]
    bundle.linux["timeOffsets"] = {"boottime": {"secs": offset}, "monotonic": {"secs": 100, "nanosecs": 5}}
    return bundle


def uptime(text):
    return float(text.split()[0])


def offsets_in(text):
    return [line.split() for line in text.splitlines()]


@needs_time
def test_all_eight_are_new(husk, bundle):
    ident = husk.started(with_everything(bundle))
    inside, outside = of(husk.state(ident)["pid"]), of("self")
    assert all(inside[k] != outside[k] for k in inside)


@needs_time
def test_init_is_husks_own_child_of_the_right_user_when_bridged(husk, bundle):
    ident = husk.started(with_everything(bundle))
    status = pathlib.Path(f"/proc/{husk.state(ident)['pid']}/status").read_text()
    assert "\nUid:" + f"\t{bundle.linux['uidMappings'][0]['hostID']}" * 4 in status
    assert "NSpid:" in status and status.split("NSpid:")[1].split()[1] == "1"


@needs_time
@pytest.mark.parametrize("user", [False, True])
def test_time_offsets(husk, bundle, user):
    if user:
        bundle.user_namespace()
    bundle.linux["namespaces"].append({"type": "time"})
    bundle.linux["timeOffsets"] = {"boottime": {"secs": 1000000}}
    ident = husk.started(bundle)
    ahead = uptime(husk("exec", ident, "cat", "/proc/uptime", check=0).out) - uptime(open("/proc/uptime").read())
    assert 999998 < ahead < 1000002
    assert ["boottime", "1000000", "0"] in offsets_in(husk("exec", ident, "cat", "/proc/self/timens_offsets", check=0).out)


@needs_time
def test_negative_time_offsets(husk, bundle):
    bundle.linux["namespaces"].append({"type": "time"})
    bundle.linux["timeOffsets"] = {"monotonic": {"secs": -10, "nanosecs": 500000000}}
    out = husk.out(bundle.args("cat", "/proc/self/timens_offsets"))
    assert ["monotonic", "-10", "500000000"] in offsets_in(out)


@needs_time
@pytest.mark.parametrize("offsets, namespaces, needle", [
    ({"boottime": {"secs": 1}}, [], "linux.timeOffsets"),
    ({"boottime": {"secs": 1, "nanosecs": 1000000000}}, [{"type": "time"}], "linux.timeOffsets.boottime.nanosecs"),
    ({"boottime": {"secs": 1 << 60}}, [{"type": "time"}], "linux.timeOffsets"),
])
def test_bad_time_offsets_are_refused(husk, bundle, offsets, namespaces, needle):
    bundle.linux["namespaces"] += namespaces
    bundle.linux["timeOffsets"] = offsets
    husk.refuse(bundle, needle)


@needs_time
def test_exec_enters_all_namespaces(husk, bundle):
    ident = husk.started(with_everything(bundle))
    inside = of(husk.state(ident)["pid"])
    out = husk("exec", ident, "/bin/sh", "-c", LIST, check=0).out.split()
    assert sorted(out) == sorted(inside.values())


def test_exec_is_root_of_the_containers_user_namespace(husk, bundle):
    ident = husk.started(bundle.user_namespace())
    assert husk("exec", ident, "/bin/sh", "-c", "id -u; id -g; id -G", check=0).out.split() == ["0", "0", "0"]


def test_exec_as_another_user_of_a_user_namespace(husk, bundle):
    ident = husk.started(bundle.user_namespace())
    out = husk("exec", "--user", "1000:1000", ident, "/bin/sh", "-c", "id -u; grep CapEff /proc/self/status", check=0).out
    assert out.split() == ["1000", "CapEff:", "0" * 16]


@needs_time
@pytest.mark.parametrize("user", [False, True])
def test_all_namespaces_of_another_container_are_joined(husk, bundle, user, tmp_path):
    if user:
        bundle.user_namespace()
    bundle.linux["namespaces"] += [{"type": "time"}, {"type": "cgroup"}]
    first = husk.started(bundle)
    pid = husk.state(first)["pid"]
    kinds = [k for k in ALL if k != "mount" and (user or k != "user")]
    bundle.linux["namespaces"] = [{"type": k, "path": f"/proc/{pid}/ns/{ALL[k]}"} for k in kinds] + [{"type": "mount"}]
    for member in ("uidMappings", "gidMappings"):
        bundle.linux.pop(member, None)
    del bundle.config["hostname"]
    out = husk.out(bundle.sh(LIST)).split()
    inside = of(pid)
    assert sorted(set(inside.values()) - {inside["mnt"]}) == sorted(n for n in out if not n.startswith("mnt"))


@needs_root("a new user namespace beside joined ones")
def test_a_new_user_namespace_beside_joined_ones(husk, bundle):
    """Network and IPC namespaces of the host's own user namespace: entered before the new one takes the right away."""
    first = husk.started(bundle)
    pid = husk.state(first)["pid"]
    bundle.user_namespace()
    bundle.linux["namespaces"] = [{"type": t} for t in ("user", "pid", "mount", "uts")] + [
        {"type": "network", "path": f"/proc/{pid}/ns/net"}, {"type": "ipc", "path": f"/proc/{pid}/ns/ipc"}]
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["type"] not in ("sysfs", "mqueue")]
    out = husk.out(bundle.sh(LIST)).split()
    assert of(pid, "network")["net"] in out and of(pid, "ipc")["ipc"] in out
    assert of("self", "user")["user"] not in out


@needs_root("no user namespace")
def test_the_callers_own_user_namespace_as_a_path(husk, bundle):
    bundle.linux["namespaces"].append({"type": "user", "path": "/proc/self/ns/user"})
    assert of("self", "user")["user"] in husk.out(bundle.sh(LIST)).split()


def test_a_joined_pid_namespace_makes_a_process_of_its_own_session(husk, bundle):
    first = husk.started(bundle)
    pid = husk.state(first)["pid"]
    bundle.linux["namespaces"] = [{"type": "pid", "path": f"/proc/{pid}/ns/pid"}] + [{"type": t} for t in ("mount", "uts", "ipc", "network")]
    second = husk.started(bundle.args("/bin/sleep", "1000"))
    status = husk.state(second)
    assert status["status"] == "running"
    assert of(status["pid"], "pid") == of(pid, "pid")
    husk("delete", "--force", second, check=0)
    assert husk.state(first)["status"] == "running"


@pytest.mark.parametrize("path, needle", [
    ("/proc/self/ns/net", "another type"), ("/etc/passwd", "not a namespace"), ("/nowhere/ns", "o such file"),
    ("ns/pid", "absolute"),
])
def test_a_path_that_is_no_such_namespace_is_refused(husk, bundle, path, needle):
    bundle.linux["namespaces"][0] = {"type": "pid", "path": path}
    husk.refuse(bundle, "linux.namespaces[0].path", needle)


def test_the_same_type_twice_is_refused(husk, bundle):
    bundle.linux["namespaces"].append({"type": "pid"})
    husk.refuse(bundle, "linux.namespaces[5]")


@pytest.mark.parametrize("maps, needle", [
    ([{"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 20, "hostID": 200000, "size": 0}],
     "uidMappings[1].size"),
    ([{"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 5, "hostID": 200000, "size": 10}],
     "linux.uidMappings[1]"),
    ([{"containerID": 0, "hostID": 4294967290, "size": 10}], "linux.uidMappings[0]"),
    ([], "linux.uidMappings"),
])
def test_bad_mappings_are_refused(husk, bundle, maps, needle):
    bundle.user_namespace()
    bundle.linux["uidMappings"] = maps
    husk.refuse(bundle, needle)


def test_mappings_without_a_user_namespace_are_refused(husk, bundle):
    bundle.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10}]
    husk.refuse(bundle, "linux.uidMappings")


def test_many_mappings(husk, bundle):
    bundle.user_namespace()
    first = 1000 if INSIDE else 100000
    ranges = [{"containerID": i * 10, "hostID": first + i * 20, "size": 10} for i in range(250)]
    if not ROOT:                        # root is who owns the files, and his group
        ranges[0] = {"containerID": 0, "hostID": UID, "size": 1}
    bundle.linux["uidMappings"] = bundle.linux["gidMappings"] = ranges
    assert len(husk.out(bundle.args("cat", "/proc/self/uid_map")).splitlines()) == 250


def test_more_mappings_than_the_kernel_takes_are_refused(husk, bundle):
    bundle.user_namespace()
    ranges = [{"containerID": i * 10, "hostID": 100000 + i * 20, "size": 10} for i in range(330)]
    bundle.linux["uidMappings"] = bundle.linux["gidMappings"] = ranges
    husk.refuse(bundle, "linux.uidMappings: more than the kernel takes")


def test_a_user_namespace_without_a_root(husk, bundle):
    bundle.user_namespace()
    for member in ("uidMappings", "gidMappings"):
        bundle.linux[member] = [{"containerID": 1000, "hostID": 1001 if INSIDE else 101000, "size": 10}]
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["type"] in ("proc",)]
    for name in ("null", "zero", "full", "tty", "random", "urandom"):
        (bundle.rootfs / "dev" / name).touch()
    for folder in [bundle.path, *bundle.path.parents][:-2]:
        folder.chmod(folder.stat().st_mode | 0o055)
    chown(101000 if ROOT else 1001, bundle.rootfs)              # to the same: a plain user's 1 is 100000
    assert husk.out(bundle.sh("id -u; id -g")).split() == ["1000", "1000"]


def test_host_namespaces_when_none_are_listed_but_the_mount_namespace(husk, bundle):
    bundle.linux["namespaces"] = [{"type": "mount"}]
    del bundle.config["hostname"]
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["type"] not in ("mqueue",)]
    out = husk.out(bundle.sh(LIST)).split()
    own = {"mount"} if ROOT else {"mount", "user"}
    assert set(of("self").values()) - {of("self", kind)[ALL[kind]] for kind in own} <= set(out)


def test_a_user_namespace_does_not_stop_cgroups(husk, bundle):
    bundle.user_namespace()
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.linux["resources"]["pids"] = {"limit": 77}
    out = husk.out(bundle.args("cat", "/proc/self/cgroup"))
    assert all(line.rsplit(":", 1)[1] == "/" for line in out.splitlines()), out


def test_death_of_init_is_explained(husk, bundle, tmp_path):
    """A createRuntime hook kills init while it waits: who reads the message knows where it was."""
    hook = tmp_path / "kill"
    hook.write_text("#!/bin/sh\nkill -9 $(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/')\n")
    hook.chmod(0o755)
    bundle.config["hooks"] = {"createRuntime": [{"path": str(hook)}]}
    husk.refuse(bundle, "init was killed by SIGKILL in stage", "createRuntime hooks")


def test_init_goes_when_create_is_killed(husk, bundle, tmp_path):
    """husk dies in the middle of create: init must not stay behind."""
    hook = tmp_path / "kill"
    told = tmp_path / "told"
    hook.write_text(f"#!/bin/sh\ncat > {told}\nkill -9 $PPID\n")
    hook.chmod(0o755)
    bundle.config["hooks"] = {"createRuntime": [{"path": str(hook)}]}
    bundle.write()
    ident = husk.new_id()
    done = husk("create", "--bundle", bundle.path, ident)
    assert done.code == -signal.SIGKILL
    pid = json.loads(told.read_text())["pid"]
    for _ in range(200):
        if not os.path.exists(f"/proc/{pid}") or "Z" in pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1][:3]:
            break
        time.sleep(0.02)
    else:
        pytest.fail("init is still there")
    husk("delete", "--force", ident, check=0)
