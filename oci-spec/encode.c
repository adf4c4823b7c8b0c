/* SPDX-License-Identifier: Apache-2.0 */
/* C structs -> JSON text: the same tables as decode.c, read in the other direction. */
#include "oci-spec/spec.h"
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

struct raw_list { size_t n; void *v; };

static void put_str(yajl_gen g, const char *s)
{
	yajl_gen_string(g, (const unsigned char *)s, strlen(s));
}

static void put_u64(yajl_gen g, uint64_t u)
{
	char buf[24];

	yajl_gen_number(g, buf, snprintf(buf, sizeof(buf), "%llu", (unsigned long long)u));
}

static void put_object(yajl_gen g, const struct spec_type *t, const void *obj);

static bool absent(int kind, const void *p)
{
	switch (kind) {
	case SPEC_BOOL:         return !*(const bool *)p;
	case SPEC_I32: case SPEC_U32: case SPEC_ENUM: return !*(const int32_t *)p;
	case SPEC_I64: case SPEC_U64: return !*(const int64_t *)p;
	case SPEC_OPT_BOOL: case SPEC_OPT_U16: case SPEC_OPT_I32: case SPEC_OPT_U32:
	case SPEC_OPT_I64: case SPEC_OPT_U64: return !*(const bool *)p;
	case SPEC_STR: case SPEC_OBJECT: return !*(void *const *)p;
	case SPEC_LIST: case SPEC_MAP: case SPEC_DICT: return !((const struct raw_list *)p)->n;
	}
	abort();
}

static size_t put(yajl_gen g, const struct spec_field *f, int kind, const void *p, bool in_list)
{
	switch (kind) {
	case SPEC_BOOL:         yajl_gen_bool(g, *(const bool *)p); return sizeof(bool);
	case SPEC_OPT_BOOL:     yajl_gen_bool(g, ((const struct opt_bool *)p)->v); return 0;
	case SPEC_I32:          yajl_gen_integer(g, *(const int32_t *)p); return 4;
	case SPEC_OPT_I32:      yajl_gen_integer(g, ((const struct opt_i32 *)p)->v); return 0;
	case SPEC_I64:          yajl_gen_integer(g, *(const int64_t *)p); return 8;
	case SPEC_OPT_I64:      yajl_gen_integer(g, ((const struct opt_i64 *)p)->v); return 0;
	case SPEC_U32:          put_u64(g, *(const uint32_t *)p); return 4;
	case SPEC_OPT_U16:      put_u64(g, ((const struct opt_u16 *)p)->v); return 0;
	case SPEC_OPT_U32:      put_u64(g, ((const struct opt_u32 *)p)->v); return 0;
	case SPEC_U64:          put_u64(g, *(const uint64_t *)p); return 8;
	case SPEC_OPT_U64:      put_u64(g, ((const struct opt_u64 *)p)->v); return 0;
	case SPEC_STR:          put_str(g, *(const char *const *)p); return sizeof(char *);
	case SPEC_ENUM:         put_str(g, spec_enum_name(f->choice, *(const int *)p)); return sizeof(int);
	case SPEC_OBJECT:
		put_object(g, f->type, in_list ? p : *(void *const *)p);
		return f->type->size;
	case SPEC_MAP: {
		const str_map *m = p;

		yajl_gen_map_open(g);
		for (size_t i = 0; i < m->n; i++) {
			put_str(g, m->v[i].key);
			put_str(g, m->v[i].value);
		}
		yajl_gen_map_close(g);
		return 0;
	}
	case SPEC_DICT: {
		const struct raw_list *l = p;
		const char *e = l->v;

		yajl_gen_map_open(g);
		for (size_t i = 0; i < l->n; i++) {
			put_str(g, *(const char *const *)e);
			e += put(g, f, f->elem, e, true);
		}
		yajl_gen_map_close(g);
		return 0;
	}
	case SPEC_LIST: {
		const struct raw_list *l = p;
		const char *e = l->v;

		yajl_gen_array_open(g);
		for (size_t i = 0; i < l->n; i++)
			e += put(g, f, f->elem, e, true);
		yajl_gen_array_close(g);
		return 0;
	}
	}
	abort();
}

static void put_object(yajl_gen g, const struct spec_type *t, const void *obj)
{
	yajl_gen_map_open(g);
	for (const struct spec_field *f = t->fields; f->key; f++) {
		const void *p = (const char *)obj + f->offset;

		if (!f->required && absent(f->kind, p))
			continue;
		put_str(g, f->key);
		put(g, f, f->kind, p, false);
	}
	yajl_gen_map_close(g);
}

char *spec_encode(const struct spec_type *t, const void *obj, struct arena *a, bool pretty)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	const unsigned char *buf;
	size_t len;

	if (!g)
		abort();
	yajl_gen_config(g, yajl_gen_beautify, pretty);
	put_object(g, t, obj);
	yajl_gen_get_buf(g, &buf, &len);
	char *s = arena_strndup(a, (const char *)buf, len);
	yajl_gen_free(g);
	return s;
}
