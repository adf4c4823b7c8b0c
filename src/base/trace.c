/* SPDX-License-Identifier: Apache-2.0 */
/* The sink of what scopes tell about their time, as log.c is that of messages.  Both programs; set in husk alone. */
#include "base/trace.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

static trace_sink *sink;
static void *sink_self;

void trace_to(trace_sink *to, void *self)
{
	sink = to;
	sink_self = self;
}

bool trace_is_on(void)
{
	return sink;
}

void trace_add(const struct trace_event *ev)
{
	if (sink)
		sink(sink_self, ev);
}

uint64_t trace_clock(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME, &t) < 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t trace_now(void)
{
	return sink ? trace_clock() : 0;
}

struct trace_scope trace_enter(const char *name, const char *detail)
{
	return (struct trace_scope){ .name = name, .detail = detail, .begin = trace_now() };
}

void trace_leave(struct trace_scope *s)
{
	int saved = errno;

	if (sink && s->begin)
		trace_add(&(struct trace_event){
			.name = s->name, .detail = s->detail, .side = TRACE_HOST, .pid = getpid(),
			.begin = s->begin, .end = trace_clock(),
		});
	errno = saved;
}
