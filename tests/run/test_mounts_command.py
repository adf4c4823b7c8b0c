# SPDX-License-Identifier: Apache-2.0
"""`mounts add` and `mounts remove`: mounts that come into a container that is there, and go again."""
import json
import os
import subprocess

import pytest

from tests.user import needs_root


def file_of(tmp_path, mounts):
    path = tmp_path / "mounts.json"
    path.write_text(mounts if isinstance(mounts, str) else json.dumps(mounts, indent=1))
    return path


@pytest.fixture
def volume(tmp_path):
    v = tmp_path / "volume"
    v.mkdir()
    (v / "file").write_text("volume\n")
    v.chmod(0o755)
    return v


@pytest.fixture
def plug(husk, tmp_path):
    def add(ident, *mounts, verb="add", check=0):
        result = husk("mounts", verb, ident, file_of(tmp_path, list(mounts)))
        assert (result.code == 0) == (check == 0), result
        return result
    return add


def bind(destination, source, *options):
    return {"destination": destination, "source": str(source), "options": ["bind", *options]}


def look(husk, ident, script):
    return husk("exec", ident, "/bin/sh", "-c", script).out


def lines(husk, ident):
    """{mount point: line of mountinfo}, the last one of each."""
    return {line.split()[4]: line for line in look(husk, ident, "cat /proc/self/mountinfo").splitlines()}


def recorded(husk, ident):
    return json.loads((husk.root / ident / "record.json").read_text()).get("mounts", [])


# ---- what is added ---------------------------------------------------------------------------------------------------

def test_a_bind_mount_comes_and_goes(husk, bundle, volume, plug):
    ident = husk.started(bundle)
    plug(ident, bind("/data/deep", volume))
    assert look(husk, ident, "cat /data/deep/file; echo new >/data/deep/other") == "volume\n"
    assert (volume / "other").read_text() == "new\n"
    plug(ident, {"destination": "/data/deep"}, verb="remove")
    assert look(husk, ident, "ls /data/deep; echo end") == "end\n"
    assert recorded(husk, ident) == []


def test_the_processes_that_run_already_see_it(husk, bundle, volume, plug):
    ident = husk.started(bundle.sh("until test -f /data/file; do sleep 0.05; done; cat /data/file"))
    plug(ident, bind("/data", volume))
    husk.wait_status(ident, "stopped")
    assert husk.output(ident) == "volume\n"


def test_the_list_may_come_on_standard_input(husk, bundle, volume):
    ident = husk.started(bundle)
    husk("mounts", "add", ident, "-", stdin=json.dumps([bind("/data", volume)]), check=0)
    husk("mounts", "remove", ident, "-", stdin='[{"destination": "data/"}]', check=0)
    assert "/data" not in lines(husk, ident)


def test_a_file_can_be_added_and_removed(husk, bundle, volume, plug):
    ident = husk.started(bundle)
    plug(ident, bind("/etc/added", volume / "file", "ro"))
    assert look(husk, ident, "cat /etc/added; echo x 2>/dev/null >/etc/added || echo refused") == "volume\nrefused\n"
    plug(ident, {"destination": "/etc/added"}, verb="remove")
    assert "/etc/added" not in lines(husk, ident)


@pytest.mark.parametrize("mount, shown", [
    ({"type": "tmpfs", "source": "t", "options": ["nosuid", "mode=711", "size=64k"]}, "tmpfs"),
    ({"type": "proc", "source": "proc"}, "proc"),
    ({"type": "sysfs", "source": "sysfs", "options": ["ro"]}, "sysfs"),
    ({"type": "mqueue", "source": "mqueue"}, "mqueue"),
    ({"type": "devpts", "source": "devpts", "options": ["newinstance"]}, "devpts")])
def test_each_file_system_shows_what_is_the_containers(husk, bundle, plug, mount, shown):
    ident = husk.started(bundle)
    plug(ident, dict(mount, destination="/m"))
    assert f" - {shown} " in lines(husk, ident)["/m"]
    if shown == "proc":
        assert look(husk, ident, "cat /m/1/comm; test -d /m/$$ && echo mine") == "sleep\nmine\n"
    if shown == "sysfs":
        assert look(husk, ident, "ls /m/class/net") == "lo\n"
    plug(ident, {"destination": "/m"}, verb="remove")
    assert "/m" not in lines(husk, ident)


