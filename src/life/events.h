/* SPDX-License-Identifier: Apache-2.0 */
/* `events`: what a container uses, and when the OOM killer strikes, as the JSON lines that runc prints. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "life/target.h"

/* One line, without its end. False ends the stream: nobody listens any more. */
typedef bool events_fn(void *self, const char *json);

/* {"type":"stats",...} once. ERR_STATE when the container is not running. */
int life_stats(const struct target *, events_fn *say, void *self, struct err *);
/* One for each container that runs. */
int life_stats_all(const char *root, events_fn *say, void *self, struct err *e);
/*
 * The statistics of now as OpenMetrics text, in A; NULL on error. ID NULL: of every container that runs, and how many
 * there are of each status.
 */
char *life_metrics(const char *root, const char *id, struct arena *a, struct err *e);
/*
 * The same every INTERVAL milliseconds, and {"type":"oom",...} whenever the kernel kills for want of memory,
 * until the container ends.
 */
int life_events(const struct target *, unsigned interval, events_fn *say, void *self, struct err *);

/*
 * What happens to every container below ROOT, also to those that come later, one JSON line per event (record/announce.h
 * has the words), beginning with a line of type "state" for each that is there.  Returns at SIGINT, SIGTERM and
 * SIGHUP, and when nobody reads OUT any more.
 */
int life_follow(const char *root, int out, events_fn *say, void *self, struct err *e);
