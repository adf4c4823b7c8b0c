/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `events --stats`: what the container has used, as the numbers that runc's events have (v1's
 * names for both versions, nanoseconds and bytes).  On the host.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "parts/cgroup/cgroup.h"

struct stat_list { struct stat_value { const char *name; uint64_t value; } *v; size_t n; };

struct stat_memory { uint64_t usage, max, failcnt, limit; };   /* limit 2^64-1: none */

/* One line of a blkio or io file: "8:0 Read 4096" */
struct stat_io { uint64_t major, minor; const char *op; uint64_t value; };
struct stat_ios { struct stat_io *v; size_t n; };

struct stat_huge { const char *page_size; struct stat_memory m; };

struct stat_pressure { bool set; double avg10, avg60, avg300; uint64_t total; };
struct stat_psi { struct stat_pressure some, full; };

/* As the container sees it. */
struct stat_net {
	const char *name;
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, tx_packets, tx_errors, tx_dropped;
};

struct stat_rdma { const char *device; uint32_t handles, objects; };    /* UINT32_MAX: "max" */

struct cgroup_stats {
	struct {
		uint64_t total, kernel, user;           /* ns */
		uint64_t *percpu; size_t cpus;          /* v1 only */
		uint64_t periods, throttled_periods, throttled_time;    /* ns */
		struct stat_psi psi;
	} cpu;
	struct {
		const char *cpus, *mems;                /* effective, "0-3"; NULL: no controller */
		uint64_t cpu_exclusive, mem_hardwall, mem_exclusive, memory_migrate, spread_page, spread_slab, pressure,
			 load_balance;                  /* v1 only */
		int64_t relax_domain_level;             /* v1 only */
	} cpuset;
	struct {
		uint64_t cache;
		struct stat_memory usage, swap, kernel, kernel_tcp;
		uint64_t oom_kills;
		struct stat_list raw;                   /* memory.stat */
		struct stat_psi psi;
	} memory;
	struct { uint64_t current, limit; } pids;       /* limit 0: none */
	struct {
		struct stat_ios service_bytes, serviced, queued, service_time, wait_time, merged, time, sectors;
		struct stat_psi psi;
	} blkio;
	struct { struct stat_huge *v; size_t n; } hugetlb;
	struct { struct stat_rdma *v; size_t n; } rdma_current, rdma_limit;
	struct { struct stat_net *v; size_t n; } network;       /* cgroup_stats_network() */
};

/* A file that is not there counts as 0. */
int cgroup_stats(const struct cgroup *, struct cgroup_stats *, struct arena *, struct err *);

/* Adds what TEXT, /proc/PID/net/dev of init, says; without "lo", which is the container's own affair. */
void cgroup_stats_network(struct cgroup_stats *, const char *text, struct arena *);

/* N containers as OpenMetrics text without its end ("# EOF"), in A. */
char *cgroup_stats_metrics(const struct cgroup_stats *, const char *const *ids, size_t n, struct arena *);

/* The "data" object of runc's event, on one line, in A. */
char *cgroup_stats_json(const struct cgroup_stats *, struct arena *);
