# SPDX-License-Identifier: Apache-2.0
"""The container's cgroups from outside: where they lie, what is in them, and what pause, ps, update, kill and exec do with them.

Every file is looked for in whatever hierarchy has it (tests/groups.py), so that the same tests hold on v1, hybrid and v2.
"""
import json
import os
import subprocess
import time

import pytest

from tests.groups import HAS, TOPS, V2, read, where
from tests.user import ROOT, needs_root


def controllers_of_v2():
    path = next((f for f in ("/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup/unified/cgroup.controllers") if os.path.exists(f)), os.devnull)
    return open(path).read().split()


def test_the_container_is_in_exactly_its_cgroup_in_every_hierarchy(husk, bundle, group):
    ident = husk.started(bundle)
    assert where(husk.state(ident)["pid"]) == {f"/{group}"}
    husk("delete", "--force", ident, check=0)


def test_create_puts_init_there_before_it_returns(husk, bundle, group):
    ident = husk.create(bundle)
    assert where(husk.state(ident)["pid"]) == {f"/{group}"}
    husk("delete", ident, check=0)


def test_a_cgroup_that_holds_processes_is_refused_and_left_alone(husk, bundle, group):
    first = husk.started(bundle)
    husk.refuse(bundle, "holds processes")
    assert husk.state(first)["status"] == "running"
    husk("delete", "--force", first, check=0)


def test_a_failed_create_leaves_no_cgroup(husk, bundle, group):
    bundle.linux["resources"]["cpu"] = {"quota": 1}
    husk.refuse(bundle, "linux.resources.cpu.quota")


@pytest.mark.parametrize("path", ["/../../x", "a//b", "/a/./b", "/", "/a/\nb", "slice:husk:x"])
def test_bad_paths_are_refused(husk, bundle, path):
    bundle.linux["cgroupsPath"] = path
    husk.refuse(bundle, "linux.cgroupsPath")


def test_without_a_path_there_is_a_cgroup_named_like_the_container(husk, bundle):
    ident = husk.started(bundle)
    assert all(p.endswith(f"/{ident}") for p in where(husk.state(ident)["pid"]))


def test_disabled_makes_no_cgroup_and_the_rest_works(husk, bundle):
    bundle.args("/bin/sleep", "1000").write()
    ident = husk.new_id()
    assert husk.popen("run", "--detach", "--bundle", bundle.path, ident, options=["--cgroup-manager", "disabled"],
                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).wait(20) == 0
    assert where(husk.state(ident)["pid"]) == where("self")
    assert json.loads(husk("ps", "--format", "json", ident, check=0).out) == [husk.state(ident)["pid"]]
    husk("kill", ident, "KILL", check=0)
    husk.finish(ident)


def test_the_cgroup_namespace_starts_at_the_container(husk, bundle, group):
    bundle.linux["namespaces"].append({"type": "cgroup"})
    assert {l.split(":", 2)[2] for l in husk.out(bundle.args("cat", "/proc/self/cgroup")).split()} == {"/"}


@pytest.mark.parametrize("own", [True, False])
def test_a_mount_of_type_cgroup_shows_the_container_s_own(husk, bundle, group, own):
    if own:
        bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.linux["resources"]["pids"] = {"limit": 33}
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"])
    out = husk.out(bundle.sh("cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null; "
                             "mkdir /sys/fs/cgroup/x /sys/fs/cgroup/pids/x 2>/dev/null && echo made; true"))
    assert out == "33\n"


def test_pause_stops_every_process_and_resume_lets_them_go(husk, bundle, group):
    bundle.sh("while :; do echo x; sleep 0.01; done & wait")
    ident = husk.started(bundle)
    husk("pause", ident, check=0)
    assert husk.state(ident)["status"] == "paused"
    before = husk.output(ident)
    time.sleep(0.1)
    assert husk.output(ident) == before
    assert husk("exec", ident, "true").code != 0
    husk("resume", ident, check=0)
    end = time.monotonic() + 10
    while husk.output(ident) == before and time.monotonic() < end:
        time.sleep(0.01)
    assert husk.output(ident) != before
    assert husk.state(ident)["status"] == "running"
    husk("delete", "--force", ident, check=0)


