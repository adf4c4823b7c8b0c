/* SPDX-License-Identifier: Apache-2.0 */
/* `husk events`. */
#include "life/events.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "cli/commands.h"

struct events_values { const char *interval; bool stats; };

static const struct option_row events_options[] = {
	{ 0, "interval", OPTION_TEXT, offsetof(struct events_values, interval), "TIME", "between two statistics: 5s (default), 500ms, 1m" },
	{ 0, "stats", OPTION_FLAG, offsetof(struct events_values, stats), NULL, "the statistics of now, and no more" },
	OPTIONS_END
};

/* "5s", "500ms", "2m", "1h"; a bare number is seconds. Milliseconds, 0: not a time. */
static unsigned interval_of(const char *text)
{
	static const struct { const char *unit; unsigned ms; } units[] = {
		{ "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "m", 60000 }, { "h", 3600000 } };
	size_t digits = strspn(text, "0123456789");
	uint64_t n;

	if (!num_parse_n(text, digits, 100000, &n))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (str_eq(text + digits, units[i].unit))
			return (unsigned)MIN(n * units[i].ms, (uint64_t)INT32_MAX);
	return 0;
}

static bool print_line(void *self, const char *json)
{
	(void)self;
	(void)puts(json);
	return fflush(stdout) == 0;
}

static int events(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct events_values *v = values;
	struct target target = target_of(g, arguments);
	unsigned interval = interval_of(v->interval ? v->interval : "5s");

	if (!interval)
		return err_set(e, ERR_USAGE, "option --interval: \"%s\" is not a time like 5s", v->interval);
	return v->stats ? life_stats(&target, print_line, NULL, e) : life_events(&target, interval, print_line, NULL, e);
}

const struct command command_events = {
	.name = "events", .arguments = "CONTAINER-ID", .summary = "print what a container uses, and its OOM kills, as JSON lines",
	.options = events_options, .size = sizeof(struct events_values), .min = 1, .max = 1, .is_quiet = true, .run = events,
};
