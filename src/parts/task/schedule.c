/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets scheduler and I/O priority of a container's first process, from the host, where the
 * privilege for it is.  The process is alone at that time, and what it forks inherits both, so
 * the whole process group has them, as config.md wants.
 */
#include "parts/task/schedule.h"

#include <linux/ioprio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* struct sched_attr of sched_setattr(2), version 0; linux/sched/types.h clashes with glibc's sched.h. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

int schedule_serve(const struct schedule_plan *p, pid_t pid, struct err *e)
{
	if (p->has_scheduler) {
		struct attr attr = {
			.size = sizeof(attr), .policy = p->policy, .flags = p->flags, .nice = p->nice,
			.priority = p->priority, .runtime = p->runtime, .deadline = p->deadline, .period = p->period,
		};

		if (syscall(SYS_sched_setattr, pid, &attr, 0) < 0)
			return err_sys(e, "process.scheduler: sched_setattr");
	}
	if (p->has_io_priority && syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, p->io_priority) < 0)
		return err_sys(e, "process.ioPriority: ioprio_set");
	return 0;
}
