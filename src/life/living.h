/* SPDX-License-Identifier: Apache-2.0 */
/* A container that something is asked of while it lives: its record, its cgroups and what it is doing. On the host. */
#pragma once

#include "base/arena.h"
#include "life/target.h"
#include "parts/cgroup/cgroup.h"
#include "record/record.h"
#include "record/status.h"

struct living {
	struct arena mem;
	struct record record;
	struct cgroup cgroup;
	enum status status;
};

#define LIVING_NONE ((struct living){ .mem = ARENA_NONE, .record = RECORD_NONE, .cgroup = CGROUP_NONE })

void living_undo(struct living *);

int living_see(struct living *, const struct target *, struct err *);
/*
 * With its lock: what changes the container waits for others that do; and the limits that an `update` left half
 * changed, when it was killed, become what they were.  ONLY_FREEZER: of the groups no other is asked for.
 */
int living_change(struct living *, const struct target *, bool only_freezer, struct err *);

/* Created, running or paused. */
bool living_is_alive(enum status);
int living_no_groups(struct err *);
