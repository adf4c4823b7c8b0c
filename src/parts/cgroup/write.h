/* SPDX-License-Identifier: Apache-2.0 */
/* The one writer of limits: carries a list of writes out, for `create` and for `update`.  On the host. */
#pragma once

#include "parts/cgroup/cgroup.h"

/*
 * LATE: only those that are marked so, otherwise only the others.  On failure what was written stays: new groups are removed,
 * `update` puts back.  Errors name the path in config.json.
 */
int write_limits(const struct cgroup *, const struct cgroup_writes *, bool late, struct err *);
