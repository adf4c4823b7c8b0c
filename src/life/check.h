/* SPDX-License-Identifier: Apache-2.0 */
/* `check`: everything that is wrong, or looks wrong, about a bundle on this host. On the host; nothing is done or written. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "plan/explain.h"
#include "plan/request.h"
#include "plan/survey.h"
#include "sys/host.h"

struct check {
	struct survey found;
	struct host host;
};

/* Problems are no error here; -1 only when there is nothing to be looked at. RQ: as for create. */
int life_check(struct check *, const struct create_request *rq, struct arena *, struct err *);

/* What came of it as JSON: {"sound": true, "problems": [...], "plan": [...]}; FILE: the name of the config for people. */
char *life_check_json(const struct check *, const char *file, bool is_sound, const struct explanation *, struct arena *);

/* ---- its pieces ---- */

/* What only a look at the machine can tell: files that are not there, rights that husk has not. */
void check_machine(struct check *, const struct create_request *, struct arena *);
/* What is allowed and yet deserves a second thought. */
void check_advice(struct check *);
