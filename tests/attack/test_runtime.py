# SPDX-License-Identifier: Apache-2.0
"""The runtime as prey: its program (R1), its processes (R2), its descriptors (R3, R4), its idea of users (R23).

CVE-2019-5736, CVE-2016-9962, CVE-2024-21626, CVE-2016-3697.
"""
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess

import pytest

from tests.conftest import wait_for
from tests.user import needs_root

HUSK = os.environ.get("HUSK", "husk")


def program():
    return shutil.which(HUSK)


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


@pytest.fixture(autouse=True)
def program_is_unchanged():
    before = digest(program())
    yield
    assert digest(program()) == before, "husk itself was changed"


# ---- R1 -----------------------------------------------------------------------------------

@pytest.mark.parametrize("argv", [["/proc/self/exe"], ["/proc/self/exe", "--version"], ["/proc/1/exe", "--version"]])
def test_own_program_does_not_run_inside(husk, bundle, argv):
    bundle.args(*argv).write()
    r = husk("run", "--bundle", bundle.path, husk.new_id())
    assert r.code != 0 and "version" not in r.out, r


def test_interpreter_that_is_the_runtime_does_not_run_inside(husk, bundle):
    script = bundle.rootfs / "bin/evil"
    script.write_text("#!/proc/self/exe\n")
    script.chmod(0o755)
    bundle.args("/bin/evil").write()
    r = husk("run", "--bundle", bundle.path, husk.new_id())
    assert r.code != 0 and "version" not in r.out, r


@needs_root("files of a process that nobody may trace")
def test_waiting_init_shows_nothing_of_the_host(husk, bundle):
    ident = husk.create(bundle.args("/bin/sleep", "100"))
    pid = husk.state(ident)["pid"]
    mine, host = os.stat(f"/proc/{pid}/exe"), os.stat(program())
    assert (mine.st_dev, mine.st_ino) != (host.st_dev, host.st_ino)
    assert "memfd" in os.readlink(f"/proc/{pid}/exe")
    with pytest.raises(OSError):
        os.close(os.open(f"/proc/{pid}/exe", os.O_WRONLY))      # running, and sealed
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        name = line.split(None, 5)[5] if len(line.split(None, 5)) > 5 else ""
        assert name == "" or name.startswith("[") or "memfd:" in name, line


LURKER = """
while :; do
  for p in /proc/[0-9]*; do
    case $p in /proc/1|/proc/$$) continue;; esac
    for f in $p/exe $p/fd/* $p/cwd $p/root; do
      t=$(readlink $f 2>/dev/null) || continue
      case $f in
      */exe) case $t in /bin/busybox|'') ;; *) echo "exe $t"; (echo x > $f) 2>/dev/null && echo "WRITTEN $f";; esac;;
      *) case $t in /|/dev/*|/proc/*|/bin*|pipe:*|socket:*|anon_inode:*|'') ;;
         /sys/fs/cgroup/*/tasks|/sys/fs/cgroup/*/cgroup.procs) [ -d $f ] && echo "fd $f $t";; *) echo "fd $f $t";; esac;;
      esac
    done
  done
done
"""


@pytest.mark.parametrize("ptrace", [False, True])
def test_exec_shows_nothing_to_a_process_that_lies_in_wait(husk, bundle, ptrace):
    """R1 d, R2: while `exec` comes in, a loop inside looks at every new process.

    With CAP_SYS_PTRACE over the same user namespace the kernel lets it look: then there must be nothing to see
    but the sealed program, which cannot be written, and no descriptor of the host except the files by which a
    process enters the container's own cgroup: from a file there is no way up.
    """
    names = ["CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_KILL"] + ["CAP_SYS_PTRACE"] * ptrace
    bundle.process["capabilities"] = {k: names for k in ("bounding", "effective", "permitted")}
    # without it init would now and then be seen reading the container's own /etc/passwd
    bundle.process["env"].append("HOME=/")
    ident = husk.started(bundle.sh(LURKER.format()))
    for _ in range(100):
        assert husk("exec", ident, "true").code == 0
    assert set(husk.output(ident).splitlines()) <= ({"exe /memfd:husk-init (deleted)"} if ptrace else set())


