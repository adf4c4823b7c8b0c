/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits in the words of cgroup v1.  Pure; see limits.h.  Sources: the kernel's
 * Documentation/admin-guide/cgroup-v1/{memory,blkio-controller,hugetlb,devices}.rst, and the
 * scheduler's sched-bwc.rst.
 */
#include "parts/cgroup/limits.h"

#include <stdio.h>

#include "parts/cgroup/devices.h"

#define MEMORY "linux.resources.memory."
#define CPU    "linux.resources.cpu."
#define BLKIO  "linux.resources.blockIO."

/* Newer kernels have no limit for kernel memory (5.16: of its own), refuse to set one, or ignore it. */
static int kernel_memory(struct limits *l, int dir, const char *path, const char *file, int64_t v)
{
	if (!v)
		return 0;
	return limits_add(l, dir, v < 0 ? WRITE_OPTIONAL : WRITE_VERIFY, path, file, "%lld", (long long)v);
}

int limits_v1_memory(struct limits *l, int dir, const struct oci_memory *m)
{
	/* use_hierarchy first: it cannot be changed once there are limits on children. */
	if (m->use_hierarchy.set &&
	    limits_add(l, dir, m->use_hierarchy.v ? WRITE_OPTIONAL : 0, MEMORY "useHierarchy", "memory.use_hierarchy",
		       "%d", m->use_hierarchy.v) < 0)
		return -1;
	/*
	 * memory <= memory+swap must hold all the time: when both rise, memory+swap goes first, when both
	 * fall, memory does.  Which it is is seen when the kernel refuses.
	 */
	if (m->limit.v &&
	    limits_add(l, dir, (m->swap.v || m->limit.v < 0 ? WRITE_PAIR : 0) | (m->check_before_update.v ? WRITE_NO_LESS : 0),
		       MEMORY "limit", "memory.limit_in_bytes", "%lld", (long long)m->limit.v) < 0)
		return -1;
	if (m->swap.v || m->limit.v < 0) {
		/* Unlimited memory alone would be refused while memory+swap is still limited. */
		int64_t swap = m->swap.v ? m->swap.v : -1;

		if (limits_add(l, dir, swap < 0 ? WRITE_OPTIONAL : 0, MEMORY "swap", "memory.memsw.limit_in_bytes", "%lld",
			       (long long)swap) < 0)
			return -1;
	}
	if (m->reservation.v &&
	    limits_add(l, dir, 0, MEMORY "reservation", "memory.soft_limit_in_bytes", "%lld",
		       (long long)m->reservation.v) < 0)
		return -1;
	if (kernel_memory(l, dir, MEMORY "kernel", "memory.kmem.limit_in_bytes", m->kernel.v) < 0 ||
	    kernel_memory(l, dir, MEMORY "kernelTCP", "memory.kmem.tcp.limit_in_bytes", m->kernel_tcp.v) < 0)
		return -1;
	if (m->swappiness.set &&
	    limits_add(l, dir, 0, MEMORY "swappiness", "memory.swappiness", "%llu",
		       (unsigned long long)m->swappiness.v) < 0)
		return -1;
	/* false is what a new group has; Docker always says it. */
	if (m->disable_oom_killer.v &&
	    limits_add(l, dir, 0, MEMORY "disableOOMKiller", "memory.oom_control", "1") < 0)
		return -1;
	return 0;
}

int limits_v1_cpu(struct limits *l, int dir, const struct oci_cpu *c)
{
	/* An idle group has no weight, and the kernel refuses to set one. */
	if (c->idle.set &&
	    limits_add(l, dir, c->idle.v ? 0 : WRITE_OPTIONAL, CPU "idle", "cpu.idle", "%lld", (long long)c->idle.v) < 0)
		return -1;
	if (c->shares.v && !(c->idle.set && c->idle.v) &&
	    limits_add(l, dir, 0, CPU "shares", "cpu.shares", "%llu", (unsigned long long)c->shares.v) < 0)
		return -1;
	/* The kernel refuses a runtime beyond the period: the period first, unless the old runtime forbids it. */
	if (c->realtime_period.v &&
	    limits_add(l, dir, c->realtime_runtime.v ? WRITE_PAIR : 0, CPU "realtimePeriod", "cpu.rt_period_us", "%llu",
		       (unsigned long long)c->realtime_period.v) < 0)
		return -1;
	if (c->realtime_runtime.v &&
	    limits_add(l, dir, 0, CPU "realtimeRuntime", "cpu.rt_runtime_us", "%lld",
		       (long long)c->realtime_runtime.v) < 0)
		return -1;
	/* A parent may have a limit that one order violates on the way; then the other one does not. */
	if (c->period.v &&
	    limits_add(l, dir, c->quota.v ? WRITE_PAIR : 0, CPU "period", "cpu.cfs_period_us", "%llu",
		       (unsigned long long)c->period.v) < 0)
		return -1;
	if (c->quota.v &&
	    limits_add(l, dir, c->burst.set ? WRITE_PAIR : 0, CPU "quota", "cpu.cfs_quota_us", "%lld",
		       (long long)c->quota.v) < 0)
		return -1;
	if (c->burst.set &&
	    limits_add(l, dir, c->burst.v ? 0 : WRITE_OPTIONAL, CPU "burst", "cpu.cfs_burst_us", "%llu",
		       (unsigned long long)c->burst.v) < 0)
		return -1;
	return 0;
}