def test_a_tmpfs_takes_over_what_it_covers(husk, bundle, plug):
    (bundle.rootfs / "full").mkdir(mode=0o751)
    (bundle.rootfs / "full/x").write_text("x")
    ident = husk.started(bundle)
    plug(ident, {"destination": "/full", "type": "tmpfs", "source": "t", "options": ["tmpcopyup"]})
    assert look(husk, ident, "stat -f -c %T /full; stat -c %a /full; cat /full/x") == "tmpfs\n751\nx"


@needs_root("a mount of the host")
def test_options_hold_for_all_that_is_beneath(husk, bundle, volume, plug):
    (volume / "sub").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "t", str(volume / "sub")], check=True)
    try:
        ident = husk.started(bundle)
        plug(ident, {"destination": "/data", "source": str(volume), "options": ["rbind", "rro", "nodev"]})
        found = lines(husk, ident)
        assert found["/data"].split()[5].startswith("ro,nodev") and found["/data/sub"].split()[5].startswith("ro")
        plug(ident, {"destination": "/data"}, verb="remove")
        assert not [m for m in lines(husk, ident) if m.startswith("/data")]
    finally:
        subprocess.run(["umount", str(volume / "sub")], check=True)


@needs_root("a mapped mount")
def test_an_idmapped_mount_can_be_added(husk, bundle, volume, plug):
    os.chown(volume / "file", 1234, 1234)
    ident = husk.started(bundle)
    maps = [{"containerID": 1234, "hostID": 777, "size": 1}]
    plug(ident, {"destination": "/data", "source": str(volume), "options": ["bind", "idmap"], "uidMappings": maps,
                 "gidMappings": maps})
    assert look(husk, ident, "stat -c %u /data/file") == "777\n"


def test_in_a_user_namespace_what_is_made_is_the_containers_root(husk, bundle, volume, plug):
    ident = husk.started(bundle.user_namespace())
    plug(ident, bind("/made/data", volume), {"destination": "/t", "type": "tmpfs", "source": "t"},
         bind("/made/file", volume / "file"))
    assert look(husk, ident, "cat /made/data/file; stat -c %u /made /t; cat /made/file") == "volume\n0\n0\nvolume\n"
    assert (bundle.rootfs / "made").stat().st_uid == bundle.linux["uidMappings"][0]["hostID"]
    plug(ident, {"destination": "/made/data"}, {"destination": "/t"}, {"destination": "/made/file"}, verb="remove")
    assert not {"/made/data", "/t", "/made/file"} & set(lines(husk, ident))


def test_one_may_lie_in_another_and_goes_with_it(husk, bundle, volume, plug):
    ident = husk.started(bundle)
    plug(ident, {"destination": "/t", "type": "tmpfs", "source": "t", "options": ["ro"]}, bind("/t/in", volume))
    assert look(husk, ident, "cat /t/in/file; touch /t/x 2>/dev/null || echo read-only") == "volume\nread-only\n"
    assert [m["destination"] for m in recorded(husk, ident)] == ["/t", "/t/in"]
    plug(ident, {"destination": "/t"}, verb="remove")
    assert recorded(husk, ident) == [] and not {"/t", "/t/in"} & set(lines(husk, ident))


def test_of_two_on_one_place_the_last_goes_first(husk, bundle, volume, plug, tmp_path):
    (tmp_path / "second").mkdir()
    (tmp_path / "second/file").write_text("second\n")
    ident = husk.started(bundle)
    plug(ident, bind("/data", volume))
    plug(ident, bind("/data", tmp_path / "second"))
    assert look(husk, ident, "cat /data/file") == "second\n"
    plug(ident, {"destination": "/data"}, verb="remove")
    assert look(husk, ident, "cat /data/file") == "volume\n"
    plug(ident, {"destination": "/data"}, verb="remove")
    assert look(husk, ident, "cat /data/file 2>/dev/null; echo end") == "end\n"


