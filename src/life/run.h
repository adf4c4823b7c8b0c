/* SPDX-License-Identifier: Apache-2.0 */
/* `run`: create, start, and, in the foreground, watch and delete. On the host. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "plan/request.h"

struct run_request {
	struct create_request create;
	bool keep;                      /* leave the stopped container for `delete` */
	bool no_subreaper;
};

/* *code: the container's exit code, 128+N for signal N; 0 when detached. */
int life_run(const struct run_request *, int *code, struct err *);
