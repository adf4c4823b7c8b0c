# SPDX-License-Identifier: Apache-2.0
"""runtime.md, config.md, config-linux.md, config-vm.md, glossary.md: what no other suite shows, named by section."""
import json
import os
import pathlib
import subprocess
import time

import pytest

from tests.groups import BASE
from tests.user import needs_root


# ---- runtime.md ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("command", ["state", "create", "start", "kill", "delete"])
def test_operations_without_an_id_are_errors(husk, bundle, command):
    """Query State, Create, Start, Kill, Delete: "not provided the container ID"."""
    bundle.write()
    result = husk(command, cwd=bundle.path)
    assert result.code == 2 and "argument" in result.err, result


def test_create_without_a_bundle_is_an_error(husk, tmp_path):
    """Create: "not provided a path to the bundle": the folder that stands for it by default is none."""
    result = husk("create", husk.new_id(), cwd=tmp_path)
    assert result.code != 0 and "config.json" in result.err, result


def test_the_state_has_what_is_required_and_of_the_right_kind(husk, bundle):
    """State: the members of the schema, and pid as long as there is a process."""
    ident = husk.create(bundle.args("/bin/sleep", "1000"))
    for status in ("created", "running"):
        state = husk.state(ident)
        assert state["status"] == status and state["id"] == ident and state["bundle"] == str(bundle.path)
        assert isinstance(state["pid"], int) and os.path.exists(f"/proc/{state['pid']}")
        assert state["ociVersion"].startswith("1.")
        if status == "created":
            husk("start", ident, check=0)
    schema = json.loads((pathlib.Path(__file__).parent / "schema/state-schema.json").read_text())
    assert set(schema["required"]) <= set(state) and state["status"] in schema["properties"]["status"]["enum"] + ["paused"]


def test_changes_of_the_bundle_after_create_have_no_effect(husk, bundle):
    """Lifecycle 2: "Any updates to config.json after this step MUST NOT affect the container"."""
    ident = husk.create(bundle.sh("echo first; sleep 1000"))
    bundle.config["hooks"] = {"poststart": [{"path": "/bin/false"}], "poststop": [{"path": "/bin/false"}]}
    bundle.sh("echo second").write()
    husk("start", ident, check=0)
    end = time.monotonic() + 20
    while not husk.output(ident) and time.monotonic() < end:
        time.sleep(0.02)
    assert husk.output(ident) == "first\n"
    result = husk("delete", "--force", ident, check=0)
    assert result.err == ""


def test_only_what_create_has_made_is_deleted(husk, bundle, tmp_path):
    """Delete: the volume, the root and the bundle stay; state and cgroups are gone (the fixture looks for those)."""
    (tmp_path / "volume").mkdir()
    ident = husk.started(bundle.mount("/data", tmp_path / "volume").sh("touch /data/x /y; sleep 1000"))
    end = time.monotonic() + 20
    while not (bundle.rootfs / "y").exists() and time.monotonic() < end:
        time.sleep(0.02)
    husk("delete", "--force", ident, check=0)
    assert (tmp_path / "volume/x").exists() and (bundle.rootfs / "y").exists() and (bundle.path / "config.json").exists()
    assert not (husk.root / ident).exists()


# ---- config.md -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("version", ["1", "1.0", "1.0.0.0", "v1.0.0", "01.0.0", "1.0.0-", "one", "0.9.0", "2.0.0"])
def test_a_version_that_is_no_semver_or_not_ours_is_an_error(husk, bundle, version):
    bundle.config["ociVersion"] = version
    husk.refuse(bundle, "ociVersion")


@pytest.mark.parametrize("version", ["1.0.0", "1.0.2-dev", "1.2.1", "1.3.0", "1.3.0+build.7", "1.0.0-rc.1"])
def test_versions_of_the_specification_are_taken(husk, bundle, version):
    bundle.config["ociVersion"] = version
    husk.run(bundle)


