# SPDX-License-Identifier: Apache-2.0
"""The container's cgroups as files, in whatever hierarchy has them: the same tests hold on v1, hybrid and v2."""
import os

V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
TOPS = ["/sys/fs/cgroup"] if V2 else [f"/sys/fs/cgroup/{d}" for d in sorted(os.listdir("/sys/fs/cgroup"))
                                      if not os.path.islink(f"/sys/fs/cgroup/{d}")]


def _own():
    return next((line.rstrip("\n").split("::/", 1)[1] for line in open("/proc/self/cgroup") if line.startswith("0::")), "")


# What an absolute path of a container's cgroup begins with: root's any, a plain user's the group that he has been given
# beside which the tests run.
BASE = "" if os.access("/sys/fs/cgroup", os.W_OK) or not V2 else os.path.join(os.path.dirname(_own()), "")
# Files that a group of this kernel has; the group is a child of each hierarchy's own.
HAS = {name for top in TOPS for folder, _, files in os.walk(f"{top}/{BASE}") if folder != f"{top}/{BASE}" for name in files}
if V2:                                  # husk gives its groups what the topmost one could give, whether it does already or not
    GIVEN = {"cpuset": ["cpuset.cpus", "cpuset.mems"], "rdma": ["rdma.max"], "misc": ["misc.max"],
             "hugetlb": ["hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"] if os.path.exists("/sys/kernel/mm/hugepages/hugepages-2048kB") else []}
    HAS |= {name for controller in open(f"/sys/fs/cgroup/{BASE}cgroup.controllers").read().split() for name in GIVEN.get(controller, [])}

# What `update` can change.
SETTINGS = ("memory.limit_in_bytes memory.memsw.limit_in_bytes memory.soft_limit_in_bytes memory.swappiness memory.oom_control "
            "memory.kmem.tcp.limit_in_bytes cpu.shares cpu.cfs_quota_us cpu.cfs_period_us cpu.cfs_burst_us cpu.rt_period_us "
            "cpu.rt_runtime_us cpuset.cpus cpuset.mems blkio.bfq.weight blkio.weight "
            "blkio.throttle.read_bps_device blkio.throttle.write_bps_device blkio.throttle.read_iops_device "
            "blkio.throttle.write_iops_device devices.list memory.max memory.swap.max memory.low memory.high cpu.max cpu.max.burst "
            "cpu.weight cpu.idle io.max io.weight io.bfq.weight pids.max hugetlb.2MB.max hugetlb.2MB.rsvd.max "
            "hugetlb.2MB.limit_in_bytes rdma.max misc.max").split()


def read(group, *names):
    """The first of these files that the group has, in any hierarchy."""
    for top in TOPS:
        for name in names:
            if os.path.exists(f"{top}/{group}/{name}"):
                return open(f"{top}/{group}/{name}").read().strip()
    return None


def settings(group):
    """All that `update` could have changed. The order of device exceptions means nothing."""
    return {n: sorted(v.splitlines()) for n in SETTINGS if (v := read(group, n)) is not None}


def where(pid):
    return {line.strip().split(":", 2)[2] for line in open(f"/proc/{pid}/cgroup")}
