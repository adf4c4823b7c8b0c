/* SPDX-License-Identifier: Apache-2.0 */
/* Planners know paths and no lines, the decoder's text has lines: here they meet. */
#include "life/locate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"
#include "sys/fd.h"

char *document_read(const char *path, struct arena *a, size_t *len, struct err *e)
{
	AUTO_FD int fd = fd_open(path, O_RDONLY | O_NOCTTY, 0, e);

	return fd < 0 ? NULL : fd_read_all(fd, CONFIG_MAX, a, len, e);
}

char *config_read(const char *path, struct arena *a, size_t *len, struct err *e)
{
	TRACE("read configuration");
	char *text = document_read(path, a, len, e);

	if (!text && e->num == ENOENT)
		err_hint(e, "husk spec writes one to begin with, --bundle says where it lies");
	return text;
}

struct noting { const char *file; bool warns; };

/* A member that another runtime would read, since it ignores case, is worth more than a debug line. */
static void note(void *context, const char *path, const char *meant, unsigned line, unsigned column)
{
	const struct noting *n = context;

	if (meant)
		log_warning("%s: %s: unknown, ignored; \"%s\" is spelled so (line %u, column %u)", n->file, path, meant, line, column);
	else if (n->warns)
		log_warning("%s: %s: unknown, ignored (line %u, column %u)", n->file, path, line, column);
	else
		log_debug("%s: %s: unknown, ignored (line %u, column %u)", n->file, path, line, column);
}

void *document_decode(const struct spec_type *type, const char *file, bool warns, const char *text, size_t len, struct arena *a,
		      struct err *e)
{
	TRACE("decode");
	struct noting noting = { file, warns };
	const struct spec_watch watch = { .unknown = note, .ctx = &noting };
	struct spec_error why;
	void *decoded;

	if (spec_decode_watched(type, text, len, a, &decoded, &watch, &why) == 0)
		return decoded;
	(void)spec_fail(e, file, &why);
	return NULL;
}

int config_decode(struct oci_config **out, const char *file, const char *text, size_t len, struct arena *a,
		  struct err *e)
{
	*out = document_decode(&oci_config_type, file, false, text, len, a, e);
	return *out ? 0 : -1;
}

/* Of the path with which TEXT begins; 0: there is none. */
static size_t path_length(const char *text)
{
	bool in_quotes = false;
	size_t n = 0;

	for (; text[n]; n++) {
		if (in_quotes && text[n] == '\\' && text[n + 1])
			n++;
		else if (text[n] == '"')
			in_quotes = !in_quotes;
		else if (!in_quotes && (text[n] == ':' || text[n] == ' '))
			return n;
	}
	return 0;
}

/* What init says begins with its stage. */
static const char *without_stage(const struct err *e)
{
	const char *rest = e->stage[0] ? str_after(e->msg, e->stage) : NULL;

	return rest && str_starts(rest, ": ") ? rest + 2 : e->msg;
}

int config_locate(struct err *e, const char *base, const char *file, const char *text, size_t len)
{
	unsigned line, column;
	const char *path = str_after(without_stage(e), base);
	size_t used = strlen(e->msg), n = path ? path_length(path) : 0;

	/* Messages of other kinds are free to begin with any word: there only "path: " is a path. */
	if (e->path[0] || !n || (e->kind != ERR_SPEC && path[n] != ':') || !spec_locate(text, len, path, &line, &column))
		return -1;
	err_place(e, file, path, n, line, column);
	if (e->kind == ERR_SPEC)
		(void)snprintf(e->msg + used, sizeof(e->msg) - used, " (%s, line %u)", file, line);
	return -1;
}
