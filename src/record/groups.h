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
/* Of an init that has ended, for groups_open() does more: removes all of its groups that create made. False: not all are gone. */
bool groups_remove_empty(const struct record *);
/* The way into its groups, which groups_are_v1(), for one process more: cgroup_entries() without opening the groups. */
int groups_entries(const struct record *, int fds[], int *n, struct err *);
/* Are all groups those of v1, into which no process can be born? */
bool groups_are_v1(const struct record *);
/* The one group that has the freezer alone: of v1, or else v2's; all of them where none has it. */
int groups_open_freezer(struct cgroup *cg, const struct record *, struct err *e);
/* Asks it without opening more than one file. What cannot be read is not frozen. */
bool groups_are_frozen(const struct record *);
/* May SIGKILL have to wait for cgroup_kill()?  Asked for the same price. */
bool groups_may_keep_the_killed(const struct record *);
