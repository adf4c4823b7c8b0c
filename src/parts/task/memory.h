/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.memoryPolicy: on which NUMA nodes memory comes to lie.  Set by init on itself after it is in its
 * cgroup (the cpuset bounds the nodes); execve(2) keeps it.  Source: set_mempolicy(2).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/host.h"

#define MEMORY_NODES 1024               /* MAX_NUMNODES of the kernel is 1024 at most */

struct memory_plan {
	bool is_set;
	int mode;                       /* MPOL_* with MPOL_F_* */
	const unsigned long *nodes;     /* MEMORY_NODES bits, NULL: none */
};

int memory_plan(struct memory_plan *, const struct oci_memory_policy *p, const struct host *, struct arena *,
		struct err *);
int memory_apply(const struct memory_plan *, struct err *);
