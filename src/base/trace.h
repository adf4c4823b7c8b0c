/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the time goes: a scope says TRACE("name") in its first line, and --trace and --timing show from when to when it ran.
 * Only cli/ sets the sink; without one a TRACE is a comparison.  husk-init has no sink: the stamps of its stages go into the
 * page that it shares with husk (spawn/stages.h), which hands them on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum trace_side { TRACE_HOST, TRACE_BRIDGE, TRACE_INIT };

/* What has been, or was when it was cut short. The texts are the caller's: a sink copies them. */
struct trace_event {
	const char *name;
	const char *detail;             /* NULL: none */
	const char *error;              /* why it did not come to its end; NULL: it did */
	enum trace_side side;
	pid_t pid;                      /* as husk sees it */
	uint64_t begin, end;            /* trace_clock() */
};

typedef void trace_sink(void *self, const struct trace_event *);

void trace_to(trace_sink *, void *self);
bool trace_is_on(void);
void trace_add(const struct trace_event *);

/*
 * Nanoseconds of CLOCK_REALTIME: the one precise clock that no time namespace shifts, so that stamps of both sides agree.
 * Whoever shows them turns them into CLOCK_MONOTONIC of the host.
 */
uint64_t trace_clock(void);
/* The same; 0 when nobody traces. */
uint64_t trace_now(void);

struct trace_scope { const char *name, *detail; uint64_t begin; };

struct trace_scope trace_enter(const char *name, const char *detail);
void trace_leave(struct trace_scope *);         /* keeps errno */

#define TRACE_NAME_(line) trace_scope_##line
#define TRACE_NAME(line) TRACE_NAME_(line)
/* NAME and DETAIL must live as long as the scope. */
#define TRACE_OF(name, detail) \
	__attribute__((cleanup(trace_leave), unused)) struct trace_scope TRACE_NAME(__LINE__) = trace_enter((name), (detail))
#define TRACE(name) TRACE_OF((name), NULL)