@pytest.mark.skipif(not V2, reason="needs cgroup v2 alone")
def test_what_is_killed_as_a_whole_is_paused_no_more(husk, bundle, group):
    """Whoever is just being born into it (exec) would stand still there for ever."""
    ident = husk.started(bundle)
    husk("pause", ident, check=0)
    assert read(group, "cgroup.freeze") == "1"
    husk("kill", "--all", ident, "KILL", check=0)
    assert read(group, "cgroup.freeze") == "0"
    husk.wait_status(ident, "stopped")
    husk("delete", ident, check=0)


def test_a_paused_container_can_be_deleted_with_force(husk, bundle, group):
    ident = husk.started(bundle)
    husk("pause", ident, check=0)
    husk("delete", "--force", ident, check=0)


def test_ps_lists_every_process(husk, bundle, group):
    ident = husk.started(bundle.sh("sleep 1000 & sleep 1000 & echo ready; wait"))
    end = time.monotonic() + 10
    while "ready" not in husk.output(ident) and time.monotonic() < end:
        time.sleep(0.01)
    pids = json.loads(husk("ps", "--format", "json", ident, check=0).out)
    assert len(pids) == 3 and husk.state(ident)["pid"] in pids
    table = husk("ps", ident, "-eo", "pid,args", check=0).out.splitlines()
    assert len(table) == 4 and "PID" in table[0]
    husk("delete", "--force", ident, check=0)


def test_kill_all_reaches_processes_after_init_has_died(husk, bundle, group):
    """With the host's pid namespace init's end kills nobody: containerd then calls kill --all."""
    bundle.without_namespace("pid")
    ident = husk.started(bundle.sh("sleep 1000 & sleep 1000 & exit 0"))
    husk.wait_status(ident, "stopped")
    left = json.loads(husk("ps", "--format", "json", ident, check=0).out)
    assert len(left) == 2
    husk("kill", "--all", ident, "KILL", check=0)
    end = time.monotonic() + 10
    while json.loads(husk("ps", "--format", "json", ident, check=0).out) and time.monotonic() < end:
        time.sleep(0.01)
    assert not json.loads(husk("ps", "--format", "json", ident, check=0).out)
    husk("kill", "--all", ident, "KILL", check=0)
    husk("delete", ident, check=0)


def test_update_changes_limits(husk, bundle, group):
    ident = husk.started(bundle)
    husk("update", "--memory", "64M", "--memory-swap", "64M", "--pids-limit", "99", "--cpu-share", "512", ident, check=0)
    assert read(group, "memory.max", "memory.limit_in_bytes") == str(64 << 20)
    assert read(group, "pids.max") == "99"
    assert read(group, "cpu.weight", "cpu.shares") in ("59", "512")
    husk("update", "--resources", "-", ident, stdin=json.dumps({"memory": {"limit": 128 << 20, "swap": 256 << 20}}), check=0)
    assert read(group, "memory.max", "memory.limit_in_bytes") == str(128 << 20)
    husk("delete", "--force", ident, check=0)


def test_update_is_all_or_nothing(husk, bundle, group):
    bundle.linux["resources"].update({"memory": {"limit": 64 << 20, "swap": 64 << 20}, "pids": {"limit": 50}})
    ident = husk.started(bundle)
    r = husk("update", "--resources", "-", ident, stdin=json.dumps({
        "memory": {"limit": 128 << 20, "swap": 128 << 20}, "pids": {"limit": 60},
        "blockIO": {"throttleReadBpsDevice": [{"major": 4000, "minor": 1, "rate": 1}]}}))
    assert r.code != 0 and "linux.resources.blockIO.throttleReadBpsDevice[0]" in r.err
    assert read(group, "memory.max", "memory.limit_in_bytes") == str(64 << 20)
    assert read(group, "pids.max") == "50"
    husk("delete", "--force", ident, check=0)


