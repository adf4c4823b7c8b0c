/* SPDX-License-Identifier: Apache-2.0 */
/* `kill`: a signal for init, or for every process of the container. Takes no lock: a hook may hang. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "life/target.h"

int life_kill(const struct target *, int sig, bool all, struct err *);
