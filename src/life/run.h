/* SPDX-License-Identifier: Apache-2.0 */
/* `run`: create, start, and, in the foreground, watch and delete. On the host. */
#pragma once

#include "base/err.h"
#include "life/making.h"
#include "plan/request.h"

/*
 * What `run` and `restore` have in common: MAKE makes the process and lets it run, recorded and announced; then it
 * is left alone (RQ->detach) or watched to its end.  *READY as begin_now() has it.
 */
typedef int life_make_fn(void *self, struct making *, const struct create_request *, int *ready, struct err *);
int life_run_made(life_make_fn *make, void *self, const struct create_request *, int *code, struct err *);

/* *code: the container's exit code, 128+N for signal N; 0 when detached. */
int life_run(const struct create_request *, int *code, struct err *);
