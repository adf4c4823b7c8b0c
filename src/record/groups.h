/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroups of a container in its record, and back. On the host. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "parts/cgroup/cgroup.h"
#include "record/record.h"

/* Copies PATHS into the record (strings stay theirs); record_save() writes them. */
void groups_save(struct record *, const struct cgroup_paths *, struct arena *);
/* Reopens what the record names; the record must outlive *cg. None of it there: no groups, no error. */
int groups_open(struct cgroup *cg, const struct record *, struct err *);
/* The one group alone that says whether the container is frozen (control.h): v1's with the freezer, or else v2's. */
int groups_open_freezer(struct cgroup *cg, const struct record *, struct err *e);
