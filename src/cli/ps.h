/* SPDX-License-Identifier: Apache-2.0 */
/* The table of `husk ps`: the host's ps(1), with only the lines of the container's processes. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* OPTIONS: of ps(1), ends with NULL; none: "-ef". Prints on standard output. */
int ps_table(const pid_t *pids, size_t n, const char *const *options, struct err *);
