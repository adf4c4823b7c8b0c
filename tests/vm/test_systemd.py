# SPDX-License-Identifier: Apache-2.0
"""The systemd cgroup manager, with the real systemd of a test machine: the system's, or the user's own."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import pytest

from tests.conftest import wait_for

USER = os.geteuid() != 0
SYSTEMD = ["--systemd-cgroup"]
VERSION = int(subprocess.run(["systemctl", "--version"], capture_output=True, text=True).stdout.split()[1]) if shutil.which("systemctl") else 0
pytestmark = [pytest.mark.skipif(not os.path.isdir("/run/systemd/system"), reason="needs systemd")]


def systemctl(*words):
    return subprocess.run(["systemctl", *(["--user"] if USER else []), *words], capture_output=True, text=True)


def shown(unit, *names):
    out = systemctl("show", unit, *[f"-p{n}" for n in names]).stdout
    values = dict(line.split("=", 1) for line in out.splitlines())
    return [values.get(n) for n in names] if len(names) > 1 else values[names[0]]


def is_loaded(unit):
    return shown(unit, "LoadState") == "loaded"


def own_group(unit):
    """The directories of the unit's cgroup: one on v2, one for each hierarchy that systemd uses on v1."""
    path = shown(unit, "ControlGroup").lstrip("/")
    return [p for p in ([pathlib.Path("/sys/fs/cgroup", path)] + [h / path for h in pathlib.Path("/sys/fs/cgroup").iterdir()]) if p.is_dir()]


def limit(unit, v2, v1):
    for group in own_group(unit):
        for name in (v2, v1):
            if (group / name).exists():
                return (group / name).read_text().strip()
    raise AssertionError(f"{unit} has neither {v2} nor {v1}")


@pytest.fixture
def bundle(bundle):
    bundle.args("/bin/sleep", "1000")
    bundle.linux.pop("resources", None)
    if USER:
        bundle.linux["namespaces"].append({"type": "user"})
        bundle.linux["uidMappings"] = [{"containerID": 0, "hostID": os.getuid(), "size": 1}]
        bundle.linux["gidMappings"] = [{"containerID": 0, "hostID": os.getgid(), "size": 1}]
        bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] not in ("/sys", "/dev/mqueue")]
        for m in bundle.config["mounts"]:
            m["options"] = [o for o in m.get("options", []) if o != "gid=5"]
    return bundle


@pytest.fixture
def started(husk, bundle):
    def start(**resources):
        if resources:
            bundle.linux["resources"] = resources
        ident = create(husk, bundle)
        husk("start", ident, check=0)
        return ident
    return start


def create(husk, bundle):
    bundle.write()
    ident = husk.new_id()
    with open(husk.folder / "out", "w") as out, open(husk.folder / "err", "w") as err:
        done = subprocess.run(husk.argv("create", "--bundle", bundle.path, ident, options=SYSTEMD), stdin=subprocess.DEVNULL,
                              stdout=out, stderr=err, timeout=60)
    assert done.returncode == 0, (husk.folder / "err").read_text()
    return ident


def scope(ident):
    return f"husk-{ident}.scope"


def test_a_container_is_a_scope_that_systemd_knows(husk, bundle, started):
    unit = scope(started())
    assert shown(unit, "ActiveState", "Delegate", "DefaultDependencies") == ["active", "yes", "no"]
    pid = husk.state(unit[5:-6])["pid"]
    assert f"/{unit}" in pathlib.Path(f"/proc/{pid}/cgroup").read_text()


def test_the_scope_is_gone_when_the_container_is_deleted(husk, bundle, started):
    ident = started()
    husk("delete", "--force", ident, check=0)
    assert not is_loaded(scope(ident))


def test_the_scope_is_gone_when_the_process_ends_by_itself(husk, bundle):
    bundle.args("/bin/true")
    bundle.write()
    ident = husk.new_id()
    husk("run", "--bundle", bundle.path, ident, options=SYSTEMD, check=0)
    assert not is_loaded(scope(ident))


