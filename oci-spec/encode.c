/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C structs -> JSON text: the same tables as decode.c, read in the other direction.  For what
 * husk prints (state, features, a default config.json) and stores.
 */
#include "oci-spec/spec.h"

#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "base/arena.h"
#include "oci-spec/pool.h"

struct raw_list { size_t n; void *v; };

/* Bytes of the UTF-8 sequence that S begins with, 0: it begins with none (RFC 3629). */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* Paths need not be UTF-8, JSON must be: what is none becomes U+FFFD, as everywhere. */
static void put_str(yajl_gen g, const char *str)
{
	const unsigned char *s = (const unsigned char *)str;
	unsigned char *clean, *to;
	size_t n;

	while (*s && (n = utf8_length(s)))
		s += n;
	if (!*s) {
		yajl_gen_string(g, (const unsigned char *)str, strlen(str));
		return;
	}
	clean = to = malloc(strlen(str) * 3 + 1);
	if (!clean)
		abort();
	for (s = (const unsigned char *)str; *s; s += n ? n : 1) {
		n = utf8_length(s);
		memcpy(to, n ? s : (const unsigned char *)"\xef\xbf\xbd", n ? n : 3);
		to += n ? n : 3;
	}
	yajl_gen_string(g, clean, to - clean);
	free(clean);
}

static void put_u64(yajl_gen g, uint64_t u)
{
	char buf[24];
	char *p = buf + sizeof(buf);

	do {
		*--p = '0' + u % 10;
	} while (u /= 10);
	yajl_gen_number(g, p, buf + sizeof(buf) - p);
}

static void put_object(yajl_gen g, const struct spec_type *t, const void *obj);

static bool absent(const struct spec_field *f, const void *p)
{
	switch ((enum spec_kind)f->kind) {
	case SPEC_BOOL:
		return !*(const bool *)p;
	case SPEC_ENUM:
		return !spec_enum_name(f->choice, *(const int *)p);
	case SPEC_I32: case SPEC_U32:
		return !*(const int32_t *)p;
	case SPEC_I64: case SPEC_U64:
		return !*(const int64_t *)p;
	case SPEC_OPT_BOOL: case SPEC_OPT_U16: case SPEC_OPT_I32: case SPEC_OPT_U32:
	case SPEC_OPT_I64: case SPEC_OPT_U64:
		return !*(const bool *)p;
	case SPEC_STR: case SPEC_OBJECT:
		return !*(void *const *)p;
	case SPEC_LIST: case SPEC_MAP: case SPEC_DICT:
		return !((const struct raw_list *)p)->v;
	}
	abort();
}

static void put(yajl_gen g, const struct spec_field *f, int kind, const void *p);

/* An element of a list: objects lie in it, whereas members point to them. Returns its size. */
static size_t put_element(yajl_gen g, const struct spec_field *f, const void *p)
{
	if (f->elem == SPEC_OBJECT) {
		put_object(g, f->type, p);
		return f->type->size;
	}
	put(g, f, f->elem, p);
	switch (f->elem) {
	case SPEC_BOOL:                         return sizeof(bool);
	case SPEC_I64: case SPEC_U64:           return sizeof(int64_t);
	case SPEC_STR:                          return sizeof(char *);
	default:                                return sizeof(int32_t);
	}
}

static void put_list(yajl_gen g, const struct spec_field *f, const struct raw_list *l)
{
	const char *p = l->v;

	yajl_gen_array_open(g);
	for (size_t i = 0; i < l->n; i++)
		p += put_element(g, f, p);
	yajl_gen_array_close(g);
}

static void put_dict(yajl_gen g, const struct spec_field *f, const struct raw_list *l)
{
	const char *p = l->v;

	yajl_gen_map_open(g);
	for (size_t i = 0; i < l->n; i++) {
		put_str(g, *(const char *const *)p);
		p += put_element(g, f, p);
	}
	yajl_gen_map_close(g);
}

static void put_map(yajl_gen g, const str_map *m)
{
	yajl_gen_map_open(g);
	for (size_t i = 0; i < m->n; i++) {
		put_str(g, m->v[i].key);
		put_str(g, m->v[i].value);
	}
	yajl_gen_map_close(g);
}

