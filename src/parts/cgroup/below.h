/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group of its own for one process more and all that it starts, beneath the container's: so that they, and nobody else, can
 * be killed together (`exec --timeout`).  It limits nothing.  On the host.
 */
#pragma once

#include <errno.h>

#include "parts/cgroup/cgroup.h"

struct below {
	int parent;                     /* the container's group that it lies in */
	char name[48];
	struct cgroup cgroup;           /* that one directory alone; n == 0: none */
};

#define BELOW_NONE ((struct below){ .parent = -EBADF, .cgroup = CGROUP_NONE })

/*
 * Makes it in the unified hierarchy, or else in v1's freezer, and puts it in the place of the container's own in *CG,
 * where the process will enter it.  ERR_UNSUPPORTED when the container has neither.
 */
int below_make(struct below *, struct cgroup *cg, struct err *);
/* Removes the group; when something still runs in it, it stays, and goes with the container's. */
void below_undo(struct below *);
