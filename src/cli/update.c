/* SPDX-License-Identifier: Apache-2.0 */
/* `husk update`: a file of limits, and options that win over it. */
#include "life/update.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/limits.h"
#include "life/locate.h"
#include "sys/fd.h"

#define RESOURCES_MAX (16u << 20)

struct values {
	const char *resources, *cpus, *mems, *l3, *bandwidth;
	struct opt_u64 weight, period, shares, rt_period, burst, swappiness;
	struct opt_i64 quota, rt_runtime, idle, memory, reservation, swap, kernel, kernel_tcp, pids;
	struct words weights, read_bps, write_bps, read_iops, write_iops, huge_pages, rdma, unified, rules;
};

#define AT(member) offsetof(struct values, member)

static const struct option_row options[] = {
	OPTION("resources", 'r', TEXT, AT(resources), "FILE",
	  "read limits from this file, JSON like linux.resources in config.json; - is standard input"),
	OPTION("memory", 0, SIZE, AT(memory), "SIZE", "limit of memory, like 512M; -1: none"),
	OPTION("memory-reservation", 0, SIZE, AT(reservation), "SIZE",
	  "memory that is left to it when memory gets short; -1: none"),
	OPTION("memory-swap", 0, SIZE, AT(swap), "SIZE", "limit of memory and swap together; -1: none"),
	OPTION("memory-swappiness", 0, U64, AT(swappiness), "N", "inclination to swap, 0 to 100; cgroup v1 only"),
	OPTION("kernel-memory", 0, SIZE, AT(kernel), "SIZE",
	  "limit of the kernel's memory; without effect, with a warning, on kernels since 5.16; cgroup v1 only"),
	OPTION("kernel-memory-tcp", 0, SIZE, AT(kernel_tcp), "SIZE", "limit of the memory of TCP buffers; cgroup v1 only"),
	OPTION("cpu-period", 0, U64, AT(period), "USEC", "period of the quota"),
	OPTION("cpu-quota", 0, I64, AT(quota), "USEC", "CPU time per period; -1: no limit"),
	OPTION("cpu-burst", 0, U64, AT(burst), "USEC", "CPU time that may be saved up for a later period; 0: none"),
	OPTION("cpu-share", 0, U64, AT(shares), "N", "share of CPU time, 2 to 262144; 1024 is the usual one"),
	OPTION("cpu-shares", 0, U64, AT(shares), "N", "the same as --cpu-share"),
	OPTION("cpu-rt-period", 0, U64, AT(rt_period), "USEC", "period of the real-time runtime; cgroup v1 only"),
	OPTION("cpu-rt-runtime", 0, I64, AT(rt_runtime), "USEC", "real-time CPU time per period; cgroup v1 only"),
	OPTION("cpu-idle", 0, I64, AT(idle), "0|1", "run only when nothing else wants the CPU"),
	OPTION("cpuset-cpus", 0, TEXT, AT(cpus), "LIST", "CPUs that may be used, like 0-3,7"),
	OPTION("cpuset-mems", 0, TEXT, AT(mems), "LIST", "memory nodes that may be used, like 0"),
	OPTION("pids-limit", 0, I64, AT(pids), "N", "number of processes and threads; -1: no limit"),
	OPTION("blkio-weight", 0, U64, AT(weight), "N", "share of block I/O, 10 to 1000"),
	OPTION("blkio-weight-device", 0, WORDS, AT(weights), "DEVICE=N",
	  "share of one device, which is a path or MAJOR:MINOR; may be repeated"),
	OPTION("device-read-bps", 0, WORDS, AT(read_bps), "DEVICE=SIZE",
	  "bytes per second read from a device; 0: no limit; may be repeated"),
	OPTION("device-write-bps", 0, WORDS, AT(write_bps), "DEVICE=SIZE",
	  "bytes per second written to a device; may be repeated"),
	OPTION("device-read-iops", 0, WORDS, AT(read_iops), "DEVICE=N", "reads per second from a device; may be repeated"),
	OPTION("device-write-iops", 0, WORDS, AT(write_iops), "DEVICE=N", "writes per second to a device; may be repeated"),
	OPTION("hugepage-limit", 0, WORDS, AT(huge_pages), "PAGE=SIZE",
	  "limit of huge pages of one size, like 2MB=1G; may be repeated"),
	OPTION("rdma", 0, WORDS, AT(rdma), "DEVICE=HANDLES:OBJECTS",
	  "limit of an RDMA device's handles and objects, one of which may be missing: mlx5_0=:2000; may be repeated"),
	OPTION("unified", 0, WORDS, AT(unified), "FILE=TEXT",
	  "write this to a file of the cgroup, like memory.high=1000000; cgroup v2 only; may be repeated"),
	OPTION("device-rule", 0, WORDS, AT(rules), "RULE",
	  "one more rule for device nodes, behind those there are, like \"allow c 10:229 rwm\" or \"deny b *:* rw\"; may be repeated"),
	OPTION("l3-cache-schema", 0, TEXT, AT(l3), "TEXT", "lines for the cache in the container's class of Intel RDT"),
	OPTION("mem-bw-schema", 0, TEXT, AT(bandwidth), "TEXT", "the line for memory bandwidth in that class"),
	OPTIONS_END
};

