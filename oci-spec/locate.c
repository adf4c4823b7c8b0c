/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the path in a planner's message back to the line in config.json.  Runs only when there is
 * something to complain about, so planners need not carry positions along.  The text has passed
 * the decoder; on any other text the answer is "not found", never a read beyond its end.
 */
#include "oci-spec/spec.h"

#include <string.h>

struct cursor { const char *at, *end; };

static void blank(struct cursor *c)
{
	while (c->at < c->end && *c->at && strchr(" \t\r\n:,", *c->at))
		c->at++;
}

static bool on(const struct cursor *c, char what)
{
	return c->at < c->end && *c->at == what;
}

/* Past the string that begins here, its quotes included. */
static void skip_string(struct cursor *c)
{
	c->at++;
	while (c->at < c->end && *c->at != '"')
		c->at += *c->at == '\\' && c->end - c->at > 1 ? 2 : 1;
	if (c->at < c->end)
		c->at++;
}

static void skip_value(struct cursor *c)
{
	unsigned depth = 0;

	do {
		if (on(c, '"')) {
			skip_string(c);
		} else if (on(c, '{') || on(c, '[')) {
			depth++;
			c->at++;
		} else if (on(c, '}') || on(c, ']')) {
			if (!depth)
				return;
			depth--;
			c->at++;
		} else {
			while (c->at < c->end && *c->at && !strchr(" \t\r\n:,{}[]\"", *c->at))
				c->at++;
		}
		blank(c);
	} while (depth && c->at < c->end && *c->at);
}

/* The bytes that an escape \X stands for, where we write it as a path; -1: not one of them. */
static int unescaped(const char *s, const char *end, size_t *used)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *p;
	int c = 0;

	*used = 2;
	if (end - s < 2)
		return -1;
	p = memchr(from, s[1], sizeof(from) - 1);
	if (p)
		return to[p - from];
	if (s[1] != 'u' || end - s < 6)
		return -1;
	*used = 6;
	for (int i = 2; i < 6; i++) {
		static const char hex[] = "0123456789abcdefABCDEF";

		p = memchr(hex, s[i], sizeof(hex) - 1);
		if (!p)
			return -1;
		c = c * 16 + (p - hex > 15 ? p - hex - 6 : p - hex);
	}
	return c < 0x80 ? c : -1;
}

/*
 * How much of PATH the key [S, E) of the document is; 0: it is another one.  IN_QUOTES: the path
 * writes it ["like this"], with escapes of its own; otherwise it must end where a step ends.
 */
static size_t match(const char *s, const char *e, const char *path, bool in_quotes)
{
	const char *stop = path + strlen(path);
	const char *p = path;

	while (s < e) {
		size_t used = 1, path_used = 1;
		int c = *s == '\\' ? unescaped(s, e, &used) : (unsigned char)*s;
		int want = *p == '\\' && in_quotes ? unescaped(p, stop, &path_used) : (unsigned char)*p;

		if (c < 0 || !*p || c != want)
			return 0;
		s += used;
		p += path_used;
	}
	if (in_quotes ? p[0] != '"' || p[1] != ']' : *p && !strchr(".[: ", *p))
		return 0;
	return p - path + (in_quotes ? 2 : 0);
}

/* From an object to the value of the member that PATH names; the longest key that fits wins. */
static size_t enter_object(struct cursor *c, const char *path)
{
	bool in_quotes = path[0] == '[' && path[1] == '"';
	const char *name = path + (in_quotes ? 2 : *path == '.');
	struct cursor found = *c;
	size_t best = 0;

	c->at++;
	for (blank(c); on(c, '"'); blank(c)) {
		struct cursor key = *c;
		size_t n;

		skip_string(c);
		n = match(key.at + 1, c->at - 1, name, in_quotes);
		blank(c);
		if (n > best) {
			best = n;
			found = *c;
		}
		skip_value(c);
	}
	*c = found;
	return best ? best + (name - path) : 0;
}

static size_t enter_list(struct cursor *c, const char *path)
{
	struct cursor start = *c;
	const char *p = path;
	size_t index = 0;

	if (*p++ != '[')
		return 0;
	for (; *p >= '0' && *p <= '9' && index < 1u << 24; p++)
		index = index * 10 + (*p - '0');
	if (*p != ']' || p == path + 1)
		return 0;
	c->at++;
	for (blank(c); c->at < c->end && *c->at && *c->at != ']'; blank(c)) {
		const char *before = c->at;

		if (!index--)
			return p + 1 - path;
		skip_value(c);
		if (c->at == before)
			break;
	}
	*c = start;
	return 0;
}

bool spec_locate(const char *text, size_t len, const char *path, unsigned *line, unsigned *column)
{
	struct cursor c = { text, text + len };
	bool any = false;

	blank(&c);
	while (*path && *path != ':') {
		size_t n = on(&c, '{') ? enter_object(&c, path) : on(&c, '[') ? enter_list(&c, path) : 0;

		if (!n)
			break;
		path += n;
		any = true;
	}
	*line = *column = 1;
	for (const char *p = text; p < c.at; p++) {
		if (*p == '\n') {
			++*line;
			*column = 1;
		} else if (((unsigned char)*p & 0xc0) != 0x80) {
			++*column;
		}
	}
	return any;
}
