/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics as OpenMetrics text (github.com/OpenObservability/OpenMetrics, specification 1.0): one table of families, each
 * with the samples of all containers, since the format wants those of a family together.  On the host.
 */
#include "parts/cgroup/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

#define PREFIX "husk_container_"

struct out { FILE *f; const struct family *family; const char *id; };

/* Prints the samples of one container. */
typedef void samples_fn(const struct out *, const struct cgroup_stats *);

enum number { COUNT, NANOSECONDS, MICROSECONDS };

struct family {
	const char *name, *type, *unit, *help;
	samples_fn *samples;
	size_t offset;                  /* of a uint64_t in struct cgroup_stats, or in an element of a list */
	enum number number;
};

/* Of a label's value: what the format cannot hold otherwise. */
static void put_value(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			(void)fputc('\\', f);
		if (*s == '\n')
			(void)fputs("\\n", f);
		else
			(void)fputc(*s, f);
	}
}

static void put_label(const struct out *o, const char *name, const char *value)
{
	(void)fprintf(o->f, ",%s=\"", name);
	put_value(o->f, value);
	(void)fputc('"', o->f);
}

static void begin_sample(const struct out *o)
{
	(void)fprintf(o->f, PREFIX "%s%s{id=\"", o->family->name, str_eq(o->family->type, "counter") ? "_total" : "");
	put_value(o->f, o->id);
	(void)fputc('"', o->f);
}

static void end_sample(const struct out *o, uint64_t v)
{
	unsigned long long n = v;

	switch (o->family->number) {
	case COUNT:
		(void)fprintf(o->f, "} %llu\n", n);
		break;
	case NANOSECONDS:
		(void)fprintf(o->f, "} %llu.%09llu\n", n / 1000000000, n % 1000000000);
		break;
	case MICROSECONDS:
		(void)fprintf(o->f, "} %llu.%06llu\n", n / 1000000, n % 1000000);
		break;
	}
}

static uint64_t at(const void *base, size_t offset)
{
	uint64_t v;

	memcpy(&v, (const char *)base + offset, sizeof(v));
	return v;
}

static void one(const struct out *o, const struct cgroup_stats *s)
{
	begin_sample(o);
	end_sample(o, at(s, o->family->offset));
}

/* A limit that is none has no sample: 2^64-1, and 0 for that of processes. */
static void limit(const struct out *o, const struct cgroup_stats *s)
{
	uint64_t v = at(s, o->family->offset);

	if (v && v != UINT64_MAX)
		one(o, s);
}

static void pressure_of(const struct out *o, const char *resource, const struct stat_psi *psi)
{
	const struct { const char *name; const struct stat_pressure *p; } kinds[] = { { "some", &psi->some }, { "full", &psi->full } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!kinds[i].p->set)
			continue;
		begin_sample(o);
		put_label(o, "resource", resource);
		put_label(o, "stalled", kinds[i].name);
		end_sample(o, kinds[i].p->total);
	}
}

static void pressure(const struct out *o, const struct cgroup_stats *s)
{
	pressure_of(o, "cpu", &s->cpu.psi);
	pressure_of(o, "memory", &s->memory.psi);
	pressure_of(o, "io", &s->blkio.psi);
}

/* v1 has sums among its lines: "Sync", "Async", "Total". */
static void io(const struct out *o, const struct cgroup_stats *s)
{
	static const struct { const char *op, *word; } ops[] = { { "Read", "read" }, { "Write", "write" }, { "Discard", "discard" } };
	const struct stat_ios *l = (const void *)((const char *)s + o->family->offset);
	char device[48];

	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(ops); k++) {
			if (!str_eq(l->v[i].op, ops[k].op))
				continue;
			(void)snprintf(device, sizeof(device), "%llu:%llu", (unsigned long long)l->v[i].major,
				       (unsigned long long)l->v[i].minor);
			begin_sample(o);
			put_label(o, "device", device);
			put_label(o, "operation", ops[k].word);
			end_sample(o, l->v[i].value);
		}
}

static void huge_pages(const struct out *o, const struct cgroup_stats *s)
{
	for (size_t i = 0; i < s->hugetlb.n; i++) {
		begin_sample(o);
		put_label(o, "page_size", s->hugetlb.v[i].page_size);
		end_sample(o, at(&s->hugetlb.v[i], o->family->offset));
	}
}

static void network(const struct out *o, const struct cgroup_stats *s)
{
	for (size_t i = 0; i < s->network.n; i++) {
		begin_sample(o);
		put_label(o, "interface", s->network.v[i].name);
		end_sample(o, at(&s->network.v[i], o->family->offset));
	}
}

#define AT(member) offsetof(struct cgroup_stats, member)
#define NET(member) offsetof(struct stat_net, member)

