/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics as the JSON of runc's `events`: members that are zero or empty are left out where runc leaves
 * them out.  Names come from the kernel's files, so no string here needs escaping beyond what is refused.
 */
#include "parts/cgroup/stats.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct json { struct arena *a; char *s; size_t len, room; };

__attribute__((format(printf, 2, 3)))
static void put(struct json *j, const char *fmt, ...)
{
	char piece[512];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(piece, sizeof(piece), fmt, ap);
	va_end(ap);
	n = strlen(piece);
	if (j->len + n + 1 > j->room) {
		char *s = arena_alloc(j->a, 2 * (j->room + n));

		if (j->len)
			memcpy(s, j->s, j->len);
		j->s = s;
		j->room = 2 * (j->room + n);
	}
	memcpy(j->s + j->len, piece, n + 1);
	j->len += n;
}

/* A comma, unless an object or list has just been opened. */
static void next(struct json *j)
{
	if (j->len && !strchr("{[:", j->s[j->len - 1]))
		put(j, ",");
}

static void open_member(struct json *j, const char *name, char bracket)
{
	next(j);
	put(j, "\"%s\":%c", name, bracket);
}

static void member(struct json *j, const char *name, uint64_t v)
{
	next(j);
	put(j, "\"%s\":%llu", name, (unsigned long long)v);
}

static void member_if(struct json *j, const char *name, uint64_t v)
{
	if (v)
		member(j, name, v);
}

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == '"' || *s == '\\')
			return false;
	return true;
}

static void member_text(struct json *j, const char *name, const char *v)
{
	if (!v || !is_plain(v) || strlen(v) > 400)
		return;
	next(j);
	put(j, "\"%s\":\"%s\"", name, v);
}

static void pressure(struct json *j, const char *name, const struct stat_pressure *p)
{
	open_member(j, name, '{');
	put(j, "\"avg10\":%g,\"avg60\":%g,\"avg300\":%g,\"total\":%llu}", p->avg10, p->avg60, p->avg300,
	    (unsigned long long)p->total);
}

static void psi(struct json *j, const struct stat_psi *p)
{
	if (!p->some.set)
		return;
	open_member(j, "psi", '{');
	pressure(j, "some", &p->some);
	pressure(j, "full", &p->full);
	put(j, "}");
}

static void memory_entry(struct json *j, const char *name, const struct stat_memory *m)
{
	open_member(j, name, '{');
	member(j, "limit", m->limit);
	member_if(j, "usage", m->usage);
	member_if(j, "max", m->max);
	member(j, "failcnt", m->failcnt);
	put(j, "}");
}

/* "0-2,5" to 0,1,2,5 */
static void cpu_list(struct json *j, const char *name, const char *list)
{
	const char *p = list;

	if (!p)
		return;
	open_member(j, name, '[');
	while (*p) {
		char *end;
		unsigned long from = strtoul(p, &end, 10), to = from;

		if (end == p)
			break;
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (unsigned long i = from; i <= to && i < from + 8192; i++) {
			next(j);
			put(j, "%lu", i);
		}
		p = *end == ',' ? end + 1 : end + strlen(end);
	}
	put(j, "]");
}

static void cpu(struct json *j, const struct cgroup_stats *s)
{
	open_member(j, "cpu", '{');
	open_member(j, "usage", '{');
	member_if(j, "total", s->cpu.total);
	if (s->cpu.cpus) {
		open_member(j, "percpu", '[');
		for (size_t i = 0; i < s->cpu.cpus; i++) {
			next(j);
			put(j, "%llu", (unsigned long long)s->cpu.percpu[i]);
		}
		put(j, "]");
	}
	member(j, "kernel", s->cpu.kernel);
	member(j, "user", s->cpu.user);
	put(j, "}");
	open_member(j, "throttling", '{');
	member_if(j, "periods", s->cpu.periods);
	member_if(j, "throttledPeriods", s->cpu.throttled_periods);
	member_if(j, "throttledTime", s->cpu.throttled_time);
	put(j, "}");
	psi(j, &s->cpu.psi);
	put(j, "}");
}

static void memory(struct json *j, const struct cgroup_stats *s)
{
	open_member(j, "memory", '{');
	member_if(j, "cache", s->memory.cache);
	memory_entry(j, "usage", &s->memory.usage);
	memory_entry(j, "swap", &s->memory.swap);
	memory_entry(j, "kernel", &s->memory.kernel);
	memory_entry(j, "kernelTCP", &s->memory.kernel_tcp);
	open_member(j, "raw", '{');
	for (size_t i = 0; i < s->memory.raw.n; i++)
		if (is_plain(s->memory.raw.v[i].name) && strlen(s->memory.raw.v[i].name) < 200)
			member(j, s->memory.raw.v[i].name, s->memory.raw.v[i].value);
	put(j, "}");
	psi(j, &s->memory.psi);
	put(j, "}");
}

