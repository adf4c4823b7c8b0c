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

static log_sink *sink;
static enum log_level most_wanted = LOG_ERROR;

void log_to(log_sink *to, enum log_level most)
{
	sink = to;
	most_wanted = most;
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

	if (!sink || level > most_wanted)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sink(level, text);
	errno = saved;
}
