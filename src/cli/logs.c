/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages as a file, the journal (systemd.io/JOURNAL_NATIVE_PROTOCOL) and syslog (RFC 3164, as glibc writes it) have them.  They
 * are short, some 2 KiB at most, so a datagram always holds one.  A service that does not read must not stop a container:
 * what its socket does not take at once is lost there, and said on standard error instead.
 */
#include "cli/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/socket.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET  "/dev/log"
#define SYSLOG_DAEMON  (3 << 3)         /* the facility of services */

const char *logs_level_word(enum log_level level)
{
	switch (level) {
	case LOG_ERROR: return "error";
	case LOG_WARNING: return "warning";
	case LOG_INFO: return "info";
	case LOG_DEBUG: return "debug";
	}
	return "error";
}

/* Of syslog(3). */
static unsigned priority_of(enum log_level level)
{
	switch (level) {
	case LOG_ERROR: return 3;
	case LOG_WARNING: return 4;
	case LOG_INFO: return 6;
	case LOG_DEBUG: return 7;
	}
	return 3;
}

void logs_record(FILE *f, bool is_json, enum log_level level, const char *text, const char *when)
{
	if (is_json) {
		(void)fprintf(f, "{\"level\":\"%s\",\"msg\":", logs_level_word(level));
		json_quote(f, text);
		(void)fprintf(f, ",\"time\":\"%s\"}\n", when);
	} else {
		(void)fprintf(f, "time=\"%s\" level=%s msg=", when, logs_level_word(level));
		json_quote(f, text);
		(void)fputc('\n', f);
	}
}

static void format_file(const struct logs *l, FILE *f, enum log_level level, const char *text)
{
	time_t now = time(NULL);
	struct tm utc;
	char when[32] = "";

	if (gmtime_r(&now, &utc))
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	logs_record(f, l->is_json, level, text, when);
}

/* A value with its length in front, little endian, may hold any byte: nothing in a message can add a field. */
static void format_journal(const struct logs *l, FILE *f, enum log_level level, const char *text)
{
	size_t len = strlen(text);

	(void)fprintf(f, "PRIORITY=%u\nSYSLOG_IDENTIFIER=%s\nSYSLOG_PID=%d\nMESSAGE\n", priority_of(level), l->name, (int)getpid());
	for (unsigned shift = 0; shift < 64; shift += 8)
		(void)fputc((int)((uint64_t)len >> shift & 0xff), f);
	(void)fprintf(f, "%s\n", text);
}

/* Local time without a year and with English months, whatever the locale. */
static void format_syslog(const struct logs *l, FILE *f, enum log_level level, const char *text)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t now = time(NULL);
	struct tm t = {};

	(void)localtime_r(&now, &t);
	(void)fprintf(f, "<%u>%s %2d %02d:%02d:%02d %s[%d]: %s", SYSLOG_DAEMON | priority_of(level), months[t.tm_mon % 12], t.tm_mday,
		      t.tm_hour, t.tm_min, t.tm_sec, l->name, (int)getpid(), text);
}

static const struct service { const char *prefix, *socket; logs_format *format; } services[] = {
	{ "journald:", JOURNAL_SOCKET, format_journal },
	{ "syslog:", SYSLOG_SOCKET, format_syslog },
};

static int open_service(struct logs *l, const struct service *s, const char *name, struct err *e)
{
	if (!*name || strpbrk(name, "\n[]: "))
		return err_set(e, ERR_USAGE, "\"%s\" is not a name that messages can bear", name);
	l->fd = socket_connect(SOCK_DGRAM, s->socket, e);
	if (l->fd < 0)
		return -1;
	l->name = name;
	l->format = s->format;
	return 0;
}

int logs_open(struct logs *l, const char *target, bool is_json, struct err *e)
{
	const char *path = str_after(target, "file:");

	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		if (str_starts(target, services[i].prefix))
			return open_service(l, &services[i], str_after(target, services[i].prefix), e);
	l->fd = fd_open(path ? path : target, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY, 0644, e);
	l->is_json = is_json;
	l->format = format_file;
	return l->fd < 0 ? -1 : 0;
}

bool logs_is_file(const struct logs *l)
{
	return l->fd >= 0 && l->format == format_file;
}

bool logs_write(const struct logs *l, enum log_level level, const char *text)
{
	AUTO_FREE char *record = NULL;
	struct err ignored;
	size_t size = 0;
	FILE *f = l->fd < 0 ? NULL : open_memstream(&record, &size);

	if (!f)
		return false;
	l->format(l, f, level, text);
	if (fclose(f) != 0)
		return false;
	if (logs_is_file(l))
		return fd_write_all(l->fd, record, size, &ignored) == 0;
	return send(l->fd, record, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size;
}
