/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink of messages: the one mutable global of the program.  Before somebody sets it,
 * messages go nowhere, so that a library or a unit test is silent.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/str.h"

static log_sink *sink;
static enum log_level most_wanted = LOG_ERROR;
static struct log_tap *tap;

void log_to(log_sink *to, enum log_level most)
{
	sink = to;
	most_wanted = most;
}

struct log_tap *log_listen(struct log_tap *to)
{
	struct log_tap *before = tap;

	tap = to;
	return before;
}

enum log_level log_level(void)
{
	return most_wanted;
}

void log_say(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	char text[2048];
	va_list ap;

	if (!tap && (!sink || level > most_wanted))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_keep_one_line(text);
	if (tap)
		tap->say(tap, level, text);
	else
		sink(level, text);
	errno = saved;
}