def test_zeros_in_an_update_change_nothing(husk, bundle, group):
    """Docker sends them for all that its user did not mention."""
    bundle.linux["resources"].update({"memory": {"limit": 64 << 20}, "cpu": {"shares": 512}})
    ident = husk.started(bundle)
    husk("update", "--resources", "-", ident, check=0, stdin=json.dumps({
        "memory": {"limit": 0, "reservation": 0, "kernel": 0}, "cpu": {"shares": 0, "quota": 0, "period": 0, "cpus": ""},
        "blockIO": {"weight": 0}}))
    assert read(group, "memory.max", "memory.limit_in_bytes") == str(64 << 20)
    assert read(group, "cpu.weight", "cpu.shares") in ("59", "512")
    husk("delete", "--force", ident, check=0)


def test_a_pids_limit_of_0_is_a_limit(husk, bundle, group):
    bundle.linux["resources"]["pids"] = {"limit": 0}
    out = husk.run(bundle.sh("echo alive; (true) 2>/dev/null || echo cannot fork"), check=None)
    assert out.out.startswith("alive\n") and "fork" in out.out + out.err


@pytest.mark.skipif(not HAS & {"pids.max"}, reason="this kernel's cgroups have no pids.max")
def test_exec_in_a_container_that_may_have_no_more_processes_enters_on_v1_and_tells_why_not_on_v2(husk, bundle, group):
    bundle.linux["resources"]["pids"] = {"limit": 2}
    ident = husk.started(bundle.sh("sleep 1000 & wait"))
    end = time.monotonic() + 20
    while read(group, "pids.current") != "2":
        assert time.monotonic() < end
        time.sleep(0.02)
    done = husk("exec", ident, "echo", "inside")
    # a process that moves itself is not counted as one that is made; on v2 it is made in the group
    if V2:
        assert done.code == 255 and "has 2 processes, of 2 that pids.max of its cgroup allows" in done.err, done
        husk("update", "--pids-limit", "4", ident, check=0)
        done = husk("exec", ident, "echo", "inside")
    assert (done.code, done.out) == (0, "inside\n"), done
    husk("delete", "--force", ident, check=0)


def test_exec_enters_the_container_s_cgroup(husk, bundle, group):
    ident = husk.started(bundle)
    out = husk("exec", ident, "cat", "/proc/self/cgroup", check=0).out
    assert {l.split(":", 2)[2] for l in out.split()} == {f"/{group}"}
    husk("delete", "--force", ident, check=0)


def test_exec_enters_a_sub_cgroup_but_none_outside(husk, bundle, group):
    ident = husk.started(bundle)
    tops = [t for t in TOPS if os.path.basename(t) not in ("cpuset",)]
    for top in tops:
        os.mkdir(f"{top}/{group}/sub")
    out = husk("exec", "--cgroup", "sub", ident, "cat", "/proc/self/cgroup", check=0).out
    assert f"/{group}/sub" in {l.split(":", 2)[2] for l in out.split()}
    if not V2:
        out = husk("exec", "--cgroup", "memory:sub", ident, "cat", "/proc/self/cgroup", check=0).out
        assert [l for l in out.split() if l.endswith("/sub")] == [l for l in out.split() if ":memory:" in l]
    for bad in ("..", "../..", "sub/../..", "nope", "sub//x"):
        assert husk("exec", "--cgroup", bad, ident, "true").code != 0
    husk("delete", "--force", ident, check=0)


@pytest.mark.skipif(not V2, reason="v1 allows processes in inner cgroups")
def test_exec_follows_init_when_the_container_has_split_its_cgroup(husk, bundle, group):
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime"])
    ident = husk.started(bundle.sh("mkdir /sys/fs/cgroup/init && echo 0 >/sys/fs/cgroup/init/cgroup.procs && "
                                   "echo +memory >/sys/fs/cgroup/cgroup.subtree_control && echo split; exec sleep 1000"))
    end = time.monotonic() + 10
    while "split" not in husk.output(ident) and time.monotonic() < end:
        time.sleep(0.01)
    assert husk("exec", ident, "cat", "/proc/self/cgroup", check=0).out == "0::/init\n"
    husk("delete", "--force", ident, check=0)


