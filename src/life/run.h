/* SPDX-License-Identifier: Apache-2.0 */
/* `run`: create, start, and, in the foreground, watch and delete. On the host. */
#pragma once

#include "base/err.h"
#include "plan/request.h"

/* *code: the container's exit code, 128+N for signal N; 0 when detached. */
int life_run(const struct create_request *, int *code, struct err *);
