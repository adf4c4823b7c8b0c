/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over a copy of the text, in which each string stays where it is and gets its NUL byte in the place of its closing
 * quote.  Every step either finds exactly what the encoder would have written there, or gives up.  Zero bytes behind the copy,
 * which no step takes for anything, spare all of them the question where its end is.
 */
#include "record/reread.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "base/num.h"

#define MOST 32                 /* elements of a list, pairs of a map; more are left to spec_decode() */
#define STEP sizeof(uint64_t)   /* so many characters are looked at together */

struct reader { char *p; struct arena *arena; };

static bool skip_char(struct reader *r, char c)
{
	if (*r->p != c)
		return false;
	r->p++;
	return true;
}

/* All of WORD; or a part of it, and false. */
static bool skip(struct reader *r, const char *word)
{
	while (*word && skip_char(r, *word))
		word++;
	return !*word;
}

/*
 * ASCII that needs no escape is ordinary; what is not ASCII would have to be checked for being UTF-8.  In the result the high bit
 * of each byte is set that is not: above '~', below ' ', a quote, a backslash.  The first one is exact; those behind it
 * may have it from a carry.
 */
static uint64_t odd_ones(uint64_t c)
{
	const uint64_t each = 0x0101010101010101;
	uint64_t quote = c ^ each * '"', backslash = c ^ each * '\\';

	return (c | (c + each) | (c - each * ' ') | (quote - each) | (backslash - each)) & each << 7;
}

/* To the first character that is not ordinary: a zero byte at the latest. */
static char *skip_ordinary(char *p)
{
	uint64_t c, odd;

	for (;; p += STEP) {
		memcpy(&c, p, STEP);
		odd = odd_ones(le64toh(c));
		if (odd)
			return p + __builtin_ctzll(odd) / 8;
	}
}

static const char *read_string(struct reader *r)
{
	char *s = r->p + 1, *p;

	if (!skip_char(r, '"'))
		return NULL;
	p = skip_ordinary(s);
	if (*p != '"')
		return NULL;
	*p = '\0';
	r->p = p + 1;
	return s;
}

/* Above 0, for 0 is left out. */
static bool read_number(struct reader *r, uint64_t max, uint64_t *n)
{
	const char *end = *r->p == '0' ? NULL : num_parse_start(r->p, max, n);

	r->p += end ? end - r->p : 0;
	return end;
}

static bool read_list(struct reader *r, str_list *out)
{
	const char *v[MOST];
	size_t n = 0;

	if (!skip_char(r, '['))
		return false;
	while (!skip_char(r, ']')) {
		if (n == MOST || (n && !skip_char(r, ',')) || !(v[n] = read_string(r)))
			return false;
		n++;
	}
	*out = (str_list){ .n = n, .v = arena_dup(r->arena, v, n * sizeof(v[0])) };
	return true;
}

static bool has_key(const struct pair *v, size_t n, const char *key)
{
	while (n--)
		if (strcmp(v[n].key, key) == 0)
			return true;
	return false;
}

static bool read_map(struct reader *r, str_map *out)
{
	struct pair v[MOST];
	size_t n = 0;

	if (!skip_char(r, '{'))
		return false;
	while (!skip_char(r, '}')) {
		if (n == MOST || (n && !skip_char(r, ',')) || !(v[n].key = read_string(r)) || !v[n].key[0] ||
		    has_key(v, n, v[n].key) || !skip_char(r, ':') || !(v[n].value = read_string(r)))
			return false;
		n++;
	}
	*out = (str_map){ .n = n, .v = arena_dup(r->arena, v, n * sizeof(v[0])) };
	return true;
}

static bool read_value(struct reader *r, const struct spec_field *row, void *p)
{
	uint64_t n;

	switch ((enum spec_kind)row->kind) {
	case SPEC_BOOL:
		return *(bool *)p = skip(r, "true");
	case SPEC_STR:
		return (*(const char **)p = read_string(r)) != NULL;
	case SPEC_U32:
		return read_number(r, UINT32_MAX, &n) && (*(uint32_t *)p = (uint32_t)n);
	case SPEC_I32:
		return read_number(r, INT32_MAX, &n) && (*(int32_t *)p = (int32_t)n);
	case SPEC_U64:
		return read_number(r, UINT64_MAX, p);
	case SPEC_LIST:
		return row->elem == SPEC_STR && read_list(r, p);
	case SPEC_MAP:
		return read_map(r, p);
	case SPEC_I64: case SPEC_ENUM: case SPEC_OBJECT: case SPEC_DICT:
	case SPEC_OPT_BOOL: case SPEC_OPT_U16: case SPEC_OPT_I32: case SPEC_OPT_U32: case SPEC_OPT_I64: case SPEC_OPT_U64:
		return false;
	}
	return false;
}

/* "KEY": with the comma before it, unless it is the first; the place stays where it is when another one comes. */
static bool skip_key(struct reader *r, const char *key, bool is_first)
{
	char *at = r->p;

	if ((is_first || skip_char(r, ',')) && skip_char(r, '"') && skip(r, key) && skip(r, "\":"))
		return true;
	r->p = at;
	return false;
}

bool reread(const struct spec_type *t, const char *text, size_t len, struct arena *a, void *out)
{
	char *copy = arena_chars(a, len + STEP);
	struct reader r = { .p = memcpy(copy, text, len), .arena = a };
	bool is_first = true;

	if (!skip_char(&r, '{'))
		return false;
	for (const struct spec_field *row = t->fields; row->key; row++) {
		if (skip_key(&r, row->key, is_first)) {
			if (!read_value(&r, row, (char *)out + row->offset))
				return false;
			is_first = false;
		} else if (row->required) {
			return false;
		}
	}
	return skip_char(&r, '}') && r.p == copy + len;
}
