# SPDX-License-Identifier: Apache-2.0
"""`update`: each option and each member of its file, seen in the cgroup's files; all or nothing; what the record remembers."""
import json
import os
import re
import shutil
import subprocess

import pytest

from tests.conftest import SPEC, STATE, SYSTEM, UNDER_STRACE, UNSUPPORTED, USAGE
from tests.groups import HAS, V2, read, settings
from tests.user import ROOT, needs_root

M = 1 << 20


def needs(*names):
    missing = [n for n in names if n not in HAS]
    return pytest.mark.skipif(bool(missing), reason=f"this kernel's cgroups have no {' '.join(missing)}")


only_v1 = pytest.mark.skipif(V2, reason="cgroup v1 only")
only_v2 = pytest.mark.skipif(not V2, reason="cgroup v2 only")


@pytest.fixture
def box(husk, bundle, group):
    """A running container with limits."""
    bundle.linux["resources"].update({"memory": {"limit": 64 * M, "swap": 128 * M}, "pids": {"limit": 50},
                                      "cpu": {"shares": 512, "quota": 50000, "period": 100000}})
    ident = husk.started(bundle)
    yield ident
    husk("delete", "--force", ident, check=0)


def v(one, two):
    """What the file says on cgroup v1, on v2."""
    return two if V2 else one


OPTIONS = [
    ("--memory=96M", v(("memory.limit_in_bytes", 96 * M), ("memory.max", 96 * M))),
    ("--memory=96m", v(("memory.limit_in_bytes", 96 * M), ("memory.max", 96 * M))),
    ("--memory=100663296", v(("memory.limit_in_bytes", 96 * M), ("memory.max", 96 * M))),
    ("--memory=-1", v(("memory.limit_in_bytes", 9223372036854771712), ("memory.max", "max"))),
    ("--memory-swap=256MiB", v(("memory.memsw.limit_in_bytes", 256 * M), ("memory.swap.max", 192 * M))),
    ("--memory-swap=-1", v(("memory.memsw.limit_in_bytes", 9223372036854771712), ("memory.swap.max", "max"))),
    ("--memory-reservation=32M", v(("memory.soft_limit_in_bytes", 32 * M), ("memory.low", 32 * M))),
    ("--pids-limit=77", ("pids.max", 77)),
    ("--pids-limit=-1", ("pids.max", "max")),
    ("--pids-limit=0", ("pids.max", 0)),
    ("--cpu-quota=20000", v(("cpu.cfs_quota_us", 20000), ("cpu.max", "20000 100000"))),
    ("--cpu-quota=-1", v(("cpu.cfs_quota_us", -1), ("cpu.max", "max 100000"))),
    ("--cpu-period=50000", v(("cpu.cfs_period_us", 50000), ("cpu.max", "50000 50000"))),
    ("--cpu-burst=10000", v(("cpu.cfs_burst_us", 10000), ("cpu.max.burst", 10000))),
    ("--cpu-share=1024", v(("cpu.shares", 1024), ("cpu.weight", 100))),
    ("--cpu-shares=2048", v(("cpu.shares", 2048), ("cpu.weight", 174))),
    ("--cpu-idle=1", ("cpu.idle", 1)),
    ("--cpuset-cpus=0", ("cpuset.cpus", 0)),
    ("--cpuset-mems=0", ("cpuset.mems", 0)),
    ("--cpu-rt-period=500000", v(("cpu.rt_period_us", 500000), None)),
    ("--memory-swappiness=7", v(("memory.swappiness", 7), None)),
    ("--kernel-memory-tcp=16M", v(("memory.kmem.tcp.limit_in_bytes", 16 * M), None)),
    ("--hugepage-limit=2MB=64M", v(("hugetlb.2MB.limit_in_bytes", 64 * M), ("hugetlb.2MB.max", 64 * M))),
    ("--blkio-weight=300", v(("blkio.bfq.weight", 300), ("io.bfq.weight", "default 300"))),
    ("--unified=memory.high=50331648", v(None, ("memory.high", 48 * M))),
]


