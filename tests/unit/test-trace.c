/* SPDX-License-Identifier: Apache-2.0 */
/* The trace: what scopes tell, how init's stamps become stages, and what is printed of both. */
#include "base/trace.h"

#include <errno.h>
#include <unistd.h>

#include "base/own.h"
#include "base/timeline.h"
#include "spawn/stamps.h"
#include "unit/tap.h"

static char *json(const struct timeline *t, uint64_t epoch)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	timeline_json(f, t, "husk \"x\"", epoch);
	fclose(f);
	return text;
}

static char *table(const struct timeline *t)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	timeline_table(f, t);
	fclose(f);
	return text;
}

static void add(struct timeline *t, const char *name, enum trace_side side, pid_t pid, uint64_t begin, uint64_t end)
{
	timeline_add(t, &(struct trace_event){ .name = name, .side = side, .pid = pid, .begin = begin, .end = end });
}

static void work(void)
{
	TRACE("outer");
	TRACE_OF("inner", "with detail");
	errno = EBUSY;
}

static void test_scopes(void)
{
	AUTO(timeline) t = TIMELINE_NONE;
	AUTO_FREE char *text = NULL;

	work();
	OK(!trace_is_on() && trace_now() == 0, "without a sink nobody looks at the clock");
	trace_to(timeline_add, &t);
	OK(trace_is_on() && trace_now() > 0, "with one the clock is asked");
	errno = 0;
	work();
	OK(errno == EBUSY, "the end of a scope leaves errno alone");
	trace_to(NULL, NULL);
	work();
	OK(t.n == 2, "each scope is told once, and only while there is a sink");
	timeline_sort(&t);
	text = json(&t, 0);
	OK(strstr(text, "\"outer\"") < strstr(text, "\"inner\""), "what contains stands before what it contains");
	OK(strstr(text, "\"args\":{\"detail\":\"with detail\"}"), "the detail is an argument");
}

static void test_json(void)
{
	AUTO(timeline) t = TIMELINE_NONE;
	AUTO_FREE char *text = NULL;

	timeline_add(&t, &(struct trace_event){ .name = "a\"b\n\xff", .error = "broken", .side = TRACE_HOST, .pid = 7,
						.begin = 1000000001, .end = 1000002500 });
	timeline_sort(&t);
	text = json(&t, 1000000000);
	SAME(text,
	     "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":7,\"tid\":7,\"args\":{\"name\":\"husk \\\"x\\\"\"}},\n"
	     "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":7,\"tid\":7,\"args\":{\"name\":\"on the host\"}},\n"
	     "{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":7,\"tid\":7,\"args\":{\"sort_index\":0}},\n"
	     "{\"ph\":\"X\",\"cat\":\"host\",\"name\":\"a\\\"b\\n\\ufffd\",\"ts\":0.001,\"dur\":2.499,\"pid\":7,\"tid\":7,"
	     "\"args\":{\"error\":\"broken\"}}",
	     "names of the tracks, then the event, in microseconds to the nanosecond, and every text is valid JSON");
}

static void test_order(void)
{
	AUTO(timeline) t = TIMELINE_NONE;
	AUTO_FREE char *text = NULL;
	const char *last;

	/* As they come: inner scopes first, init's stages when its page is read; some take no time at all. */
	add(&t, "inner", TRACE_HOST, 1, 100, 200);
	add(&t, "outer", TRACE_HOST, 1, 100, 200);
	add(&t, "first", TRACE_INIT, 2, 150, 150);
	add(&t, "second", TRACE_INIT, 2, 150, 150);
	add(&t, "third", TRACE_INIT, 2, 150, 180);
	add(&t, "back in time", TRACE_HOST, 1, 120, 90);
	add(&t, "run", TRACE_HOST, 1, 90, 300);
	timeline_sort(&t);
	text = json(&t, 0);
	last = text;
	for (const char *const *name = (const char *const[]){ "run", "outer", "inner", "back in time", "first", "second", "third",
							      NULL }; *name; name++) {
		char quoted[32];

		snprintf(quoted, sizeof(quoted), "\"name\":\"%s\",\"ts\"", *name);
		last = last ? strstr(last, quoted) : NULL;
		OK(last, "\"%s\" comes in its turn", *name);
	}
	OK(!strstr(text, ":-"), "a clock that was set gives no negative duration");
}

