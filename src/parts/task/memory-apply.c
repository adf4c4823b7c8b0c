/* SPDX-License-Identifier: Apache-2.0 */
/* Sets linux.memoryPolicy on husk-init itself, once it is in its cgroup; execve(2) keeps it. */
#include "parts/task/memory.h"

#include <sys/syscall.h>
#include <unistd.h>

int memory_apply(const struct memory_plan *p, struct err *e)
{
	if (!p->is_set)
		return 0;
	/* The kernel takes one node less than it is told (since 2.6), hence the 1. */
	if (syscall(SYS_set_mempolicy, p->mode, p->nodes, p->nodes ? MEMORY_NODES + 1ul : 0ul) < 0)
		return err_sys(e, "linux.memoryPolicy: set_mempolicy");
	return 0;
}
