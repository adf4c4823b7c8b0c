/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink of messages.  With JSON, the log gets the error and nothing else unless debugging was asked for: Podman parses
 * the whole file as one object, and would lose the error for a warning before it.
 */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fd.h"

static struct output {
	int log;                        /* -1: none; lives as long as the process */
	bool is_json, is_quiet, is_debug;
} output = { .log = -1 };

static const char *level_word(enum log_level level)
{
	switch (level) {
	case LOG_ERROR: return "error";
	case LOG_WARNING: return "warning";
	case LOG_INFO: return "info";
	case LOG_DEBUG: return "debug";
	}
	return "error";
}

void output_record(FILE *f, bool is_json, enum log_level level, const char *text, const char *when)
{
	if (is_json) {
		(void)fprintf(f, "{\"level\":\"%s\",\"msg\":", level_word(level));
		json_quote(f, text);
		(void)fprintf(f, ",\"time\":\"%s\"}\n", when);
	} else {
		(void)fprintf(f, "time=\"%s\" level=%s msg=", when, level_word(level));
		json_quote(f, text);
		(void)fputc('\n', f);
	}
}

/* One write(2) per record: the file is shared by all commands of a container, appending at the same time. */
static void write_log(enum log_level level, const char *text)
{
	AUTO_FREE char *record = NULL;
	time_t now = time(NULL);
	struct tm utc;
	char when[32];
	struct err ignored;
	size_t size = 0;
	FILE *f;

	if (output.log < 0 || !gmtime_r(&now, &utc) || !strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc))
		return;
	f = open_memstream(&record, &size);
	if (!f)
		return;
	output_record(f, output.is_json, level, text, when);
	if (fclose(f) == 0)
		(void)fd_write_all(output.log, record, size, &ignored);
}

static void sink(enum log_level level, const char *text)
{
	bool in_log = output.log >= 0 && (!output.is_json || output.is_debug);

	if (in_log)
		write_log(level, text);
	else if (!output.is_quiet || output.is_debug)
		(void)fprintf(stderr, "husk: %s: %s\n", level_word(level), text);
}

static int find_level(const struct globals *g, enum log_level *level, struct err *e)
{
	*level = g->debug ? LOG_DEBUG : LOG_WARNING;
	if (!g->log_level)
		return 0;
	for (int l = LOG_ERROR; l <= LOG_DEBUG; l++) {
		if (str_eq(g->log_level, level_word((enum log_level)l))) {
			*level = g->debug ? LOG_DEBUG : (enum log_level)l;
			return 0;
		}
	}
	if (str_eq(g->log_level, "warn"))       /* the spelling of runc's and Podman's log levels */
		return 0;
	return err_set(e, ERR_USAGE, "option --log-level: \"%s\" is not error, warning, info or debug", g->log_level);
}

int output_open(const struct globals *g, bool is_quiet, struct err *e)
{
	const char *path = g->log;
	enum log_level level;

	if (g->log_format && !str_eq(g->log_format, "json") && !str_eq(g->log_format, "text"))
		return err_set(e, ERR_USAGE, "option --log-format: \"%s\" is not text or json", g->log_format);
	output.is_json = str_eq(g->log_format, "json");
	output.is_quiet = is_quiet;
	if (find_level(g, &level, e) < 0)
		return -1;
	output.is_debug = level >= LOG_INFO;
	log_to(sink, level);
	if (!path || !*path)
		return 0;
	if (str_starts(path, "journald:") || str_starts(path, "syslog:"))
		return err_set(e, ERR_UNSUPPORTED, "option --log: husk logs to files only, not to \"%s\"", path);
	if (str_after(path, "file:"))
		path = str_after(path, "file:");
	output.log = fd_open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY, 0644, e);
	if (output.log < 0)
		return err_in(e, "option --log");
	return 0;
}

int output_descriptor(void)
{
	return output.log;
}

void output_failure(const struct err *e)
{
	char line[sizeof(e->msg) + sizeof(e->hint) + 16];

	(void)snprintf(line, sizeof(line), "%s%s%s", e->msg, e->hint[0] ? "; hint: " : "", e->hint);
	write_log(LOG_ERROR, line);
	(void)fprintf(stderr, "husk: %s\n", line);
}
