/* SPDX-License-Identifier: Apache-2.0 */
/* A plan in the order in which it is carried out, for people who do not know husk (`check --explain`). In husk. */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "plan/plan.h"

struct explanation {
	size_t n;
	struct explained { const char *title; size_t n; const char **lines; } *v;
};

/* Of what is done nothing is left out but what husk does for every container alike. */
const struct explanation *plan_explain(const struct plan *, struct arena *);
