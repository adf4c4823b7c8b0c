/* SPDX-License-Identifier: Apache-2.0 */
/* `info`: what this host offers to containers and what it lacks, with what follows from it and what helps. On the host. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum finding_state {
	FINDING_OK,
	FINDING_LACK,                   /* some containers cannot run, or not as they should */
	FINDING_FATAL,                  /* none can */
};

struct finding {
	enum finding_state state;
	const char *subject;            /* "cgroups" */
	const char *value;              /* what there is */
	const char *consequence, *cure; /* of a lack; NULL otherwise */
};

struct findings { struct finding *v; size_t n; };

/* Looks at everything, changes nothing. Returns whether containers can run at all. */
bool life_info(struct findings *, struct arena *);
const char *finding_word(enum finding_state);   /* "ok", "lack", "fatal" */
char *life_info_json(const struct findings *, struct arena *);
