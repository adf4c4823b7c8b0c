# SPDX-License-Identifier: Apache-2.0
"""Nothing of a benchmark stays: the folder it works in, and cgroups with what runs in them.

Both carry the number of the process that benchmarks, so that what another one left, which was killed and could not
clean up, is told from what one that still runs needs.
"""
import os
import re
import shutil
import signal
import tempfile
import time

import floors

MINE = re.compile(r"bench-(\d+)[-.]")


def is_left(name):
    """Whether NAME belongs to this process or to one that is no more."""
    found = MINE.match(name)
    return bool(found) and (int(found[1]) == os.getpid() or not os.path.exists(f"/proc/{found[1]}"))


def groups():
    """Innermost first."""
    for point, _, _ in floors.hierarchies():
        for path, names, _ in os.walk(point):
            for name in [n for n in names if is_left(n)]:
                names.remove(name)
                yield from [p for p, _, _ in os.walk(f"{path}/{name}", topdown=False)]


def end_all(path):
    """Ends what runs in the cgroup; whether something did."""
    pids = open(path + "/cgroup.procs").read().split()
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)
    return bool(pids)


def remove_group(path):
    for _ in range(200):
        try:
            end_all(path)
            os.rmdir(path)
            return
        except FileNotFoundError:
            return
        except (ProcessLookupError, OSError):
            time.sleep(0.01)


def remove():
    for path in list(groups()):
        remove_group(path)
    for name in os.listdir(tempfile.gettempdir()):
        if is_left(name):
            shutil.rmtree(f"{tempfile.gettempdir()}/{name}", ignore_errors=True)


def workplace():
    """A folder that remove() removes."""
    remove()
    return tempfile.mkdtemp(prefix=f"bench-{os.getpid()}.")