def test_cgroups_path_names_slice_and_scope(husk, bundle, started):
    ident = husk.new_id()
    bundle.linux["cgroupsPath"] = f"husk-test.slice:pre:{ident}"
    started()
    try:
        assert shown(f"pre-{ident}.scope", "Slice", "ActiveState") == ["husk-test.slice", "active"]
    finally:
        husk.close()
        systemctl("stop", "husk-test.slice")


def test_limits_are_properties_and_files(husk, bundle, started):
    unit = scope(started(memory={"limit": 64 << 20}, pids={"limit": 33}, cpu={"quota": 50000, "period": 100000}))
    assert limit(unit, "memory.max", "memory.limit_in_bytes") == str(64 << 20)
    assert limit(unit, "pids.max", "pids.max") == "33"
    assert shown(unit, "TasksMax", "CPUQuotaPerSecUSec") == ["33", "500ms"]
    assert str(64 << 20) in shown(unit, "MemoryMax", "MemoryLimit")


def test_limits_survive_a_reload_of_systemd(husk, bundle, started):
    unit = scope(started(memory={"limit": 64 << 20}, pids={"limit": 33}))
    systemctl("daemon-reload")
    assert limit(unit, "memory.max", "memory.limit_in_bytes") == str(64 << 20)
    assert limit(unit, "pids.max", "pids.max") == "33"


def test_update_changes_properties_and_files(husk, bundle, started):
    ident = started(memory={"limit": 64 << 20}, pids={"limit": 33})
    husk("update", "--pids-limit", "44", ident, check=0)
    systemctl("daemon-reload")
    assert shown(scope(ident), "TasksMax") == "44"
    assert limit(scope(ident), "pids.max", "pids.max") == "44"
    assert limit(scope(ident), "memory.max", "memory.limit_in_bytes") == str(64 << 20)


def test_an_update_that_fails_changes_neither(husk, bundle, started):
    ident = started(memory={"limit": 64 << 20}, pids={"limit": 33})
    for bad in ("--device-read-bps=4000:1=1", "--l3-cache-schema=L3:0=f"):
        assert husk("update", "--pids-limit=44", "--memory=80M", bad, ident).code != 0
        systemctl("daemon-reload")
        assert shown(scope(ident), "TasksMax") == limit(scope(ident), "pids.max", "pids.max") == "33"
        assert limit(scope(ident), "memory.max", "memory.limit_in_bytes") == str(64 << 20)


def test_what_an_update_that_is_taken_back_has_said_first_is_unsaid(husk, bundle, started):
    ident = started()
    names = ["TasksMax", "MemoryMax", "MemoryLimit", "CPUWeight", "CPUShares", "CPUQuotaPerSecUSec", "AllowedCPUs"]
    before = shown(scope(ident), *names)
    husk("update", "--pids-limit=44", "--memory=80M", "--cpu-share=512", "--cpu-quota=50000", ident, check=0)
    assert shown(scope(ident), "TasksMax") == "44"
    # as a husk leaves it that is killed just before its last step; the next command on the container takes it back
    (husk.root / ident / "updated.json").rename(husk.root / ident / "updating.json")
    husk("pause", ident, check=0)
    husk("resume", ident, check=0)
    systemctl("daemon-reload")
    after = shown(scope(ident), *names)
    # no weight and the kernel's own are the same
    same = {"100": "[not set]", "1024": "[not set]"}
    assert [same.get(v, v) for v in after] == [same.get(v, v) for v in before]
    assert limit(scope(ident), "pids.max", "pids.max") != "44"
    assert limit(scope(ident), "memory.max", "memory.limit_in_bytes") in ("max", "9223372036854771712")


def test_annotations_set_properties(husk, bundle, started):
    bundle.config["annotations"] = {"org.systemd.property.TimeoutStopSec": "uint64 7",
                                    "org.systemd.property.Documentation": "['http://husk.test']"}
    unit = scope(started())
    assert shown(unit, "TimeoutStopUSec", "Documentation") == ["7s", "http://husk.test"]