def test_a_relative_source_is_of_the_bundle(husk, bundle, plug):
    (bundle.path / "beside").mkdir()
    (bundle.path / "beside/file").write_text("beside\n")
    ident = husk.started(bundle)
    plug(ident, bind("/data", "beside"))
    assert look(husk, ident, "cat /data/file") == "beside\n"


@pytest.mark.parametrize("status", [pytest.param("created", marks=needs_root("namespaces of a process that nobody may trace")), "paused"])
def test_a_container_that_does_not_run_just_now_takes_mounts(husk, bundle, volume, plug, status):
    bundle.sh("cat /data/file; sleep 1000")
    ident = husk.create(bundle) if status == "created" else husk.started(bundle.args("/bin/sleep", "1000"))
    if status == "paused":
        husk("pause", ident, check=0)
    plug(ident, bind("/data", volume), {"destination": "/gone", "type": "tmpfs", "source": "t"})
    plug(ident, {"destination": "/gone"}, verb="remove")
    assert husk.state(ident)["status"] == status
    husk("start" if status == "created" else "resume", ident, check=0)
    assert "/data" in lines(husk, ident) and "/gone" not in lines(husk, ident)


def test_an_empty_list_is_nothing_to_do(husk, bundle, plug):
    ident = husk.started(bundle)
    before = lines(husk, ident)
    plug(ident)
    plug(ident, verb="remove")
    assert set(lines(husk, ident)) == set(before)


def test_more_than_one_message_can_carry(husk, bundle, volume, plug):
    ident = husk.started(bundle)
    plug(ident, *[bind(f"/many/{i}", volume) for i in range(40)])
    assert sum(m.startswith("/many/") for m in lines(husk, ident)) == 40
    plug(ident, *[{"destination": f"/many/{i}"} for i in range(40)], verb="remove")
    assert not [m for m in lines(husk, ident) if m.startswith("/many/")]


# ---- all or nothing --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("bad, why", [
    (bind("/last", "/no/such/source"), "/no/such/source"),
    ({"destination": "/last", "type": "no-such-fs"}, "no-such-fs"),
    ({"destination": "/last", "type": "tmpfs", "options": ["sizee=1"]}, "sizee")])
def test_when_one_fails_none_is_there(husk, bundle, volume, plug, bad, why):
    ident = husk.started(bundle)
    before = lines(husk, ident)
    result = plug(ident, bind("/first", volume), bind("/etc/second", volume / "file"),
                  {"destination": "/third", "type": "proc"}, bad, check=1)
    assert why in result.err and "mounts[3]" in result.err, result
    assert set(lines(husk, ident)) == set(before) and recorded(husk, ident) == []
    plug(ident, bind("/first", volume))
    assert look(husk, ident, "cat /first/file") == "volume\n"


@needs_root("a mount of the host", inside=True)
def test_when_the_record_cannot_be_written_none_is_there(husk, bundle, volume, plug):
    ident = husk.started(bundle)
    before = lines(husk, ident)
    folder = husk.root / ident
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        assert "record" in plug(ident, bind("/data", volume), bind("/etc/f", volume / "file"), check=1).err
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    assert set(lines(husk, ident)) == set(before)


def test_when_one_cannot_be_removed_all_stay(husk, bundle, volume, plug):
    ident = husk.started(bundle)
    plug(ident, bind("/a", volume), bind("/b", volume))
    result = plug(ident, {"destination": "/a"}, {"destination": "/c"}, verb="remove", check=1)
    assert "mounts[1].destination" in result.err and "/c" in result.err and "line 6" in result.err, result
    assert {"/a", "/b"} <= set(lines(husk, ident)) and len(recorded(husk, ident)) == 2


# ---- what is refused -------------------------------------------------------------------------------------------------

def test_mounts_of_the_configuration_stay(husk, bundle, plug):
    ident = husk.started(bundle)
    for where in ("/proc", "/dev/shm", "/sys", "/"):
        assert "nothing was added" in plug(ident, {"destination": where}, verb="remove", check=1).err
    assert {"/proc", "/dev/shm", "/sys"} <= set(lines(husk, ident))