@pytest.mark.parametrize("option,expected", OPTIONS, ids=[o for o, _ in OPTIONS])
def test_an_option_changes_its_file_and_no_other(husk, box, group, option, expected):
    before = settings(group)
    words = option.split("=", 1) if option.startswith("--cpu-q") else [option]      # both ways to write it
    if expected is None:
        result = husk("update", *words, box)
        assert result.code != 0 and re.search(r'cgroup v2 has no such thing|no such controller', result.err), result
        assert settings(group) == before
        return
    if read(group, expected[0]) is None:
        pytest.skip(f"this kernel's cgroups have no {expected[0]}")
    result = husk("update", *words, box)
    assert result.code == 0 and not result.out and not result.err, result
    assert read(group, expected[0]) == str(expected[1])
    coupled = {"cpu.weight", "cpu.shares", "memory.swap.max", "memory.memsw.limit_in_bytes", "hugetlb.2MB.rsvd.max", expected[0]}
    assert {n: t for n, t in settings(group).items() if n not in coupled} == {n: t for n, t in before.items() if n not in coupled}
    assert json.loads(husk("state", box, check=0).out)["status"] == "running"
    if option != "--pids-limit=0":
        husk("exec", box, "/bin/true", check=0)


@only_v1
def test_a_limit_of_kernel_memory_is_set_or_said_to_have_no_effect(husk, box, group):
    result = husk("update", "--kernel-memory=32M", box, check=0)
    assert (read(group, "memory.kmem.limit_in_bytes") == str(32 * M)) == ("has no effect" not in result.err), result


@only_v2
def test_v2_has_no_limit_of_kernel_memory(husk, box):
    result = husk("update", "--kernel-memory=32M", box)
    assert result.code != 0 and "linux.resources.memory.kernel: cgroup v2 has no such thing" in result.err


def disk():
    """A disk that block I/O limits are possible for, as MAJOR:MINOR."""
    for name in sorted(os.listdir("/sys/block")):
        if not name.startswith(("ram", "zram", "nbd")) and int(open(f"/sys/block/{name}/size").read()):
            return name, open(f"/sys/block/{name}/dev").read().strip()
    pytest.skip("no disk")


@pytest.mark.parametrize("option,file,word", [
    ("device-read-bps", "blkio.throttle.read_bps_device", "rbps"), ("device-write-bps", "blkio.throttle.write_bps_device", "wbps"),
    ("device-read-iops", "blkio.throttle.read_iops_device", "riops"), ("device-write-iops", "blkio.throttle.write_iops_device", "wiops")])
def test_io_rates_of_a_device(husk, box, group, option, file, word):
    name, number = disk()
    if read(group, "io.max" if V2 else file) is None:
        pytest.skip("no block I/O controller")
    rate = "1M" if option.endswith("bps") else "1000"
    husk("update", f"--{option}={number}={rate}", box, check=0)
    n = 1048576 if option.endswith("bps") else 1000
    assert (f"{word}={n}" if V2 else f"{number} {n}") in read(group, "io.max", file)
    if os.path.exists(f"/dev/{name}"):
        husk("update", f"--{option}=/dev/{name}=2000", box, check=0)
        assert (f"{word}=2000" if V2 else f"{number} 2000") in read(group, "io.max", file)
    husk("update", f"--{option}={number}=0", box, check=0)
    assert word + "=max" in read(group, "io.max") + f" {word}=max" if V2 else number not in read(group, file)


def test_a_resources_file_from_a_path_and_from_standard_input(husk, box, group, tmp_path):
    text = json.dumps({"memory": {"limit": 32 * M, "reservation": 16 * M}, "pids": {"limit": 20}, "cpu": {"shares": 1024}})
    (tmp_path / "limits.json").write_text(text)
    husk("update", "-r", tmp_path / "limits.json", box, check=0)
    assert read(group, "memory.max", "memory.limit_in_bytes") == str(32 * M) and read(group, "pids.max") == "20"
    husk("update", "--resources=-", box, stdin='{"pids": {"limit": 21}}', check=0)
    husk("update", "--resources", "-", box, stdin='{"cpu": {"quota": 30000}}', check=0)
    assert read(group, "pids.max") == "21" and read(group, "cpu.max", "cpu.cfs_quota_us").startswith("30000")
    husk("update", "-r", "-", "--pids-limit", "22", box, stdin='{"pids": {"limit": 23}}', check=0)
    assert read(group, "pids.max") == "22", "options win over the file"
    husk("update", box, check=0)


