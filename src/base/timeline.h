/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spans of one command, collected to be shown: as Trace Event objects (JSON) for Perfetto and chrome://tracing, or as a
 * table.  On the host; filled while the command runs, shown at its end.
 *
 * The format: "Trace Event Format", Google, docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
#pragma once

#include <stdio.h>

#include "base/trace.h"

struct timeline_event;

struct timeline {
	struct timeline_event *v;
	size_t n, room;
};

#define TIMELINE_NONE ((struct timeline){ .v = NULL })

void timeline_undo(struct timeline *);
/* A trace_sink: copies the event. SELF: struct timeline *. */
void timeline_add(void *self, const struct trace_event *);
/* By time, what contains before what it contains. To be called before it is shown. */
void timeline_sort(struct timeline *);

/* What to subtract from trace_clock() to get CLOCK_MONOTONIC of the host, as it is now. */
uint64_t timeline_epoch(void);

/*
 * One object per line, each followed by ",\n" but the last: metadata (names of processes and threads), then the events, their
 * times less EPOCH.  COMMAND: what the process on the host is called.
 */
void timeline_json(FILE *, const struct timeline *, const char *command, uint64_t epoch);
/* A line per event: stage, side, duration, and its share of the first event's. */
void timeline_table(FILE *, const struct timeline *);
