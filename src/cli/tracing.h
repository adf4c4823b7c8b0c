/* SPDX-License-Identifier: Apache-2.0 */
/* --trace and --timing: the spans of one command are collected while it runs, and shown at its end, however it ends. */
#pragma once

#include "base/err.h"
#include "base/timeline.h"
#include "cli/options.h"

struct tracing {
	const char *path;               /* of --trace; NULL: none */
	bool shows_table;
	uint64_t begin;                 /* 0: neither was asked for */
	struct timeline timeline;
};

#define TRACING_NONE ((struct tracing){ .timeline = TIMELINE_NONE })

void tracing_undo(struct tracing *);

/*
 * Nothing without one of the options.  The file of --trace is made, or must be a trace: the spans of several commands in one
 * file are one timeline.  T must stay where it is until the end.
 */
int tracing_open(struct tracing *t, const struct globals *, struct err *);
/*
 * Adds the command itself (COMMAND: its name, LINE: all of its words) as the span around all others, and shows them.  WHY: of a
 * command that failed, else NULL.
 */
void tracing_show(struct tracing *, const char *command, const char *line, const struct err *why);
