/* SPDX-License-Identifier: Apache-2.0 */
/* `delete`: undoes create; with FORCE whatever state the container is in, and an absent one is no error. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "life/target.h"
#include "oci-spec/config.h"
#include "parts/cgroup/cgroup.h"
#include "record/record.h"

/*
 * For `run`, which has all in hand and has seen init's end: removes it, unless another command is at it, something
 * is left in the cgroups, or there is more to do.  False: life_delete() has to.
 */
bool life_delete_ended(struct record *, struct cgroup *, const struct oci_config *, struct arena *);
int life_delete(const struct target *, bool force, struct err *);
/* For `checkpoint`, under the lock of a container that lives in images from now on: kills what may be left of it. */
int life_delete_locked(struct record *, struct arena *, struct err *);
