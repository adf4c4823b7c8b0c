/* SPDX-License-Identifier: Apache-2.0 */
/* Spans, collected, put in order and printed.  On the host, at the end of a command that is traced. */
#include "base/timeline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/str.h"

struct timeline_event {
	char name[48], detail[200], error[300];
	enum trace_side side;
	pid_t pid;
	uint64_t begin, end;
	size_t number;                  /* in the order in which they came */
};

void timeline_undo(struct timeline *t)
{
	free(t->v);
	*t = TIMELINE_NONE;
}

static void copy(char *to, size_t size, const char *from)
{
	struct text t = { .s = to, .size = size };

	to[0] = '\0';
	if (from)
		text_add(&t, from);
}

void timeline_add(void *self, const struct trace_event *from)
{
	struct timeline *t = self;
	struct timeline_event *to;

	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 128;
		struct timeline_event *v = reallocarray(t->v, room, sizeof(*v));

		if (!v)
			return;         /* a trace with a gap is better than a command without an end */
		t->v = v;
		t->room = room;
	}
	to = &t->v[t->n];
	copy(to->name, sizeof(to->name), from->name);
	copy(to->detail, sizeof(to->detail), from->detail);
	copy(to->error, sizeof(to->error), from->error);
	to->side = from->side;
	to->pid = from->pid;
	to->begin = from->begin;
	/* The clock may be set while we run: time does not go backwards in here. */
	to->end = from->end < from->begin ? from->begin : from->end;
	to->number = t->n++;
}

/* A scope ends, and is added, after the scopes in it; the stages of init come one after the other. */
static int compare(const void *one, const void *other)
{
	const struct timeline_event *a = one, *b = other;

	if (a->begin != b->begin)
		return a->begin < b->begin ? -1 : 1;
	if (a->side != b->side)
		return a->side < b->side ? -1 : 1;
	if (a->side == TRACE_HOST && a->end != b->end)
		return a->end > b->end ? -1 : 1;
	return (a->number < b->number) == (a->side != TRACE_HOST) ? -1 : 1;
}

void timeline_sort(struct timeline *t)
{
	if (t->n)
		qsort(t->v, t->n, sizeof(*t->v), compare);
}

uint64_t timeline_epoch(void)
{
	struct timespec t = { .tv_sec = 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return trace_clock() - ((uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
}

static const char *side_word(enum trace_side side)
{
	switch (side) {
	case TRACE_HOST: return "host";
	case TRACE_BRIDGE: return "bridge";
	case TRACE_INIT: return "init";
	}
	return "host";
}

/* The track of a process, named as ps(1) would show it. */
static void print_names(FILE *f, const struct timeline_event *ev, const char *command)
{
	const char *thread = ev->side == TRACE_HOST ? "on the host" : ev->side == TRACE_INIT ? "to execve" : "to the final process";

	(void)fprintf(f, "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":", ev->pid, ev->pid);
	json_quote(f, ev->side == TRACE_HOST ? command : ev->side == TRACE_INIT ? "husk-init" : "husk-init (bridge)");
	(void)fprintf(f, "}},\n{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":\"%s\"}},\n",
		      ev->pid, ev->pid, thread);
	(void)fprintf(f, "{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":%d,\"tid\":%d,\"args\":{\"sort_index\":%d}},\n",
		      ev->pid, ev->pid, (int)ev->side);
}

static bool is_first_of_process(const struct timeline *t, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (t->v[j].pid == t->v[i].pid)
			return false;
	return true;
}

/* Microseconds, exact to the nanosecond. */
static void print_time(FILE *f, const char *key, uint64_t nsec)
{
	(void)fprintf(f, ",\"%s\":%" PRIu64 ".%03u", key, nsec / 1000, (unsigned)(nsec % 1000));
}

static void print_text(FILE *f, const char *before, const char *key, const char *text)
{
	(void)fprintf(f, "%s\"%s\":", before, key);
	json_quote(f, text);
}

static void print_event(FILE *f, const struct timeline_event *ev, uint64_t epoch)
{
	(void)fprintf(f, "{\"ph\":\"X\",\"cat\":\"%s\"", side_word(ev->side));
	print_text(f, ",", "name", ev->name);
	print_time(f, "ts", ev->begin > epoch ? ev->begin - epoch : 0);
	print_time(f, "dur", ev->end - ev->begin);
	(void)fprintf(f, ",\"pid\":%d,\"tid\":%d", ev->pid, ev->pid);
	if (ev->detail[0] || ev->error[0]) {
		(void)fputs(",\"args\":{", f);
		if (ev->detail[0])
			print_text(f, "", "detail", ev->detail);
		if (ev->error[0])
			print_text(f, ev->detail[0] ? "," : "", "error", ev->error);
		(void)fputc('}', f);
	}
	(void)fputc('}', f);
}

void timeline_json(FILE *f, const struct timeline *t, const char *command, uint64_t epoch)
{
	for (size_t i = 0; i < t->n; i++)
		if (is_first_of_process(t, i))
			print_names(f, &t->v[i], command);
	for (size_t i = 0; i < t->n; i++) {
		print_event(f, &t->v[i], epoch);
		if (i + 1 < t->n)
			(void)fputs(",\n", f);
	}
}

/* In how many others of the host it lies; what init does is beside them. */
static int depth(const struct timeline *t, size_t i)
{
	const struct timeline_event *in = &t->v[i];
	int n = 0;

	if (in->side != TRACE_HOST)
		return 1;
	for (size_t j = 0; j < i; j++)
		n += t->v[j].side == TRACE_HOST && t->v[j].end >= in->end;
	return n;
}

#define NAME_WIDTH 44

/* Indented, with what it was about; a hook's path must not reach the terminal as an escape sequence. */
static void describe(char name[NAME_WIDTH + 1], const struct timeline *t, size_t i)
{
	const struct timeline_event *ev = &t->v[i];
	struct text text = { .s = name, .size = NAME_WIDTH + 1 };

	name[0] = '\0';
	for (int n = depth(t, i); n > 0; n--)
		text_add(&text, "  ");
	text_add(&text, ev->name);
	if (i && ev->detail[0]) {
		text_add(&text, ": ");
		text_add(&text, ev->detail);
	}
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || (unsigned char)*name >= 0x7f)
			*name = '?';
}

void timeline_table(FILE *f, const struct timeline *t)
{
	uint64_t whole = t->n ? t->v[0].end - t->v[0].begin : 0;

	(void)fprintf(f, "%-*s %-6s %12s %7s\n", NAME_WIDTH, "stage", "side", "duration", "share");
	for (size_t i = 0; i < t->n; i++) {
		const struct timeline_event *ev = &t->v[i];
		uint64_t nsec = ev->end - ev->begin;
		char name[NAME_WIDTH + 1];

		describe(name, t, i);
		(void)fprintf(f, "%-*s %-6s %9.3f ms %5.1f %%%s\n", NAME_WIDTH, name, side_word(ev->side), (double)nsec / 1e6,
			      whole ? 100.0 * (double)nsec / (double)whole : 0.0, ev->error[0] && i ? "  failed" : "");
	}
}
