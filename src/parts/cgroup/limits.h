/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How limits are said: linux.resources as a list of writes to files of the container's cgroups.
 * Pure: nothing is looked at but the resources and which controller lives where.  The list is
 * made while planning (`create`) and by `update`; cgroup.c has the one writer that carries any
 * list out.
 *
 * What 0 means.  Engines fill members in that nobody asked for: Docker sends cpu.shares 0,
 * blockIO.weight 0, and with every `update` memory.limit 0.  So 0 is "not set" wherever the kernel
 * has no use for a 0: memory limits, shares, quota, period, weights, realtime values.  pids.limit 0 is a
 * limit, as the specification says.
 *
 * Source: runtime-spec config-linux.md "Control groups"; Documentation/admin-guide/cgroup-v1/, cgroup-v2.rst.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config-linux.h"

#define CGROUP_DIRS 16                  /* v1 hierarchies and the unified one; fits into a parcel of descriptors */

enum cgroup_write_flag {
	WRITE_OPTIONAL  = 1 << 0,       /* no such file: as good as written */
	WRITE_PAIR      = 1 << 1,       /* must fit the next one at every moment: in whatever order the kernel takes them */
	WRITE_ELSE      = 1 << 2,       /* no such file: the next one stands in for it; otherwise the next one is left out */
	WRITE_LATE      = 1 << 3,       /* would forbid the birth of init: written once it is inside (cgroup_finish) */
	WRITE_NO_LESS   = 1 << 4,       /* memory.checkBeforeUpdate: a limit below the present use is refused */
	WRITE_KEYED     = 1 << 5,       /* the file has a line per key (device), this is one of them: matters when rolled back */
	WRITE_VERIFY    = 1 << 6,       /* newer kernels take it and do nothing: then there is a warning */
};

struct cgroup_write {
	uint8_t dir;                    /* in the plan's dirs */
	uint8_t flags;
	const char *file, *text;
	const char *undo;               /* WRITE_KEYED: what to write when the key had no line before; `update` */
	const char *path;               /* in config.json: "linux.resources.memory.limit" */
};

struct cgroup_writes { struct cgroup_write *v; size_t n; };

/* Which directory has a controller, and how it is spoken to. */
struct cgroup_where {
	uint8_t n;
	struct cgroup_where_dir {
		const char *controllers;        /* v1: "cpu,cpuacct", "name=systemd"; v2: "cpu io memory" */
		bool is_v2;
	} dir[CGROUP_DIRS];
};

/* Index of the directory that has the controller ("memory"; "io" and "blkio" are not the same), -1 none. V2 told. */
int cgroup_where_is(const struct cgroup_where *, const char *controller, bool v2);

/*
 * R may be NULL: an empty list.  WITH_DEVICES: v1 device rules as well (v2's are a program, devices.h).
 * Errors: ERR_SPEC for values that make no sense, ERR_UNSUPPORTED for what the host's controllers cannot express.
 */
int cgroup_limits(struct cgroup_writes *, const struct oci_resources *r, const struct cgroup_where *,
		  bool with_devices, struct arena *, struct err *);

/* ---- between the translators ----------------------------------------------------- */

struct limits {
	struct cgroup_writes *out;
	size_t room;
	const struct cgroup_where *where;
	struct arena *arena;
	struct err *e;
};

/* Appends; TEXT is printed. 0, or -1 when no directory has the controller: `linux.resources...: no "memory" controller`. */
int limits_add(struct limits *, int dir, unsigned flags, const char *path, const char *file, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/* One function per version and section; DIR is where its controller lives. */
int limits_v1_memory(struct limits *, int dir, const struct oci_memory *);
int limits_v1_cpu(struct limits *, int dir, const struct oci_cpu *);
int limits_v1_block_io(struct limits *, int dir, const struct oci_block_io *);
int limits_v1_devices(struct limits *, int dir, const struct oci_resources *);

int limits_v2_memory(struct limits *, int dir, const struct oci_memory *);
int limits_v2_cpu(struct limits *, int dir, const struct oci_cpu *);
int limits_v2_block_io(struct limits *, int dir, const struct oci_block_io *);
int limits_v2_unified(struct limits *, const str_map *);

/* cpu.shares 2..262144 to cpu.weight 1..10000, with 1024 (the default of v1) as 100 (the default of v2). */
unsigned limits_weight_of_shares(uint64_t shares);
/* blkio.weight 10..1000 to io.weight 1..10000. */
unsigned limits_io_weight(unsigned weight);
