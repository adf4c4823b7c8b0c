# SPDX-License-Identifier: Apache-2.0
"""`husk check`: all that is wrong with a bundle in one run, at the right lines, and nothing is touched.

broken/NAME.json has several mistakes of one class; broken/NAME.expected says where they are, as a person reads it:
"error LINE PATH" or "warning LINE PATH".  Errors must be exactly these, warnings at least these.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from tests.conftest import UNDER_STRACE
from tests.kernel import needs_time
from tests.run.test_bundles import CAPTURED, give_root_to_its_user
from tests.run.test_captured_bundles import LACKS, adapt
from tests.user import ROOT, needs_root

# Told to a plain user besides: these files give him no user namespace of his ids.
NOT_FOR_A_USER = ("linux.namespaces", "linux.uidMappings", "linux.gidMappings", "linux.netDevices")
BROKEN = sorted((pathlib.Path(__file__).parent / "broken").glob("*.json"))
UNSOUND = 4
LINE = re.compile(r"(?P<file>.*config\.json):(?P<line>\d+):(?P<column>\d+): (?P<severity>error|warning): (?P<what>.*)")
PATH = re.compile(r'(?P<path>(?:\["[^"]*"\]|[^:\s"])+): (?P<message>.*)')


def problems(result):
    """[(severity, line, path, message)] of the text that check prints; every line of it must be one."""
    found = []
    for line in result.out.splitlines():
        m = LINE.fullmatch(line)
        assert m, line
        what = PATH.fullmatch(m["what"])
        assert what, line
        found.append((m["severity"], int(m["line"]), what["path"], what["message"]))
    return found


def errors(result):
    return [p for p in problems(result) if p[0] == "error"]


@pytest.fixture
def broken(bundle, tmp_path):
    def put(source):
        # Nothing of the machine may be missing: only what the file says is wrong.
        shutil.copyfile(source, bundle.path / "config.json")
        return bundle.path
    return put


def test_there_are_thirty_classes_of_mistakes_with_three_each():
    assert len(BROKEN) >= 30
    for source in BROKEN:
        assert len(source.with_suffix(".expected").read_text().splitlines()) >= 3, source


@pytest.mark.parametrize("source", [pytest.param(p, marks=needs_time) if p.stem == "clocks" else p for p in BROKEN], ids=lambda p: p.stem)
def test_all_mistakes_are_found_at_their_lines_in_one_run(husk, broken, source):
    wanted = {(s, int(n), p) for s, n, p in
              (line.split(" ", 2) for line in source.with_suffix(".expected").read_text().splitlines())}
    if os.path.isdir("/sys/fs/selinux/booleans"):
        wanted = {w for w in wanted if w[2] != "linux.mountLabel"}      # wrong only where there is no SELinux
    result = husk("check", broken(source), check=UNSOUND)
    found = {p[:3] for p in problems(result)}
    assert wanted - found == set(), result
    assert {p for p in found - wanted if p[0] == "error" and (ROOT or p[2] not in NOT_FOR_A_USER)} == set(), result
    assert len(errors(result)) == len({p[2] for p in errors(result)}), "a place is told twice"


@pytest.mark.parametrize("source", BROKEN, ids=lambda p: p.stem)
def test_create_refuses_what_check_calls_an_error_with_the_same_words(husk, broken, source):
    at = broken(source)
    told = errors(husk("check", at, check=UNSOUND))
    # run: create, which would also ask for a console socket
    refused = husk("run", "--bundle", at, husk.new_id())
    assert refused.code != 0
    words = re.sub(r" \((config\.json, )?line \d+(, column \d+)?\).*", "", refused.err.strip().splitlines()[-1])
    assert any(words.endswith(f"{path}: {message}") for _, _, path, message in told), (refused, told)


@pytest.mark.parametrize("captured", CAPTURED, ids=lambda p: p.stem)
def test_a_captured_config_is_sound(husk, bundle, tmp_path, captured):
    bundle.config = adapt(json.loads(captured.read_text()), tmp_path)
    give_root_to_its_user(bundle)
    bundle.write()
    result = husk("check", bundle.path)
    lacks = [p for p in errors(result) if LACKS.search(p[3])]
    if lacks and len(lacks) == len(errors(result)):
        created = husk("create", "--bundle", bundle.path, husk.new_id())
        assert created.code != 0, f"check calls an error what create does: {lacks}"
        pytest.skip(f"{lacks[0][2]}: {lacks[0][3]}")
    assert errors(result) == [], result
    assert result.code == 0
    explained = husk("check", "--explain", bundle.path, check=0)
    assert "run /bin/sleep 1000" in explained.out


def test_a_sound_bundle_is_praised_by_silence(husk, bundle):
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    bundle.write()
    result = husk("check", bundle.path, check=0)
    assert result.out == "" and result.err == ""
    assert husk("check", cwd=bundle.path, check=0).out == "", "the bundle is the working directory"
    husk("check", "--strict", bundle.path, check=0)


def test_warnings_are_failures_when_it_is_strict(husk, bundle):
    bundle.mount("relative", "tmpfs", kind="tmpfs", options=())
    bundle.write()
    assert ("warning", "mounts[6].destination") in [(p[0], p[2]) for p in problems(husk("check", bundle.path, check=0))]
    husk("check", "--strict", bundle.path, check=UNSOUND)


def test_another_file_can_be_checked(husk, bundle):
    bundle.write()
    (bundle.path / "other.json").write_text('{"ociVersion": 1}')
    result = husk("check", "--config", "other.json", bundle.path, check=UNSOUND)
    assert "other.json:1:16: error: ociVersion: expected string, got number" in result.out
    assert husk("check", "-f", bundle.path / "other.json", bundle.path, check=UNSOUND).out == result.out


def test_problems_come_as_json(husk, bundle):
    bundle.process["cwd"] = "nowhere"
    bundle.config["extra"] = 1
    bundle.write()
    result = json.loads(husk("check", "--format", "json", bundle.path, check=UNSOUND).out)
    assert result["sound"] is False
    error, = [p for p in result["problems"] if p["severity"] == "error"]
    line = next(i for i, text in enumerate((bundle.path / "config.json").read_text().splitlines(), 1) if "nowhere" in text)
    assert error == {"severity": "error", "path": "process.cwd", "file": str(bundle.path / "config.json"), "line": line,
                     "column": error["column"], "message": '"nowhere" is not absolute'}
    assert [p["path"] for p in result["problems"] if p["severity"] == "warning"][-1] == "extra"


def test_the_plan_is_told_in_the_order_in_which_it_is_carried_out(husk, bundle):
    bundle.user_namespace()
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/true", "args": ["true", "x"]}],
                              "poststop": [{"path": "/bin/true", "args": ["after"]}]}
    bundle.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    bundle.args("/bin/echo", "hello").write()
    text = husk("check", "--explain", bundle.path, check=0).out
    ids = bundle.linux["uidMappings"][-1]
    told = ["cgroups", "new namespaces: user, mount, PID, network, IPC, UTS", f"user ids {ids['containerID']} to "
            f"{ids['containerID'] + ids['size'] - 1} inside are {ids['hostID']} to {ids['hostID'] + ids['size'] - 1}",
            "/proc: a new proc", "/dev/null: the device c 1:3", 'write "1" to /proc/sys/net/ipv4/ip_forward',
            "run true x (createRuntime hook", "hide /proc/kcore", "pivot_root", "host name: husk", "user 0, group 0",
            "working directory: /", '"created"', "RLIMIT_CORE: 0, at most 0", "run /bin/echo hello", "run after (poststop hook"]
    places = [text.find(words) for words in told]
    assert -1 not in places, [w for w, p in zip(told, places) if p < 0]
    assert places == sorted(places), text
    stages = json.loads(husk("check", "--explain", "--format=json", bundle.path, check=0).out)["plan"]
    assert [line for s in stages for line in s["lines"]] == [line[2:] for line in text.splitlines() if line.startswith("  ")]
    assert all(s["stage"] in text for s in stages)


def test_nothing_is_explained_of_what_cannot_be(husk, bundle):
    bundle.process["cwd"] = "nowhere"
    bundle.write()
    assert "On the host" not in husk("check", "--explain", bundle.path, check=UNSOUND).out
    assert "plan" not in json.loads(husk("check", "--explain", "--format=json", bundle.path, check=UNSOUND).out)


def world(folder):
    """Everything that a container would leave traces in."""
    files = {str(p): (p.lstat().st_mtime_ns, p.lstat().st_ino) for p in pathlib.Path(folder).rglob("*")}
    groups = subprocess.run(["find", "/sys/fs/cgroup", "-type", "d", "-name", "ID"], capture_output=True, text=True).stdout
    return files, groups, os.readlink("/proc/self/ns/mnt"), os.path.exists("/run/husk/ID")


@pytest.mark.parametrize("words", [(), ("--explain",), ("--format=json", "--explain", "--strict")])
def test_nothing_is_changed(husk, bundle, tmp_path, words):
    bundle.mount("/new/place", tmp_path)
    bundle.linux["resources"]["pids"] = {"limit": 5}
    bundle.write()
    before = world(tmp_path)
    husk("check", *words, bundle.path)
    assert world(tmp_path) == before
    assert not husk.root.exists(), "not even a state directory"


def test_check_writes_no_file_and_makes_no_process(husk, bundle, tmp_path):
    """By the system calls: what opens for writing, makes, mounts, clones or moves anything."""
    bundle.linux["resources"]["pids"] = {"limit": 5}
    bundle.write()
    if not shutil.which("strace"):
        pytest.skip("no strace")
    log = tmp_path / "calls"
    calls = ("mkdir,mkdirat,mknod,mknodat,mount,move_mount,umount2,unlink,unlinkat,rename,renameat,renameat2,symlink,symlinkat,"
             "clone,clone3,fork,vfork,execve,setns,unshare,write,openat,openat2,pivot_root,chmod,fchmodat,chown,fchownat")
    subprocess.run(["timeout", "60", "strace", "-f", "-o", str(log), "-e", f"trace={calls}", *husk.argv("check", bundle.path)],
                   check=True, stdout=subprocess.DEVNULL, env=UNDER_STRACE)
    acts = [line.split(" ", 1)[1].strip() for line in log.read_text().splitlines()]
    acts = [a for a in acts if not a.startswith(("execve(", "write(1,", "+++", "---"))]
    assert [a for a in acts if not a.startswith("openat")] == []
    assert [a for a in acts if re.search(r"O_WRONLY|O_RDWR|O_CREAT", a)] == []


def test_the_program_is_looked_for_in_the_root(husk, bundle):
    def about_program():
        bundle.write()
        return [p[3] for p in problems(husk("check", bundle.path)) if p[2] == "process.args[0]"]

    assert about_program() == []
    bundle.args("true")
    assert about_program() == [], "found in PATH"
    bundle.args("nowhere")
    assert about_program() == ['"nowhere" is in no directory of PATH in the root file system']
    bundle.args("/etc/passwd")
    assert about_program() == ['"/etc/passwd" is not an executable file']
    bundle.args("bin/true")
    assert about_program() == []
    (bundle.rootfs / "bin/out").symlink_to("/../../../../bin/nowhere-else")
    bundle.args("/bin/out")
    assert about_program() == ['"/bin/out" is not in the root file system']
    bundle.mount("/opt", bundle.path).args("/opt/whatever")
    assert about_program() == [], "who knows what is mounted there"


def test_what_the_host_lacks_is_an_error_with_its_place(husk, bundle):
    shutil.rmtree(bundle.rootfs)
    bundle.process["selinuxLabel"] = "system_u:system_r:container_t:s0" if not os.path.exists("/sys/fs/selinux/enforce") else ""
    bundle.process["apparmorProfile"] = "p" if not os.path.exists("/sys/module/apparmor") else ""
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2**40}]
    bundle.config["hooks"] = {"createContainer": [{"path": "/etc/passwd"}]}
    bundle.linux["namespaces"].append({"type": "cgroup", "path": "/proc/self/ns/nothing"})
    bundle.write()
    result = husk("check", bundle.path, check=UNSOUND)
    paths = {p[2] for p in errors(result)}
    assert {"root.path", "hooks.createContainer[0].path", "linux.namespaces[5].path"} <= paths, result
    if bundle.process["selinuxLabel"]:
        assert "process.selinuxLabel" in paths
    if bundle.process["apparmorProfile"]:
        assert "process.apparmorProfile" in paths
    assert "process.rlimits[0].hard" in paths


def test_systemd_is_told_apart(husk, bundle):
    bundle.linux["cgroupsPath"] = "machine.slice:husk:web"
    bundle.config["annotations"] = {"org.systemd.property.TimeoutStopUSec": "uint64 5000000"}
    bundle.linux["resources"]["pids"] = {"limit": 7}
    bundle.write()
    assert [p[2] for p in errors(husk("check", bundle.path, check=UNSOUND))] == ["linux.cgroupsPath"]
    result = husk("check", "--explain", bundle.path, options=["--systemd-cgroup"])
    if os.path.exists("/run/systemd/system"):
        assert result.code == 0
        for words in (f"ask {'systemd' if ROOT else 'the user' + chr(39) + 's systemd'} for the scope husk-web.scope", "TasksMax = 7", "TimeoutStopUSec = 5000000"):
            assert words in result.out
    else:
        assert result.code == UNSOUND
        assert "config.json: error: systemd does not run on this host: use --cgroup-manager=cgroupfs" in result.out


def test_a_name_cannot_forge_a_line(husk, bundle):
    bundle.process["capabilities"]["bounding"] = ["CAP_KILL\nhusk: error: forged"]
    bundle.process["env"].append("x\n/config.json:1:1: error: forged")
    bundle.write()
    result = husk("check", bundle.path, check=UNSOUND)
    assert not [line for line in result.out.splitlines() if line.startswith(("husk:", "/config"))]
    bundle.process["env"].pop()
    warned = husk.run(bundle).err
    assert "CAP_KILL?husk: error: forged" in warned and "\nhusk: error" not in warned


def test_a_very_wrong_config_comes_to_an_end(husk, bundle):
    bundle.config["mounts"] += [{"destination": 1}] * 2000
    bundle.write()
    result = husk("check", bundle.path, check=UNSOUND)
    assert result.out.splitlines()[-1].endswith("500 problems are enough")


@pytest.mark.parametrize("words,needle", [
    (("--format", "xml"), "option --format"),
    (("--nonsense",), "nonsense"),
    (("one", "two"), "unexpected argument"),
    (("/nowhere/at/all",), "/nowhere/at/all"),
    (("--config", "missing.json"), "missing.json"),
    (("--strict=perhaps",), "strict"),
])
def test_bad_usage_is_told_apart_from_a_bad_bundle(husk, bundle, words, needle):
    result = husk("check", *words, cwd=bundle.path)
    assert result.code not in (0, UNSOUND) and result.out == ""
    assert needle in result.err


def test_a_file_that_is_no_json_is_placed(husk, bundle):
    result_of = lambda text: errors(husk("check", bundle.write(text).path, check=UNSOUND))
    assert [p[1:3] for p in result_of('{\n "ociVersion": "1.0.0",\n "root": }\n')] == [(3, "root")]
    assert "expected object" in husk("check", bundle.write("[]").path, check=UNSOUND).out
    assert husk("check", bundle.write("").path, check=UNSOUND).out


def no_root(bundle):
    shutil.rmtree(bundle.rootfs)
    return "root.path"


def root_is_a_file(bundle):
    bundle.config["root"]["path"] = "config.json"
    return "root.path"


def volume_is_missing(bundle):
    bundle.mount("/v", bundle.path / "nowhere")
    return "mounts[6].source"


def hook_is_missing(bundle):
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/true"}, {"path": "/nowhere/hook"}]}
    return "hooks.createRuntime[1].path"


def hook_is_no_program(bundle):
    bundle.config["hooks"] = {"createContainer": [{"path": "/etc/passwd"}]}
    return "hooks.createContainer[0].path"


def namespace_is_missing(bundle):
    bundle.without_namespace("ipc").linux["namespaces"].append({"type": "ipc", "path": "/proc/self/ns/nowhere"})
    return "linux.namespaces[4].path"


def namespace_is_of_another_type(bundle):
    bundle.without_namespace("ipc").linux["namespaces"].append({"type": "ipc", "path": "/proc/self/ns/uts"})
    return "linux.namespaces[4].path"


def network_device_is_missing(bundle):
    bundle.linux["netDevices"] = {"nowhere0": {}}
    return 'linux.netDevices["nowhere0"]'


def limit_is_above_what_may_be_granted(bundle):
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2**40}]
    return "process.rlimits[0].hard"


def device_cannot_be_bound(bundle):
    bundle.user_namespace()
    bundle.linux["devices"] = [{"path": "/dev/nowhere0", "type": "c", "major": 1, "minor": 3}]
    return "linux.devices[0].path"


ABSENT = [no_root, root_is_a_file, volume_is_missing, hook_is_missing, hook_is_no_program, namespace_is_missing,
          namespace_is_of_another_type, pytest.param(network_device_is_missing, marks=needs_root("network devices of the host")), limit_is_above_what_may_be_granted, device_cannot_be_bound]


@pytest.mark.parametrize("mistake", ABSENT, ids=lambda m: m.__name__)
def test_what_the_machine_lacks_is_refused_by_create_too(husk, bundle, mistake):
    path = mistake(bundle)
    bundle.write()
    result = husk("check", bundle.path, check=UNSOUND)
    assert [p[2] for p in errors(result)] == [path], result
    assert husk("run", "--bundle", bundle.path, husk.new_id()).code != 0


@pytest.fixture
def user(husk, bundle):
    """husk, called by somebody who is not root and owns nothing but the bundle."""
    if not ROOT:
        pytest.skip("needs root: another user")
    for folder in [bundle.path, *bundle.path.parents][:-2]:
        folder.chmod(folder.stat().st_mode | 0o055)
    runtime = bundle.path / "runtime"
    runtime.mkdir()
    os.chown(runtime, 4242, 4242)

    def call(*words, **more):
        return husk(*words, user=4242, group=4242, extra_groups=[], env={"XDG_RUNTIME_DIR": str(runtime)}, **more)
    return call


def without_root(bundle):
    bundle.user_namespace(host=4242, size=1)
    bundle.linux["resources"] = {}
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["type"] in ("proc", "tmpfs")]


def test_without_root_the_same_config_is_judged_anew(bundle, user):
    bundle.write()
    told = {p[2] for p in errors(user("check", bundle.path, check=UNSOUND))}
    assert "linux.namespaces" in told, "a user namespace is needed"
    without_root(bundle)
    bundle.write()
    user("check", bundle.path, check=0)
    bundle.linux["uidMappings"].append({"containerID": 1, "hostID": 700000, "size": 5})
    bundle.write()
    result = user("check", bundle.path, check=UNSOUND)
    assert [p[2:] for p in errors(result)] == [("linux.uidMappings[1]", "/etc/subuid lends no ids to user 4242")]


def test_limits_need_a_cgroup_that_may_be_made(bundle, user):
    without_root(bundle)
    bundle.linux["resources"] = {"pids": {"limit": 5}}
    bundle.write()
    told = errors(user("check", bundle.path, check=UNSOUND))
    assert told and all(p[2].startswith("linux.resources") for p in told)
    assert user("run", "--bundle", bundle.path, "x").code != 0


LIMITS = {
    "memory": {"memory": {"limit": 100000000}}, "swap": {"memory": {"limit": 100000000, "swap": 200000000}},
    "reservation": {"memory": {"reservation": 50000000}}, "swappiness": {"memory": {"swappiness": 10}},
    "oom": {"memory": {"disableOOMKiller": True}},
    "shares": {"cpu": {"shares": 512}}, "quota": {"cpu": {"quota": 50000, "period": 100000}},
    "burst": {"cpu": {"quota": 50000, "period": 100000, "burst": 10000}}, "idle": {"cpu": {"idle": 1}},
    "realtime": {"cpu": {"realtimeRuntime": 10, "realtimePeriod": 1000000}},
    "cpus": {"cpu": {"cpus": "0"}}, "pids": {"pids": {"limit": 50}}, "weight": {"blockIO": {"weight": 100}},
    "huge pages": {"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]},
    "huger pages": {"hugepageLimits": [{"pageSize": "32MB", "limit": 0}]},
    "net": {"network": {"classID": 1}}, "unified": {"unified": {"memory.high": "1000000000"}},
    "rdma": {"rdma": {"mlx0": {"hcaHandles": 3}}},
}


def has_groups(controller):
    top = f"/sys/fs/cgroup/{controller}"
    return os.path.isdir(top) and any(entry.is_dir() for entry in os.scandir(top))


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_check_and_run_agree_about_limits(husk, bundle, limits):
    bundle.linux["resources"] = limits
    bundle.write()
    checked = husk("check", bundle.path)
    ran = husk("run", "--bundle", bundle.path, husk.new_id())
    if checked.code == 0 and not has_groups("blkio") and "has no \"blkio." in ran.err:
        pytest.skip("on v1 only another group beneath the topmost shows which files there are")
    assert (checked.code == 0) == (ran.code == 0), (checked, ran)


DEVICES = "/sys/fs/cgroup/devices"


@pytest.fixture
def passers_by(group):
    """Groups of others on v1 that come and go: names of some that are the first ones to be found where they are."""
    names = []
    for n in range(500):
        os.mkdir(f"{DEVICES}/{os.path.dirname(group)}-{n}")
        with os.scandir(DEVICES) as found:
            first = next(entry.path for entry in found if entry.is_dir())
        os.rmdir(f"{DEVICES}/{os.path.dirname(group)}-{n}")
        if first == f"{DEVICES}/{os.path.dirname(group)}-{n}":
            names.append(first)
        if len(names) == 2:
            break
    come_and_go = "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n for d in sys.argv[2:]:\n  os.mkdir(d)\n  os.rmdir(d)\n"
    # A process for each: at the second look a name may mean another group than at the first.
    processes = [subprocess.Popen([sys.executable, "-c", come_and_go, str(os.getpid()), name]) for name in names]
    yield
    for p in processes:
        p.terminate()
        p.wait()
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(name)


@needs_root("groups of cgroup v1")
@pytest.mark.skipif(not os.path.isdir(DEVICES), reason="no cgroup v1")
def test_containers_that_come_and_go_say_nothing_of_the_kernel(husk, bundle, passers_by):
    bundle.write()
    for _ in range(40):
        assert errors(husk("check", bundle.path)) == []