static void put(yajl_gen g, const struct spec_field *f, int kind, const void *p)
{
	switch ((enum spec_kind)kind) {
	case SPEC_BOOL:         yajl_gen_bool(g, *(const bool *)p); break;
	case SPEC_OPT_BOOL:     yajl_gen_bool(g, ((const struct opt_bool *)p)->v); break;
	case SPEC_I32:          yajl_gen_integer(g, *(const int32_t *)p); break;
	case SPEC_OPT_I32:      yajl_gen_integer(g, ((const struct opt_i32 *)p)->v); break;
	case SPEC_I64:          yajl_gen_integer(g, *(const int64_t *)p); break;
	case SPEC_OPT_I64:      yajl_gen_integer(g, ((const struct opt_i64 *)p)->v); break;
	case SPEC_OPT_U16:      put_u64(g, ((const struct opt_u16 *)p)->v); break;
	case SPEC_U32:          put_u64(g, *(const uint32_t *)p); break;
	case SPEC_OPT_U32:      put_u64(g, ((const struct opt_u32 *)p)->v); break;
	case SPEC_U64:          put_u64(g, *(const uint64_t *)p); break;
	case SPEC_OPT_U64:      put_u64(g, ((const struct opt_u64 *)p)->v); break;
	case SPEC_STR:          put_str(g, *(const char *const *)p); break;
	case SPEC_ENUM:         put_str(g, spec_enum_name(f->choice, *(const int *)p)); break;
	case SPEC_OBJECT:       put_object(g, f->type, *(void *const *)p); break;
	case SPEC_LIST:         put_list(g, f, p); break;
	case SPEC_MAP:          put_map(g, p); break;
	case SPEC_DICT:         put_dict(g, f, p); break;
	}
}

/* A required boolean or number that is 0 is written; what cannot be written never is. */
static bool left_out(const struct spec_field *f, const void *p)
{
	if (!absent(f, p))
		return false;
	switch ((enum spec_kind)f->kind) {
	case SPEC_BOOL: case SPEC_I32: case SPEC_U32: case SPEC_I64: case SPEC_U64:
	case SPEC_LIST: case SPEC_MAP: case SPEC_DICT:
		return !f->required;
	case SPEC_OPT_BOOL: case SPEC_OPT_U16: case SPEC_OPT_I32: case SPEC_OPT_U32:
	case SPEC_OPT_I64: case SPEC_OPT_U64: case SPEC_STR: case SPEC_ENUM: case SPEC_OBJECT:
		return true;
	}
	abort();
}

/* Recursive: as deep as the types are, which no document can change. */
static void put_object(yajl_gen g, const struct spec_type *t, const void *obj)
{
	/* SPEC_ITSELF: the whole document is a list. */
	if (t->fields[0].key && !*t->fields[0].key) {
		put(g, t->fields, t->fields[0].kind, (const char *)obj + t->fields[0].offset);
		return;
	}
	yajl_gen_map_open(g);
	for (const struct spec_field *f = t->fields; f->key; f++) {
		const void *p = (const char *)obj + f->offset;

		if (left_out(f, p))
			continue;
		put_str(g, f->key);
		put(g, f, f->kind, p);
	}
	yajl_gen_map_close(g);
}

char *spec_encode(const struct spec_type *t, const void *obj, struct arena *a, bool pretty)
{
	struct spec_pool pool;
	yajl_alloc_funcs memory = spec_pool_functions(&pool);
	const unsigned char *buf;
	size_t len;
	yajl_gen g;
	char *s;

	pool.used = 0;
	g = yajl_gen_alloc(&memory);
	if (!g)
		abort();                        /* out of memory, as in arena_alloc() */
	yajl_gen_config(g, yajl_gen_beautify, pretty);
	yajl_gen_config(g, yajl_gen_indent_string, "    ");
	put_object(g, t, obj);
	yajl_gen_get_buf(g, &buf, &len);
	s = arena_strndup(a, (const char *)buf, len);
	yajl_gen_free(g);
	return s;
}
