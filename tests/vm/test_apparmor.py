# SPDX-License-Identifier: Apache-2.0
"""AppArmor enforcing: what the confined process can no longer do, also when the one who calls husk is confined itself."""
import shutil
import subprocess
import uuid

import pytest

from tests.conftest import UNSUPPORTED

INNER = """profile {inner} flags=(attach_disconnected,mediate_deleted) {{
  file, capability, network, signal, ptrace, unix, mount, umount, pivot_root,
  deny /tmp/inner w,
}}
"""
# The caller's: everything but one write, and no change of profile unless RULE allows one.
OUTER = """profile {outer} flags=(attach_disconnected,mediate_deleted) {{
  file, capability, network, signal, ptrace, unix, mount, umount, pivot_root, userns, dbus, mqueue,
  deny /tmp/outer w,
  {rule}
}}
"""
CURRENT = "/proc/self/attr/apparmor/current"
TRY = f"cat {CURRENT}; touch /tmp/free; for f in inner outer; do touch /tmp/$f 2>/dev/null || echo no $f; done"


def is_enabled():
    try:
        return open("/sys/module/apparmor/parameters/enabled").read().startswith("Y")
    except OSError:
        return False


pytestmark = [pytest.mark.skipif(not is_enabled(), reason="needs AppArmor"),
              pytest.mark.skipif(not shutil.which("apparmor_parser") or not shutil.which("aa-exec"), reason="needs AppArmor's tools")]


@pytest.fixture
def load(tmp_path):
    """Loads a profile's text, with names of this test's own in it."""
    names = {kind: f"husk-{kind}-{uuid.uuid4().hex[:8]}" for kind in ("inner", "outer")}
    files = []

    def load(text, **more):
        files.append(tmp_path / f"profile{len(files)}")
        files[-1].write_text("abi <abi/4.0>,\n" + text.format(**names, **more))
        subprocess.run(["apparmor_parser", "-r", str(files[-1])], check=True)
    load.names = names
    yield load
    for f in files:
        subprocess.run(["apparmor_parser", "-R", str(f)], check=True)


@pytest.fixture
def inner(load, bundle):
    load(INNER)
    bundle.process["apparmorProfile"] = load.names["inner"]
    bundle.sh(TRY)
    return load.names["inner"]


def confined_run(husk, bundle, outer):
    """`husk run` by a caller with a profile of its own."""
    bundle.write()
    return subprocess.run(["aa-exec", "-p", outer, "--", *husk.argv("run", "--bundle", bundle.path, husk.new_id())],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("nnp", [True, False])
def test_the_process_and_exec_cannot_do_what_the_profile_denies(husk, bundle, inner, nnp):
    bundle.process["noNewPrivileges"] = nnp
    assert husk.out(bundle).splitlines() == [f"{inner} (enforce)", "no inner"]
    ident = husk.started(bundle.args("/bin/sleep", "100"))
    assert open(f"/proc/{husk.state(ident)['pid']}/attr/apparmor/current").read() == f"{inner} (enforce)\n"
    assert husk("exec", ident, "/bin/sh", "-c", TRY, check=0).out.splitlines() == [f"{inner} (enforce)", "no inner"]


@pytest.mark.parametrize("nnp", [True, False])
def test_a_confined_callers_profile_holds_too(husk, bundle, load, inner, nnp):
    load(OUTER, rule=f"change_profile -> &{inner},")
    bundle.process["noNewPrivileges"] = nnp
    done = confined_run(husk, bundle, load.names["outer"])
    assert done.returncode == 0, done
    label, *refused = done.stdout.splitlines()
    assert refused == ["no inner", "no outer"]
    assert set(label.removesuffix(" (enforce)").split("//&")) == {inner, load.names["outer"]}


def test_a_confined_caller_that_may_change_its_profile_does(husk, bundle, load, inner):
    load(OUTER, rule=f"change_profile -> {inner},")
    bundle.process["noNewPrivileges"] = False
    done = confined_run(husk, bundle, load.names["outer"])
    assert done.stdout.splitlines() == [f"{inner} (enforce)", "no inner"], done


@pytest.mark.parametrize("profile", ["inner", "unconfined"])
def test_a_confined_caller_that_may_do_neither_is_refused(husk, bundle, load, inner, profile):
    load(OUTER, rule="")
    bundle.process["apparmorProfile"] = load.names.get(profile, profile)
    done = confined_run(husk, bundle, load.names["outer"])
    assert done.returncode != 0 and bundle.process["apparmorProfile"] in done.stderr and done.stdout == "", done
    assert not list(husk.root.glob("t*"))


def test_a_container_of_a_confined_caller_without_a_profile_has_the_callers(husk, bundle, load):
    load(OUTER, rule="")
    done = confined_run(husk, bundle.sh(TRY), load.names["outer"])
    assert done.stdout.splitlines() == [f"{load.names['outer']} (enforce)", "no outer"], done


@pytest.mark.parametrize("confined", [True, False])
def test_a_profile_that_is_not_loaded_is_an_error_that_names_it_and_leaves_nothing(husk, bundle, load, confined):
    bundle.process["apparmorProfile"] = "husk-no-such-profile"
    if not confined:
        husk.refuse(bundle, 'AppArmor profile "husk-no-such-profile"')
        return
    load(OUTER, rule="")
    done = confined_run(husk, bundle, load.names["outer"])
    assert done.returncode != 0 and 'AppArmor profile "husk-no-such-profile"' in done.stderr, done
    assert not list(husk.root.glob("t*"))


def test_exec_with_a_profile_that_is_not_loaded_is_an_error(husk, bundle):
    ident = husk.started(bundle)
    done = husk("exec", "--apparmor", "husk-no-such-profile", ident, "/bin/true")
    assert done.code != 0 and "husk-no-such-profile" in done.err


def test_a_label_of_selinux_is_refused_here(husk, bundle):
    bundle.process["selinuxLabel"] = "system_u:system_r:container_t:s0"
    assert husk.refuse(bundle, "process.selinuxLabel", "SELinux is not enabled").code == UNSUPPORTED
    del bundle.process["selinuxLabel"]
    bundle.linux["mountLabel"] = "system_u:object_r:container_file_t:s0"
    husk.refuse(bundle, "linux.mountLabel")
