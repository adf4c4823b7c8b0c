/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over a copy of the text, in which each string stays where it is and gets its NUL byte in the place of its closing
 * quote.  Every step either finds exactly what the encoder would have written there, or gives up.
 */
#include "record/reread.h"

#include <stdint.h>
#include <string.h>

#define MOST 32                 /* elements of a list, pairs of a map; more are left to spec_decode() */

struct reader { char *p, *end; struct arena *arena; };

static bool skip(struct reader *r, const char *word, size_t len)
{
	if ((size_t)(r->end - r->p) < len || memcmp(r->p, word, len) != 0)
		return false;
	r->p += len;
	return true;
}

static bool skip_char(struct reader *r, char c)
{
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

/* ASCII that needs no escape; what is not ASCII would have to be checked for being UTF-8. */
static bool is_ordinary(unsigned char c)
{
	return (unsigned char)(c - ' ') <= '~' - ' ' && c != '"' && c != '\\';
}

static const char *read_string(struct reader *r)
{
	char *s = r->p + 1, *p = s, *end = r->end;

	if (!skip_char(r, '"'))
		return NULL;
	while (p < end && is_ordinary((unsigned char)*p))
		p++;
	if (p == end || *p != '"')
		return NULL;
	*p = '\0';
	r->p = p + 1;
	return s;
}

/* Above 0, for 0 is left out. */
static bool read_number(struct reader *r, uint64_t max, uint64_t *n)
{
	if (r->p == r->end || *r->p == '0')
		return false;
	for (*n = 0; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++)
		if (__builtin_mul_overflow(*n, 10u, n) || __builtin_add_overflow(*n, (unsigned)(*r->p - '0'), n))
			return false;
	return *n && *n <= max;
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
		return *(bool *)p = skip(r, "true", 4);
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

	if ((is_first || skip_char(r, ',')) && skip_char(r, '"') && r->p < r->end && *r->p == *key &&
	    skip(r, key, strlen(key)) && skip(r, "\":", 2))
		return true;
	r->p = at;
	return false;
}

bool reread(const struct spec_type *t, const char *text, size_t len, struct arena *a, void *out)
{
	struct reader r = { .p = arena_dup(a, text, len), .arena = a };
	bool is_first = true;

	r.end = r.p + len;
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
	return skip_char(&r, '}') && r.p == r.end;
}
