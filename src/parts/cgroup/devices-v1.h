/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device rules of a running container on cgroup v1.  The kernel keeps no list of rules but a default and
 * exceptions from it; a change is therefore the shortest way from one such state to another: nothing that
 * stays allowed is refused in between, and the way back is known before the first step.  Pure; for `update`.
 * Source: security/device_cgroup.c.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "parts/cgroup/devices.h"

struct device_state {
	bool allows;                    /* the default; the exceptions say the contrary */
	struct device_rule *v;          /* exceptions; their member allow means nothing */
	size_t n;
};

/*
 * What the kernel makes of the rules.  ERR_UNSUPPORTED when it cannot follow one: exceptions are found by their
 * exact numbers, so "deny c 1:3" does not touch "allow c 1:*".
 */
int devices_v1_state(struct device_state *, const struct device_rules *, struct arena *, struct err *);
/* The state behind the text of devices.list. With the default "allow" the kernel does not list the exceptions. */
void devices_v1_parse(struct device_state *, const char *list, struct arena *);
/* Writes, in order: those with allow to devices.allow, the others to devices.deny; type 'a' is written as "a". */
void devices_v1_moves(struct device_rules *, const struct device_state *from, const struct device_state *to,
		      struct arena *);
