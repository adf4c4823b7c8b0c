/* SPDX-License-Identifier: Apache-2.0 */
/* `husk update` and `husk ps`. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/ps.h"
#include "life/control.h"
#include "sys/fd.h"

#define RESOURCES_MAX (16u << 20)

struct update_values {
	const char *resources, *cpus, *mems, *l3, *bandwidth;
	struct opt_u64 weight, period, shares, rt_period;
	struct opt_i64 quota, burst, rt_runtime, idle, memory, reservation, swap, pids;
};

#define AT(member) offsetof(struct update_values, member)

static const struct option_row update_options[] = {
	{ 'r', "resources", OPTION_TEXT, AT(resources), "FILE", "linux.resources as JSON; - is standard input" },
	{ 0, "blkio-weight", OPTION_U64, AT(weight), "N", "share of block I/O, 10 to 1000" },
	{ 0, "cpu-period", OPTION_U64, AT(period), "USEC", "period of the quota" },
	{ 0, "cpu-quota", OPTION_I64, AT(quota), "USEC", "CPU time per period; -1: no limit" },
	{ 0, "cpu-burst", OPTION_I64, AT(burst), "USEC", "what may be saved up" },
	{ 0, "cpu-share", OPTION_U64, AT(shares), "N", "share of CPU time" },
	{ 0, "cpu-shares", OPTION_U64, AT(shares), "N", "the same" },
	{ 0, "cpu-rt-period", OPTION_U64, AT(rt_period), "USEC", "real-time period" },
	{ 0, "cpu-rt-runtime", OPTION_I64, AT(rt_runtime), "USEC", "real-time per period" },
	{ 0, "cpu-idle", OPTION_I64, AT(idle), "0|1", "schedule as idle" },
	{ 0, "cpuset-cpus", OPTION_TEXT, AT(cpus), "LIST", "CPUs, like 0-3,7" },
	{ 0, "cpuset-mems", OPTION_TEXT, AT(mems), "LIST", "memory nodes" },
	{ 0, "kernel-memory", OPTION_NO_TEXT, 0, "SIZE", "accepted, without effect: gone from the kernel" },
	{ 0, "kernel-memory-tcp", OPTION_NO_TEXT, 0, "SIZE", "accepted, without effect" },
	{ 0, "memory", OPTION_SIZE, AT(memory), "SIZE", "limit, like 512M; -1: none" },
	{ 0, "memory-reservation", OPTION_SIZE, AT(reservation), "SIZE", "what is left when memory gets short" },
	{ 0, "memory-swap", OPTION_SIZE, AT(swap), "SIZE", "limit of memory and swap together; -1: none" },
	{ 0, "pids-limit", OPTION_I64, AT(pids), "N", "processes and threads; -1: no limit" },
	{ 0, "l3-cache-schema", OPTION_TEXT, AT(l3), "TEXT", "Intel RDT, cache" },
	{ 0, "mem-bw-schema", OPTION_TEXT, AT(bandwidth), "TEXT", "Intel RDT, memory bandwidth" },
	OPTIONS_END
};

static int read_resources(const char *path, struct oci_resources **out, struct arena *a, struct err *e)
{
	AUTO_FD int fd = str_eq(path, "-") ? dup(STDIN_FILENO) : fd_open(path, O_RDONLY, 0, e);
	const char *name = str_eq(path, "-") ? "standard input" : path;
	struct spec_error why;
	size_t len = 0;
	void *decoded;
	char *text;

	if (fd < 0)
		return -1;
	text = fd_read_all(fd, RESOURCES_MAX, a, &len, e);
	if (!text)
		return err_in(e, "%s", name);
	if (spec_decode(&oci_resources_type, text, len, a, &decoded, &why) < 0)
		return spec_fail(e, name, &why);
	*out = decoded;
	return 0;
}

#define COPY(from, to) do { if ((from).set) { (to).set = true; (to).v = (from).v; } } while (0)

static int overlay(struct oci_resources *r, const struct update_values *v, struct arena *a, struct err *e)
{
	if (!r->memory)
		r->memory = ARENA_NEW(a, struct oci_memory);
	if (!r->cpu)
		r->cpu = ARENA_NEW(a, struct oci_cpu);
	COPY(v->memory, r->memory->limit);
	COPY(v->reservation, r->memory->reservation);
	COPY(v->swap, r->memory->swap);
	COPY(v->shares, r->cpu->shares);
	COPY(v->period, r->cpu->period);
	COPY(v->quota, r->cpu->quota);
	COPY(v->rt_period, r->cpu->realtime_period);
	COPY(v->rt_runtime, r->cpu->realtime_runtime);
	COPY(v->idle, r->cpu->idle);
	if (v->burst.set && v->burst.v < 0)
		return err_set(e, ERR_USAGE, "option --cpu-burst: must not be negative");
	COPY(v->burst, r->cpu->burst);
	if (v->cpus)
		r->cpu->cpus = v->cpus;
	if (v->mems)
		r->cpu->mems = v->mems;
	if (v->pids.set) {
		r->pids = ARENA_NEW(a, struct oci_pids);
		COPY(v->pids, r->pids->limit);
	}
	if (v->weight.set) {
		if (v->weight.v > 1000)
			return err_set(e, ERR_USAGE, "option --blkio-weight: must be 10 to 1000");
		if (!r->block_io)
			r->block_io = ARENA_NEW(a, struct oci_block_io);
		r->block_io->weight.set = true;
		r->block_io->weight.v = (__typeof__(r->block_io->weight.v))v->weight.v;
	}
	return 0;
}

static int update(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct update_values *v = values;
	AUTO(arena) mem = ARENA_NONE;
	struct oci_resources *r = ARENA_NEW(&mem, struct oci_resources);
	struct oci_rdt rdt = { .l3_cache_schema = v->l3, .mem_bw_schema = v->bandwidth };
	struct target target = target_of(g, arguments);

	if (v->resources && read_resources(v->resources, &r, &mem, e) < 0)
		return -1;
	if (overlay(r, v, &mem, e) < 0)
		return -1;
	return life_update(&target, r, v->l3 || v->bandwidth ? &rdt : NULL, e);
}

struct ps_values { const char *format; };

static const struct option_row ps_options[] = {
	{ 'f', "format", OPTION_TEXT, offsetof(struct ps_values, format), "table|json", "how it is printed: a table by default" },
	OPTIONS_END
};

static void print_pids(const pid_t *pids, size_t n)
{
	(void)putchar('[');
	for (size_t i = 0; i < n; i++)
		(void)printf("%s%d", i ? "," : "", (int)pids[i]);
	(void)puts("]");
}

static int ps(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct ps_values *v = values;
	AUTO(arena) mem = ARENA_NONE;
	struct target target = target_of(g, arguments);
	pid_t *pids = NULL;
	size_t n = 0;

	if (v->format && !str_eq(v->format, "json") && !str_eq(v->format, "table"))
		return err_set(e, ERR_USAGE, "option --format: \"%s\" is not table or json", v->format);
	if (life_ps(&target, &pids, &n, &mem, e) < 0)
		return -1;
	if (!str_eq(v->format, "json"))
		return ps_table(pids, n, arguments->v + 1, e);
	print_pids(pids, n);
	return 0;
}

const struct command command_update = {
	.name = "update", .arguments = "CONTAINER-ID", .summary = "change the limits of a container",
	.notes = "All changes are made, or none. Options win over the file.",
	.options = update_options, .size = sizeof(struct update_values), .min = 1, .max = 1, .run = update,
};

const struct command command_ps = {
	.name = "ps", .arguments = "CONTAINER-ID [PS-OPTION...]", .summary = "list the processes of a container",
	.notes = "The table is that of the host's ps(1), called with the options given (-ef).",
	.options = ps_options, .size = sizeof(struct ps_values), .min = 1, .max = 1000, .stops = true, .is_quiet = true,
	.run = ps,
};
