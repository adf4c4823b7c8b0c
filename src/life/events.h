/* SPDX-License-Identifier: Apache-2.0 */
/* `events`: what a container uses, and when the OOM killer strikes, as the JSON lines that runc prints. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "life/target.h"

/* One line, without its end. False ends the stream: nobody listens any more. */
typedef bool events_fn(void *self, const char *json);

/* {"type":"stats",...} once. ERR_STATE when the container is not running. */
int life_stats(const struct target *, events_fn *say, void *self, struct err *);
/*
 * The same every INTERVAL milliseconds, and {"type":"oom",...} whenever the kernel kills for want of memory,
 * until the container ends.
 */
int life_events(const struct target *, unsigned interval, events_fn *say, void *self, struct err *);
