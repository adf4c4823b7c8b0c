/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `restore`: a container out of the images of `checkpoint`, with the config.json that lies in the bundle now. On
 * the host.
 */
#pragma once

#include "base/err.h"
#include "parts/criu/criu.h"
#include "plan/request.h"

struct restore_request {
	struct create_request create;
	const char *images, *logs;      /* directories; LOGS NULL: the images' */
	struct criu_options criu;
};

/* *CODE: the container's exit code, 128+N for signal N; 0 when detached. What fails leaves nothing. */
int life_restore(const struct restore_request *, int *code, struct err *);