# ---- R3, R4 -------------------------------------------------------------------------------

def leaking(husk, bundle, *words, fds, **more):
    """husk called with descriptors of the host's root at the given numbers."""
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)

    def prepare():
        for n in fds:
            os.dup2(root, n)
    try:
        return subprocess.run(husk.argv(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              preexec_fn=prepare, close_fds=False, **more)
    finally:
        os.close(root)


@pytest.mark.parametrize("number", [*range(3, 16), 20, 100])
@pytest.mark.parametrize("through_link", [False, True])
def test_cwd_through_a_leaked_descriptor(husk, bundle, number, through_link):
    target = f"/proc/self/fd/{number}"
    if through_link:
        (bundle.rootfs / "w").symlink_to(target)
        target = "/w"
    bundle.process["cwd"] = target
    bundle.sh("pwd -P; ls -a ../../..").write()
    r = leaking(husk, bundle, "run", "--bundle", bundle.path, husk.new_id(), fds=[number])
    if r.returncode == 0:
        assert r.stdout.startswith("/") and "unreachable" not in r.stdout and "boot" not in r.stdout.split(), r
    else:
        assert r.stdout == "", r


def test_exec_cwd_through_a_leaked_descriptor(husk, bundle):
    ident = husk.started(bundle)
    for number in (3, 5, 7, 8, 9, 10, 12, 20):
        r = leaking(husk, bundle, "exec", "--cwd", f"/proc/self/fd/{number}", ident, "sh", "-c", "pwd -P; ls ../..",
                    fds=[number])
        assert r.returncode != 0 or (r.stdout.startswith("/") and "boot" not in r.stdout.split()), r


SHOW = "for f in /proc/self/fd/*; do t=$(readlink $f) && echo ${f##*/} $t; done; true"


def shown(text):
    return {int(line.split()[0]): line.split()[1] for line in text.splitlines() if len(line.split()) == 2}


def test_descriptors_of_the_caller_do_not_get_in(husk, bundle):
    bundle.sh(SHOW).write()
    r = leaking(husk, bundle, "run", "--bundle", bundle.path, husk.new_id(), fds=[3, 5, 10, 100])
    assert r.returncode == 0, r
    assert not {n: t for n, t in shown(r.stdout).items() if n > 2 and not t.startswith(("pipe:", "/proc"))}, r.stdout

    ident = husk.started(bundle.args("/bin/sleep", "100"))
    pid = husk.state(ident)["pid"]
    assert sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2"]
    r = leaking(husk, bundle, "exec", ident, "sh", "-c", SHOW, fds=[3, 5, 10, 100])
    assert not {n: t for n, t in shown(r.stdout).items() if n > 2 and not t.startswith(("pipe:", "/proc"))}, r.stdout


@needs_root("files of a process that nobody may trace")
def test_created_container_holds_no_directory_of_the_host(husk, bundle):
    """Before `start` init holds its gate; never a directory."""
    ident = husk.create(bundle.args("/bin/sleep", "100"))
    pid = husk.state(ident)["pid"]
    for n in os.listdir(f"/proc/{pid}/fd"):
        assert not os.path.isdir(f"/proc/{pid}/fd/{n}"), os.readlink(f"/proc/{pid}/fd/{n}")


def test_preserved_descriptors_and_no_others_get_in(husk, bundle):
    bundle.args("/bin/sleep", "100").write()
    ident = husk.new_id()
    read, write = os.pipe()

    def prepare():
        os.dup2(write, 3)
        os.dup2(write, 4)
        os.dup2(write, 5)
    with open(os.devnull, "r+") as null:
        done = subprocess.run(husk.argv("run", "--detach", "--preserve-fds", "1", "--bundle", bundle.path, ident),
                              stdin=null, stdout=null, stderr=null, preexec_fn=prepare, close_fds=False, timeout=60)
    os.close(read)
    os.close(write)
    assert done.returncode == 0
    assert sorted(os.listdir(f"/proc/{husk.state(ident)['pid']}/fd")) == ["0", "1", "2", "3"]


# ---- R23 ----------------------------------------------------------------------------------

BAD = ["", ":", "1:", ":1", "-1", "+1", " 1", "1 ", "0x1", "1e3", "4294967295", "4294967296", "18446744073709551616",
       "1:-1", "1:4294967295", "1:1:1", "1\n", "1.0", "0:4294967296"]


@pytest.mark.parametrize("user", BAD)
def test_exec_user_that_is_no_number_is_refused(husk, bundle, user):
    (bundle.rootfs / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n1000:x:0:0::/:/bin/sh\n-1:x:0:0::/:/bin/sh\n")
    ident = husk.started(bundle)
    r = husk("exec", "-u", user, ident, "id", "-u")
    assert r.code != 0 and r.out == "", r


@pytest.mark.parametrize("user, uid, gid", [("0", "0", "0"), ("5", "5", None), ("7:8", "7", "8"),
                                            pytest.param("4294967294:1", "4294967294", "1", marks=needs_root("ids that no range of his has")),
                                            pytest.param("2147483648", "2147483648", None, marks=needs_root("ids that no range of his has"))])
def test_exec_user_is_exactly_the_number(husk, bundle, user, uid, gid):
    ident = husk.started(bundle)
    out = husk("exec", "-u", user, ident, "grep", "^[UG]id", "/proc/self/status", check=0).out
    got = {line.split()[0]: set(line.split()[1:]) for line in out.splitlines()}
    assert got["Uid:"] == {uid}
    assert gid is None or got["Gid:"] == {gid}


@pytest.mark.parametrize("uid", [4294967295, 4294967296, -1, 1.5, "0", 1 << 64, 1e3])
def test_config_uid_that_is_no_uid_is_refused(husk, bundle, uid):
    bundle.process["user"]["uid"] = uid
    if uid == 1e3:
        text = json.dumps(bundle.config).replace("1000.0", "1e3")
        husk.refuse(bundle, "process.user.uid", text=text)
    else:
        husk.refuse(bundle, "process.user.uid")


@needs_root("ids that no range of his has")
def test_large_uid_is_honoured(husk, bundle):
    bundle.process["user"] = {"uid": 2147483648, "gid": 4294967294}
    out = husk.out(bundle.args("/bin/grep", "^[UG]id", "/proc/self/status"))
    assert out.split() == ["Uid:"] + ["2147483648"] * 4 + ["Gid:"] + ["4294967294"] * 4


PT_GNU_RELRO = 0x6474e552


def segments(path):
    """[(type, address, size in memory)] of a 64-bit program"""
    data = pathlib.Path(path).read_bytes()
    at, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    for i in range(count):
        kind, _, _, address, _, _, memory, _ = struct.unpack_from("<IIQQQQQQ", data, at + i * size)
        yield kind, address, memory


def test_what_was_relocated_at_the_start_cannot_be_written_any_more(husk, bundle):
    relocated = [(address, size) for kind, address, size in segments(program()) if kind == PT_GNU_RELRO]
    assert len(relocated) == 1
    p = husk.popen("run", "--bundle", bundle.args("/bin/sleep", "1000").write().path, husk.new_id(), stdin=subprocess.DEVNULL)
    try:
        wait_for(lambda: husk("state", husk.ids[-1]).code == 0)
        maps = [line.split() for line in pathlib.Path(f"/proc/{p.pid}/maps").read_text().splitlines()]
        mine = [[int(n, 16) for n in m[0].split("-")] + [m[1]] for m in maps if m[-1] == os.path.realpath(program())]
        begin, end = mine[0][0] + relocated[0][0], mine[0][0] + sum(relocated[0])
        page = os.sysconf("SC_PAGESIZE")
        rights = [r for b, e, r in mine if b < end // page * page and e > begin // page * page]
        assert rights and not any("w" in r for r in rights), maps
    finally:
        husk("delete", "--force", husk.ids[-1], check=0)
        p.wait()