static void undo_text(struct limits *l, const char *fmt, long long major, long long minor)
{
	l->out->v[l->out->n - 1].undo = arena_printf(l->arena, fmt, major, minor);
}

static int weight_device(struct limits *l, int dir, const struct oci_weight_device *d, size_t i)
{
	char path[96];

	if (d->weight.v) {
		snprintf(path, sizeof(path), BLKIO "weightDevice[%zu].weight", i);
		/* The CFQ scheduler's files are gone since 5.0, BFQ has its own. */
		if (limits_add(l, dir, WRITE_ELSE | WRITE_KEYED, path, "blkio.weight_device", "%lld:%lld %u",
			       (long long)d->major, (long long)d->minor, d->weight.v) < 0)
			return -1;
		undo_text(l, "%lld:%lld 0", d->major, d->minor);
		if (limits_add(l, dir, WRITE_KEYED, path, "blkio.bfq.weight_device", "%lld:%lld %u",
			       (long long)d->major, (long long)d->minor, d->weight.v) < 0)
			return -1;
		undo_text(l, "%lld:%lld 0", d->major, d->minor);
	}
	if (d->leaf_weight.v) {
		snprintf(path, sizeof(path), BLKIO "weightDevice[%zu].leafWeight", i);
		if (limits_add(l, dir, WRITE_KEYED, path, "blkio.leaf_weight_device", "%lld:%lld %u",
			       (long long)d->major, (long long)d->minor, d->leaf_weight.v) < 0)
			return -1;
		undo_text(l, "%lld:%lld 0", d->major, d->minor);
	}
	return 0;
}

static int throttle(struct limits *l, int dir, const char *member, const char *file, size_t n,
		    const struct oci_throttle_device *v)
{
	char path[96];

	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), BLKIO "%s[%zu]", member, i);
		if (limits_add(l, dir, WRITE_KEYED, path, file, "%lld:%lld %llu", (long long)v[i].major,
			       (long long)v[i].minor, (unsigned long long)v[i].rate) < 0)
			return -1;
		undo_text(l, "%lld:%lld 0", v[i].major, v[i].minor);
	}
	return 0;
}

int limits_v1_block_io(struct limits *l, int dir, const struct oci_block_io *b)
{
	if (b->weight.v &&
	    (limits_add(l, dir, WRITE_ELSE, BLKIO "weight", "blkio.weight", "%u", b->weight.v) < 0 ||
	     limits_add(l, dir, 0, BLKIO "weight", "blkio.bfq.weight", "%u", b->weight.v) < 0))
		return -1;
	if (b->leaf_weight.v &&
	    limits_add(l, dir, 0, BLKIO "leafWeight", "blkio.leaf_weight", "%u", b->leaf_weight.v) < 0)
		return -1;
	for (size_t i = 0; i < b->weight_device.n; i++)
		if (weight_device(l, dir, &b->weight_device.v[i], i) < 0)
			return -1;
	if (throttle(l, dir, "throttleReadBpsDevice", "blkio.throttle.read_bps_device",
		     b->throttle_read_bps.n, b->throttle_read_bps.v) < 0 ||
	    throttle(l, dir, "throttleWriteBpsDevice", "blkio.throttle.write_bps_device",
		     b->throttle_write_bps.n, b->throttle_write_bps.v) < 0 ||
	    throttle(l, dir, "throttleReadIOPSDevice", "blkio.throttle.read_iops_device",
		     b->throttle_read_iops.n, b->throttle_read_iops.v) < 0 ||
	    throttle(l, dir, "throttleWriteIOPSDevice", "blkio.throttle.write_iops_device",
		     b->throttle_write_iops.n, b->throttle_write_iops.v) < 0)
		return -1;
	return 0;
}

int limits_v1_devices(struct limits *l, int dir, const struct oci_resources *r)
{
	struct device_rules rules;

	if (devices_rules(&rules, r, l->arena, l->e) < 0)
		return -1;
	for (size_t i = 0; i < rules.n; i++)
		if (limits_add(l, dir, 0, "linux.resources.devices",
			       rules.v[i].allow ? "devices.allow" : "devices.deny", "%s",
			       devices_text(&rules.v[i], l->arena)) < 0)
			return -1;
	return 0;
}
