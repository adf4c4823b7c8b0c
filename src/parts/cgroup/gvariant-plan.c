/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The value of an annotation org.systemd.property.NAME: GVariant's text format, as far as systemd's properties need it:
 * a basic value, or an array of them; with "uint64", "@as" and the like in front where the type does not show.
 * Source: "GVariant Text Format" of GLib.  Pure; in husk, while planning.
 */
#include "parts/cgroup/unit.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

struct reader {
	const char *at;                 /* in the text */
	const char *path;
	struct unit_words values;       /* read so far */
	struct err *e;
};

/* The kinds of fault are few; where it is, the rest of the text tells. */
static int bad(struct reader *r, const char *what)
{
	return err_set(r->e, ERR_SPEC, "%s: %s at \"%.40s\"", r->path, what, r->at);
}

static void skip(struct reader *r)
{
	while (isspace((unsigned char)*r->at))
		r->at++;
}

/* A word of letters and digits; not consumed. */
static size_t word(const struct reader *r)
{
	size_t n = 0;

	while (isalnum((unsigned char)r->at[n]))
		n++;
	return n;
}

static bool take_word(struct reader *r, const char *w)
{
	size_t n = word(r);

	if (strlen(w) != n || strncmp(r->at, w, n) != 0)
		return false;
	r->at += n;
	skip(r);
	return true;
}

/* "uint64", "@as": the signature of what follows, NULL when nothing is said. */
static const char *take_type(struct reader *r)
{
	static const struct { const char *word, *signature; } types[] = {
		{ "boolean", "b" }, { "byte", "y" }, { "int16", "n" }, { "uint16", "q" }, { "int32", "i" },
		{ "uint32", "u" }, { "int64", "x" }, { "uint64", "t" }, { "double", "d" }, { "string", "s" },
	};
	const char *begin = r->at + 1;
	size_t n;

	if (*r->at == '@') {
		r->at++;
		n = word(r);            /* @a(ss) needs no saying: a pair shows what it is */
		r->at += n;
		skip(r);
		return arena_strndup(r->values.arena, begin, n);
	}
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (take_word(r, types[i].word))
			return types[i].signature;
	return NULL;
}

static int take_string(struct reader *r)
{
	char quote = *r->at, *out = arena_alloc(r->values.arena, strlen(r->at) + 1);
	size_t n = 0;

	for (r->at++; *r->at != quote; r->at++) {
		if (*r->at == '\\' && r->at[1]) {
			r->at++;
			if (*r->at == 'u' || *r->at == 'U')
				return bad(r, "no support for escaped code points");
			out[n++] = *r->at == 'n' ? '\n' : *r->at == 't' ? '\t' : *r->at;
			continue;
		}
		if (!*r->at)
			return bad(r, "the string does not end");
		out[n++] = *r->at;
	}
	r->at++;
	out[n] = '\0';
	unit_word(&r->values, "%s", out);
	return 's';
}

static bool fits(char type, const char *text)
{
	static const struct { char type; int64_t min; uint64_t max; } range[] = {
		{ 'y', 0, UINT8_MAX }, { 'n', INT16_MIN, INT16_MAX }, { 'q', 0, UINT16_MAX }, { 'i', INT32_MIN, INT32_MAX },
		{ 'u', 0, UINT32_MAX }, { 'x', INT64_MIN, INT64_MAX }, { 't', 0, UINT64_MAX },
	};
	uint64_t u;
	int64_t i;

	for (size_t k = 0; k < ARRAY_SIZE(range); k++)
		if (range[k].type == type)
			return *text == '-' ? num_parse_signed(text, range[k].min, 0, &i) : num_parse(text, range[k].max, &u);
	return type == 'd';
}

/* What the number is when no type is said: int32 (or double, with a point). */
static int take_number(struct reader *r, char type)
{
	size_t n = strspn(r->at, "+-0123456789.eE");
	char *text = arena_strndup(r->values.arena, r->at, n);

	if (!type)
		type = strpbrk(text, ".eE") ? 'd' : 'i';
	if (!fits(type, text))
		return bad(r, "not a number of its type");
	r->at += n;
	unit_word(&r->values, "%s", text);
	return type;
}

/* The type of the value read, or -1. TYPE 0: as it looks. */
static int take_basic(struct reader *r, char type)
{
	const char *said = take_type(r);
	bool yes;
	int is;

	if (said && said[0] && !said[1])
		type = said[0];
	if (*r->at == '\'' || *r->at == '"') {
		is = take_string(r);
	} else if (isdigit((unsigned char)*r->at) || *r->at == '-' || *r->at == '+') {
		is = take_number(r, type);
	} else {
		yes = take_word(r, "true");
		if (!yes && !take_word(r, "false"))
			return bad(r, "no value");
		unit_word(&r->values, yes ? "true" : "false");
		is = 'b';
	}
	skip(r);
	return is < 0 || !type || is == type ? is : bad(r, "another type than was said, before");
}