static void ios(struct json *j, const char *name, const struct stat_ios *l)
{
	if (!l->n)
		return;
	open_member(j, name, '[');
	for (size_t i = 0; i < l->n; i++) {
		next(j);
		put(j, "{");
		member_if(j, "major", l->v[i].major);
		member_if(j, "minor", l->v[i].minor);
		if (*l->v[i].op)
			member_text(j, "op", l->v[i].op);
		member_if(j, "value", l->v[i].value);
		put(j, "}");
	}
	put(j, "]");
}

static void block_io(struct json *j, const struct cgroup_stats *s)
{
	open_member(j, "blkio", '{');
	ios(j, "ioServiceBytesRecursive", &s->blkio.service_bytes);
	ios(j, "ioServicedRecursive", &s->blkio.serviced);
	ios(j, "ioQueueRecursive", &s->blkio.queued);
	ios(j, "ioServiceTimeRecursive", &s->blkio.service_time);
	ios(j, "ioWaitTimeRecursive", &s->blkio.wait_time);
	ios(j, "ioMergedRecursive", &s->blkio.merged);
	ios(j, "ioTimeRecursive", &s->blkio.time);
	ios(j, "sectorsRecursive", &s->blkio.sectors);
	psi(j, &s->blkio.psi);
	put(j, "}");
}

static void rdma(struct json *j, const char *name, const struct stat_rdma *v, size_t n)
{
	if (!n)
		return;
	open_member(j, name, '[');
	for (size_t i = 0; i < n; i++) {
		next(j);
		put(j, "{");
		member_text(j, "device", v[i].device);
		member(j, "hcaHandles", v[i].handles);
		member(j, "hcaObjects", v[i].objects);
		put(j, "}");
	}
	put(j, "]");
}

static void cpuset(struct json *j, const struct cgroup_stats *s)
{
	open_member(j, "cpuset", '{');
	cpu_list(j, "cpus", s->cpuset.cpus);
	cpu_list(j, "mems", s->cpuset.mems);
	member(j, "cpu_exclusive", s->cpuset.cpu_exclusive);
	member(j, "mem_hardwall", s->cpuset.mem_hardwall);
	member(j, "mem_exclusive", s->cpuset.mem_exclusive);
	member(j, "memory_migrate", s->cpuset.memory_migrate);
	member(j, "memory_spread_page", s->cpuset.spread_page);
	member(j, "memory_spread_slab", s->cpuset.spread_slab);
	member(j, "memory_pressure", s->cpuset.pressure);
	member(j, "sched_load_balance", s->cpuset.load_balance);
	put(j, ",\"sched_relax_domain_level\":%lld}", (long long)s->cpuset.relax_domain_level);
}

/* The only ones that runc spells with capitals. */
static void network(struct json *j, const struct cgroup_stats *s)
{
	open_member(j, "network_interfaces", '[');
	for (size_t i = 0; i < s->network.n; i++) {
		const struct stat_net *n = &s->network.v[i];

		if (!is_plain(n->name))
			continue;
		next(j);
		put(j, "{\"Name\":\"%s\"", n->name);
		member(j, "RxBytes", n->rx_bytes);
		member(j, "RxPackets", n->rx_packets);
		member(j, "RxErrors", n->rx_errors);
		member(j, "RxDropped", n->rx_dropped);
		member(j, "TxBytes", n->tx_bytes);
		member(j, "TxPackets", n->tx_packets);
		member(j, "TxErrors", n->tx_errors);
		member(j, "TxDropped", n->tx_dropped);
		put(j, "}");
	}
	put(j, "]");
}

char *cgroup_stats_json(const struct cgroup_stats *s, struct arena *a)
{
	struct json j = { .a = a };

	put(&j, "{");
	cpu(&j, s);
	cpuset(&j, s);
	memory(&j, s);
	open_member(&j, "pids", '{');
	member_if(&j, "current", s->pids.current);
	member_if(&j, "limit", s->pids.limit);
	put(&j, "}");
	block_io(&j, s);
	open_member(&j, "hugetlb", '{');
	for (size_t i = 0; i < s->hugetlb.n; i++) {
		open_member(&j, s->hugetlb.v[i].page_size, '{');
		member_if(&j, "usage", s->hugetlb.v[i].m.usage);
		member_if(&j, "max", s->hugetlb.v[i].m.max);
		member(&j, "failcnt", s->hugetlb.v[i].m.failcnt);
		put(&j, "}");
	}
	put(&j, "}");
	open_member(&j, "rdma", '{');
	rdma(&j, "current", s->rdma_current.v, s->rdma_current.n);
	rdma(&j, "limit", s->rdma_limit.v, s->rdma_limit.n);
	put(&j, "}");
	open_member(&j, "intel_rdt", '{');
	put(&j, "}");
	network(&j, s);
	put(&j, "}");
	return j.s;
}
