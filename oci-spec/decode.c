/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text -> C structs, in one pass over the text.
 *
 * yajl calls us once per token.  We keep a stack of the objects and lists that are open,
 * each with the row of the table it came from: that stack is at the same time where the
 * next value goes and the path to name when the value is wrong.
 */
#include "oci-spec/spec.h"
#include "base/arena.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define MAX_DEPTH 24

struct frame {
	enum { IN_OBJECT, IN_LIST, IN_MAP, IN_DICT } what;
	const struct spec_type *type;           /* IN_OBJECT */
	const struct spec_field *field;         /* IN_OBJECT: current key; IN_LIST/MAP: the list itself */
	void *base;                             /* the struct, or the {n, v} of the list */
	size_t room;                            /* elements allocated in the list */
	uint64_t seen;                          /* rows already met */
	const char *key;                        /* IN_MAP: current key */
};

struct decoder {
	struct arena *arena;
	const struct spec_type *root;
	void *result;
	yajl_handle yajl;
	const char *text;
	struct frame stack[MAX_DEPTH];
	int depth;                              /* open frames */
	int skip;                               /* open brackets inside a value we ignore */
	bool skip_value;                        /* the key just read is unknown to us */
	struct spec_error *err;
};

struct raw_list { size_t n; void *v; };

static size_t kind_size(const struct spec_field *f, int kind)
{
	switch (kind) {
	case SPEC_BOOL:                 return sizeof(bool);
	case SPEC_I32: case SPEC_U32:   return sizeof(int32_t);
	case SPEC_I64: case SPEC_U64:   return sizeof(int64_t);
	case SPEC_STR:                  return sizeof(char *);
	case SPEC_ENUM:                 return sizeof(int);
	case SPEC_OBJECT:               return f->type->size;
	case SPEC_MAP:                  return sizeof(struct pair);
	}
	abort();
}

static const char *kind_name(int kind)
{
	switch (kind) {
	case SPEC_BOOL: case SPEC_OPT_BOOL:     return "boolean";
	case SPEC_STR: case SPEC_ENUM:          return "string";
	case SPEC_OBJECT: case SPEC_MAP: case SPEC_DICT: return "object";
	case SPEC_LIST:                         return "array";
	default:                                return "integer";
	}
}

/* ---- errors ----------------------------------------------------------------------- */

static void print_path(const struct decoder *d, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (int i = 0; i < d->depth && at < size; i++) {
		const struct frame *f = &d->stack[i];

		if (f->what == IN_OBJECT && f->field)
			at += snprintf(buf + at, size - at, "%s%s", at ? "." : "", f->field->key);
		else if ((f->what == IN_MAP || f->what == IN_DICT) && f->key)
			at += snprintf(buf + at, size - at, "[\"%s\"]", f->key);
		else if (f->what == IN_LIST)
			at += snprintf(buf + at, size - at, "[%zu]", ((struct raw_list *)f->base)->n);
	}
}

__attribute__((format(printf, 2, 3)))
static int fail(struct decoder *d, const char *fmt, ...)
{
	size_t end = yajl_get_bytes_consumed(d->yajl);
	va_list ap;

	print_path(d, d->err->path, sizeof(d->err->path));
	d->err->line = d->err->column = 1;
	for (size_t i = 0; i + 1 < end; i++) {
		d->err->column++;
		if (d->text[i] == '\n')
			d->err->line++, d->err->column = 1;
	}
	va_start(ap, fmt);
	vsnprintf(d->err->message, sizeof(d->err->message), fmt, ap);
	va_end(ap);
	return 0;                               /* tells yajl to stop */
}

/* ---- where the next value goes ------------------------------------------------------- */

static struct frame *top(struct decoder *d)
{
	return d->depth ? &d->stack[d->depth - 1] : NULL;
}

/* Makes room for one more element; lists double inside the arena. */
static void *list_next(struct decoder *d, struct frame *f, int elem)
{
	struct raw_list *l = f->base;
	size_t size = kind_size(f->field, elem);

	if (l->n == f->room) {
		size_t room = f->room ? f->room * 2 : 8;
		void *v = arena_alloc(d->arena, room * size);

		if (l->n)
			memcpy(v, l->v, l->n * size);
		l->v = v;
		f->room = room;
	}
	return (char *)l->v + l->n * size;
}

/* The place, the kind and the row for the value that is about to be stored; the
   element of a list is counted by `stored` once its value is known to be good. */
static void *slot(struct decoder *d, int *kind, const struct spec_field **row)
{
	struct frame *f = top(d);

	*row = f->field;
	if (f->what == IN_OBJECT) {
		*kind = f->field->kind;
		return (char *)f->base + f->field->offset;
	}
	*kind = f->what == IN_MAP ? SPEC_STR : f->field->elem;
	if (f->what == IN_LIST)
		return list_next(d, f, *kind);
	if (f->what == IN_DICT) {
		const char **p = list_next(d, f, *kind);
		*p = f->key;
		return p;
	}

	struct pair *p = list_next(d, f, SPEC_MAP);
	p->key = f->key;
	return &p->value;
}

