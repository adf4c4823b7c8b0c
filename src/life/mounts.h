/* SPDX-License-Identifier: Apache-2.0 */
/* `mounts add`, `mounts remove`: what is mounted in a container that is there. On the host. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "life/target.h"

/* TEXT: an array of mounts as in config.json, NAME what to call it in messages.  All of them or none; 0 or -1. */
struct mounts_file { const char *name, *text; size_t len; };

int life_mounts_add(const struct target *, const struct mounts_file *, struct err *);
/* Of each only the destination matters; what was not added by life_mounts_add() stays. */
int life_mounts_remove(const struct target *, const struct mounts_file *, struct err *);
