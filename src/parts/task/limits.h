/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.rlimits and process.oomScoreAdj.
 *
 * Two steps for rlimits.  The host raises hard limits where that is needed (limits_serve, when init
 * asks PLACE; limits_compare tells whether): only it has CAP_SYS_RESOURCE when the container has a user namespace.  Init sets the final
 * values late (limits_apply), because RLIMIT_NOFILE, RLIMIT_FSIZE or RLIMIT_AS of the container
 * must not stop init's own work; lowering needs no privilege.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/procfs.h"

struct limit { int resource; uint64_t soft, hard; };    /* RLIMIT_*, values as in prlimit(2), RLIM_INFINITY: all ones */

struct limits_plan {
	const struct limit *list;
	size_t n;
	bool exceed_ours;               /* a hard limit is above the one that init inherits from us */
	bool has_oom_score;
	int oom_score;                  /* -1000..1000 */
};

/* P may be NULL. PATH is "process". Unknown or double types, soft above hard: errors. */
int limits_plan(struct limits_plan *, const struct oci_process *p, const char *path, struct arena *, struct err *);
/* "RLIMIT_NOFILE" of RLIMIT_NOFILE; NULL for an unknown number. */
const char *limits_name(int resource);

/* Host, while planning: finds out EXCEED_OURS. */
int limits_compare(struct limits_plan *, struct err *);
/* Host: raises hard limits of PID that are below the planned ones. EPERM names the limit. */
int limits_serve(const struct limits_plan *, pid_t, struct err *);
/* Init: the final values. */
int limits_apply(const struct limits_plan *, struct err *);
/* Init, before it becomes undumpable (its /proc files then belong to root). Lowering needs CAP_SYS_RESOURCE. */
int oom_score_apply(const struct limits_plan *, const struct procfs *, struct err *);
