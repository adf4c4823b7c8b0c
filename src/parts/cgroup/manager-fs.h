/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one group as files: mkdir(2) of what is missing beneath a verified mount, and what its hierarchy wants to
 * be usable.  On the host, in `create`.  With the systemd manager the group is there
 * already (unit.h), with init in it; what systemd has no hierarchy for is made here all the same.
 */
#pragma once

#include "parts/cgroup/cgroup.h"

/*
 * OUT gets descriptors of the mount and of the group.  HAND_DOWN: v2's controllers, enabled in every
 * ancestor as far as the kernel allows; a controller that is missing in the end shows when its file is written.
 * ALONE: a group that was there must be empty and thawed, ERR_STATE otherwise.  On failure what was made is left in out->made.
 */
int manager_fs_make(struct cgroup_dir *out, const struct cgroup_plan_dir *, const char *hand_down, bool alone, struct err *);
/* What takes long and can wait until a process is to enter: a new cpuset of v1 gets CPUs and memory. */
int manager_fs_fit_out(struct cgroup_dir *, struct err *);
/* manager_fs_make() for a group that is there, once its ancestors hold no processes any more. */
int manager_fs_hand_down(const struct cgroup_plan_dir *, const char *controllers, struct err *);
/* Removes the group and the parents that were made; a parent that others use stays. */
int manager_fs_remove(struct cgroup_dir *, struct err *);
