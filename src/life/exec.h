/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `exec`: one more process in a container. On the host.  Holds no lock: health checks come often, and
 * must not wait for each other or for a hook of `start`.
 */
#pragma once

#include "base/err.h"
#include "plan/request.h"

/* *code: the exit code of the process in the foreground, 128+N for signal N; 0 when detached. */
int life_exec(const struct exec_request *, int *code, struct err *);
