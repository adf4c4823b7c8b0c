/* SPDX-License-Identifier: Apache-2.0 */
/* Four hosts that exist on paper: what the planners see instead of the machine that runs the tests. */
#pragma once

#include <linux/sched.h>

#include "base/num.h"
#include "base/str.h"
#include "sys/host.h"

static const char *const host_names[] = { "v1", "hybrid", "v2", "rootless" };

#define ALL_NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWUSER | \
			CLONE_NEWCGROUP | CLONE_NEWTIME)

__attribute__((unused))
static struct host host_named(const char *name)
{
	static const struct host_v1 hierarchies[] = {
		{ "/sys/fs/cgroup/cpuset", "cpuset", "/" }, { "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct", "/" },
		{ "/sys/fs/cgroup/memory", "memory", "/" }, { "/sys/fs/cgroup/devices", "devices", "/" },
		{ "/sys/fs/cgroup/freezer", "freezer", "/" }, { "/sys/fs/cgroup/blkio", "blkio", "/" },
		{ "/sys/fs/cgroup/pids", "pids", "/" }, { "/sys/fs/cgroup/systemd", "name=systemd", "/" },
	};
	struct host h = {
		.kernel_major = 6, .kernel_minor = 12, .machine = "x86_64", .can_mount_proc = true, .has_seccomp = true,
		.last_cap = 40, .capabilities = (1ull << 41) - 1, .has_session_keyring_quota_left = true,
		.ns_kinds = ALL_NAMESPACES, .has_pidfs = true, .has_idmap = true, .cpus = 4,
	};

	if (str_eq(name, "v1") || str_eq(name, "hybrid")) {
		h.cgroups = HOST_CGROUP_V1;
		h.v1_count = ARRAY_SIZE(hierarchies);
		for (size_t i = 0; i < ARRAY_SIZE(hierarchies); i++)
			h.v1[i] = hierarchies[i];
	}
	if (str_eq(name, "hybrid")) {
		h.cgroups = HOST_CGROUP_HYBRID;
		h.v2_mount = "/sys/fs/cgroup/unified";
		h.v2_own = "/";
		h.v2_controllers = "hugetlb";
		h.has_rdt = true;
		h.rdt_mount = "/sys/fs/resctrl";
	}
	if (str_eq(name, "v2") || str_eq(name, "rootless")) {
		h.cgroups = HOST_CGROUP_V2;
		h.v2_mount = "/sys/fs/cgroup";
		h.v2_own = "/user.slice/session-1.scope";
		h.v2_controllers = "cpuset cpu io memory hugetlb pids rdma";
	}
	if (str_eq(name, "rootless")) {
		h.uid = h.gid = 1000;
		h.is_rootless = true;
		h.capabilities = 0;
	}
	return h;
}