static const struct family families[] = {
	{ "cpu_usage_seconds", "counter", "seconds", "CPU time used.", one, AT(cpu.total), NANOSECONDS },
	{ "cpu_user_seconds", "counter", "seconds", "CPU time used in programs.", one, AT(cpu.user), NANOSECONDS },
	{ "cpu_kernel_seconds", "counter", "seconds", "CPU time used in the kernel.", one, AT(cpu.kernel), NANOSECONDS },
	{ "cpu_periods", "counter", NULL, "Periods of the CPU quota.", one, AT(cpu.periods), COUNT },
	{ "cpu_throttled_periods", "counter", NULL, "Periods in which the CPU quota was used up.", one,
	  AT(cpu.throttled_periods), COUNT },
	{ "cpu_throttled_seconds", "counter", "seconds", "Time spent waiting for the next period.", one,
	  AT(cpu.throttled_time), NANOSECONDS },
	{ "memory_usage_bytes", "gauge", "bytes", "Memory in use, page cache included.", one, AT(memory.usage.usage), COUNT },
	{ "memory_peak_bytes", "gauge", "bytes", "The most memory that was in use.", one, AT(memory.usage.max), COUNT },
	{ "memory_limit_bytes", "gauge", "bytes", "Limit of memory; no sample without one.", limit, AT(memory.usage.limit), COUNT },
	{ "memory_cache_bytes", "gauge", "bytes", "Page cache.", one, AT(memory.cache), COUNT },
	{ "memory_failures", "counter", NULL, "How often the limit of memory was met.", one, AT(memory.usage.failcnt), COUNT },
	{ "memory_and_swap_usage_bytes", "gauge", "bytes", "Memory and swap in use.", one, AT(memory.swap.usage), COUNT },
	{ "memory_and_swap_limit_bytes", "gauge", "bytes", "Limit of memory and swap together; no sample without one.", limit,
	  AT(memory.swap.limit), COUNT },
	{ "oom_kills", "counter", NULL, "Processes that the OOM killer has killed.", one, AT(memory.oom_kills), COUNT },
	{ "processes", "gauge", NULL, "Processes and threads.", one, AT(pids.current), COUNT },
	{ "processes_limit", "gauge", NULL, "Limit of processes and threads; no sample without one.", limit, AT(pids.limit), COUNT },
	{ "pressure_seconds", "counter", "seconds", "Time in which some or all (full) tasks waited for a resource.", pressure, 0,
	  MICROSECONDS },
	{ "io_bytes", "counter", "bytes", "Bytes read from and written to block devices.", io, AT(blkio.service_bytes), COUNT },
	{ "io_operations", "counter", NULL, "Operations on block devices.", io, AT(blkio.serviced), COUNT },
	{ "hugetlb_usage_bytes", "gauge", "bytes", "Huge pages in use.", huge_pages, offsetof(struct stat_huge, m.usage), COUNT },
	{ "network_receive_bytes", "counter", "bytes", "Bytes received by the container.", network, NET(rx_bytes), COUNT },
	{ "network_receive_packets", "counter", NULL, "Packets received.", network, NET(rx_packets), COUNT },
	{ "network_receive_errors", "counter", NULL, "Packets received with errors.", network, NET(rx_errors), COUNT },
	{ "network_receive_dropped", "counter", NULL, "Packets dropped on receipt.", network, NET(rx_dropped), COUNT },
	{ "network_transmit_bytes", "counter", "bytes", "Bytes sent by the container.", network, NET(tx_bytes), COUNT },
	{ "network_transmit_packets", "counter", NULL, "Packets sent.", network, NET(tx_packets), COUNT },
	{ "network_transmit_errors", "counter", NULL, "Packets not sent for errors.", network, NET(tx_errors), COUNT },
	{ "network_transmit_dropped", "counter", NULL, "Packets dropped before they were sent.", network, NET(tx_dropped), COUNT },
	{}
};

char *cgroup_stats_metrics(const struct cgroup_stats *v, const char *const *ids, size_t n, struct arena *a)
{
	char *text = NULL;
	size_t size = 0;
	struct out o = { .f = open_memstream(&text, &size) };
	char *copy;

	if (!o.f)
		abort();
	for (o.family = families; o.family->name; o.family++) {
		(void)fprintf(o.f, "# TYPE " PREFIX "%s %s\n", o.family->name, o.family->type);
		if (o.family->unit)
			(void)fprintf(o.f, "# UNIT " PREFIX "%s %s\n", o.family->name, o.family->unit);
		(void)fprintf(o.f, "# HELP " PREFIX "%s %s\n", o.family->name, o.family->help);
		for (size_t i = 0; i < n; i++) {
			o.id = ids[i];
			o.family->samples(&o, &v[i]);
		}
	}
	if (fclose(o.f) != 0)
		abort();
	copy = arena_strdup(a, text);
	free(text);
	return copy;
}
