# SPDX-License-Identifier: Apache-2.0
"""Who runs the tests, and what that means for his containers: a plain user's have a user namespace with his id as root and
the ranges of /etc/subuid and /etc/subgid behind it.  Who is root of a user namespace already, as rootless engines are when they call
husk, needs no further one.

A test runs for all three unless it says with needs_root() what only root of the host can do.
"""
import copy
import os
import pwd
import subprocess

import pytest

INSIDE = os.geteuid() == 0 and open("/proc/self/uid_map").read().split() != ["0", "0", str(2**32 - 1)]
ROOT = os.geteuid() == 0 and not INSIDE
UID, GID = os.geteuid(), os.getegid()
NAME = pwd.getpwuid(UID).pw_name


def _range(file):
    """The first one of the user in /etc/subuid or /etc/subgid; inside, all but root."""
    if INSIDE:
        return 1, sum(int(line.split()[2]) for line in open("/proc/self/uid_map")) - 1
    names = (str(UID), NAME)
    try:
        rows = [line.strip().split(":") for line in open(file)]
    except OSError:
        rows = []
    return next(((int(first), int(n)) for name, first, n in rows if name in names), (0, 0))


def _maps(own, first, size):
    rows = [{"containerID": 0, "hostID": own, "size": 1}]
    return rows + [{"containerID": 1, "hostID": first, "size": size}] if size else rows


MAPS = {"uidMappings": _maps(UID, *_range("/etc/subuid")), "gidMappings": _maps(GID, *_range("/etc/subgid"))}
# A shell command in a user namespace with the same maps: who may touch the files of all these ids.
UNSHARE = ["unshare", "--map-auto", "--map-root-user", "--"]
WITH_FILES = UNSHARE if UID else []


def needs_root(why, inside=False):
    """A mark for what root alone can do; INSIDE: of a user namespace, too."""
    return pytest.mark.skipif(not ROOT and not (inside and INSIDE), reason=f"needs root: {why}")


def _with_files(*words):
    subprocess.run([*WITH_FILES, *map(str, words)], check=True)


def chown(ident, *paths):
    """Gives files, and what is beneath, to "USER:GROUP", or a user and the group of the same number, as a container sees them."""
    _with_files("chown", "-hR", ident if isinstance(ident, str) else f"{ident}:{ident}", *paths)


def chmod(mode, *paths):
    """Of files whoever they belong to."""
    _with_files("chmod", mode, *paths)


def give_back(top):
    """To who runs the tests, or he could not remove it.  Root's are asked for always: programs may be links to the host's."""
    if ROOT or any(os.lstat(os.path.join(folder, n)).st_uid != UID for folder, folders, files in os.walk(top) for n in folders + files):
        chown(0, top)


def for_user(config):
    """CONFIG, with a user namespace where it says nothing of one; namespaces to be joined are joined with their owner."""
    linux = config.get("linux")
    if not UID or not isinstance(linux, dict) or not isinstance(linux.get("namespaces"), list) or {*MAPS} & {*linux}:
        return config
    rows = linux["namespaces"]
    if not all(isinstance(n, dict) for n in rows) or any(n.get("type") == "user" for n in rows):
        return config
    config = copy.deepcopy(config)
    linux = config["linux"]
    others = {str(n["path"]).rsplit("/", 1)[0] for n in rows if "path" in n} - {"/proc/self/ns"}
    others = [folder for folder in sorted(others) if os.path.exists(folder + "/user")]
    if others:
        linux["namespaces"].append({"type": "user", "path": others[0] + "/user"})
    else:
        linux["namespaces"].append({"type": "user"})
        linux.update(copy.deepcopy(MAPS))
    return config


def unshare(*options):
    """The beginning of a command in new namespaces; a plain user's belong to a user namespace with his maps."""
    return [*(UNSHARE[:-1] if UID else ["unshare"]), *options]