BAD = [
    (["--memory=x"], "option --memory"), (["--memory=1.5G"], "option --memory"), (["--memory=0"], "option --memory: 0"),
    (["--memory="], "option --memory"), (["--memory=-2"], "option --memory"), (["--memory"], "--memory"),
    (["--pids-limit=many"], "option --pids-limit"), (["--pids-limit=-2"], "linux.resources.pids.limit"),
    (["--cpu-burst=-1"], "option --cpu-burst"), (["--cpu-burst=60000"], "linux.resources.cpu.burst"),
    (["--cpu-idle=2"], "linux.resources.cpu.idle"), (["--cpu-quota=5"], "linux.resources.cpu.quota"),
    (["--cpu-quota=0"], "option --cpu-quota: 0"), (["--cpu-period=1"], "linux.resources.cpu."),
    (["--cpuset-cpus="], "option --cpuset-cpus"), (["--blkio-weight=5"], "option --blkio-weight"),
    (["--blkio-weight=1001"], "option --blkio-weight"), (["--blkio-weight-device=8:0"], "option --blkio-weight-device"),
    (["--device-read-bps=nope=1"], "option --device-read-bps"), (["--device-read-bps=4000:1=1"], "throttleReadBpsDevice[0]"),
    (["--device-read-iops=8:0=1M"], "option --device-read-iops"), (["--hugepage-limit=3MB=x"], "option --hugepage-limit"),
    (["--rdma=x"], "option --rdma"), (["--unified=x"], "option --unified"), (["--unified=../x=1"], "linux.resources.unified"),
    (["--unified=cgroup.kill=1"], "linux.resources.unified"), (["--device-rule=maybe c 1:3 r"], "option --device-rule"),
    (["--memory-swap=32M"], "linux.resources.memory.swap"), (["--memory=64M", "--memory-swap=32M"], "linux.resources.memory.swap"),
    (["--memory=256M"], "linux.resources.memory."), (["--l3-cache-schema=L3:0=f"], "linux.intelRdt"),
    (["--mem-bw-schema=L3:0=f"], "linux.intelRdt"), (["--resources=/nonexistent"], "/nonexistent"),
    (["--nosuchoption"], "unknown option"),
]


# What is not the command line's mistake; and what the host lacks is no mistake.
OTHER_CODES = {"--resources=/nonexistent": SYSTEM, "--l3-cache-schema=L3:0=f": UNSUPPORTED, "--mem-bw-schema=L3:0=f": UNSUPPORTED,
               "--memory-swap=32M": v(STATE, USAGE), "--memory=256M": v(STATE, USAGE)}
LACKS = re.compile(r"this host has no|no such controller|the cgroup .* has no|cgroup v2 has no")


@pytest.mark.parametrize("words,message", BAD, ids=[" ".join(w) for w, _ in BAD])
def test_a_bad_value_is_told_and_nothing_of_the_good_ones_stays(husk, box, group, words, message):
    before = settings(group)
    good = ["--pids-limit=60", "--cpu-share=300", "--memory-reservation=20M", "--device-rule=allow c 10:229 rwm"]
    good = [g for g in good if g.split("=")[0] != words[0].split("=")[0]]
    result = husk("update", *good, *words, box)
    assert message in result.err and not result.out, result
    assert result.code == (UNSUPPORTED if LACKS.search(result.err) else OTHER_CODES.get(" ".join(words), USAGE)), result
    if result.code == USAGE and not OTHER_CODES.get(" ".join(words)) and len(words) == 1:
        assert words[0].split("=")[0] in result.err, "the option is named"
    assert settings(group) == before
    assert sorted(os.listdir(husk.root / box)) == ["config.json", "record.json"] or not (husk.root / box / "updated.json").exists()
    husk("update", "--pids-limit=61", box, check=0)
    assert read(group, "pids.max") == "61" and read(group, "cpu.weight", "cpu.shares") in ("59", "512")


