/* SPDX-License-Identifier: Apache-2.0 */
/* `pause`, `resume` and `ps`: what is asked of a living container's cgroup. On the host. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "life/target.h"

int life_pause(const struct target *, struct err *);
int life_resume(const struct target *, struct err *);

/* Every process of the container, by its number on the host. */
int life_ps(const struct target *, pid_t **pids, size_t *n, struct arena *, struct err *);