static int stored(struct decoder *d)
{
	struct frame *f = top(d);

	if (f->what == IN_OBJECT)
		f->field = NULL;
	else
		((struct raw_list *)f->base)->n++;
	return 1;
}

static int push(struct decoder *d, struct frame f)
{
	if (d->depth == MAX_DEPTH)
		return fail(d, "nested too deeply");
	d->stack[d->depth++] = f;
	return 1;
}

/* ---- callbacks ---------------------------------------------------------------------- */

static bool skipped(struct decoder *d)
{
	if (d->skip)
		return true;
	if (d->skip_value) {
		d->skip_value = false;
		return true;
	}
	return false;
}

static int wrong(struct decoder *d, int kind, const char *got)
{
	return fail(d, "expected %s, got %s", kind_name(kind), got);
}

static int on_null(void *ctx)
{
	struct decoder *d = ctx;

	if (skipped(d))
		return 1;
	if (!d->depth)
		return fail(d, "expected object, got null");
	if (top(d)->what != IN_OBJECT)
		return wrong(d, top(d)->what == IN_MAP ? SPEC_STR : top(d)->field->elem, "null");
	/* As in Go: null is the same as absent. */
	for (const struct spec_field *r = top(d)->type->fields; r->key; r++)
		if (r == top(d)->field)
			top(d)->seen &= ~(1ull << (r - top(d)->type->fields));
	top(d)->field = NULL;
	return 1;
}

static int on_bool(void *ctx, int b)
{
	struct decoder *d = ctx;
	const struct spec_field *row;
	int kind;

	if (skipped(d))
		return 1;
	if (!d->depth)
		return fail(d, "expected object, got boolean");
	void *p = slot(d, &kind, &row);
	if (kind == SPEC_BOOL)
		*(bool *)p = b;
	else if (kind == SPEC_OPT_BOOL)
		*(struct opt_bool *)p = (struct opt_bool){ true, b };
	else
		return wrong(d, kind, "boolean");
	return stored(d);
}

static int on_number(void *ctx, const char *s, size_t len)
{
	struct decoder *d = ctx;
	const struct spec_field *row;
	char buf[32], *end;
	int kind;

	if (skipped(d))
		return 1;
	if (!d->depth)
		return fail(d, "expected object, got number");
	void *p = slot(d, &kind, &row);
	if (strcmp(kind_name(kind), "integer") != 0)
		return wrong(d, kind, "number");
	if (len >= sizeof(buf) || memchr(s, '.', len) || memchr(s, 'e', len) || memchr(s, 'E', len))
		return fail(d, "expected integer, got %.*s", (int)(len > 40 ? 40 : len), s);
	memcpy(buf, s, len);
	buf[len] = '\0';

	bool is_unsigned = kind == SPEC_U32 || kind == SPEC_U64 || kind == SPEC_OPT_U32 || kind == SPEC_OPT_U64 || kind == SPEC_OPT_U16;
	if (is_unsigned && buf[0] == '-')
		return fail(d, "%s is negative", buf);

	errno = 0;
	uint64_t u = 0;
	int64_t i = 0;
	if (is_unsigned)
		u = strtoull(buf, &end, 10);
	else
		i = strtoll(buf, &end, 10);
	bool narrow = kind == SPEC_I32 || kind == SPEC_OPT_I32 ? i < INT32_MIN || i > INT32_MAX :
		      kind == SPEC_U32 || kind == SPEC_OPT_U32 ? u > UINT32_MAX :
		      kind == SPEC_OPT_U16 ? u > UINT16_MAX : false;
	if (errno || *end || narrow)
		return fail(d, "%s is out of range", buf);

	switch (kind) {
	case SPEC_I32:          *(int32_t *)p = i; break;
	case SPEC_U32:          *(uint32_t *)p = u; break;
	case SPEC_I64:          *(int64_t *)p = i; break;
	case SPEC_U64:          *(uint64_t *)p = u; break;
	case SPEC_OPT_I32:      *(struct opt_i32 *)p = (struct opt_i32){ true, i }; break;
	case SPEC_OPT_U32:      *(struct opt_u32 *)p = (struct opt_u32){ true, u }; break;
	case SPEC_OPT_U16:      *(struct opt_u16 *)p = (struct opt_u16){ true, u }; break;
	case SPEC_OPT_I64:      *(struct opt_i64 *)p = (struct opt_i64){ true, i }; break;
	case SPEC_OPT_U64:      *(struct opt_u64 *)p = (struct opt_u64){ true, u }; break;
	}
	return stored(d);
}

static int on_string(void *ctx, const unsigned char *s, size_t len)
{
	struct decoder *d = ctx;
	const struct spec_field *row;
	int kind;

	if (skipped(d))
		return 1;
	if (!d->depth)
		return fail(d, "expected object, got string");
	void *p = slot(d, &kind, &row);
	if (kind != SPEC_STR && kind != SPEC_ENUM)
		return wrong(d, kind, "string");
	if (memchr(s, '\0', len))
		return fail(d, "string contains a NUL byte");
	char *copy = arena_strndup(d->arena, (const char *)s, len);
	if (kind == SPEC_STR) {
		*(const char **)p = copy;
		return stored(d);
	}
	int v = spec_enum_value(row->choice, copy);
	if (!v)
		return fail(d, "unknown %s \"%.64s\"", row->choice->what, copy);
	*(int *)p = v;
	return stored(d);
}