def test_console_size_means_nothing_without_a_terminal(husk, bundle):
    bundle.process["consoleSize"] = {"height": 7, "width": 9}
    assert husk.out(bundle.sh("test -t 0 && stty size; echo end")) == "end\n"


def test_unknown_members_are_ignored_wherever_they_are(husk, bundle):
    """Extensibility."""
    for o in (bundle.config, bundle.process, bundle.linux, bundle.linux["resources"], bundle.config["mounts"][0]):
        o["org.example.unknown"] = {"deep": [1, None, "x"]}
    assert husk.out(bundle.sh("echo runs")) == "runs\n"


@pytest.mark.parametrize("annotations, needle", [
    ({"": "x"}, "empty"), ({"a": 1}, "expected string"), ({"a": {}}, "expected string"), (["a"], "expected object"), ("a", "expected object")])
def test_annotations_are_a_map_of_strings(husk, bundle, annotations, needle):
    bundle.config["annotations"] = annotations
    husk.refuse(bundle, "annotations", needle)


def test_annotations_that_nobody_knows_are_kept_as_they_are(husk, bundle):
    bundle.config["annotations"] = {"org.opencontainers.image.os": "plan9", "com.example.key": "", "strange key": "\u00e4"}
    ident = husk.create(bundle.args("/bin/sleep", "1000"))
    assert husk.state(ident)["annotations"] == bundle.config["annotations"]


@pytest.mark.parametrize("platform", ["vm"])
def test_a_virtual_machine_is_refused_rather_than_left_out(husk, bundle, platform):
    """config-vm.md: what is not done is an error, never a container without the wall that was asked for."""
    bundle.config["vm"] = {"kernel": {"path": "/kernel"}}
    husk.refuse(bundle, "vm")


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"])
@pytest.mark.parametrize("hook, member", [({"path": "bin/true"}, "path"), ({"path": "/bin/true", "timeout": 0}, "timeout"),
                                          ({"path": "/bin/true", "timeout": -1}, "timeout")])
def test_hooks_have_an_absolute_path_and_a_timeout_above_zero(husk, bundle, kind, hook, member):
    bundle.config["hooks"] = {kind: [hook]}
    husk.refuse(bundle, f"hooks.{kind}[0].{member}")


@pytest.mark.parametrize("member", ["uidMappings", "gidMappings"])
def test_the_mappings_of_a_mount_come_together(husk, bundle, tmp_path, member):
    bundle.config["mounts"].append({"destination": "/m", "source": str(tmp_path), "options": ["bind", "idmap"],
                                    member: [{"containerID": 0, "hostID": 1, "size": 1}]})
    husk.refuse(bundle, f"mounts[6].{member}")


# ---- glossary.md -----------------------------------------------------------------------------------------------------

def test_json_that_is_not_utf_8_is_an_error(husk, bundle):
    bundle.config["annotations"] = {"a": "XX"}
    text = json.dumps(bundle.config).encode().replace(b"XX", b"\xff\xfe")
    bundle.write()
    (bundle.path / "config.json").write_bytes(text)
    result = husk("run", "--bundle", bundle.path, husk.new_id())
    assert result.code != 0 and "config.json" in result.err, result


# ---- config-linux.md -------------------------------------------------------------------------------------------------

def test_the_file_systems_of_every_container_are_there(husk, bundle):
    """Default Filesystems: those of `husk spec`, which the specification lists."""
    (bundle.path / "config.json").unlink(missing_ok=True)
    husk("spec", "--bundle", bundle.path, check=0)
    made = json.loads((bundle.path / "config.json").read_text())
    assert {("/proc", "proc"), ("/sys", "sysfs"), ("/dev/pts", "devpts"), ("/dev/shm", "tmpfs")} <= \
        {(m["destination"], m["type"]) for m in made["mounts"]}


@pytest.mark.parametrize("member", ["maskedPaths", "readonlyPaths"])
def test_paths_to_be_shielded_are_absolute(husk, bundle, member):
    bundle.linux[member] = ["proc/kcore"]
    husk.refuse(bundle, f"linux.{member}[0]")