BAD_FILES = [
    ("{", "standard input"), ("[]", "standard input"), ('{"memory": {"limit": "5"}}', "expected integer"),
    ('{"pids": {"limit": 60},\n "memory": {"limit": 5, "limit": 6}}', "line 2"),
    ('{"pids": {"limit": 60},\n "blockIO": {"throttleWriteBpsDevice": [{"major": 4000, "minor": 1, "rate": 1}]}}',
     "linux.resources.blockIO.throttleWriteBpsDevice[0]"),
    ('{"pids": {"limit": 60},\n "cpu": {"idle": 7}}', "line 2"),
    ('{"pids": {"limit": 60},\n "hugepageLimits": [{"pageSize": "../x", "limit": 1}]}', "line 2"),
    ('{"pids": {"limit": 60}, "devices": [{"allow": true, "type": "x"}]}', "linux.resources.devices[0].type"),
    ('{"pids": {"limit": 60}, "unified": {"nonesuch.max": "1"}}', 'linux.resources.unified["nonesuch.max"]'),
    ('{"pids": {"limit": 60}, "rdma": {"nope": {"hcaHandles": 1}}}', 'linux.resources.rdma["nope"]'),
]


@pytest.mark.parametrize("text,message", BAD_FILES, ids=[t.replace("\n", "") for t, _ in BAD_FILES])
def test_a_bad_file_is_told_with_its_line_and_changes_nothing(husk, box, group, text, message):
    before = settings(group)
    result = husk("update", "-r", "-", box, stdin=text)
    assert message in result.err and result.code == (UNSUPPORTED if LACKS.search(result.err) else SPEC), result
    assert settings(group) == before


@needs("cpu.cfs_quota_us" if not V2 else "cpu.max")
def test_what_the_kernel_refuses_is_the_mistake_of_the_file_or_of_the_option_that_said_it(husk, box, group, tmp_path):
    file = tmp_path / "limits.json"
    file.write_text('{"pids": {"limit": 60},\n "cpu":\n  {"quota": 5}}')
    before = settings(group)
    result = husk("update", "-r", file, box)
    assert result.code == SPEC and f"({file}, line 3)" in result.err and "config.json" not in result.err, result
    result = husk("update", "-r", file, "--cpu-quota=6", box)
    assert result.code == USAGE and "option --cpu-quota" in result.err and str(file) not in result.err, result
    assert settings(group) == before


needs_hugetlb = pytest.mark.skipif(not any(n.startswith("hugetlb.") for n in HAS), reason="no hugetlb controller")


@needs_hugetlb
def test_elements_that_options_add_to_a_list_of_the_file_are_told_apart(husk, box):
    file = '{"hugepageLimits":\n [{"pageSize": "%s", "limit": 1048576}]}'
    result = husk("update", "-r", "-", "--hugepage-limit=x=1M", box, stdin=file % "2MB")
    assert result.code == USAGE and "option --hugepage-limit" in result.err and "line" not in result.err, result
    result = husk("update", "-r", "-", "--hugepage-limit=2MB=1M", box, stdin=file % "x")
    assert result.code == SPEC and "(standard input, line 2)" in result.err and "option" not in result.err, result


@needs_hugetlb
def test_huge_pages_that_the_host_does_not_have_are_named(husk, box):
    result = husk("update", "--hugepage-limit=3MB=1M", box)
    assert result.code == UNSUPPORTED and "no huge pages of that size" in result.err and "controller" not in result.err, result


@pytest.mark.parametrize("text,member", [
    ('{"pids": {"limit": 60},\n "noSuchThing": {"quota": 5}}', "noSuchThing: unknown, ignored (line 2"),
    ('{"pids": {"limit": 60,\n\n "limits": 5}}', "pids.limits: unknown, ignored (line 3"),
    ('{"pids": {"limit": 60, "Limit": 5}}', 'pids.Limit: unknown, ignored; "limit" is spelled so (line 1')])