@pytest.mark.parametrize("mount, needle", [
    ({"destination": "/", "type": "tmpfs"}, "mounts[0].destination: the root"),
    ({"destination": "/proc", "type": "tmpfs"}, "/proc"),
    ({"destination": "/proc/sys", "type": "tmpfs"}, "inside of /proc"),
    ({"destination": "/tmp", "options": ["remount", "ro"]}, "mounts[0].options"),
    ({"destination": "/tmp", "options": ["rshared"]}, "mounts[0].options"),
    ({"destination": "/c", "type": "cgroup"}, "mounts[0].type"),
    ({"destination": "/c"}, "mounts[0].type"),
    ({"destination": ""}, "mounts[0].destination"),
    ({"destination": "/c", "source": "/x", "options": ["bind", "copy-symlink"]}, "copy-symlink"),
    pytest.param({"destination": "/c", "source": "/", "options": ["bind", "idmap"]}, "idmap", marks=needs_root("no user namespace"))])
def test_a_mount_that_makes_no_sense_is_refused_with_its_line(husk, bundle, plug, mount, needle):
    ident = husk.started(bundle)
    before = lines(husk, ident)
    result = plug(ident, mount, check=1)
    assert needle in result.err and "mounts.json, line " in result.err, result
    assert set(lines(husk, ident)) == set(before)


@pytest.mark.parametrize("text, needle", [
    ("{}", "expected array, got object"), ("[1]", "[0]: expected object, got number"),
    ('[{"source": "/x"}]', "[0].destination: required, but missing"), ("[", "not valid JSON"), ("null", "expected array"),
    ('[{"destination": "/x", "options": "ro"}]', "[0].options: expected array, got string")])
@pytest.mark.parametrize("verb", ["add", "remove"])
def test_a_file_that_is_no_list_of_mounts_is_refused(husk, bundle, tmp_path, verb, text, needle):
    ident = husk.started(bundle)
    result = husk("mounts", verb, ident, file_of(tmp_path, text))
    assert result.code == 4 and needle in result.err and "mounts.json" in result.err, result


@pytest.mark.parametrize("verb", ["add", "remove"])
def test_containers_that_cannot_take_mounts(husk, bundle, volume, tmp_path, verb):
    path = file_of(tmp_path, [bind("/data", volume)])
    assert "container does not exist" in husk("mounts", verb, "nobody", path).err
    ident = husk.started(bundle.sh("true"))
    husk.wait_status(ident, "stopped")
    assert "container not running" in husk("mounts", verb, ident, path).err


@needs_root("the mount namespace of the host")
def test_without_a_mount_namespace_of_its_own_nothing_is_added(husk, bundle, plug, tmp_path):
    bundle.without_namespace("mount")
    for key in ("maskedPaths", "readonlyPaths"):
        bundle.linux.pop(key)
    bundle.config["mounts"] = []
    ident = husk.started(bundle)
    try:
        assert "no mount namespace" in plug(ident, bind("/tmp", tmp_path), check=1).err
    finally:
        subprocess.run(["umount", "-l", str(bundle.rootfs)], check=True)     # it is the caller's mount namespace


@pytest.mark.parametrize("words, needle", [
    (("add", "ID"), "argument"), (("move", "ID", "-"), "neither add nor remove"), (("add", "ID", "/no/file"), "/no/file"),
    (("add", "ID", "-", "more"), "argument"), (("add", "--all", "ID", "-"), "--all")])
def test_wrong_words_are_refused(husk, words, needle):
    result = husk("mounts", *words, stdin="")
    assert result.code != 0 and needle in result.err, result


def test_the_same_place_cannot_be_removed_twice_at_once(husk, bundle, volume, plug):
    ident = husk.started(bundle)
    plug(ident, bind("/data", volume))
    assert "given twice" in plug(ident, {"destination": "/data"}, {"destination": "/data/"}, verb="remove", check=1).err
    assert "/data" in lines(husk, ident)


def test_what_the_container_has_unmounted_is_said_to_be_gone(husk, bundle, volume, plug):
    for kind in bundle.process["capabilities"].values():
        if "CAP_SYS_ADMIN" not in kind:
            kind.append("CAP_SYS_ADMIN")
    ident = husk.started(bundle)
    plug(ident, bind("/data", volume))
    husk("exec", ident, "/bin/busybox", "umount", "/data", check=0)
    assert "not to be found there" in plug(ident, {"destination": "/data"}, verb="remove", check=1).err
