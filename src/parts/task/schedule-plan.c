/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.scheduler, process.ioPriority, process.execCPUAffinity as numbers of the kernel, with what
 * sched_setattr(2) would refuse refused here, where the member can be named. Pure, in husk.
 */
#include "parts/task/schedule.h"

#include <linux/ioprio.h>
#include <linux/sched.h>

#include "base/num.h"

static const uint32_t policies[] = {
	[OCI_SCHED_OTHER] = SCHED_NORMAL, [OCI_SCHED_FIFO] = SCHED_FIFO, [OCI_SCHED_RR] = SCHED_RR,
	[OCI_SCHED_BATCH] = SCHED_BATCH, [OCI_SCHED_IDLE] = SCHED_IDLE, [OCI_SCHED_DEADLINE] = SCHED_DEADLINE,
};

static const uint64_t flags[] = {
	[OCI_SCHED_FLAG_RESET_ON_FORK] = SCHED_FLAG_RESET_ON_FORK, [OCI_SCHED_FLAG_RECLAIM] = SCHED_FLAG_RECLAIM,
	[OCI_SCHED_FLAG_DL_OVERRUN] = SCHED_FLAG_DL_OVERRUN, [OCI_SCHED_FLAG_KEEP_POLICY] = SCHED_FLAG_KEEP_POLICY,
	[OCI_SCHED_FLAG_KEEP_PARAMS] = SCHED_FLAG_KEEP_PARAMS,
};

static bool is_realtime(enum oci_sched policy)
{
	return policy == OCI_SCHED_FIFO || policy == OCI_SCHED_RR;
}

static int scheduler_flags(struct schedule_plan *p, const struct oci_scheduler *s, const char *path, struct err *e)
{
	for (size_t i = 0; i < s->flags.n; i++) {
		enum oci_sched_flag flag = s->flags.v[i];

		/* They need sched_util_min and _max, for which the specification has no member. */
		if (flag == OCI_SCHED_FLAG_UTIL_CLAMP_MIN || flag == OCI_SCHED_FLAG_UTIL_CLAMP_MAX)
			return err_set(e, ERR_UNSUPPORTED, "%s.scheduler.flags[%zu]: %s: the specification has no "
				       "member for its value", path, i, spec_enum_name(&oci_sched_flags, flag));
		if ((flag == OCI_SCHED_FLAG_RECLAIM || flag == OCI_SCHED_FLAG_DL_OVERRUN) &&
		    s->policy != OCI_SCHED_DEADLINE)
			return err_set(e, ERR_SPEC, "%s.scheduler.flags[%zu]: %s is for SCHED_DEADLINE alone", path, i,
				       spec_enum_name(&oci_sched_flags, flag));
		p->flags |= flags[flag];
	}
	return 0;
}

static int deadline(struct schedule_plan *p, const struct oci_scheduler *s, const char *path, struct err *e)
{
	/* sched(7): the kernel takes none below 1024 ns, and wants runtime <= deadline <= period. */
	if (s->runtime < 1024)
		return err_set(e, ERR_SPEC, "%s.scheduler.runtime: less than 1024 ns", path);
	if (s->deadline < s->runtime)
		return err_set(e, ERR_SPEC, "%s.scheduler.deadline: less than the runtime", path);
	if (s->period && s->period < s->deadline)
		return err_set(e, ERR_SPEC, "%s.scheduler.period: less than the deadline", path);
	p->runtime = s->runtime;
	p->deadline = s->deadline;
	p->period = s->period;
	return 0;
}