static int on_start_map(void *ctx)
{
	struct decoder *d = ctx;
	const struct spec_field *row;
	int kind;

	if (d->skip || d->skip_value) {
		d->skip++, d->skip_value = false;
		return 1;
	}
	if (!d->depth) {
		d->result = arena_alloc(d->arena, d->root->size);
		return push(d, (struct frame){ .what = IN_OBJECT, .type = d->root, .base = d->result });
	}
	void *p = slot(d, &kind, &row);
	if (kind == SPEC_MAP || kind == SPEC_DICT)
		return push(d, (struct frame){ .what = kind == SPEC_MAP ? IN_MAP : IN_DICT, .field = row, .base = p });
	if (kind != SPEC_OBJECT)
		return wrong(d, kind, "object");
	if (top(d)->what == IN_OBJECT)
		p = *(void **)p = arena_alloc(d->arena, row->type->size);
	return push(d, (struct frame){ .what = IN_OBJECT, .type = row->type, .base = p });
}

static int on_map_key(void *ctx, const unsigned char *s, size_t len)
{
	struct decoder *d = ctx;
	struct frame *f = top(d);

	if (d->skip)
		return 1;
	if (f->what != IN_OBJECT) {
		f->key = arena_strndup(d->arena, (const char *)s, len);
		return 1;
	}
	for (const struct spec_field *r = f->type->fields; r->key; r++) {
		if (strlen(r->key) != len || memcmp(r->key, s, len) != 0)
			continue;
		uint64_t bit = 1ull << (r - f->type->fields);
		f->field = r;
		if (f->seen & bit)
			return fail(d, "given twice");
		f->seen |= bit;
		return 1;
	}
	d->skip_value = true;                   /* the spec: unknown properties are no error */
	return 1;
}

static int on_end(void *ctx)
{
	struct decoder *d = ctx;
	struct frame *f = top(d);

	if (d->skip) {
		d->skip--;
		return 1;
	}
	if (f->what == IN_OBJECT)
		for (const struct spec_field *r = f->type->fields; r->key; r++)
			if (r->required && !(f->seen & (1ull << (r - f->type->fields)))) {
				f->field = r;
				return fail(d, "required, but missing");
			}
	d->depth--;
	return d->depth ? stored(d) : 1;
}

static int on_start_array(void *ctx)
{
	struct decoder *d = ctx;
	const struct spec_field *row;
	int kind;

	if (d->skip || d->skip_value) {
		d->skip++, d->skip_value = false;
		return 1;
	}
	if (!d->depth)
		return fail(d, "expected object, got array");
	void *p = slot(d, &kind, &row);
	if (kind != SPEC_LIST)
		return wrong(d, kind, "array");
	return push(d, (struct frame){ .what = IN_LIST, .field = row, .base = p });
}

/* ---- entry ------------------------------------------------------------------------- */

int spec_decode(const struct spec_type *t, const char *text, size_t len,
		struct arena *a, void **out, struct spec_error *e)
{
	static const yajl_callbacks cb = {
		.yajl_null = on_null, .yajl_boolean = on_bool, .yajl_number = on_number,
		.yajl_string = on_string, .yajl_start_map = on_start_map, .yajl_map_key = on_map_key,
		.yajl_end_map = on_end, .yajl_start_array = on_start_array, .yajl_end_array = on_end,
	};
	struct decoder d = { .arena = a, .root = t, .text = text, .err = e };
	yajl_status st;

	*e = (struct spec_error){ 0 };
	if (len > 16 << 20) {
		snprintf(e->message, sizeof(e->message), "larger than 16 MiB");
		return -1;
	}
	d.yajl = yajl_alloc(&cb, NULL, &d);
	if (!d.yajl)
		abort();
	st = yajl_parse(d.yajl, (const unsigned char *)text, len);
	if (st == yajl_status_ok)
		st = yajl_complete_parse(d.yajl);
	if (st == yajl_status_error) {
		unsigned char *m = yajl_get_error(d.yajl, 0, (const unsigned char *)text, len);

		m[strcspn((char *)m, "\n")] = '\0';
		fail(&d, "%s", (char *)m);
		yajl_free_error(d.yajl, m);
	}
	yajl_free(d.yajl);
	*out = d.result;
	return st == yajl_status_ok && d.result && !d.depth ? 0 : -1;
}

int spec_enum_value(const struct spec_enum *t, const char *name)
{
	for (const struct spec_name *n = t->names; n->name; n++)
		if (strcmp(n->name, name) == 0)
			return n->value;
	return 0;
}

const char *spec_enum_name(const struct spec_enum *t, int value)
{
	for (const struct spec_name *n = t->names; n->name; n++)
		if (n->value == value)
			return n->name;
	return NULL;
}
