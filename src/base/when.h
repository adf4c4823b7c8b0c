/* SPDX-License-Identifier: Apache-2.0 */
/* The time as texts have it: in records, events and logs. On the host. */
#pragma once

#include "base/arena.h"

/* RFC 3339 with nanoseconds, in UTC, as engines parse it. */
char *when_now(struct arena *);