def given_to(group, uid):
    folder = f"/sys/fs/cgroup/{group}"
    return {f for f in ["."] + os.listdir(folder) if os.stat(f"{folder}/{f}").st_uid == uid}


RW = ["nosuid", "noexec", "nodev"]


# config-linux.md "Cgroup ownership": each condition there and not there
@pytest.mark.skipif(not V2, reason="cgroups of v1 are never given away")
@needs_root("a cgroup is given to another user")
@pytest.mark.parametrize("namespace,mount,owner", [
    ({"type": "cgroup"}, ("/sys/fs/cgroup", "cgroup", RW), 1000),
    ({"type": "cgroup"}, ("/sys/fs/cgroup", "cgroup", RW + ["ro"]), None),
    ({"type": "cgroup"}, ("/sys/fs/cgroup", "cgroup2", RW), None),
    ({"type": "cgroup"}, ("/mnt", "cgroup", RW), None),
    ({"type": "cgroup"}, None, None),
    ({"type": "cgroup", "path": "/proc/self/ns/cgroup"}, ("/sys/fs/cgroup", "cgroup", RW), None),
    (None, ("/sys/fs/cgroup", "cgroup", RW), None)],
    ids=["all", "read-only", "other-source", "elsewhere", "no-mount", "joined", "no-namespace"])
def test_a_writable_cgroup_belongs_to_the_user(husk, bundle, group, namespace, mount, owner):
    if namespace:
        bundle.linux["namespaces"].append(namespace)
    if mount:
        (bundle.rootfs / "mnt").mkdir()
        bundle.mount(mount[0], mount[1], "cgroup", mount[2])
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    ident = husk.started(bundle)
    listed = set(open("/sys/kernel/cgroup/delegate").read().split()) & set(os.listdir(f"/sys/fs/cgroup/{group}"))
    assert given_to(group, 1000) == ({"."} | listed if owner else set())
    assert os.stat(f"/sys/fs/cgroup/{group}").st_gid == 0
    husk("delete", "--force", ident, check=0)


@pytest.mark.skipif(not V2, reason="cgroups of v1 are never given away")
@pytest.mark.parametrize("uid", [0, pytest.param(1000, marks=needs_root("a cgroup is given to another user"))])
def test_with_a_user_namespace_the_cgroup_belongs_to_the_user_as_the_host_sees_him(husk, bundle, group, uid):
    bundle.user_namespace()
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", RW)
    bundle.process["user"] = {"uid": uid, "gid": uid}
    ident = husk.started(bundle)
    assert "cgroup.procs" in given_to(group, bundle.linux["uidMappings"][0]["hostID"] + uid)
    assert husk("exec", "--user", f"{uid}:{uid}", ident, "stat", "-c", "%u", "/sys/fs/cgroup").out == f"{uid}\n"
    husk("delete", "--force", ident, check=0)


@pytest.mark.skipif(not V2, reason="cgroups of v1 are never given away")
def test_the_owner_of_the_cgroup_divides_it_and_cannot_raise_its_limits(husk, bundle, group):
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.linux["resources"]["pids"] = {"limit": 33}
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", RW)
    if ROOT:                            # a plain user has it already, and is the container's root
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
    out = husk.out(bundle.sh("cd /sys/fs/cgroup && mkdir sub && echo 0 >sub/cgroup.procs && echo +pids >cgroup.subtree_control && "
                             "echo 5 >sub/pids.max && cat sub/pids.max; (echo 99 >pids.max) 2>/dev/null || cat pids.max; "
                             "cat /proc/self/cgroup"))
    assert out == "5\n33\n0::/sub\n"