static int read_resources(struct update_request *rq, const char *path, struct oci_resources **out, struct arena *a,
			  struct err *e)
{
	bool is_stdin = str_eq(path, "-");
	AUTO_FD int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : fd_open(path, O_RDONLY, 0, e);

	rq->file = is_stdin ? "standard input" : path;
	if (fd < 0)
		return is_stdin ? err_sys(e, "standard input") : -1;
	rq->text = fd_read_all(fd, RESOURCES_MAX, a, &rq->len, e);
	if (!rq->text)
		return err_in(e, "%s", rq->file);
	*out = document_decode(&oci_resources_type, rq->file, true, rq->text, rq->len, a, e);
	return *out ? 0 : -1;
}

/* A 0 would be taken for "not set": who says it at the command line means something. */
static int check(const struct values *v, struct err *e)
{
	const struct { const char *name; bool set; int64_t n; } numbers[] = {
		{ "memory", v->memory.set, v->memory.v }, { "memory-reservation", v->reservation.set, v->reservation.v },
		{ "memory-swap", v->swap.set, v->swap.v }, { "cpu-quota", v->quota.set, v->quota.v },
		{ "cpu-period", v->period.set, (int64_t)v->period.v }, { "cpu-share", v->shares.set, (int64_t)v->shares.v },
		{ "cpu-rt-period", v->rt_period.set, (int64_t)v->rt_period.v },
		{ "cpu-rt-runtime", v->rt_runtime.set, v->rt_runtime.v },
		{ "blkio-weight", v->weight.set, (int64_t)v->weight.v },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].set && !numbers[i].n)
			return err_set(e, ERR_USAGE, "option --%s: 0 is no limit that can be set", numbers[i].name);
	if (v->weight.set && (v->weight.v < 10 || v->weight.v > 1000))
		return err_set(e, ERR_USAGE, "option --blkio-weight: %llu is not within 10 to 1000",
			       (unsigned long long)v->weight.v);
	if ((v->cpus && !*v->cpus) || (v->mems && !*v->mems))
		return err_set(e, ERR_USAGE, "option --cpuset-%s: the list is empty", v->cpus && !*v->cpus ? "cpus" : "mems");
	return 0;
}

#define COPY(from, to) do { if ((from).set) { (to).set = true; (to).v = (__typeof__((to).v))(from).v; } } while (0)
#define SECTION(s) do { if (!(s)) (s) = arena_alloc(a, sizeof(*(s))); } while (0)

static void overlay(struct oci_resources *r, const struct values *v, struct arena *a)
{
	SECTION(r->memory);
	COPY(v->memory, r->memory->limit);
	COPY(v->reservation, r->memory->reservation);
	COPY(v->swap, r->memory->swap);
	COPY(v->swappiness, r->memory->swappiness);
	COPY(v->kernel, r->memory->kernel);
	COPY(v->kernel_tcp, r->memory->kernel_tcp);
	SECTION(r->cpu);
	COPY(v->shares, r->cpu->shares);
	COPY(v->period, r->cpu->period);
	COPY(v->quota, r->cpu->quota);
	COPY(v->burst, r->cpu->burst);
	COPY(v->rt_period, r->cpu->realtime_period);
	COPY(v->rt_runtime, r->cpu->realtime_runtime);
	COPY(v->idle, r->cpu->idle);
	if (v->cpus)
		r->cpu->cpus = v->cpus;
	if (v->mems)
		r->cpu->mems = v->mems;
	SECTION(r->pids);
	COPY(v->pids, r->pids->limit);
	SECTION(r->block_io);
	COPY(v->weight, r->block_io->weight);
}

static int overlay_lists(struct oci_resources *r, const struct values *v, struct arena *a, struct err *e)
{
	struct oci_block_io *b = r->block_io;

	if (limits_weights(&b->weight_device, &v->weights, "blkio-weight-device", a, e) < 0 ||
	    limits_rates(&b->throttle_read_bps, &v->read_bps, "device-read-bps", true, a, e) < 0 ||
	    limits_rates(&b->throttle_write_bps, &v->write_bps, "device-write-bps", true, a, e) < 0 ||
	    limits_rates(&b->throttle_read_iops, &v->read_iops, "device-read-iops", false, a, e) < 0 ||
	    limits_rates(&b->throttle_write_iops, &v->write_iops, "device-write-iops", false, a, e) < 0 ||
	    limits_huge_pages(&r->hugepage_limits, &v->huge_pages, "hugepage-limit", a, e) < 0 ||
	    limits_rdma(&r->rdma, &v->rdma, "rdma", a, e) < 0 ||
	    limits_unified(&r->unified, &v->unified, "unified", a, e) < 0)
		return -1;
	return 0;
}

struct saying { struct update_request *rq; struct arena *arena; };