def test_a_member_that_does_not_exist_is_warned_of_with_its_line(husk, box, group, text, member):
    result = husk("update", "-r", "-", box, stdin=text, check=0)
    assert f"standard input: {member}" in result.err and read(group, "pids.max") == "60"


def test_both_limits_of_memory_can_rise_and_fall_in_one_step(husk, box, group):
    for memory, swap in ((256, 512), (32, 32), (128, 128), (48, 300), (301, 302)):
        husk("update", f"--memory={memory}M", f"--memory-swap={swap}M", box, check=0)
        assert read(group, "memory.max", "memory.limit_in_bytes") == str(memory * M)
        assert read(group, "memory.swap.max", "memory.memsw.limit_in_bytes") == str((swap - memory if V2 else swap) * M)


def test_quota_period_and_burst_can_change_in_one_step(husk, box, group):
    for quota, burst, period in ((20000, 20000, 40000), (5000, 5000, 10000), (400000, 300000, 500000), (1000, 0, 2000)):
        husk("update", f"--cpu-quota={quota}", f"--cpu-burst={burst}", f"--cpu-period={period}", box, check=0)
        assert read(group, "cpu.max") == f"{quota} {period}" if V2 else \
            (read(group, "cpu.cfs_quota_us"), read(group, "cpu.cfs_period_us")) == (str(quota), str(period))
        assert read(group, "cpu.max.burst", "cpu.cfs_burst_us") == str(burst)


def test_memory_above_memory_and_swap_is_refused_with_a_hint(husk, box, group):
    result = husk("update", "--memory=512M", box)
    assert result.code != 0 and "memory and swap together" in result.err
    assert read(group, "memory.max", "memory.limit_in_bytes") == str(64 * M)


def test_check_before_update_refuses_a_limit_below_what_is_in_use(husk, box, group):
    husk("exec", box, "sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=1M count=16 2>/dev/null", check=0)
    before = settings(group)
    result = husk("update", "-r", "-", box, stdin=json.dumps({"pids": {"limit": 5}, "memory": {"limit": 8 * M, "checkBeforeUpdate": True}}))
    assert result.code != 0 and "linux.resources.memory.limit" in result.err and "in use" in result.err
    assert settings(group) == before


@only_v1
def test_v1_tells_how_much_is_in_use_when_a_limit_is_below_it(husk, box, group):
    husk("exec", box, "sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=1M count=32 2>/dev/null", check=0)
    before = settings(group)
    result = husk("update", "--pids-limit=5", "--memory=8M", "--memory-swap=8M", box)
    assert result.code != 0 and "linux.resources.memory." in result.err and "bytes are in use" in result.err, result
    assert settings(group) == before


@only_v1
def test_the_oom_killer_is_switched_off_and_on(husk, box, group):
    for off in (True, False):
        husk("update", "-r", "-", box, stdin=json.dumps({"memory": {"disableOOMKiller": off}}), check=0)
        assert f"oom_kill_disable {int(off)}" in read(group, "memory.oom_control")


# ---- what the record remembers -------------------------------------------------------


def test_a_second_update_builds_on_the_first(husk, box, group):
    husk("update", "--cpu-shares=300", "--memory=32M", "--memory-swap=300M", box, check=0)
    husk("update", "--pids-limit=70", box, check=0)
    husk("update", "--memory=48M", box, check=0)
    assert read(group, "memory.swap.max", "memory.memsw.limit_in_bytes") == str((252 if V2 else 300) * M)
    assert read(group, "pids.max") == "70"
    kept = json.loads((husk.root / box / "updated.json").read_text())["resources"]
    assert kept["memory"] == {"limit": 48 * M, "swap": 300 * M} and kept["pids"] == {"limit": 70}
    assert kept["cpu"] == {"shares": 300, "quota": 50000, "period": 100000}
    assert json.loads((husk.root / box / "config.json").read_text())["linux"]["resources"]["pids"] == {"limit": 50}