@pytest.mark.skipif(not V2, reason="cgroups of v1 are never given away")
@needs_root("a cgroup is given to another user")
def test_where_the_kernel_does_not_list_what_to_give_it_is_three_files(husk, bundle, group):
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", RW)
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.args("/bin/sleep", "1000").write()
    ident = husk.new_id()
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/kernel/cgroup && exec "$@"', "sh"]
    subprocess.run(hidden + husk.argv("run", "--detach", "--bundle", bundle.path, ident), check=True, timeout=60,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert given_to(group, 1000) == {".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"}
    husk("delete", "--force", ident, check=0)


M = 1 << 20
NO = "cgroup v2 has no such thing"
# What config.json says; what v1 has in which file; the same for v2, or why it cannot.
RESOURCES = [
    ({"memory": {"limit": 64 * M}}, ("memory.limit_in_bytes", 64 * M), ("memory.max", 64 * M)),
    ({"memory": {"limit": -1}}, ("memory.limit_in_bytes", 9223372036854771712), ("memory.max", "max")),
    ({"memory": {"reservation": 32 * M}}, ("memory.soft_limit_in_bytes", 32 * M), ("memory.low", 32 * M)),
    ({"memory": {"limit": 64 * M, "swap": 96 * M}}, ("memory.memsw.limit_in_bytes", 96 * M), ("memory.swap.max", 32 * M)),
    ({"memory": {"limit": 64 * M, "swap": -1}}, ("memory.memsw.limit_in_bytes", 9223372036854771712), ("memory.swap.max", "max")),
    ({"memory": {"kernelTCP": 16 * M}}, ("memory.kmem.tcp.limit_in_bytes", 16 * M), NO),
    ({"memory": {"swappiness": 7}}, ("memory.swappiness", 7), NO),
    ({"memory": {"disableOOMKiller": True}}, ("memory.oom_control", "oom_kill_disable 1"), NO),
    ({"memory": {"useHierarchy": True}}, ("memory.use_hierarchy", 1), ("memory.max", "max")),
    ({"memory": {"useHierarchy": False}}, None, NO),
    ({"cpu": {"shares": 2048}}, ("cpu.shares", 2048), ("cpu.weight", 174)),
    ({"cpu": {"quota": 20000}}, ("cpu.cfs_quota_us", 20000), ("cpu.max", "20000 100000")),
    ({"cpu": {"period": 50000}}, ("cpu.cfs_period_us", 50000), ("cpu.max", "max 50000")),
    ({"cpu": {"quota": 20000, "period": 40000, "burst": 10000}}, ("cpu.cfs_burst_us", 10000), ("cpu.max.burst", 10000)),
    ({"cpu": {"idle": 1}}, ("cpu.idle", 1), ("cpu.idle", 1)),
    ({"cpu": {"realtimePeriod": 500000}}, ("cpu.rt_period_us", 500000), NO),
    ({"cpu": {"realtimeRuntime": 1000}}, None, NO),
    ({"cpu": {"cpus": "0"}}, ("cpuset.cpus", 0), ("cpuset.cpus", 0)),
    ({"cpu": {"mems": "0"}}, ("cpuset.mems", 0), ("cpuset.mems", 0)),
    ({"pids": {"limit": 33}}, ("pids.max", 33), ("pids.max", 33)),
    ({"pids": {"limit": -1}}, ("pids.max", "max"), ("pids.max", "max")),
    ({"blockIO": {"weight": 300}}, ("blkio.bfq.weight", 300), ("io.bfq.weight", "default 300")),
    ({"blockIO": {"leafWeight": 300}}, None, NO),
    ({"hugepageLimits": [{"pageSize": "2MB", "limit": 4 * M}]}, ("hugetlb.2MB.limit_in_bytes", 4 * M), ("hugetlb.2MB.max", 4 * M)),
    ({"network": {"classID": 1048577}}, ("net_cls.classid", 1048577), 'no "net_cls" cgroup controller'),
    ({"network": {"priorities": [{"name": "lo", "priority": 3}]}}, ("net_prio.ifpriomap", "lo 3"), 'no "net_prio" cgroup controller'),
    ({"unified": {"memory.high": str(48 * M)}}, None, ("memory.high", 48 * M)),
    ({"unified": {"cgroup.max.depth": "3"}}, ("cgroup.max.depth", 3), ("cgroup.max.depth", 3)),
    ({"unified": {"pids.max": "44", "memory.high": "50000000"}}, None, ("memory.high", 50000000 // 4096 * 4096)),
]


@pytest.mark.parametrize("resources,v1,v2", RESOURCES, ids=[json.dumps(r) for r, _, _ in RESOURCES])
def test_a_limit_of_the_config_is_in_its_file_or_refused_by_name(husk, bundle, group, resources, v1, v2):
    expected = v2 if V2 else v1
    bundle.linux["resources"].update(resources)
    if expected is None:
        pytest.skip("cgroup v2 only, or not the same on every host with v1")
    if isinstance(expected, str):
        husk.refuse(bundle, f"linux.resources.{next(iter(resources))}", expected)
        return
    file, value = expected
    if file not in HAS:
        pytest.skip(f"this kernel's cgroups have no {file}")
    ident = husk.started(bundle)
    assert str(value) in read(group, file).splitlines()
    husk("delete", "--force", ident, check=0)


def test_unified_is_written_in_the_order_of_the_config(husk, bundle, group):
    """Two files for one thing: the last one wins."""
    if "cpu.weight.nice" not in HAS:
        pytest.skip("needs the cpu controller of cgroup v2")
    bundle.linux["resources"]["unified"] = {"cpu.weight": "50", "cpu.weight.nice": "0"}
    ident = husk.started(bundle)
    assert read(group, "cpu.weight") == "100"
    husk("delete", "--force", ident, check=0)
    bundle.linux["resources"]["unified"] = {"cpu.weight.nice": "0", "cpu.weight": "50"}
    ident = husk.started(bundle)
    assert read(group, "cpu.weight") == "50"
    husk("delete", "--force", ident, check=0)


@pytest.mark.parametrize("file", ["nonesuch.max", "misc.max", "rdma.max", "dmem.max"])
def test_unified_with_a_controller_that_the_host_does_not_have_is_refused(husk, bundle, group, file):
    if file.split(".")[0] in controllers_of_v2():
        pytest.skip("this host has the controller")
    bundle.linux["resources"]["unified"] = {file: "x 1"}
    husk.refuse(bundle, f'linux.resources.unified["{file}"]: no such controller')


@pytest.mark.parametrize("file", ["misc.max", "rdma.max", "dmem.max"])
def test_unified_with_a_thing_that_its_controller_does_not_know_is_refused(husk, bundle, group, file):
    if file.split(".")[0] not in controllers_of_v2():
        pytest.skip("needs the controller")
    bundle.linux["resources"]["unified"] = {file: "nonesuch 1"}
    husk.refuse(bundle, f'linux.resources.unified["{file}"]')


@pytest.mark.skipif(not V2, reason="needs cgroup v2")
def test_controllers_are_enabled_down_the_path(husk, bundle, group):
    top = os.path.dirname(group)
    bundle.linux["cgroupsPath"] = f"/{top}/a/b/c"
    bundle.linux["resources"]["pids"] = {"limit": 33}
    ident = husk.started(bundle)
    on = [set(open(f"/sys/fs/cgroup/{top}{below}/cgroup.subtree_control").read().split()) for below in ("", "/a", "/a/b", "/a/b/c")]
    assert on[0] and on[0] == on[1] == on[2] and on[0] >= {"pids"} and not on[3], on
    assert read(f"{top}/a/b/c", "pids.max") == "33"
    husk("delete", "--force", ident, check=0)


@needs_root("mknod")
def test_device_rules_are_obeyed_in_their_order(husk, bundle, group):
    bundle.process["capabilities"] = {k: ["CAP_MKNOD", "CAP_DAC_OVERRIDE", "CAP_SYSLOG"] for k in ("bounding", "effective", "permitted")}
    bundle.linux["resources"]["devices"] = [
        {"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"},
        {"allow": True, "type": "c", "major": 10, "minor": 237, "access": "rwm"},
        {"allow": False, "type": "c", "major": 10, "minor": 237, "access": "rwm"}]
    out = husk.out(bundle.sh("mknod /tmp/kmsg c 1 11; mknod /tmp/loop c 10 237; "
                             "(: </tmp/kmsg) 2>/dev/null && echo kmsg can be read; (: >>/tmp/kmsg) 2>/dev/null && echo and written; "
                             "(: </tmp/loop) 2>/dev/null && echo loop-control can be read; echo >/dev/null && echo null works"))
    assert out == "kmsg can be read\nnull works\n"


def test_events_tell_statistics(husk, bundle, group):
    bundle.linux["resources"].update({"memory": {"limit": 64 << 20}, "pids": {"limit": 50}})
    ident = husk.started(bundle)
    event = json.loads(husk("events", "--stats", ident, check=0).out)
    assert event["type"] == "stats" and event["id"] == ident
    data = event["data"]
    assert data["pids"] == {"current": 1, "limit": 50}
    assert data["memory"]["usage"]["limit"] == 64 << 20 and data["memory"]["usage"]["usage"] > 0
    assert data["cpu"]["usage"].get("total", 0) >= 0 and data["memory"]["raw"]
    husk("delete", "--force", ident, check=0)


def test_events_tell_of_oom_kills_and_end_with_the_container(husk, bundle, group):
    bundle.linux["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
    ident = husk.started(bundle)
    stream = husk.popen("events", "--interval", "200ms", ident, stdout=subprocess.PIPE, text=True)
    assert json.loads(stream.stdout.readline())["type"] == "stats"
    assert husk("exec", ident, "sh", "-c", "x=aaaa; while :; do x=$x$x; done").code == 137
    while json.loads(stream.stdout.readline())["type"] != "oom":
        pass
    husk("delete", "--force", ident, check=0)
    assert stream.wait(10) == 0
    stream.stdout.close()


@pytest.mark.skipif("memory.oom.group" not in HAS, reason="this kernel's cgroups have no memory.oom.group")
@pytest.mark.parametrize("whole", [False, True])
def test_the_oom_killer_takes_all_of_a_container_where_that_is_asked_for(husk, bundle, group, whole):
    bundle.linux["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
    bundle.linux["resources"]["unified"] = {"memory.oom.group": str(int(whole))}
    done = husk.run(bundle.sh("(x=a; while :; do x=$x$x; done); echo survived"), check=None)
    assert (done.code, done.out) == ((137, "") if whole else (0, "survived\n")), done


def test_what_the_oom_killer_did_is_told_by_the_cgroup_until_delete(husk, bundle, group):
    bundle.linux["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
    ident = husk.started(bundle.sh("x=a; while :; do x=$x$x; done"))
    husk.wait_status(ident, "stopped")
    counts = read(group, "memory.events", "memory.oom_control")
    assert "oom_kill 1" in counts.splitlines()
    husk("delete", ident, check=0)
    assert read(group, "memory.events", "memory.oom_control") is None


@pytest.mark.skipif(not V2, reason="v1 allows processes in inner cgroups")
def test_a_parent_that_holds_processes_is_left_as_it_is(husk, bundle, group):
    """The kernel would enable some controllers there and make the parent a threaded group."""
    parent = "/sys/fs/cgroup/" + os.path.dirname(group)
    os.mkdir(parent)
    try:
        with subprocess.Popen(["sleep", "1000"]) as inside:
            with open(f"{parent}/cgroup.procs", "w") as f:
                f.write(str(inside.pid))
            bundle.linux["resources"]["pids"] = {"limit": 5}
            husk.refuse(bundle, "linux.resources.pids.limit")
            assert open(f"{parent}/cgroup.type").read() == "domain\n"
            assert not open(f"{parent}/cgroup.subtree_control").read().strip()
            inside.kill()
    finally:
        while "populated 1" in open(f"{parent}/cgroup.events").read():
            time.sleep(0.01)
        os.rmdir(parent)
