/* SPDX-License-Identifier: Apache-2.0 */
/* `checkpoint`: writes a running container into images, and deletes it unless it shall go on. On the host. */
#pragma once

#include "base/err.h"
#include "life/target.h"
#include "parts/criu/criu.h"

struct checkpoint_request {
	const char *images, *logs;      /* directories; LOGS NULL: the images' */
	bool pre_dump;                  /* only the memory, while the container runs; another checkpoint follows */
	struct criu_options criu;
};

/* What fails leaves the container as it was. */
int life_checkpoint(const struct target *, const struct checkpoint_request *, struct err *);
