/* SPDX-License-Identifier: Apache-2.0 */
/* `state` and `list`: what there is, as the specification says it. Read only, without lock. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "life/target.h"
#include "record/ending.h"
#include "record/status.h"

struct life_state {
	const char *id, *bundle, *rootfs, *created, *owner;
	enum status status;
	int pid;                        /* 0 when stopped */
	str_map annotations;
	const struct oci_ending *ending;        /* of a stopped one; NULL: nobody knows */
};

int life_look(const struct target *, struct life_state *, struct arena *, struct err *);
/* JSON, one object, in the arena. */
char *life_state_json(const struct life_state *, struct arena *);
/* What hooks get on their standard input, and what `list` prints: the same, on one line. */
char *life_line_json(const struct life_state *, struct arena *);

/* "root", "#1000" for who has no name. */
const char *life_user_name(uint32_t uid, struct arena *);

struct life_list { struct life_state *v; size_t n; };

/* Every container below ROOT; one that vanishes meanwhile is left out, an unreadable one is "stopped". */
int life_list(const char *root, struct life_list *, struct arena *, struct err *);