static void test_table(void)
{
	AUTO(timeline) t = TIMELINE_NONE;
	AUTO_FREE char *text = NULL;

	add(&t, "run", TRACE_HOST, 1, 1000000, 3000000);
	add(&t, "spawn", TRACE_HOST, 1, 1000000, 1500000);
	timeline_add(&t, &(struct trace_event){ .name = "hook", .detail = "/bin/\033[2J", .error = "no", .side = TRACE_INIT, .pid = 2,
						.begin = 1600000, .end = 1700000 });
	timeline_sort(&t);
	text = table(&t);
	OK(strstr(text, "\nrun                                          host       2.000 ms 100.0 %\n"), "the whole is 100 %%");
	OK(strstr(text, "\n  spawn                                      host       0.500 ms  25.0 %\n"), "what it contains is indented");
	OK(strstr(text, "\n  hook: /bin/?[2J                            init       0.100 ms   5.0 %  failed\n"),
	   "a failure is marked, and nothing reaches a terminal as a command");
}

static void put(struct crumb *c, int stage, uint64_t begin)
{
	c->stamp[c->n++] = (struct stamp){ .stage = stage, .begin = begin };
}

/* In the line that begins at LINE. */
static bool has_error(const char *line)
{
	const char *error = strstr(line, "\"error\""), *end = strchr(line, '\n');

	return error && (!end || error < end);
}

/* The stages as they are told, like "bridge:join namespaces 5+2 init:session 7+3!". */
static char *told(const struct crumb *c, const struct stamps_owner *who)
{
	AUTO(timeline) t = TIMELINE_NONE;
	AUTO_FREE char *events = NULL;
	char *text = NULL, *at;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	trace_to(timeline_add, &t);
	stamps_tell(c, who);
	trace_to(NULL, NULL);
	timeline_sort(&t);
	events = json(&t, 0);
	for (at = strstr(events, "\"X\",\"cat\":\""); at; at = strstr(at + 1, "\"X\",\"cat\":\"")) {
		char side[16], name[64];
		unsigned long ts, ts_nsec, dur, dur_nsec;
		int pid;

		if (sscanf(at, "\"X\",\"cat\":\"%15[^\"]\",\"name\":\"%63[^\"]\",\"ts\":%lu.%lu,\"dur\":%lu.%lu,\"pid\":%d", side, name, &ts,
			   &ts_nsec, &dur, &dur_nsec, &pid) != 7)
			break;
		fprintf(f, "%s%d:%s %lu+%lu%s ", side, pid, name, ts, dur, has_error(at) ? "!" : "");
	}
	fclose(f);
	return text;
}

static void test_stamps(void)
{
	struct crumb c = { .n = 0 };
	AUTO_FREE char *done = NULL, *none = NULL;
	AUTO_FREE char *waiting = NULL;
	AUTO_FREE char *failed = NULL;

	none = told(&c, &(struct stamps_owner){ .init = 9, .executed = 5000 });
	SAME(none, "", "no stamp, no stage");
	put(&c, STAGE_START, 1000);
	put(&c, STAGE_FORK, 3000);
	put(&c, STAGE_SESSION, 4000);
	put(&c, STAGE_SECCOMP, 6000);
	put(&c, STAGE_PAYLOAD, 0);
	done = told(&c, &(struct stamps_owner){ .bridge = 8, .init = 9, .executed = 9000 });
	SAME(done, "bridge8:start 1+2 bridge8:final process 3+1 init9:session 4+2 init9:seccomp 6+3 init9:payload 9+0 ",
	     "a stage ends when the next one begins; the bridge's last one is the fork; unstamped ones take no time");

	c.n = 0;
	put(&c, STAGE_READY, 1000);
	put(&c, STAGE_GATE, 3000);
	waiting = told(&c, &(struct stamps_owner){ .init = 9, .waits = true });
	SAME(waiting, "init9:ready 1+2 ", "a gate at which init still waits has no end to be told");

	c.n = 0;
	put(&c, STAGE_USER, 1000);
	put(&c, STAGE_CWD, 3000);
	put(&c, STAGE_MAX, 7000);
	failed = told(&c, &(struct stamps_owner){ .init = 9 });
	SAME(failed, "init9:user 1+2 init9:working directory 3+4! ", "the trace ends with the stage that failed");

	for (int i = 0; i < 2 * STAGE_MAX; i++)
		stamp_put(&c, STAGE_USER, 1);
	OK(c.n == STAGE_MAX + 1, "a page that is full stays as it is");
	c.n = UINT32_MAX;
	AUTO_FREE char *wild = told(&c, &(struct stamps_owner){ .init = 9 });
	OK(wild, "a number of stamps that cannot be is not believed");
}

int main(void)
{
	test_scopes();
	test_json();
	test_order();
	test_table();
	test_stamps();
	return tap_done();
}
