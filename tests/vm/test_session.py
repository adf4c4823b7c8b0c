# SPDX-License-Identifier: Apache-2.0
"""A user whose shell is in a session of its own (ssh, a console), not beneath his systemd: nothing there is delegated to him, and the
kernel lets him move no process between the two."""
import json
import os
import shutil
import subprocess
import uuid

import pytest

from tests.conftest import Bundle

HUSK = os.environ.get("HUSK", "husk")
SLICE = "/sys/fs/cgroup/user.slice/user-1000.slice"

pytestmark = [pytest.mark.skipif(os.environ.get("HUSK_HOST") != "systemd", reason="only in the machine with systemd, v2 and AppArmor: "
                                 "SELinux's lets no logind start")]


class Session:
    """The user "tester" in a session's scope, with husk and a bundle of his."""

    def __init__(self, folder):
        self.folder, self.ident = folder, "t" + uuid.uuid4().hex[:12]
        self.scope = f"{SLICE}/session-{self.ident}.scope"
        self.bundle = Bundle(folder / "bundle")
        self.bundle.config["mounts"] = self.bundle.config["mounts"][:2]         # /proc, /dev
        self.bundle.linux.pop("resources")
        self.bundle.linux["namespaces"] = [{"type": t} for t in ("user", "mount", "pid", "cgroup", "uts")]
        for kind in ("uidMappings", "gidMappings"):
            self.bundle.linux[kind] = [{"containerID": 0, "hostID": 1000, "size": 1}]
        self.bundle.args("sleep", "1000")
        # these want a /tmp of memory, which would be mounted over the one where everything is
        subprocess.run(["systemctl", "mask", "--runtime", "--quiet", "tmp.mount"], check=True)
        subprocess.run(["systemctl", "start", "systemd-logind.service", "user@1000.service"], check=True)
        for parent in folder.parents:
            if parent != parent.parent:
                parent.chmod(parent.stat().st_mode | 0o055)
        shutil.chown(folder, 1000, 1000)
        os.makedirs(self.scope)

    def __call__(self, *words, check=0):
        enter = f'echo $$ >{self.scope}/cgroup.procs; exec "$@"'
        done = subprocess.run(["sh", "-c", enter, "sh", "setpriv", "--reuid=1000", "--regid=1000", "--init-groups", "--reset-env", "env",
                               "XDG_RUNTIME_DIR=/run/user/1000", "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus", *map(str, words)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert check is None or done.returncode == check, done
        return done

    def husk(self, *words, check=0):
        return self(HUSK, "--root", self.folder / "state", *words, check=check)

    def run(self, *before, options=(), check=0):
        """Detached; what outlives the command has no use for its pipes."""
        self.bundle.write()
        words = [*before, HUSK, "--root", self.folder / "state", *options, "run", "--detach", "--bundle", self.bundle.path, self.ident]
        done = self("sh", "-c", '"$@" </dev/null >/dev/null 2>"$0"', self.folder / "err", *words, check=None)
        assert done.returncode == check, f"{done.returncode}: {self.err()}"

    def err(self):
        return (self.folder / "err").read_text()

    def close(self):
        self.husk("delete", "--force", self.ident, check=None)
        os.rmdir(self.scope)


@pytest.fixture
def session(tmp_path):
    made = Session(tmp_path)
    try:
        yield made
    finally:
        made.close()


def where(pid):
    return open(f"/proc/{pid}/cgroup").read().strip()


def pid_of(session):
    return json.loads(session.husk("state", session.ident).stdout)["pid"]


@pytest.mark.parametrize("subgroup", ["", "/a/b"])
def test_exec_gets_into_the_scope_of_a_container_by_systemds_help(session, subgroup):
    session.bundle.config["annotations"] = {"run.oci.systemd.subgroup": subgroup[1:]}
    session.bundle.linux["resources"] = {"pids": {"limit": 33}}
    session.run(options=["--systemd-cgroup"])
    own = where(pid_of(session))
    assert own.endswith(f"/husk-{session.ident}.scope{subgroup}") and "user@1000.service" in own
    assert session.husk("exec", session.ident, "cat", "/proc/self/cgroup").stdout == "0::/\n"
    session("sh", "-c", f'{HUSK} --root {session.folder}/state exec --detach --pid-file {session.folder}/pid {session.ident} sleep 77 '
            "</dev/null >/dev/null 2>&1")
    assert where((session.folder / "pid").read_text()) == own
    assert session.husk("exec", "--timeout", "10s", session.ident, "cat", "/proc/self/cgroup").stdout.startswith("0::/exec-")


def test_exec_is_refused_where_nobody_can_help_and_says_what_can_be_done(session):
    session.run("systemd-run", "--user", "--scope", "--quiet", "-p", "Delegate=yes")
    assert "user@1000.service" in where(pid_of(session))
    done = session.husk("exec", session.ident, "true", check=None)
    assert done.returncode == 255 and "permission denied" in done.stderr and "systemd-run --user --scope" in done.stderr
    again = ["systemd-run", "--user", "--scope", "--quiet", HUSK, "--root", session.folder / "state", "exec", session.ident, "echo", "in it"]
    assert session(*again).stdout == "in it\n"


def test_limits_without_a_delegated_cgroup_are_refused_with_what_can_be_done(session):
    session.bundle.linux["resources"] = {"pids": {"limit": 33}}
    session.run(check=1)
    assert "permission denied" in session.err() and "--systemd-cgroup" in session.err()
    session.run("systemd-run", "--user", "--scope", "--quiet", "-p", "Delegate=yes")
    assert open("/sys/fs/cgroup" + where(pid_of(session))[3:] + "/pids.max").read() == "33\n"


def test_without_limits_a_container_stays_in_the_session(session):
    session.run()
    assert where(pid_of(session)) == "0::" + session.scope[len("/sys/fs/cgroup"):]
    assert session.husk("exec", session.ident, "echo", "in it").stdout == "in it\n"
