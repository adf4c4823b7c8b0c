/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as text, one fact per line, stable: `husk check --plan`, and what the golden tests compare. */
#pragma once

#include "base/arena.h"
#include "plan/plan.h"

char *plan_print(const struct plan *, struct arena *);
