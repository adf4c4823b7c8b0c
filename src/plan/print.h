/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as text, one fact per line, stable: what the golden tests compare. For people there is plan/explain.h. */
#pragma once

#include "base/arena.h"
#include "plan/plan.h"

char *plan_print(const struct plan *, struct arena *);