@needs("cpu.idle")
def test_the_weight_comes_back_after_a_time_of_idleness(husk, box, group):
    husk("update", "--cpu-shares=2048", box, check=0)
    husk("update", "--cpu-idle=1", box, check=0)
    assert husk("update", "--pids-limit=5", "--cpu-idle=0", "--device-read-bps=4000:1=1", box).code != 0
    assert read(group, "cpu.idle") == "1" and read(group, "pids.max") == "50"
    husk("update", "--cpu-idle=0", box, check=0)
    assert read(group, "cpu.weight", "cpu.shares") in ("174", "2048")


@needs_root("device rules")
def test_updates_at_the_same_time_come_one_after_the_other(husk, box, group):
    racing = [husk.popen("update", f"--pids-limit={40 + i}", f"--cpu-shares={500 + i}", f"--device-rule=allow c 10:{100 + i} r", box)
              for i in range(8)]
    assert [p.wait(60) for p in racing] == [0] * 8
    kept = json.loads((husk.root / box / "updated.json").read_text())["resources"]
    assert read(group, "pids.max") == str(kept["pids"]["limit"]) and kept["cpu"]["shares"] == kept["pids"]["limit"] + 460
    assert sorted(r["minor"] for r in kept["devices"] if "minor" in r) == [100 + i for i in range(8)]


@needs_root("device rules")
def test_the_record_survives_the_next_commands(husk, box, group):
    husk("update", "--pids-limit=70", "--device-rule", "allow c 10:229 rwm", box, check=0)
    for words in (["state"], ["pause"], ["resume"], ["exec", box, "true"], ["kill", box, "0"], ["ps"]):
        husk(*words, *([] if box in words else [box]), check=0)
    husk("update", "--device-rule", "allow c 10:237 r", box, check=0)
    rules = json.loads((husk.root / box / "updated.json").read_text())["resources"]["devices"]
    assert [r.get("minor") for r in rules] == [None, 229, 237]
    assert read(group, "pids.max") == "70"


def test_created_running_and_paused_containers_are_updated_stopped_ones_not(husk, bundle, group):
    ident = husk.create(bundle.args("/bin/sleep", "1000"))
    husk("update", "--pids-limit=31", ident, check=0)
    assert read(group, "pids.max") == "31"
    husk("start", ident, check=0)
    husk("pause", ident, check=0)
    husk("update", "--pids-limit=32", ident, check=0)
    assert read(group, "pids.max") == "32" and husk.state(ident)["status"] == "paused"
    husk("resume", ident, check=0)
    husk("kill", ident, "KILL", check=0)
    husk.wait_status(ident, "stopped")
    result = husk("update", "--pids-limit=33", ident)
    assert result.code != 0 and "container not running" in result.err
    husk("delete", ident, check=0)
    assert not (husk.root / ident).exists()
    assert "does not exist" in husk("update", "--pids-limit=33", ident).err


def test_a_container_without_cgroups_is_refused(husk, bundle):
    bundle.args("/bin/sleep", "1000").write()
    ident = husk.new_id()
    assert husk.popen("run", "--detach", "--bundle", bundle.path, ident, options=["--cgroup-manager", "disabled"],
                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).wait(20) == 0
    result = husk("update", "--pids-limit=5", ident)
    assert result.code != 0 and "no cgroup" in result.err


