/* SPDX-License-Identifier: Apache-2.0 */
/* The one writer of limits: carries a list of writes out, for `create` and for `update`.  On the host. */
#pragma once

#include "parts/cgroup/cgroup.h"

/* What was there before, to be put back when a later write fails. */
struct write_journal {
	struct write_before { const struct cgroup_write *w; const char *file, *text; } *v;
	size_t n, room;
	struct arena *arena;
};

/*
 * LATE: only those that are marked so, otherwise only the others.  JOURNAL may be NULL: the groups are new
 * and removed when something fails.  Errors name the path in config.json.
 */
int write_limits(const struct cgroup *, const struct cgroup_writes *, bool late, struct write_journal *, struct err *);
/* Backwards, as far as it goes. */
void write_back(const struct cgroup *, const struct write_journal *);