static void say(struct saying *s, const char *option, const char *path, size_t from)
{
	struct update_option *v = (struct update_option *)s->rq->options;

	v[s->rq->noptions++] = (struct update_option){ option, path, from };
}

/* One entry per word: its key is the path's end. */
static void say_keys(struct saying *s, const char *option, const char *path, const struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		say(s, option, arena_printf(s->arena, "%s[\"%.*s\"]", path, (int)strcspn(w->v[i], "="), w->v[i]), 0);
}

/* Which members come from the command line; R as the file says it. */
static void say_options(struct update_request *rq, const struct oci_resources *r, const struct values *v, struct arena *a)
{
	static const struct oci_block_io no_io;
	const struct oci_block_io *b = r->block_io ? r->block_io : &no_io;
	struct saying s = { rq, a };
	const struct { const char *option, *path; bool is_said; size_t from; } members[] = {
		{ "memory", "memory.limit", v->memory.set, 0 },
		{ "memory-reservation", "memory.reservation", v->reservation.set, 0 },
		{ "memory-swap", "memory.swap", v->swap.set, 0 },
		{ "memory-swappiness", "memory.swappiness", v->swappiness.set, 0 },
		{ "kernel-memory", "memory.kernel", v->kernel.set, 0 },
		{ "kernel-memory-tcp", "memory.kernelTCP", v->kernel_tcp.set, 0 },
		{ "cpu-period", "cpu.period", v->period.set, 0 }, { "cpu-quota", "cpu.quota", v->quota.set, 0 },
		{ "cpu-burst", "cpu.burst", v->burst.set, 0 }, { "cpu-share", "cpu.shares", v->shares.set, 0 },
		{ "cpu-rt-period", "cpu.realtimePeriod", v->rt_period.set, 0 },
		{ "cpu-rt-runtime", "cpu.realtimeRuntime", v->rt_runtime.set, 0 },
		{ "cpu-idle", "cpu.idle", v->idle.set, 0 },
		{ "cpuset-cpus", "cpu.cpus", v->cpus, 0 }, { "cpuset-mems", "cpu.mems", v->mems, 0 },
		{ "pids-limit", "pids.limit", v->pids.set, 0 }, { "blkio-weight", "blockIO.weight", v->weight.set, 0 },
		{ "blkio-weight-device", "blockIO.weightDevice", v->weights.n, b->weight_device.n },
		{ "device-read-bps", "blockIO.throttleReadBpsDevice", v->read_bps.n, b->throttle_read_bps.n },
		{ "device-write-bps", "blockIO.throttleWriteBpsDevice", v->write_bps.n, b->throttle_write_bps.n },
		{ "device-read-iops", "blockIO.throttleReadIOPSDevice", v->read_iops.n, b->throttle_read_iops.n },
		{ "device-write-iops", "blockIO.throttleWriteIOPSDevice", v->write_iops.n, b->throttle_write_iops.n },
		{ "hugepage-limit", "hugepageLimits", v->huge_pages.n, r->hugepage_limits.n },
		/* v2 makes one value of two, the other of which is what there was. */
		{ "cpu-period", "cpu.quota", v->period.set, 0 }, { "memory", "memory.swap", v->memory.set, 0 },
	};

	rq->options = ARENA_ARRAY(a, struct update_option, ARRAY_SIZE(members) + v->rdma.n + v->unified.n);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (members[i].is_said)
			say(&s, members[i].option, members[i].path, members[i].from);
	say_keys(&s, "rdma", "rdma", &v->rdma);
	say_keys(&s, "unified", "unified", &v->unified);
}

static int update(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct values *v = values;
	AUTO(arena) mem = ARENA_NONE;
	struct oci_resources *r = ARENA_NEW(&mem, struct oci_resources);
	struct update_request rq = { .l3_cache_schema = v->l3, .mem_bw_schema = v->bandwidth };
	struct target target = target_of(g, arguments);

	if (check(v, e) < 0 || (v->resources && read_resources(&rq, v->resources, &r, &mem, e) < 0))
		return -1;
	say_options(&rq, r, v, &mem);
	overlay(r, v, &mem);
	if (overlay_lists(r, v, &mem, e) < 0 || limits_rules(&rq.rules, &v->rules, "device-rule", &mem, e) < 0)
		return -1;
	rq.resources = r;
	return life_update(&target, &rq, e);
}

const struct command command_update = {
	.name = "update", .arguments = "CONTAINER-ID", .summary = "change the limits of a container",
	.notes = "All changes are made, or none. What is not mentioned stays as it is, and what was changed is remembered: "
		 "the next update builds on it. Options win over the file.\n\n"
		 "Device rules in the file replace those of the container, when they are not the same. A single rule "
		 "that denies everything is ignored, since engines send it with every update; --device-rule \"deny a\" "
		 "says it in earnest. What every container may use (null, zero, terminals, ...) cannot be denied.",
	.options = options, .size = sizeof(struct values), .min = 1, .max = 1, .run = update,
};
