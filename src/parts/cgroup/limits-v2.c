/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits in the words of cgroup v2: the members of linux.resources were made for v1, so they
 * are converted, and what has no counterpart is an error (config-linux.md "Unified": "If
 * the conversion is not possible the runtime MUST generate an error").  Pure; see limits.h.
 * Source: Documentation/admin-guide/cgroup-v2.rst.
 */
#include "parts/cgroup/limits.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

#define MEMORY "linux.resources.memory."
#define CPU    "linux.resources.cpu."
#define BLKIO  "linux.resources.blockIO."

static int impossible(struct limits *l, const char *path)
{
	return err_set(l->e, ERR_UNSUPPORTED, "%s: cgroup v2 has no such thing", path);
}

/* -1 (any negative number): "max". */
static int add_limit(struct limits *l, int dir, unsigned flags, const char *path, const char *file, int64_t v)
{
	if (v < 0)
		return limits_add(l, dir, flags, path, file, "max");
	return limits_add(l, dir, flags, path, file, "%lld", (long long)v);
}

/*
 * v1 limits memory and swap together, v2 each alone.  Without a memory limit the sum says
 * nothing about swap.  A kernel without swap accounting has no file: then "no swap" and "any" hold anyway.
 */
static int swap(struct limits *l, int dir, const struct oci_memory *m)
{
	int64_t swap = m->swap.v;

	if (!swap && m->limit.v < 0)
		swap = -1;
	if (!swap)
		return 0;
	if (swap < 0)
		return add_limit(l, dir, WRITE_OPTIONAL, MEMORY "swap", "memory.swap.max", -1);
	if (m->limit.v <= 0)
		return err_set(l->e, ERR_SPEC, MEMORY "swap: needs a memory limit to be converted for cgroup v2");
	swap -= m->limit.v;
	return add_limit(l, dir, swap ? 0 : WRITE_OPTIONAL, MEMORY "swap", "memory.swap.max", swap);
}

int limits_v2_memory(struct limits *l, int dir, const struct oci_memory *m)
{
	if (m->kernel.v > 0)
		return impossible(l, MEMORY "kernel");
	if (m->kernel_tcp.v > 0)
		return impossible(l, MEMORY "kernelTCP");
	if (m->swappiness.set)
		return impossible(l, MEMORY "swappiness");
	if (m->disable_oom_killer.v)
		return impossible(l, MEMORY "disableOOMKiller");
	if (m->use_hierarchy.set && !m->use_hierarchy.v)
		return impossible(l, MEMORY "useHierarchy");
	/* Swap first: when it is refused, nothing has been reclaimed for the memory limit yet. */
	if (swap(l, dir, m) < 0)
		return -1;
	if (m->limit.v && add_limit(l, dir, m->check_before_update.v ? WRITE_NO_LESS : 0, MEMORY "limit", "memory.max",
				    m->limit.v) < 0)
		return -1;
	if (m->reservation.v && add_limit(l, dir, 0, MEMORY "reservation", "memory.low", m->reservation.v) < 0)
		return -1;
	return 0;
}

/* log2 to 40 binary places, by squaring: libm would be one more library to load at every start. */
static double log_2(double x)
{
	double r = 0, bit = 1;

	for (; x >= 2; x /= 2)
		r++;
	for (int i = 0; i < 40; i++) {
		bit /= 2;
		x *= x;
		if (x >= 2) {
			x /= 2;
			r += bit;
		}
	}
	return r;
}

/* 10^x for 0 <= x <= 4 */
static double power_of_10(double x)
{
	double y = x * 2.302585092994045684, sum = 1, term = 1;

	for (int i = 1; i < 60; i++) {
		term *= y / i;
		sum += term;
	}
	return sum;
}

/*
 * The curve that runc and crun use: weight = 10 ^ ((l^2 + 125 l) / 612 - 7/34) with l = log2(shares).  It maps
 * 2, 1024 and 262144, the least, default and greatest shares, to 1, 100 and 10000, v2's own.
 */
unsigned limits_weight_of_shares(uint64_t shares)
{
	double l, w;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log_2((double)shares);
	w = power_of_10((l * l + 125 * l) / 612 - 7.0 / 34);
	/* Rounded up, as the others do; the small part taken off is the error of the two functions above. */
	return (unsigned)(w - 1e-6) + 1;
}

unsigned limits_io_weight(unsigned weight)
{
	return 1 + (weight - 10) * 9999 / 990;
}

static int quota(struct limits *l, int dir, const struct oci_cpu *c)
{
	const char *path = c->quota.v ? CPU "quota" : CPU "period";
	unsigned flags = c->burst.set ? WRITE_PAIR : 0;         /* quota >= burst at every moment */

	if (!c->quota.v && !c->period.v)
		return 0;
	if (c->quota.v > 0) {
		/* The quota alone leaves the period as it is: 100 ms in a new group. */
		if (!c->period.v)
			return limits_add(l, dir, flags, path, "cpu.max", "%lld", (long long)c->quota.v);
		return limits_add(l, dir, flags, path, "cpu.max", "%lld %llu", (long long)c->quota.v,
				  (unsigned long long)c->period.v);
	}
	if (!c->period.v)
		return limits_add(l, dir, flags, path, "cpu.max", "max");
	return limits_add(l, dir, flags, path, "cpu.max", "max %llu", (unsigned long long)c->period.v);
}

int limits_v2_cpu(struct limits *l, int dir, const struct oci_cpu *c)
{
	if (c->realtime_runtime.v)
		return impossible(l, CPU "realtimeRuntime");
	if (c->realtime_period.v)
		return impossible(l, CPU "realtimePeriod");
	/* An idle group has no weight, and the kernel refuses to set one. */
	if (c->idle.set && limits_add(l, dir, c->idle.v ? 0 : WRITE_OPTIONAL, CPU "idle", "cpu.idle", "%lld",
				      (long long)c->idle.v) < 0)
		return -1;
	if (c->shares.v && !(c->idle.set && c->idle.v) &&
	    limits_add(l, dir, 0, CPU "shares", "cpu.weight", "%u", limits_weight_of_shares(c->shares.v)) < 0)
		return -1;
	if (quota(l, dir, c) < 0)
		return -1;
	if (c->burst.set && limits_add(l, dir, c->burst.v ? 0 : WRITE_OPTIONAL, CPU "burst", "cpu.max.burst", "%llu",
				       (unsigned long long)c->burst.v) < 0)
		return -1;
	return 0;
}

static int weight_device(struct limits *l, int dir, const struct oci_weight_device *d, size_t i)
{
	long long major = d->major, minor = d->minor;
	char path[96];

	snprintf(path, sizeof(path), BLKIO "weightDevice[%zu].weight", i);
	if (limits_add(l, dir, WRITE_ELSE | WRITE_KEYED, path, "io.bfq.weight", "%lld:%lld %u", major, minor,
		       d->weight.v) < 0)
		return -1;
	l->out->v[l->out->n - 1].undo = arena_printf(l->arena, "%lld:%lld default", major, minor);
	if (limits_add(l, dir, WRITE_KEYED, path, "io.weight", "%lld:%lld %u", major, minor,
		       limits_io_weight(d->weight.v)) < 0)
		return -1;
	l->out->v[l->out->n - 1].undo = arena_printf(l->arena, "%lld:%lld default", major, minor);
	return 0;
}

static int throttle(struct limits *l, int dir, const char *member, const char *word, size_t n,
		    const struct oci_throttle_device *v)
{
	char path[96], rate[24] = "max";        /* v1 takes a limit away by 0, v2 by "max" */

	for (size_t i = 0; i < n; i++) {
		long long major = v[i].major, minor = v[i].minor;

		if (v[i].rate)
			snprintf(rate, sizeof(rate), "%llu", (unsigned long long)v[i].rate);
		else
			snprintf(rate, sizeof(rate), "max");
		snprintf(path, sizeof(path), BLKIO "%s[%zu]", member, i);
		if (limits_add(l, dir, WRITE_KEYED, path, "io.max", "%lld:%lld %s=%s", major, minor, word, rate) < 0)
			return -1;
		l->out->v[l->out->n - 1].undo = arena_printf(l->arena, "%lld:%lld %s=max", major, minor, word);
	}
	return 0;
}

int limits_v2_block_io(struct limits *l, int dir, const struct oci_block_io *b)
{
	if (b->leaf_weight.v)
		return impossible(l, BLKIO "leafWeight");
	for (size_t i = 0; i < b->weight_device.n; i++)
		if (b->weight_device.v[i].leaf_weight.v) {
			char path[96];

			snprintf(path, sizeof(path), BLKIO "weightDevice[%zu].leafWeight", i);
			return impossible(l, path);
		}
	/* BFQ takes the numbers as they are; the kernel's own io.weight has another scale. */
	if (b->weight.v &&
	    (limits_add(l, dir, WRITE_ELSE, BLKIO "weight", "io.bfq.weight", "%u", b->weight.v) < 0 ||
	     limits_add(l, dir, 0, BLKIO "weight", "io.weight", "%u", limits_io_weight(b->weight.v)) < 0))
		return -1;
	for (size_t i = 0; i < b->weight_device.n; i++)
		if (b->weight_device.v[i].weight.v && weight_device(l, dir, &b->weight_device.v[i], i) < 0)
			return -1;
	if (throttle(l, dir, "throttleReadBpsDevice", "rbps", b->throttle_read_bps.n, b->throttle_read_bps.v) < 0 ||
	    throttle(l, dir, "throttleWriteBpsDevice", "wbps", b->throttle_write_bps.n, b->throttle_write_bps.v) < 0 ||
	    throttle(l, dir, "throttleReadIOPSDevice", "riops", b->throttle_read_iops.n, b->throttle_read_iops.v) < 0 ||
	    throttle(l, dir, "throttleWriteIOPSDevice", "wiops", b->throttle_write_iops.n, b->throttle_write_iops.v) < 0)
		return -1;
	return 0;
}

/*
 * A file's name in the group's own directory.  Of the core files ("cgroup.") those that move, kill, freeze or
 * split would act, not limit: they belong to husk.
 */
static bool is_settable(const char *key)
{
	const char *core = str_after(key, "cgroup.");

	if (!*key || strlen(key) > 200 || *key == '.' || strstr(key, "..") || strpbrk(key, "/ \t\n\r") || !strchr(key, '.'))
		return false;
	return !core || str_starts(core, "max.") || str_eq(core, "pressure");
}

/* Where the controller of "memory.high" lives; "cgroup." is everywhere. */
static int where_unified(const struct limits *l, const char *key)
{
	char controller[64];
	size_t len = strcspn(key, ".");

	if (len >= sizeof(controller))
		return -1;
	memcpy(controller, key, len);
	controller[len] = '\0';
	if (!str_eq(controller, "cgroup"))
		return cgroup_where_is(l->where, controller, true);
	for (int i = 0; i < l->where->n; i++)
		if (l->where->dir[i].is_v2)
			return i;
	return -1;
}

/* Files with a line per device, and what ends the one of a device. */
static const char *keyed_default(const char *file)
{
	static const struct { const char *file, *text; } keyed[] = {
		{ "io.max", "rbps=max wbps=max riops=max wiops=max" }, { "io.weight", "default" }, { "io.bfq.weight", "default" },
		{ "io.latency", "target=0" }, { "rdma.max", "hca_handle=max hca_object=max" }, { "misc.max", "max" },
		{ "dmem.max", "max" }, { "dmem.low", "0" }, { "dmem.min", "0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(keyed); i++)
		if (str_eq(file, keyed[i].file))
			return keyed[i].text;
	return NULL;
}

/* "8:0 rbps=1": the way back is that device's. */
static void note_key(struct limits *l, struct cgroup_write *w)
{
	const char *end = keyed_default(w->file);
	size_t key = strcspn(w->text, " ");

	if (!end || !w->text[key])
		return;
	w->flags |= WRITE_KEYED;
	w->undo = arena_printf(l->arena, "%.*s %s", (int)key, w->text, end);
}

int limits_v2_unified(struct limits *l, const str_map *unified)
{
	char path[300];

	for (size_t i = 0; i < unified->n; i++) {
		const char *key = unified->v[i].key;
		int dir;

		snprintf(path, sizeof(path), "linux.resources.unified[\"%.200s\"]", key);
		if (!is_settable(key))
			return err_set(l->e, ERR_SPEC, "%s: not a file that can be set", path);
		dir = where_unified(l, key);
		if (dir < 0)
			return err_set(l->e, ERR_UNSUPPORTED, "%s: no such controller in the cgroup v2 hierarchy of this host",
				       path);
		if (limits_add(l, dir, 0, path, key, "%s", unified->v[i].value) < 0)
			return -1;
		note_key(l, &l->out->v[l->out->n - 1]);
	}
	return 0;
}
