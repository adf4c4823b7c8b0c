# SPDX-License-Identifier: Apache-2.0
"""Bad input: a clear error with the place in config.json, a non-zero exit, and nothing left behind."""
import json
import os

import pytest


def change(path, value):
    def do(config):
        keys = path.split(".")
        for k in keys[:-1]:
            config = config.setdefault(k, {})
        if value is None:
            config.pop(keys[-1], None)
        else:
            config[keys[-1]] = value
    return do


@pytest.mark.parametrize("path, value, needle", [
    ("process.noNewPrivileges", "true", "process.noNewPrivileges"),
    ("process.user", "nobody", "process.user"),
    ("process.user", {"uid": -1, "gid": 0}, "process.user.uid"),
    ("process.user", {"uid": 4294967296, "gid": 0}, "process.user.uid"),
    ("process.args", [], "process.args"),
    ("process.args", "sh", "process.args"),
    ("process.cwd", "relative", "process.cwd"),
    ("process.cwd", None, "process.cwd"),
    ("process.env", ["NOEQUALS"], "process.env[0]"),
    ("process.rlimits", [{"type": "RLIMIT_FOO", "soft": 1, "hard": 1}], "process.rlimits[0].type"),
    ("process.rlimits", [{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}] * 2, "process.rlimits[1]"),
    ("process.oomScoreAdj", 2000, "process.oomScoreAdj"),
    ("ociVersion", None, "ociVersion"),
    ("ociVersion", "2.0.0", "ociVersion"),
    ("root", None, "root"),
    ("root.path", "missing", "missing"),
    ("linux.seccomp", ["nope"], "linux.seccomp"),
    ("linux.seccomp", {"defaultAction": "SCMP_ACT_FOO"}, "linux.seccomp.defaultAction"),
    ("linux.namespaces", [{"type": "pid"}, {"type": "pid"}], "linux.namespaces[1]"),
    ("linux.namespaces", [{"type": "moon"}], "linux.namespaces[0].type"),
    ("linux.namespaces", [{"type": "uts"}, {"type": "mount"}, {"type": "network", "path": "/nowhere"}], "linux.namespaces[2].path"),
    ("linux.sysctl", {"kernel.core_pattern": "x"}, "linux.sysctl"),
    ("linux.sysctl", {"net/../kernel/x": "x"}, "linux.sysctl"),
    ("linux.uidMappings", [{"containerID": 0, "hostID": 0, "size": 1}], "linux.uidMappings"),
    ("linux.resources.memory", {"limit": "1G"}, "linux.resources.memory.limit"),
    ("linux.rootfsPropagation", "sideways", "linux.rootfsPropagation"),
    ("linux.cgroupsPath", "/a/../../b", "linux.cgroupsPath"),
    ("linux.devices", [{"path": "/dev/x", "type": "z"}], "linux.devices[0].type"),
    ("linux.timeOffsets", {"boottime": {"secs": 1}}, "linux.timeOffsets"),
    ("mounts", [{"destination": "/m", "type": "bind", "source": "/nowhere", "options": ["bind"]}], "mounts[0]"),
    ("mounts", [{"destination": "/m", "type": "nofs", "source": "x"}], "mounts[0]"),
    ("mounts", [{"type": "tmpfs", "source": "x"}], "mounts[0].destination"),
    ("vm", {"kernel": {"path": "/k"}}, "vm"),
])
def test_config_json_is_refused_at_its_path(husk, bundle, path, value, needle):
    change(path, value)(bundle.config)
    r = husk.refuse(bundle, needle)
    assert "\n" not in r.err.strip(), "one line"


def test_the_line_of_config_json_is_named(husk, bundle):
    bundle.config["linux"]["rootfsPropagation"] = "sideways"
    text = json.dumps(bundle.config, indent=2)
    line = [i for i, l in enumerate(text.splitlines(), 1) if "sideways" in l][0]
    husk.refuse(bundle, f"line {line}", text=text)


@pytest.mark.parametrize("text, needle", [
    ("", ""), ("{", ""), ("[]", "object"), ("nonsense", ""), ('{"ociVersion": "1.0.0"} trailing', ""),
    ('{"ociVersion": "1.0.0", "ociVersion": "1.0.0"}', "twice"), ('{"ociVersion": "1.0\\u0000.0"}', "NUL"),
])
def test_broken_json_is_refused(husk, bundle, text, needle):
    husk.refuse(bundle, needle, "config.json", text=text)


def test_a_missing_config_json_is_refused(husk, bundle):
    r = husk("run", "--bundle", bundle.path, husk.new_id())
    assert r.code != 0 and "config.json" in r.err and "no such file" in r.err.lower()


def test_a_missing_bundle_is_refused(husk):
    r = husk("run", "--bundle", "/nowhere", husk.new_id())
    assert r.code != 0 and "/nowhere" in r.err


def test_unknown_options_and_commands_are_refused(husk):
    for argv in (["run", "--frobnicate", "x"], ["frobnicate"], ["state"], ["state", "a", "b"], ["run"], []):
        r = husk(*argv)
        assert r.code != 0, argv


def test_a_state_directory_that_cannot_be_written_is_refused(husk, bundle):
    bundle.write()
    r = husk("run", "--bundle", bundle.path, "x", options=["--root", "/proc/husk"])
    assert r.code != 0 and "/proc/husk" in r.err


def test_version_and_help(husk):
    assert husk("--version", check=0).out.startswith("husk")
    assert "create" in husk("--help", check=0).out
    for command in "create start state kill delete run exec list spec features pause resume update ps".split():
        assert "--" in husk(command, "--help", check=0).out, command


def test_a_container_without_process_can_be_created_but_not_started(husk, bundle):
    del bundle.config["process"]
    ident = husk.create(bundle)
    r = husk("start", ident)
    assert r.code != 0 and "process" in r.err
    assert husk.state(ident)["status"] == "created", "an error leaves everything as it was"
