/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.intelRdt: cache and memory bandwidth classes in a mounted resctrl file system.
 *
 * Host side only: the class is made before the clone, init's pid written when it asks PLACE, what was made
 * is removed by delete.  Source: config-linux.md "IntelRdt"; Documentation/filesystems/resctrl.rst.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/host.h"

struct rdt_plan {
	bool is_set;
	const char *mount;              /* of resctrl */
	const char *clos;               /* one component; "" is the default class, the root of the file system */
	const char *monitor;            /* name of the monitoring group, NULL: none */
	const char *const *schemata;    /* lines in the order to write */
	size_t n;
	bool may_make;                  /* the class may be made: schemata are given, or closID is not */
	bool is_ours;                   /* closID is absent: what we make, we remove */
};

/* P may be NULL. ID: of the container. No resctrl: ERR_UNSUPPORTED. */
int rdt_plan(struct rdt_plan *, const struct oci_rdt *p, const char *id, const struct host *, struct arena *,
	     struct err *);

/* What exists, and what of it has to be removed; undone by scope until rdt_keep(). */
struct rdt {
	const struct rdt_plan *plan;
	bool made_clos, made_monitor, kept;
};

#define RDT_NONE ((struct rdt){ 0 })

/* Asked before rdt_make(), and recorded: what was there, delete leaves there (config-linux.md "IntelRdt"). */
bool rdt_class_exists(const struct rdt_plan *);
int rdt_make(struct rdt *, const struct rdt_plan *, struct err *);
int rdt_enter(const struct rdt *, pid_t, struct err *);
void rdt_keep(struct rdt *);
void rdt_undo(struct rdt *);
/* delete: removes the monitoring group, and the class when it is ours and was not there before (CLASS_STAYS). Missing is fine. */
int rdt_remove(const struct rdt_plan *, bool class_stays, struct err *);
/*
 * update --l3-cache-schema, --mem-bw-schema: writes the lines of the plan.  BEFORE: the lines as they were, which rdt_put_back()
 * writes again, when the update as a whole fails.
 */
int rdt_before(const struct rdt_plan *, str_list *before, struct arena *, struct err *);
int rdt_update(const struct rdt_plan *, struct err *);
void rdt_put_back(const struct rdt_plan *, const str_list *before);
