/* SPDX-License-Identifier: Apache-2.0 */
/* `husk events`. */
#include "life/events.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "cli/commands.h"

struct events_values { const char *interval, *format; bool stats, all; };

static const struct option_row events_options[] = {
	OPTION("all", 'a', FLAG, offsetof(struct events_values, all), "",
	  "what happens to every container, those that come later too, as one stream"),
	OPTION("interval", 0, TEXT, offsetof(struct events_values, interval), "TIME", "between two statistics: 5s (default), 500ms, 1m"),
	OPTION("stats", 0, FLAG, offsetof(struct events_values, stats), "", "the statistics of now, and no more"),
	OPTION("format", 'f', TEXT, offsetof(struct events_values, format), "json|openmetrics",
	  "json (default); or openmetrics: the statistics of now, for a monitoring system"),
	OPTIONS_END
};

static bool print_line(void *self, const char *json)
{
	(void)self;
	(void)puts(json);
	return fflush(stdout) == 0 && !ferror(stdout);
}

static int check_words(const struct events_values *v, const struct words *arguments, struct err *e)
{
	if (v->format && !str_eq(v->format, "json") && !str_eq(v->format, "openmetrics"))
		return err_set(e, ERR_USAGE, "option --format: \"%s\" is not json or openmetrics", v->format);
	if (v->all && arguments->n)
		return err_set(e, ERR_USAGE, "events: --all and a container are one too many");
	if (!v->all && !arguments->n)
		return err_set(e, ERR_USAGE, "events requires a container, or --all");
	if (v->interval && (v->all || v->stats || str_eq(v->format, "openmetrics")))
		return err_set(e, ERR_USAGE, "option --interval: only for the statistics of one container, again and again");
	return 0;
}

static int metrics(const struct globals *g, const char *id, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	const char *text = life_metrics(g->root, id, &mem, e);

	if (!text)
		return -1;
	(void)fputs(text, stdout);
	return 0;
}

static int events(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct events_values *v = values;
	unsigned interval = num_parse_time(v->interval ? v->interval : "5s");
	struct target target = { .root = g->root, .id = arguments->n ? arguments->v[0] : NULL };

	if (check_words(v, arguments, e) < 0)
		return -1;
	if (!interval)
		return err_set(e, ERR_USAGE, "option --interval: \"%s\" is not a time like 5s", v->interval);
	if (str_eq(v->format, "openmetrics"))
		return metrics(g, target.id, e);
	if (v->all)
		return v->stats ? life_stats_all(g->root, print_line, NULL, e) :
				  life_follow(g->root, STDOUT_FILENO, print_line, NULL, e);
	return v->stats ? life_stats(&target, print_line, NULL, e) : life_events(&target, interval, print_line, NULL, e);
}

const struct command command_events = {
	.name = "events", .arguments = "[CONTAINER-ID]",
	.summary = "print what a container uses, or what happens to all",
	.notes = "For one container: its statistics again and again, in the form of runc's, and a line of type oom when the kernel\n"
		 "kills for want of memory, until it ends.\n\n"
		 "With --all: one line for each of created, started, paused, resumed, oom, exited and deleted, with the id, the\n"
		 "time, the process, and for exited the code, the signal and whether the OOM killer had struck. The stream begins with\n"
		 "a line of type state for each container that is there, and ends at SIGINT, SIGTERM or when nobody reads it.\n\n"
		 "Commands tell the stream what they do, so that even a container that lives for a millisecond is told of from\n"
		 "creation to deletion. What cannot be seen: containers of another --root; a freezer that was written by somebody\n"
		 "else than husk; the exit code of what was reaped by its parent at once, on kernels before 6.15, unless that\n"
		 "parent is husk run (the line has no member exit then); OOM kills whose cgroup was removed by somebody else before\n"
		 "husk could look; what happens while the stream itself is stopped and its queue (net.core.somaxconn) is full: the\n"
		 "command that could not tell it warns, and goes on.",
	.options = events_options, .size = sizeof(struct events_values), .min = 0, .max = 1, .is_quiet = true, .run = events,
};