def test_a_namespace_path_is_absolute(husk, bundle):
    bundle.without_namespace("network").linux["namespaces"].append({"type": "network", "path": "proc/self/ns/net"})
    husk.refuse(bundle, "linux.namespaces[", "path", "absolute", cwd="/")


@needs_root("a file of another user")
def test_a_user_namespace_changes_no_owner(husk, bundle):
    (bundle.rootfs / "mine").write_text("")
    bundle.user_namespace()
    os.chown(bundle.rootfs / "mine", 0, 0)
    assert husk.out(bundle.sh("stat -c %u /mine")) == "65534\n"
    assert (bundle.rootfs / "mine").stat().st_uid == 0


@needs_root("mknod")
def test_a_device_may_be_there_twice(husk, bundle):
    """Devices: the same numbers SHOULD NOT be used twice, which is no reason to refuse them."""
    bundle.linux["devices"] = [{"path": f"/dev/{n}", "type": "c", "major": 1, "minor": 3} for n in ("one", "two")]
    husk.run(bundle.sh("test -c /dev/one && test -c /dev/two"))


def test_the_same_cgroups_path_is_the_same_place(husk, bundle):
    name = f"/{BASE}husk-spec-same-place"
    bundle.linux["cgroupsPath"] = name
    seen = []
    for _ in range(2):
        ident = husk.started(bundle.args("/bin/sleep", "1000"))
        seen.append(pathlib.Path(f"/proc/{husk.state(ident)['pid']}/cgroup").read_text())
        husk("delete", "--force", ident, check=0)
    assert seen[0] == seen[1] and name in seen[0]


@pytest.mark.skipif(not os.path.isdir("/sys/fs/cgroup/pids"), reason="needs cgroup v1")
def test_cgroups_v1_keep_their_owner(husk, bundle):
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["rw"])
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.linux["cgroupsPath"] = "/husk-spec-owner"
    ident = husk.started(bundle)
    for line in pathlib.Path(f"/proc/{husk.state(ident)['pid']}/cgroup").read_text().splitlines():
        number, names, path = line.split(":", 2)
        folder = pathlib.Path("/sys/fs/cgroup", names.replace("name=", "") or "unified") / path.lstrip("/")
        if "husk-spec-owner" in path and folder.exists():
            assert {f.stat().st_uid for f in [folder, *folder.iterdir()]} == {0}
    husk("delete", "--force", ident, check=0)


@pytest.mark.parametrize("resources, path", [
    ({"cpu": {"quota": 1000, "period": 100000, "burst": 2000}}, "linux.resources.cpu"),
    ({"blockIO": {"weightDevice": [{"major": 8, "minor": 0}]}}, "linux.resources.blockIO.weightDevice[0]"),
    ({"rdma": {"mlx5_1": {}}}, "linux.resources.rdma")])
def test_contradictions_in_resources_are_errors(husk, bundle, resources, path):
    bundle.linux["resources"] = resources
    husk.refuse(bundle, path)


@pytest.mark.skipif(os.path.ismount("/sys/fs/resctrl"), reason="resctrl is mounted")
def test_rdt_without_resctrl_is_an_error(husk, bundle):
    bundle.linux["intelRdt"] = {"closID": "x"}
    husk.refuse(bundle, "linux.intelRdt")


@pytest.mark.parametrize("rdt, member", [
    ({"l3CacheSchema": "L3:0=f\nMB:0=1"}, "l3CacheSchema"), ({"l3CacheSchema": "X:0=f"}, "l3CacheSchema"),
    ({"memBwSchema": "L3:0=f"}, "memBwSchema"), ({"memBwSchema": "MB:0=1\nL3:0=f"}, "memBwSchema"),
    ({"schemata": ["L3:0=f\nMB:0=1"]}, "schemata")])
def test_lines_for_resctrl_are_what_they_should_be(husk, bundle, rdt, member):
    bundle.linux["intelRdt"] = rdt
    husk.refuse(bundle, "linux.intelRdt")
