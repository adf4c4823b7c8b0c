# SPDX-License-Identifier: Apache-2.0
"""Every config.json that Docker, Podman, Buildah and containerd were seen to write runs.

What belongs to the machine where it was written is replaced: the root, sources of volumes, the command, the place of
cgroups; limits that only some machines can grant, and hooks, are left out.
"""
import json
import os
import pathlib

import pytest

from tests.user import MAPS, ROOT

CAPTURED = sorted(p for p in (pathlib.Path(__file__).parent.parent / "bundles").glob("*.json")
                  if not p.stem.endswith("process"))
DIRECTORIES = {"/v", "/dev/shm", "/run/secrets", "/var/tmp", "/run", "/tmp"}
SCRIPT = "test $(wc -l < /proc/self/mountinfo) -gt 5 && ls /dev > /dev/null && echo fine"


def is_bind(mount):
    return mount.get("type") == "bind" or {"bind", "rbind"} & set(mount.get("options") or [])


def here(path, folder, is_directory):
    """Something of that kind, beneath FOLDER."""
    at = folder / path.lstrip("/")
    at.parent.mkdir(parents=True, exist_ok=True)
    if is_directory:
        at.mkdir(exist_ok=True)
    elif not at.exists():
        at.write_text("")
    return str(at)


def adapt_paths(config, folder):
    """What names a place of the machine where it was captured: the root, and sources of mounts."""
    config["root"]["path"] = "rootfs"
    # A hierarchy of cgroup v1 that this machine need not have.
    config["mounts"] = [m for m in config["mounts"]
                        if not m.get("source", "").startswith("/sys/fs/cgroup/") or os.path.exists(m["source"])]
    for m in config["mounts"]:
        if m.get("type") == "overlay":
            m["options"] = [f"{k}={here(k, folder, True)}" for k in ("lowerdir", "upperdir", "workdir")]
        elif is_bind(m) and not m["source"].startswith(("/sys/", "/dev/")):
            m["source"] = here(m["source"], folder, m["destination"] in DIRECTORIES)


def adapt(config, tmp_path):
    adapt_paths(config, tmp_path / "sources")
    process = config["process"]
    process.update(args=["/bin/sh", "-c", SCRIPT], terminal=False, cwd="/", rlimits=[])
    process.pop("consoleSize", None)
    process.pop("oomScoreAdj", None)
    config.pop("hooks", None)
    for namespace in config["linux"]["namespaces"]:
        namespace.pop("path", None)
    config["linux"].pop("cgroupsPath", None)
    config["linux"]["resources"] = {"devices": (config["linux"].get("resources") or {}).get("devices") or []}
    return config


def is_here(device):
    at = pathlib.Path(device["path"])
    return at.exists() and at.stat().st_rdev == os.makedev(device["major"], device["minor"])


def make_a_plain_users(bundle, ids):
    """Leaves out what engines leave out for him."""
    if ids:
        bundle.linux.update(MAPS)
    bundle.linux["devices"] = [d for d in bundle.linux.get("devices") or [] if is_here(d)]
    if any("idmap" in (m.get("options") or []) for m in bundle.config["mounts"]):
        pytest.skip("needs root: a mapped mount")
    if not any(n["type"] == "ipc" for n in bundle.linux["namespaces"]):
        bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m.get("type") != "mqueue"]
    (bundle.linux.get("sysctl") or {}).pop("net.ipv4.ping_group_range", None)          # has groups that are not mapped


def give_root_to_its_user(bundle):
    """With a user namespace: the root belongs to whom the config maps, and the config stays as it was captured."""
    ids = bundle.linux.get("uidMappings")
    if not ROOT:
        make_a_plain_users(bundle, ids)
    elif ids:
        namespaces = bundle.linux["namespaces"]
        mappings = ids, bundle.linux["gidMappings"]
        bundle.user_namespace(host=ids[0]["hostID"])
        bundle.linux["namespaces"] = namespaces[:-1]
        bundle.linux["uidMappings"], bundle.linux["gidMappings"] = mappings


@pytest.mark.parametrize("captured", CAPTURED, ids=lambda p: p.stem)
def test_a_captured_config_runs(husk, bundle, tmp_path, captured):
    bundle.config = adapt(json.loads(captured.read_text()), tmp_path)
    give_root_to_its_user(bundle)
    assert husk.out(bundle).strip() == "fine"
