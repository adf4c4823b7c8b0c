/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as values.  Used by everything, in both programs, also between fork and exec: no
 * allocation, no locale, no stdio stream.  A message is one line of printable text whatever it
 * quotes, because engines read the last line of ours and images choose some of the words in it.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

static const char ellipsis[] = "...";

/* Shows that a text of LEN bytes was cut to fit BUF. */
static void mark_cut(char *buf, size_t size, int len)
{
	if (len < 0)
		buf[0] = '\0';
	else if ((size_t)len >= size && size >= sizeof(ellipsis))
		memcpy(buf + size - sizeof(ellipsis), ellipsis, sizeof(ellipsis));
}

__attribute__((format(printf, 3, 0)))
static void format(char *buf, size_t size, const char *fmt, va_list ap)
{
	mark_cut(buf, size, vsnprintf(buf, size, fmt, ap));
	str_keep_one_line(buf);
}

/*
 * Puts WHERE before the message.  What does not fit is cut from the middle: the outermost
 * context and the cause at the end are what a reader needs.
 */
static void prepend(struct err *e, const char *where)
{
	char old[sizeof(e->msg)];
	size_t room = sizeof(old) - sizeof(": "), dots = sizeof(ellipsis) - 1;
	size_t head = strlen(where), tail = strnlen(e->msg, sizeof(old) - 1);
	struct text t = TEXT(e->msg);

	memcpy(old, e->msg, tail);
	if (head + tail <= room) {
		text_addn(&t, where, head);
		text_add(&t, ": ");
		text_addn(&t, old, tail);
	} else if (tail <= room / 2) {
		text_addn(&t, where, room - tail - dots);
		text_add(&t, ellipsis);
		text_add(&t, ": ");
		text_addn(&t, old, tail);
	} else {
		head = MIN(head, room / 2);
		text_addn(&t, where, head);
		text_add(&t, ": ");
		text_add(&t, ellipsis);
		room -= head + dots;
		text_addn(&t, old + tail - room, room);
	}
}

/* A new error: what an older one in the same place knew is not about this one. */
static void begin(struct err *e, enum err_kind kind, int num)
{
	e->kind = kind;
	e->num = num;
	e->stage[0] = e->path[0] = e->file[0] = e->hint[0] = '\0';
	e->line = e->column = 0;
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int num = errno;
	char what[sizeof(e->msg)];
	va_list ap;

	va_start(ap, fmt);
	format(what, sizeof(what), fmt, ap);
	va_end(ap);

	begin(e, ERR_SYSTEM, num);
	snprintf(e->msg, sizeof(e->msg), "%s", strerror(num));
	/* Docker's client and CRI-O search for the texts of Go, which begin with small letters. */
	if (e->msg[0] >= 'A' && e->msg[0] <= 'Z' && e->msg[1] >= 'a' && e->msg[1] <= 'z')
		e->msg[0] = (char)(e->msg[0] - 'A' + 'a');
	prepend(e, what);
	errno = num;
	return -1;
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	begin(e, kind, 0);
	va_start(ap, fmt);
	format(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return -1;
}

int err_in(struct err *e, const char *fmt, ...)
{
	int num = errno;
	char where[sizeof(e->msg)];
	va_list ap;

	va_start(ap, fmt);
	format(where, sizeof(where), fmt, ap);
	va_end(ap);
	prepend(e, where);
	errno = num;
	return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return -1;
}

void err_stage(struct err *e, const char *stage)
{
	struct text t = TEXT(e->stage);

	if (!e->stage[0])
		text_add(&t, stage);
}

void err_place(struct err *e, const char *file, const char *path, size_t len, unsigned line, unsigned column)
{
	struct text f = TEXT(e->file), p = TEXT(e->path);

	text_add(&f, file);
	text_addn(&p, path, len);
	str_keep_one_line(e->path);
	e->line = line;
	e->column = column;
}

void err_received(struct err *e)
{
	e->msg[sizeof(e->msg) - 1] = '\0';
	e->stage[sizeof(e->stage) - 1] = '\0';
	e->path[sizeof(e->path) - 1] = '\0';
	e->file[sizeof(e->file) - 1] = '\0';
	e->hint[sizeof(e->hint) - 1] = '\0';
}

int err_and(struct err *e, const struct err *second)
{
	size_t used = strnlen(e->msg, sizeof(e->msg) - 1);
	int len;

	len = snprintf(e->msg + used, sizeof(e->msg) - used, "; and then %.*s",
		       (int)sizeof(second->msg), second->msg);
	mark_cut(e->msg + used, sizeof(e->msg) - used, len);
	return -1;
}