def traced(husk, words, *options):
    trace = husk.folder / "trace"
    done = subprocess.run(["strace", "-qq", "-o", trace, *options, *husk.argv(*words)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, env=UNDER_STRACE)
    return done.returncode, trace.read_text(errors="replace")


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_killed_at_any_point_it_leaves_the_old_limits_or_the_new_ones(husk, box, group):
    """What is half done is taken back by the next command that changes the container."""
    old = ["--memory=64M", "--memory-swap=128M", "--pids-limit=50", "--cpu-quota=50000"]
    new = ["--memory=200M", "--memory-swap=300M", "--pids-limit=70", "--cpu-quota=60000"]
    if ROOT:
        old.append("--device-rule=deny c 10:229 rwm")
        new.append("--device-rule=allow c 10:229 rwm")
    husk("update", *old, box, check=0)
    was = settings(group)
    code, trace = traced(husk, ["update", *new, box], "-e", "trace=write,renameat,unlinkat,bpf")
    assert code == 0
    will_be = settings(group)
    points = [(name, trace.count(f"\n{name}(") + trace.startswith(f"{name}(")) for name in ("write", "renameat", "unlinkat", "bpf")]
    points.append(("exit_group", 1))
    seen = set()
    for name, calls in points:
        for n in range(1, calls + 1):
            husk("update", *old, box, check=0)
            assert settings(group) == was
            code, _ = traced(husk, ["update", *new, box], "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={n}")
            assert code in (-9, 137)
            husk("pause", box, check=0)
            husk("resume", box, check=0)
            now = settings(group)
            assert now in (was, will_be), f"killed at {name} #{n}"
            seen.add(now == was)
    assert seen == {True, False} and not list((husk.root / box).glob("updating.json"))


# ---- device rules ----------------------------------------------------------------------


@pytest.fixture
def opener(husk, bundle, group):
    """A container that tells which of its device nodes it may read: kmsg (1:11), loop-control (10:237)."""
    if not ROOT:
        pytest.skip("needs root: device rules")
    bundle.process["capabilities"] = {k: ["CAP_MKNOD", "CAP_DAC_OVERRIDE", "CAP_SYSLOG"] for k in ("bounding", "effective", "permitted")}
    ident = husk.started(bundle)
    husk("exec", ident, "sh", "-c", "mknod /tmp/kmsg c 1 11; mknod /tmp/loop c 10 237", check=0)

    def may():
        out = husk("exec", ident, "sh", "-c", "for d in kmsg loop; do (: </tmp/$d) 2>/dev/null && echo $d; done; echo >/dev/null && echo null",
                   check=0).out.split()
        assert out[-1] == "null", "what every container has stays"
        return out[:-1]
    may.id = ident
    yield may
    husk("delete", "--force", ident, check=0)


def test_device_rules_are_added_one_after_the_other(husk, opener):
    assert opener() == []
    husk("update", "--device-rule=allow c 1:11 r", opener.id, check=0)
    assert opener() == ["kmsg"]
    husk("update", "--device-rule=allow c 10:237 rwm", opener.id, check=0)
    assert opener() == ["kmsg", "loop"]
    husk("update", "--device-rule=deny c 1:11 r", opener.id, check=0)
    assert opener() == ["loop"]
    husk("update", "--device-rule=deny a", opener.id, check=0)
    assert opener() == []
    husk("update", "--device-rule=allow a", opener.id, check=0)
    assert opener() == ["kmsg", "loop"]
    husk("update", "--device-rule=deny c 1:11 rwm", opener.id, check=0)
    assert opener() == ["loop"]


def test_device_rules_change_at_once_for_a_process_that_runs(husk, opener):
    """What is allowed before and after is never refused between, what is denied never allowed."""
    husk("update", "--device-rule=allow c 1:11 r", opener.id, check=0)
    p = husk.popen("exec", opener.id, "sh", "-c", "until [ -e /tmp/stop ]; do true </tmp/kmsg || echo refused; true </tmp/loop && echo allowed;"
                   " echo; done 2>/dev/null", stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "\n"
    for minor in range(100, 120):
        husk("update", f"--device-rule=allow c 10:{minor} rwm", opener.id, check=0)
    rules = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}]
    for more in ([], [{"allow": True, "type": "c", "major": 4, "minor": 64, "access": "r"}]) * 5:
        husk("update", "-r", "-", opener.id, stdin=json.dumps({"devices": rules + more}), check=0)
    husk("exec", opener.id, "touch", "/tmp/stop", check=0)
    out = p.communicate(timeout=20)[0]
    assert set(out.split()) == set() and out.count("\n") > 20


def test_device_rules_of_a_file_replace_those_there_are(husk, opener):
    rules = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}]
    husk("update", "-r", "-", opener.id, stdin=json.dumps({"devices": rules}), check=0)
    assert opener() == ["kmsg"]
    rules[1]["minor"], rules[1]["major"] = 237, 10
    husk("update", "-r", "-", opener.id, stdin=json.dumps({"devices": rules}), check=0)
    assert opener() == ["loop"]
    husk("update", "-r", "-", "--device-rule=allow c 1:11 r", opener.id, stdin=json.dumps({"devices": rules}), check=0)
    assert opener() == ["kmsg", "loop"]