def refused(husk, bundle, *needles):
    bundle.write()
    ident = husk.new_id()
    done = husk("run", "--bundle", bundle.path, ident, options=SYSTEMD)
    assert done.code != 0 and all(n in done.err for n in needles), done
    assert not (husk.root / ident).exists()
    assert not is_loaded(scope(ident))


def test_a_property_that_systemd_does_not_know_is_an_error_that_leaves_nothing(husk, bundle):
    bundle.config["annotations"] = {"org.systemd.property.NoSuchThing": "true"}
    refused(husk, bundle, "NoSuchThing")


def test_a_limit_that_only_the_kernel_refuses_leaves_nothing_and_waits_for_no_time_limit(husk, bundle):
    if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        pytest.skip("needs cgroup v2")
    bundle.config["annotations"] = {"org.systemd.property.TimeoutStopSec": "uint64 600"}
    bundle.linux["resources"] = {"unified": {"memory.oom.group": "2"}}
    bundle.write()
    ident = husk.new_id()
    done = husk("run", "--bundle", bundle.path, ident, options=SYSTEMD)
    assert done.code != 0 and 'linux.resources.unified["memory.oom.group"]' in done.err and "timed out" not in done.err, done
    assert not (husk.root / ident).exists() and not is_loaded(scope(ident))


def test_a_malformed_property_is_refused_with_its_place(husk, bundle):
    bundle.config["annotations"] = {"org.systemd.property.CPUWeight": "uint64 many"}
    refused(husk, bundle, 'annotations["org.systemd.property.CPUWeight"]', "config.json", "line")


def test_a_path_for_the_other_manager_is_refused(husk, bundle):
    bundle.linux["cgroupsPath"] = "/a/b"
    refused(husk, bundle, "linux.cgroupsPath", "slice:prefix:name")


def test_a_scope_of_that_name_that_lives_already_is_not_taken_over(husk, bundle, started):
    unit = scope(started())
    bundle.linux["cgroupsPath"] = f":husk:{unit[5:-6]}"
    bundle.write()
    other = husk.new_id()
    done = husk("run", "--bundle", bundle.path, other, options=SYSTEMD)
    assert done.code != 0 and unit in done.err, done
    assert shown(unit, "ActiveState") == "active"


SUBGROUP, DELEGATED = "run.oci.systemd.subgroup", "run.oci.delegate-cgroup"


def members(path):
    """The processes of a cgroup, by its path beneath whatever hierarchy has it."""
    tops = [pathlib.Path("/sys/fs/cgroup"), *pathlib.Path("/sys/fs/cgroup").iterdir()]
    return next((top / path / "cgroup.procs").read_text().split() for top in tops if (top / path / "cgroup.procs").exists())


def test_a_subgroup_of_the_scope_is_the_containers_own_cgroup(husk, bundle, started):
    bundle.config["annotations"] = {SUBGROUP: "container"}
    ident = started(memory={"limit": 64 << 20}, pids={"limit": 33})
    unit, pid = scope(ident), husk.state(ident)["pid"]
    where = shown(unit, "ControlGroup").lstrip("/")
    assert members(f"{where}/container") == [str(pid)] and not members(where)
    for group in own_group(unit):
        for name, value in (("memory.max", str(64 << 20)), ("memory.limit_in_bytes", str(64 << 20)), ("pids.max", "33")):
            if (group / name).exists():
                assert (group / "container" / name).read_text().strip() == value
    assert shown(unit, "TasksMax") == "33"