static int scheduler(struct schedule_plan *p, const struct oci_scheduler *s, const char *path, struct err *e)
{
	const char *word = spec_enum_name(&oci_sched_policies, s->policy);

	if (s->policy == OCI_SCHED_ISO)
		return err_set(e, ERR_UNSUPPORTED, "%s.scheduler.policy: no Linux kernel has SCHED_ISO", path);
	if (s->nice < -20 || s->nice > 19)
		return err_set(e, ERR_SPEC, "%s.scheduler.nice: %d is not in -20..19", path, s->nice);
	if (is_realtime(s->policy) && (s->priority < 1 || s->priority > 99))
		return err_set(e, ERR_SPEC, "%s.scheduler.priority: %s needs one in 1..99", path, word);
	if (!is_realtime(s->policy) && s->priority)
		return err_set(e, ERR_SPEC, "%s.scheduler.priority: only for SCHED_FIFO and SCHED_RR", path);
	p->has_scheduler = true;
	p->policy = policies[s->policy];
	p->nice = s->nice;
	p->priority = (uint32_t)s->priority;
	if (scheduler_flags(p, s, path, e) < 0)
		return -1;
	if (s->policy == OCI_SCHED_DEADLINE)
		return deadline(p, s, path, e);
	if (s->runtime || s->deadline || s->period)
		return err_set(e, ERR_SPEC, "%s.scheduler.%s: only for SCHED_DEADLINE", path,
			       s->runtime ? "runtime" : s->deadline ? "deadline" : "period");
	return 0;
}

static int io_priority(struct schedule_plan *p, const struct oci_io_priority *io, const char *path, struct err *e)
{
	static const int classes[] = {
		[OCI_IOPRIO_RT] = IOPRIO_CLASS_RT, [OCI_IOPRIO_BE] = IOPRIO_CLASS_BE,
		[OCI_IOPRIO_IDLE] = IOPRIO_CLASS_IDLE,
	};

	if (io->priority < 0 || io->priority > 7)
		return err_set(e, ERR_SPEC, "%s.ioPriority.priority: %d is not in 0..7", path, io->priority);
	p->has_io_priority = true;
	p->io_priority = IOPRIO_PRIO_VALUE(classes[io->class], io->priority);
	return 0;
}

static int cpu_list(const unsigned long **mask, const char *text, const char *path, const char *member,
		    const struct host *host, struct arena *a, struct err *e)
{
	const size_t bits = 8 * sizeof(unsigned long);
	unsigned long *m;

	if (!text || !*text)
		return 0;
	m = ARENA_ARRAY(a, unsigned long, SCHEDULE_CPUS / bits);
	if (!num_parse_list(text, m, SCHEDULE_CPUS))
		return err_set(e, ERR_SPEC, "%s.execCPUAffinity.%s: \"%s\" is no list of CPUs", path, member, text);
	*mask = m;
	for (size_t cpu = 0; cpu < host->cpus; cpu++)
		if (m[cpu / bits] & 1ul << cpu % bits)
			return 0;
	if (!host->cpus)
		return 0;
	return err_set(e, ERR_UNSUPPORTED, "%s.execCPUAffinity.%s: this host has none of the CPUs %s", path, member, text);
}

int schedule_plan(struct schedule_plan *p, const struct oci_process *proc, bool is_exec, const char *path,
		  const struct host *host, struct arena *a, struct err *e)
{
	unsigned long *all;

	*p = (struct schedule_plan){ 0 };
	if (proc && proc->scheduler && scheduler(p, proc->scheduler, path, e) < 0)
		return -1;
	if (proc && proc->io_priority && io_priority(p, proc->io_priority, path, e) < 0)
		return -1;
	/* Checked for create too, where it means nothing: a mistake shall not wait for the first exec. */
	if (proc && proc->exec_cpu_affinity) {
		struct schedule_plan scratch = { 0 }, *to = is_exec ? p : &scratch;

		if (cpu_list(&to->initial, proc->exec_cpu_affinity->initial, path, "initial", host, a, e) < 0 ||
		    cpu_list(&to->final, proc->exec_cpu_affinity->final, path, "final", host, a, e) < 0)
			return -1;
	}
	if (p->initial || p->final)
		return 0;
	/* All CPUs, which the kernel narrows to those of the cpuset: the caller's own affinity does not leak in. */
	all = ARENA_ARRAY(a, unsigned long, SCHEDULE_CPUS / (8 * sizeof(*all)));
	for (size_t i = 0; i < SCHEDULE_CPUS / (8 * sizeof(*all)); i++)
		all[i] = ~0ul;
	p->final = all;
	return 0;
}