static int take_sign(struct reader *r, char sign)
{
	if (*r->at != sign)
		return bad(r, sign == ']' ? "no \"]\"" : sign == ')' ? "no \")\"" : "no \",\"");
	r->at++;
	skip(r);
	return 0;
}

/* ('a', 'b'): what DeviceAllow and the like are lists of. */
static int take_pair(struct reader *r)
{
	r->at++;
	skip(r);
	if (take_basic(r, 's') < 0 || take_sign(r, ',') < 0 || take_basic(r, 's') < 0)
		return -1;
	return take_sign(r, ')') < 0 ? -1 : '(';
}

/* From "[" to "]": the number of elements; *TYPE is theirs, '(' for pairs, 0 when there is none and none was said. */
static int take_array(struct reader *r, int *type)
{
	int n = 0;

	r->at++;
	skip(r);
	for (; *r->at != ']'; n++) {
		int is;

		if (n && take_sign(r, ',') < 0)
			return -1;
		is = *r->at == '(' ? take_pair(r) : take_basic(r, *type == '(' ? 0 : (char)*type);
		if (is < 0)
			return -1;
		if (*type && is != *type)
			return bad(r, "elements of different types, before");
		*type = is;
	}
	return take_sign(r, ']') < 0 ? -1 : n;
}

static int take_value(struct reader *r, const char **signature, int *count)
{
	const char *said = take_type(r);
	int type = said ? (said[0] == 'a' ? said[1] : said[0]) : 0;

	skip(r);
	if (said && (!said[0] || (said[0] == 'a' ? !said[1] || said[2] : said[1] != '\0')))
		return bad(r, "no support for this type, before");
	if (*r->at == '[') {
		*count = take_array(r, &type);
		if (*count < 0)
			return -1;
		if (!type)
			return bad(r, "an empty list needs its type in front, like @as, before");
		*signature = type == '(' ? "a(ss)" : arena_printf(r->values.arena, "a%c", type);
		return 0;
	}
	*count = -1;
	type = take_basic(r, (char)type);
	if (type < 0)
		return -1;
	*signature = arena_printf(r->values.arena, "%c", type);
	return 0;
}

/* systemd.unit(5) writes TimeoutStopSec=5, its interface TimeoutStopUSec in µs. As runc and crun do. */
static bool is_seconds(const char *name)
{
	size_t len = strlen(name);

	return len > 3 && str_ends(name, "Sec") && islower((unsigned char)name[len - 4]);
}

static int add_seconds(struct unit_words *w, const char *name, const char *signature, const char *value, const char *path,
		       struct err *e)
{
	uint64_t seconds;

	if (!strpbrk(signature, "ynqiuxt") || signature[1] || !num_parse(value, UINT64_MAX / 1000000, &seconds))
		return err_set(e, ERR_SPEC, "%s: not a number of seconds", path);
	unit_add(w, arena_printf(w->arena, "%.*sUSec", (int)strlen(name) - 3, name), "t", "%llu",
		 (unsigned long long)seconds * 1000000);
	return 0;
}

int unit_property(struct unit_words *w, const char *name, const char *text, const char *path, struct err *e)
{
	struct reader r = { .at = text, .path = path, .values = { .arena = w->arena }, .e = e };
	const char *signature = "";
	int count = -1;

	if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")])
		return err_set(e, ERR_SPEC, "%s: not the name of a property", path);
	/* These say which processes are the container's and where: husk's own answer. */
	if (str_eq(name, "PIDs") || str_eq(name, "PIDFDs") || str_eq(name, "Slice") || str_eq(name, "Delegate"))
		return err_set(e, ERR_SPEC, "%s: this property is not for annotations", path);
	skip(&r);
	if (take_value(&r, &signature, &count) < 0)
		return -1;
	if (*r.at)
		return bad(&r, "something behind the value");
	if (is_seconds(name))
		return add_seconds(w, name, signature, r.values.v[0], path, e);
	unit_word(w, "%s", name);
	unit_word(w, "%s", signature);
	if (count >= 0)
		unit_word(w, "%d", count);
	for (size_t i = 0; i < r.values.n; i++)
		unit_word(w, "%s", r.values.v[i]);
	return 0;
}
