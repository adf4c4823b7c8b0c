/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entering the v1 cgroups: in husk-init, at the stage "place", through descriptors that husk opened and
 * passed; where nothing has to be done before, spawn.c does it at birth.  "0" means "who writes"; the kernel then needs not
 * stop every fork on the machine, as it does for others.
 */
#include "parts/cgroup/cgroup.h"

#include "sys/fd.h"

int cgroup_enter_apply(int fds[], int n, struct err *e)
{
	int r = 0;

	for (int i = 0; i < n && r == 0; i++)
		if (fd_write_all(fds[i], "0", 1, e) < 0)
			r = err_in(e, "enter cgroup %d of %d", i + 1, n);
	fd_close_all(fds, n);
	return r;
}
