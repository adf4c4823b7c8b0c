# SPDX-License-Identifier: Apache-2.0
"""features.md, features-linux.md: what `husk features` lists is what config.json may say, element by element."""
import json
import pathlib
import subprocess

import pytest

from tests.conftest import HUSK
from tests.kernel import needs_time
from tests.user import unshare

FEATURES = json.loads(subprocess.run([HUSK, "features"], stdout=subprocess.PIPE, check=True).stdout)
LINUX = FEATURES["linux"]
SCHEMA = pathlib.Path(__file__).parent / "schema"


def check(husk, bundle):
    """Planned as create would, with nothing done: what the host lacks is no matter of the words."""
    bundle.write()
    husk("check", bundle.path, check=0)


@pytest.mark.parametrize("member", ["ociVersionMin", "ociVersionMax"])
def test_the_versions_are_accepted(husk, bundle, member):
    bundle.config["ociVersion"] = FEATURES[member]
    husk.run(bundle)


def test_the_least_version_is_not_above_the_greatest():
    least, most = ([int(n) for n in FEATURES[m].split("-")[0].split("+")[0].split(".")] for m in ("ociVersionMin", "ociVersionMax"))
    assert least <= most


@pytest.mark.parametrize("kind", FEATURES["hooks"])
def test_each_kind_of_hook_is_run(husk, bundle, tmp_path, kind):
    bundle.config["hooks"] = {kind: [{"path": "/bin/sh", "args": ["sh", "-c", "echo ran >&2; exit 9"]}]}
    ident = husk.new_id()
    result = husk("run", "--bundle", bundle.write().path, ident)
    assert "exited with 9: ran" in result.err, result


def test_there_is_a_hook_of_each_kind_of_the_specification():
    assert sorted(FEATURES["hooks"]) == sorted(["prestart", "createRuntime", "createContainer", "startContainer", "poststart",
                                                "poststop"])


@pytest.mark.parametrize("option", FEATURES["mountOptions"])
def test_each_mount_option_is_recognized(husk, bundle, tmp_path, option):
    more = {}
    if option in ("idmap", "ridmap"):
        more = {"uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}],
                "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}
    kind, first = ("tmpfs", []) if option in ("tmpcopyup", "remount") else ("none", ["bind"])
    bundle.config["mounts"].append(dict(more, destination="/m", type=kind, source=str(tmp_path), options=first + [option]))
    check(husk, bundle)


def test_no_mount_option_is_one_of_a_file_system():
    assert not {"size", "mode", "uid", "gid", "lowerdir", "newinstance", "nr_inodes"} & set(FEATURES["mountOptions"])


@pytest.mark.parametrize("kind", [pytest.param(k, marks=needs_time) if k == "time" else k for k in LINUX["namespaces"]])
def test_each_namespace_is_recognized(husk, bundle, kind):
    bundle.without_namespace(kind)
    bundle.user_namespace() if kind == "user" else bundle.linux["namespaces"].append({"type": kind})
    husk.run(bundle)


@pytest.mark.parametrize("name", LINUX["capabilities"])
def test_each_capability_is_recognized(husk, bundle, name):
    bundle.process["capabilities"] = {"bounding": [name], "permitted": [name]}
    result = husk("check", bundle.write().path)
    assert result.code == 0 and "unknown" not in result.err + result.out, result


def profile(**more):
    return dict({"defaultAction": "SCMP_ACT_ALLOW"}, **more)


@pytest.mark.parametrize("action", LINUX["seccomp"]["actions"])
def test_each_action_is_recognized(husk, bundle, action):
    bundle.linux["seccomp"] = profile(syscalls=[{"names": ["chroot"], "action": action}], listenerPath="/x")
    check(husk, bundle)


@pytest.mark.parametrize("op", LINUX["seccomp"]["operators"])
def test_each_operator_is_recognized(husk, bundle, op):
    args = [{"index": 0, "value": 1, "valueTwo": 1, "op": op}]
    bundle.linux["seccomp"] = profile(syscalls=[{"names": ["chroot"], "action": "SCMP_ACT_ERRNO", "args": args}])
    check(husk, bundle)


@pytest.mark.parametrize("arch", LINUX["seccomp"]["archs"])
def test_each_architecture_is_recognized(husk, bundle, arch):
    bundle.linux["seccomp"] = profile(architectures=[arch])
    check(husk, bundle)


@pytest.mark.parametrize("flag", LINUX["seccomp"]["knownFlags"])
def test_each_flag_is_recognized(husk, bundle, flag):
    bundle.linux["seccomp"] = profile(flags=[flag])
    check(husk, bundle)


@pytest.mark.parametrize("flag", LINUX["seccomp"]["supportedFlags"])
def test_each_supported_flag_is_supported(husk, bundle, flag):
    bundle.linux["seccomp"] = profile(flags=[flag], syscalls=[{"names": ["chroot"], "action": "SCMP_ACT_ERRNO"}])
    husk.run(bundle)


@pytest.mark.parametrize("mode", LINUX["memoryPolicy"]["modes"])
def test_each_memory_mode_is_recognized(husk, bundle, mode):
    bundle.linux["memoryPolicy"] = {"mode": mode}
    if mode not in ("MPOL_DEFAULT", "MPOL_LOCAL"):
        bundle.linux["memoryPolicy"]["nodes"] = "0"
    bundle.write()
    checked = husk("check", bundle.path)
    # recognized is also what this kernel is too old for, as long as that is said
    assert checked.code == 0 or f"linux.memoryPolicy.mode: {mode} needs Linux " in checked.out, checked


@pytest.mark.parametrize("flag", LINUX["memoryPolicy"]["flags"])
def test_each_memory_flag_is_recognized(husk, bundle, flag):
    bundle.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0", "flags": [flag]}
    check(husk, bundle)


def test_mappings_of_mounts_are_recognized_where_the_kernel_has_none_too():
    assert LINUX["mountExtensions"]["idmap"]["enabled"] is True


@pytest.mark.skipif(b"__asan_init" in pathlib.Path(HUSK).read_bytes(), reason="AddressSanitizer itself needs /proc")
def test_the_structure_is_the_same_wherever_and_whoever_asks(husk):
    """Of the program, not of the host: without /proc, /sys and cgroups, as nobody, it is what it was."""
    bare = [*unshare("-m", "--"), "sh", "-c", "mount -t tmpfs t /proc; mount -t tmpfs t /sys; exec setpriv --reuid 65534 --clear-groups "
            "--bounding-set -all \"$0\" features", "/tmp/husk-for-nobody"]
    subprocess.run(["cp", HUSK, bare[-1]], check=True)
    try:
        assert json.loads(subprocess.run(bare, stdout=subprocess.PIPE, check=True).stdout) == FEATURES
    finally:
        pathlib.Path(bare[-1]).unlink()


def members(schema, name):
    text = json.loads((SCHEMA / name).read_text())
    return set(text["properties"])


def test_there_is_no_member_that_the_specification_lacks():
    assert set(FEATURES) <= members(SCHEMA, "features-schema.json")
    # Not the schema, which lacks some of them.
    text = (SCHEMA.parent / "text/features-linux.md").read_text()
    assert all(f"`{key}`" in text for key in LINUX)


def test_no_value_is_null_and_annotations_are_strings():
    def walk(v):
        assert v is not None
        for inner in v.values() if isinstance(v, dict) else v if isinstance(v, list) else ():
            walk(inner)
    walk(FEATURES)
    assert all(isinstance(k, str) and isinstance(v, str) and k for k, v in FEATURES["annotations"].items())