def test_commands_find_all_of_a_container_in_a_subgroup(husk, bundle, started):
    bundle.config["annotations"] = {SUBGROUP: "a/b"}
    bundle.linux["namespaces"] = [n for n in bundle.linux["namespaces"] if n["type"] != "pid"]
    if USER:
        bundle.linux["namespaces"].append({"type": "pid"})
    ident = started(pids={"limit": 33})
    where = shown(scope(ident), "ControlGroup").lstrip("/") + "/a/b"
    p = husk.popen("exec", "--detach", ident, "/bin/sleep", "77", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    assert p.wait(60) == 0
    assert sorted(members(where)) == sorted(map(str, json.loads(husk("ps", "--format", "json", ident, check=0).out)))
    assert len(members(where)) == 2
    husk("update", "--pids-limit", "44", ident, check=0)
    assert shown(scope(ident), "TasksMax") == "44"
    assert json.loads(husk("events", "--stats", ident, check=0).out)["data"]["pids"] == {"current": 2, "limit": 44}
    husk("pause", ident, check=0)
    assert husk.state(ident)["status"] == "paused"
    husk("resume", ident, check=0)
    systemctl("daemon-reload")
    assert len(members(where)) == 2
    husk("kill", "--all", ident, "KILL", check=0)
    husk.wait_status(ident, "stopped")
    husk("delete", ident, check=0)
    assert not is_loaded(scope(ident))


@pytest.mark.parametrize("subgroup", ["", "container"])
def test_a_cgroup_is_delegated_in_the_scope(husk, bundle, started, subgroup):
    if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        pytest.skip("needs cgroup v2")
    bundle.config["annotations"] = {DELEGATED: "payload", SUBGROUP: subgroup}
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev"])
    ident = started(pids={"limit": 33})
    own = own_group(scope(ident))[0] / subgroup
    assert (own / "payload/cgroup.procs").read_text().split() == [str(husk.state(ident)["pid"])]
    assert ((own / "pids.max").read_text(), (own / "payload/pids.max").read_text()) == ("33\n", "max\n")
    systemctl("daemon-reload")
    # inside it is seen from the container's own, and can be divided
    out = husk("exec", ident, "sh", "-c", "cat /proc/self/cgroup; mkdir /sys/fs/cgroup/payload/x && "
               "echo 0 >/sys/fs/cgroup/payload/x/cgroup.procs; cat /proc/self/cgroup", check=0).out
    assert out == "0::/payload\n0::/payload/x\n"
    husk("delete", "--force", ident, check=0)
    assert not is_loaded(scope(ident))


def test_exec_joins_the_scope(husk, bundle, started):
    ident = started()
    p = husk.popen("exec", "--detach", ident, "/bin/sleep", "77", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    assert p.wait(60) == 0
    procs = next(g / "cgroup.procs" for g in own_group(scope(ident)) if (g / "cgroup.procs").exists()).read_text().split()
    assert len(procs) == 2


def test_pause_and_resume(husk, bundle, started):
    ident = started()
    done = husk("pause", ident)
    assert done.code == 0, done
    assert husk.state(ident)["status"] == "paused"
    husk("resume", ident, check=0)
    assert husk.state(ident)["status"] == "running"


def test_a_create_that_was_killed_leaves_a_scope_that_delete_force_ends(husk, bundle):
    # a hook that waits: husk is killed while the scope exists and the container is not created yet
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "300"]}]}
    bundle.write()
    ident = husk.new_id()
    p = husk.popen("create", "--bundle", bundle.path, ident, options=SYSTEMD, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while not is_loaded(scope(ident)):
            assert time.monotonic() < end
            time.sleep(0.05)
        p.kill()
        p.wait()
        husk("delete", "--force", ident, check=0)
        # when husk has not even noted the process, husk-bus or systemd sees that the scope is empty
        end = time.monotonic() + 10
        while is_loaded(scope(ident)):
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        p.kill()
        p.wait()


def test_list_and_state_know_the_container(husk, bundle, started):
    ident = started()
    listed = json.loads(husk("list", "--format", "json", check=0).out)
    assert [c["status"] for c in listed if c["id"] == ident] == ["running"]


# ---- what it does not know


def test_properties_that_not_every_systemd_knows_are_set_where_it_does(husk, bundle, started):
    unit = scope(started(cpu={"quota": 10000, "period": 50000}))
    assert shown(unit, "CollectMode", "CPUQuotaPeriodUSec", "CPUQuotaPerSecUSec") == ["inactive-or-failed", "50ms", "200ms"]
    husk("update", "--cpu-period=20000", "--cpu-quota=10000", unit[5:-6], check=0)
    assert shown(unit, "CPUQuotaPeriodUSec", "CPUQuotaPerSecUSec") == ["20ms", "500ms"]
    systemctl("daemon-reload")
    assert limit(unit, "cpu.max", "cpu.cfs_period_us").split()[-1] == "20000"


@pytest.fixture
def husk_bus(asking, tmp_path):
    """The program within husk that talks to systemd, to be called by hand."""
    program, creator = tmp_path / "husk-bus", asking[1].pid
    children = pathlib.Path(f"/proc/{creator}/task/{creator}/children").read_text().split()
    shutil.copyfile(next(f"/proc/{c}/exe" for c in children if pathlib.Path(f"/proc/{c}/cmdline").read_bytes().startswith(b"husk-bus")), program)
    program.chmod(0o755)
    return lambda *words: subprocess.run([program, "user" if USER else "system", *map(str, words)], capture_output=True, text=True)


def test_what_an_older_systemd_does_not_know_is_left_out_alone_and_only_where_that_is_said(husk_bus):
    unit = f"husk-test-{os.getpid()}.scope"
    with subprocess.Popen(["sleep", "1000"]) as p:
        try:
            above = f"/user.slice/user-{os.getuid()}.slice/user@{os.getuid()}.service/user.slice" if USER else "/system.slice"
            words = ["PIDs", "au", 1, p.pid, "Slice", "s", os.path.basename(above)]
            assert "NoSuchThing" in husk_bus("start", unit, f"{above}/{unit}", "NoSuchThing", "s", "x", *words).stderr
            assert not is_loaded(unit)
            done = husk_bus("start", unit, f"{above}/{unit}", "?NoSuchThing", "s", "x", "?TasksMax", "t", 77, "?NorThat", "b", "true", *words)
            assert (done.returncode, shown(unit, "TasksMax", "ActiveState")) == (0, ["77", "active"]), done
        finally:
            p.kill()
            systemctl("stop", unit)


def test_a_changed_property_that_systemd_does_not_know_is_left_out_alone(husk_bus, husk, bundle, started):
    unit = scope(started())
    done = husk_bus("set", unit, "?NoSuchThing", "s", "x", "?TasksMax", "t", 77, "?NorThat", "b", "true")
    assert (done.returncode, shown(unit, "TasksMax")) == (0, "77"), done
    done = husk_bus("set", unit, "NoSuchThing", "s", "x", "?TasksMax", "t", 78)
    assert done.returncode != 0 and "NoSuchThing" in done.stderr and shown(unit, "TasksMax") == "77", done


def test_a_property_of_an_annotation_is_not_left_out_when_systemd_does_not_know_it(husk, bundle):
    bundle.config["annotations"] = {"org.systemd.property.MemoryZSwapWriteback": "false"}    # 256
    bundle.args("/bin/true").write()
    ident = husk.new_id()
    done = husk("run", "--bundle", bundle.path, ident, options=SYSTEMD)
    if VERSION >= 256:
        assert done.code == 0, done
    else:
        assert done.code != 0 and "MemoryZSwapWriteback" in done.err, done
    assert not (husk.root / ident).exists() and not is_loaded(scope(ident))


# ---- when it does not answer


@pytest.fixture
def silent(tmp_path):
    """Nobody answers on the bus: the user's own systemd stands still, or a bus daemon of our own, as nobody may stop the system's."""
    if USER:
        pid = int(subprocess.run(["systemctl", "show", f"user@{os.getuid()}.service", "-pMainPID", "--value"],
                                 check=True, capture_output=True, text=True).stdout)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield os.environ, lambda: os.kill(pid, signal.SIGCONT)
        finally:
            os.kill(pid, signal.SIGCONT)
        return
    address = f"unix:path={tmp_path}/bus"
    with subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}"], stderr=subprocess.DEVNULL) as bus:
        try:
            wait_for((tmp_path / "bus").exists)
            bus.send_signal(signal.SIGSTOP)
            yield {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address}, lambda: bus.send_signal(signal.SIGCONT)
        finally:
            bus.kill()


