/* SPDX-License-Identifier: Apache-2.0 */
/* CPU affinity, set by husk-init on itself: before it enters its cgroup, and after. */
#include "parts/task/schedule.h"

#include <sys/syscall.h>
#include <unistd.h>

static int set(const unsigned long *mask, const char *which, struct err *e)
{
	if (!mask)
		return 0;
	/* The system call takes a mask of any length; CPUs that do not exist are ignored. */
	if (syscall(SYS_sched_setaffinity, 0, SCHEDULE_CPUS / 8, mask) < 0)
		return err_sys(e, "set the %s CPU affinity", which);
	return 0;
}

int schedule_initial_apply(const struct schedule_plan *p, struct err *e)
{
	return set(p->initial, "initial", e);
}

int schedule_final_apply(const struct schedule_plan *p, struct err *e)
{
	return set(p->final, "final", e);
}