def test_a_lone_deny_all_is_what_engines_send_for_nothing(husk, opener):
    husk("update", "--device-rule=allow c 1:11 r", opener.id, check=0)
    husk("update", "-r", "-", opener.id, stdin='{"devices": [{"allow": false, "access": "rwm"}], "pids": {"limit": 40}}', check=0)
    assert opener() == ["kmsg"]


@only_v1
def test_rules_that_somebody_else_has_added_outlive_an_update_of_the_same_rules(husk, opener, group):
    """Hooks for GPUs write to the cgroup; engines send the rules of the config back with each update."""
    rules = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}]
    husk("update", "-r", "-", opener.id, stdin=json.dumps({"devices": rules}), check=0)
    with open(f"/sys/fs/cgroup/devices/{group}/devices.allow", "w") as f:
        f.write("c 10:237 r")
    husk("update", "-r", "-", opener.id, stdin=json.dumps({"devices": rules, "pids": {"limit": 40}}), check=0)
    husk("update", "--pids-limit=41", opener.id, check=0)
    assert opener() == ["kmsg", "loop"]


def test_a_failed_update_leaves_device_rules_as_they_were(husk, opener, group):
    husk("update", "--device-rule=allow c 1:11 r", opener.id, check=0)
    before = settings(group)
    for bad in (["--device-read-bps=4000:1=1"], ["--cpu-quota=5"]):
        assert husk("update", "--device-rule=deny a", "--device-rule=allow c 10:237 r", *bad, opener.id).code != 0
        assert opener() == ["kmsg"] and settings(group) == before


@only_v1
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_a_failure_before_the_device_rules_does_not_touch_them(husk, opener):
    """Putting them back would begin with the refusal of all devices."""
    code, trace = traced(husk, ["update", "--device-rule=allow a", "--cpu-quota=5", opener.id], "-e", "trace=openat2")
    assert code != 0 and "cpu.cfs_quota_us" in trace
    assert "devices.allow" not in trace and "devices.deny" not in trace


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("when", [1, 2], ids=["before", "after"])
def test_when_the_record_cannot_be_written_all_is_taken_back_device_rules_too(husk, opener, group, when):
    husk("update", "--device-rule=allow c 1:11 r", opener.id, check=0)
    before = settings(group)
    code, trace = traced(husk, ["update", "--pids-limit=44", "--device-rule=deny a", "--device-rule=allow c 10:237 r", opener.id],
                         "-e", "trace=renameat", "-e", f"inject=renameat:error=ENOSPC:when={when}")
    assert code == 1 and "ENOSPC" in trace
    assert opener() == ["kmsg"] and settings(group) == before


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_killed_before_the_record_is_true_device_rules_are_taken_back(husk, opener, group):
    husk("update", "--device-rule=allow c 1:11 r", opener.id, check=0)
    before = settings(group)
    words = ["update", "--pids-limit=44", "--device-rule=deny a", "--device-rule=allow c 10:237 r", opener.id]
    traced(husk, words, "-e", "trace=renameat", "-e", "inject=renameat:signal=KILL:when=2")
    assert opener() == ["loop"] and (husk.root / opener.id / "updating.json").exists()
    husk("update", opener.id, check=0)
    assert opener() == ["kmsg"] and settings(group) == before


@only_v1
def test_a_rule_that_v1_would_ignore_is_refused(husk, opener, group):
    husk("update", "--device-rule=allow c 10:* rwm", opener.id, check=0)
    before = settings(group)
    result = husk("update", "--device-rule=deny c 10:237 r", opener.id)
    assert result.code != 0 and "cgroup v1 cannot deny" in result.err
    assert settings(group) == before


def test_the_greatest_number_is_no_limit(husk, bundle):
    """What v1 itself shows for none is less than that, being made of whole pages."""
    ident = husk.started(bundle)
    husk("update", "--memory", str(2**63 - 1), ident, check=0)