def test_a_systemd_that_does_not_answer_is_an_error_after_25_seconds_that_leaves_nothing(husk, bundle, silent):
    environment, go_on = silent
    bundle.write()
    ident = husk.new_id()
    p = husk.popen("create", "--bundle", bundle.path, ident, options=SYSTEMD, env=environment, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    _, err = p.communicate(timeout=40)
    assert p.returncode != 0 and scope(ident) in err and "systemd has not answered within 25 seconds" in err, err
    assert not (husk.root / ident).exists()
    # what was asked for and given up is not done later either
    go_on()
    assert not is_loaded(scope(ident))


# ---- what is left there


def start_empty_scope(unit):
    """A scope whose process was a zombie already: where systemd waits for the last process to leave, it waits for ever."""
    with subprocess.Popen(["true"]) as dead:
        wait_for(lambda: " Z " in pathlib.Path(f"/proc/{dead.pid}/stat").read_text())
        subprocess.run(["busctl", "--user" if USER else "--system", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                        "org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail", "1", "PIDs", "au", "1",
                        str(dead.pid), "0"], check=False, capture_output=True)
        time.sleep(1)
    if shown(unit, "ActiveState") != "active":
        pytest.skip("this systemd has no scopes without a process")


def test_an_empty_scope_of_the_name_is_no_obstacle(husk, bundle):
    ident = husk.new_id()
    start_empty_scope(scope(ident))
    bundle.args("/bin/true").write()
    husk("run", "--bundle", bundle.path, ident, options=SYSTEMD, check=0)
    assert not is_loaded(scope(ident))


@pytest.fixture
def asking(husk, bundle, tmp_path):
    """A container's name, and the create of it that asks systemd and gets no answer."""
    bundle.write()
    ident = husk.new_id()
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(f"{tmp_path}/nobody")
        bus.listen()
        environment = {**os.environ, **{f"DBUS_{w}_BUS_ADDRESS": f"unix:path={tmp_path}/nobody" for w in ("SYSTEM", "SESSION")}}
        p = husk.popen("create", "--bundle", bundle.path, ident, options=SYSTEMD, env=environment, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        bus.settimeout(20)
        with bus.accept()[0]:
            try:
                yield ident, p
            finally:
                p.kill()
                p.wait()
    husk("delete", "--force", ident, check=0)


@pytest.fixture
def half_made(husk, asking):
    """The name of a container whose create was killed while it asked systemd."""
    ident, p = asking
    p.kill()
    p.wait()
    assert not json.loads((husk.root / ident / "record.json").read_text()).get("pid")
    return ident


def test_delete_force_of_what_a_killed_create_has_left_ends_the_empty_scope(husk, half_made):
    start_empty_scope(scope(half_made))
    husk("delete", "--force", half_made, check=0)
    assert not is_loaded(scope(half_made))


def test_delete_force_of_what_a_killed_create_has_left_spares_a_scope_with_processes(husk, half_made):
    words = ["systemd-run", *(["--user"] if USER else []), "--scope", f"--unit={scope(half_made)}", "sleep", "1000"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:
        try:
            wait_for(lambda: shown(scope(half_made), "ActiveState") == "active")
            husk("delete", "--force", half_made, check=0)
            assert shown(scope(half_made), "ActiveState") == "active"
        finally:
            other.kill()
            systemctl("stop", scope(half_made))
