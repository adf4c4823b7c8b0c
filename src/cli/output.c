/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink of messages.  With JSON, the log gets the error and nothing else unless debugging was asked for: Podman parses
 * the whole file as one object, and would lose the error for a warning before it.
 */
#include "cli/output.h"

#include <stdio.h>

#include "base/str.h"
#include "cli/logs.h"

static struct output {
	struct logs logs;               /* live as long as the process */
	bool is_quiet, is_debug;
} output = { .logs = LOGS_NONE };

static void sink(enum log_level level, const char *text)
{
	bool wants_log = !output.logs.is_json || output.is_debug;

	if (wants_log && logs_write(&output.logs, level, text))
		return;
	if (!output.is_quiet || output.is_debug)
		(void)fprintf(stderr, "husk: %s: %s\n", logs_level_word(level), text);
}

static int find_level(const struct globals *g, enum log_level *level, struct err *e)
{
	*level = g->debug ? LOG_DEBUG : LOG_WARNING;
	if (!g->log_level)
		return 0;
	for (int l = LOG_ERROR; l <= LOG_DEBUG; l++) {
		if (str_eq(g->log_level, logs_level_word((enum log_level)l))) {
			*level = g->debug ? LOG_DEBUG : (enum log_level)l;
			return 0;
		}
	}
	if (str_eq(g->log_level, "warn"))       /* the spelling of runc's and Podman's log levels */
		return 0;
	return err_set(e, ERR_USAGE, "option --log-level: \"%s\" is not error, warning, info or debug", g->log_level);
}

void output_is_whole(char *buffer, size_t size)
{
	/* Asked before the first byte: libc need not find out whether it is a terminal. */
	(void)setvbuf(stdout, buffer, _IOFBF, size);
}

int output_finish(struct err *e)
{
	if (fflush(stdout) != 0)
		return err_sys(e, "write to standard output");
	/* What an earlier write could not get rid of, libc has thrown away: nothing was left for fflush(3) to fail on. */
	return ferror(stdout) ? err_set(e, ERR_SYSTEM, "write to standard output: not all of it was taken") : 0;
}

int output_open(const struct globals *g, bool is_quiet, struct err *e)
{
	const char *target = g->systemd_log ? "journald:husk" : g->log;
	bool is_json = str_eq(g->log_format, "json");
	enum log_level level;

	if (g->log_format && !is_json && !str_eq(g->log_format, "text"))
		return err_set(e, ERR_USAGE, "option --log-format: \"%s\" is not text or json", g->log_format);
	if (g->systemd_log && g->log)
		return err_set(e, ERR_USAGE, "options --log and --systemd-log: only one of them can be given");
	output.is_quiet = is_quiet;
	if (find_level(g, &level, e) < 0)
		return -1;
	output.is_debug = level >= LOG_INFO;
	log_to(sink, level);
	if (!target || !*target)
		return 0;
	if (logs_open(&output.logs, target, is_json, e) < 0)
		return err_in(e, g->systemd_log ? "option --systemd-log" : "option --log");
	return 0;
}

void output_failure(const struct err *e)
{
	char line[sizeof(e->msg) + sizeof(e->hint) + 16];

	(void)snprintf(line, sizeof(line), "%s%s%s", e->msg, e->hint[0] ? "; hint: " : "", e->hint);
	(void)logs_write(&output.logs, LOG_ERROR, line);
	(void)fprintf(stderr, "husk: %s\n", line);
}
