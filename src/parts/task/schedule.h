/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When and where the process runs: process.scheduler, process.ioPriority, process.execCPUAffinity.
 *
 * Scheduler and I/O priority need CAP_SYS_NICE of the initial user namespace, so the host sets them on
 * init's pid (schedule_serve, at READY or PLACE); children inherit both.  Affinity is unprivileged
 * and belongs before and after the move into the cgroup (its cpuset), so init does it.
 * A new container starts with the affinity of its cpuset, not with the one of whoever called husk.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/host.h"

#define SCHEDULE_CPUS 8192              /* CONFIG_NR_CPUS is 8192 at most */

struct schedule_plan {
	bool has_scheduler;
	uint32_t policy;                /* SCHED_* */
	uint64_t flags;                 /* SCHED_FLAG_* */
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;     /* nanoseconds */
	bool has_io_priority;
	int io_priority;                /* IOPRIO_PRIO_VALUE(class, level) */
	const unsigned long *initial;   /* masks of SCHEDULE_CPUS bits, NULL: leave it */
	const unsigned long *final;
};

/* P may be NULL. IS_EXEC: execCPUAffinity counts only for exec (config.md). PATH is "process". */
int schedule_plan(struct schedule_plan *, const struct oci_process *p, bool is_exec, const char *path,
		  const struct host *, struct arena *, struct err *);

/* Host: scheduler and I/O priority of PID. */
int schedule_serve(const struct schedule_plan *, pid_t, struct err *);
/* Init: the mask before the move into the cgroup, and the one after it. */
int schedule_initial_apply(const struct schedule_plan *, struct err *);
int schedule_final_apply(const struct schedule_plan *, struct err *);
