/* SPDX-License-Identifier: Apache-2.0 */
/* Which container a command is about, and its lock. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "record/record.h"

struct target {
	const char *root;               /* state directory, NULL: the default */
	const char *id;
};

/* Takes the lock of a container that is there; an error when another command holds it for 30 s. */
int target_lock(struct record *, struct arena *, struct err *);
/* Finds it, takes its lock and only then reads its record, which has to be readable. */
int target_load(struct record *, const struct target *, struct arena *, struct err *);
