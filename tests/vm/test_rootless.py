# SPDX-License-Identifier: Apache-2.0
"""husk by itself in the hands of a user who is not root: maps with and without newuidmap, what the kernel lets only be bound."""
import json
import os
import pathlib
import subprocess

import pytest

from tests.conftest import HUSK, UNSUPPORTED

pytestmark = [pytest.mark.skipif(os.geteuid() == 0 or "HUSK_HOST" not in os.environ, reason="only without root")]

RANGE = 100000                          # of /etc/subuid, /etc/subgid


@pytest.fixture
def bundle(bundle):
    bundle.linux["namespaces"].append({"type": "user"})
    bundle.linux.pop("resources")
    return bundle


def maps(bundle, *rows):
    """(inside, outside, how many)"""
    for kind in ("uidMappings", "gidMappings"):
        bundle.linux[kind] = [{"containerID": c, "hostID": h, "size": n} for c, h, n in rows]
    return bundle


def alone(bundle):
    maps(bundle, (0, os.getuid(), 1))
    for m in bundle.config["mounts"]:
        m["options"] = [o for o in m.get("options", []) if o != "gid=5"]
    return bundle


def test_one_id_needs_no_helper(husk, bundle):
    out = husk.out(alone(bundle).args("cat", "/proc/self/uid_map", "/proc/self/setgroups"), env={"PATH": "/nowhere", "XDG_RUNTIME_DIR": "/run/user/1000"})
    assert out.split() == ["0", str(os.getuid()), "1", "deny"]


def test_a_range_is_mapped_by_newuidmap(husk, bundle):
    maps(bundle, (0, os.getuid(), 1), (1, RANGE, 65536))
    bundle.process["user"] = {"uid": 5, "gid": 6, "additionalGids": [7]}
    out = husk.out(bundle.sh("cat /proc/self/uid_map /proc/self/gid_map; id -u; id -G; stat -c %u /bin"))
    assert out.split() == ["0", "1000", "1", "1", str(RANGE), "65536"] * 2 + ["5", "6", "7", "0"]


def test_a_range_that_is_not_the_users_is_refused(husk, bundle):
    refused = husk.refuse(maps(bundle, (0, os.getuid(), 1), (1, RANGE + 70000, 10)), "newuidmap")
    assert str(RANGE + 70000) in refused.err or "not allowed" in refused.err or "subuid" in refused.err, refused


def test_the_users_id_can_be_kept(husk, bundle):
    own = os.getuid()
    maps(bundle, (0, RANGE, own), (own, own, 1), (own + 1, RANGE + own, 65536 - own - 1))
    bundle.process["user"] = {"uid": own, "gid": own}
    (bundle.path / "mine").mkdir()
    (bundle.rootfs / "mnt").mkdir()
    bundle.mount("/mnt", bundle.path / "mine")
    assert husk.out(bundle.sh("id -u; touch /mnt/file && stat -c %u /mnt/file")).split() == [str(own)] * 2
    assert (bundle.path / "mine/file").stat().st_uid == own


def test_sys_is_bound_where_the_network_is_the_hosts(husk, bundle):
    """The kernel mounts sysfs only for the owner of the network namespace."""
    alone(bundle).without_namespace("network")
    out = husk.out(bundle.sh("ls /sys/class/net; touch /sys/x 2>/dev/null || echo read-only"))
    assert "lo" in out.split() and "read-only" in out


def test_sys_is_mounted_where_the_network_is_the_containers(husk, bundle):
    assert husk.out(alone(bundle).sh("ls /sys/class/net")).split() == ["lo"]


def test_devices_are_bound_from_the_host(husk, bundle):
    alone(bundle)
    bundle.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}]
    out = husk.out(bundle.sh("echo x >/dev/null && head -c 3 /dev/zero | wc -c; stat -c '%F %t:%T' /dev/fuse /dev/urandom"))
    assert out.splitlines() == ["3", "character special file a:e5", "character special file 1:9"]


def test_a_device_that_the_host_does_not_have_there_is_refused(husk, bundle):
    alone(bundle)
    bundle.linux["devices"] = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3}]
    husk.refuse(bundle, "/dev/mine")


def test_state_lies_in_the_runtime_directory(husk, bundle, tmp_path):
    alone(bundle).args("sleep", "1000").write()
    ident = husk.new_id()
    run = [HUSK, "run", "--detach", "--bundle", bundle.path, ident]
    subprocess.run(run, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    try:
        assert pathlib.Path(os.environ["XDG_RUNTIME_DIR"], "husk", ident).is_dir()
        state = json.loads(subprocess.run([HUSK, "state", ident], capture_output=True, check=True, timeout=60).stdout)
        assert state["status"] == "running"
    finally:
        subprocess.run([HUSK, "delete", "--force", ident], check=True, timeout=60)


def test_husk_may_be_root_of_a_user_namespace_that_a_user_has_made(husk, bundle):
    """A user's engine without ranges of ids; its own containers then have no user namespace."""
    alone(bundle).without_namespace("user")
    bundle.linux.pop("uidMappings")
    bundle.linux.pop("gidMappings")
    bundle.args("cat", "/proc/self/uid_map").write(json.dumps(bundle.config))
    inside = ["unshare", "--user", "--map-root-user", "--mount", *husk.argv("run", "--bundle", bundle.path, husk.new_id())]
    done = subprocess.run(inside, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.split() == ["0", str(os.getuid()), "1"], done


def test_a_network_namespace_handed_in_is_joined_with_its_owner(husk, bundle):
    """As engines do: they make both, and tell the paths.  Nobody can change groups in a user namespace that is made so."""
    holder = subprocess.Popen(["unshare", "--user", "--map-root-user", "--net", "sh", "-c", "ip link set lo up; echo up; exec sleep 1000"],
                              stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "up\n"
        bundle.linux["namespaces"] = [{"type": "mount"}, {"type": "pid"}, {"type": "uts"}, {"type": "ipc"},
                                      {"type": "user", "path": f"/proc/{holder.pid}/ns/user"},
                                      {"type": "network", "path": f"/proc/{holder.pid}/ns/net"}]
        for m in bundle.config["mounts"]:
            m["options"] = [o for o in m.get("options", []) if o != "gid=5"]
        out = husk.out(bundle.sh("readlink /proc/self/ns/net; readlink /proc/self/ns/user; cat /sys/class/net/lo/flags"))
        assert out.split() == [os.readlink(f"/proc/{holder.pid}/ns/{kind}") for kind in ("net", "user")] + ["0x9"]
    finally:
        holder.kill()
        holder.wait()


def test_a_checkpoint_is_refused_while_the_container_runs_on(husk, bundle, tmp_path):
    ident = husk.started(alone(bundle))
    for words in (["checkpoint", "--image-path", tmp_path / "images", ident], ["restore", "--bundle", bundle.path, husk.new_id()]):
        result = husk(*words)
        assert result.code == UNSUPPORTED and "criu needs root" in result.err, result
    assert husk.state(ident)["status"] == "running" and not (tmp_path / "images").exists()
