/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text -> C structs, in one pass over the text; runs in husk, before anything happens.
 *
 * yajl calls us once per token.  We keep a stack of the objects and lists that are open,
 * each with the row of the table it came from: that stack is at the same time where the
 * next value goes and the path to name when the value is wrong.  There is no recursion, and
 * nothing that a document says is taken for something else: the first doubt is an error.
 *
 * Who watches faults gets all of them: a wrong value is told, passed over with all that is in it, and
 * stands as the empty one of its kind, so that every reader of the result meets what the tables promise.
 */
#include "oci-spec/spec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yajl/yajl_parse.h>

#include "base/arena.h"
#include "base/num.h"
#include "base/str.h"
#include "oci-spec/pool.h"

#define MAX_SIZE  (16u << 20)
#define MAX_DEPTH 24
#define FIRST_ROOM 256          /* bytes, for a list */
#define FEW_KEYS  32            /* up to here duplicate keys of a map are looked for one by one */

struct frame {
	enum { IN_OBJECT, IN_LIST, IN_MAP, IN_DICT } what;
	const struct spec_type *type;           /* IN_OBJECT */
	const struct spec_field *field;         /* IN_OBJECT: current key; else: the list itself */
	void *base;                             /* the struct, or the {n, v} of the list */
	size_t start;                           /* where its bracket stands in the text */
	uint64_t given, has;                    /* rows whose key was met; that have a value */
	const char *key;                        /* IN_MAP, IN_DICT: current key */
};

/* Where the elements of a list lie until it ends: one for each depth, used again by the next list there. */
struct growing { void *v; size_t size; };

struct decoder {
	struct arena *arena;
	const yajl_alloc_funcs *memory;
	const struct spec_type *root;
	void *result;
	yajl_handle yajl;
	const char *text;
	size_t len, last;                       /* last: end of the token before this one */
	struct frame stack[MAX_DEPTH];
	struct growing growing[MAX_DEPTH];
	int depth;                              /* open frames */
	int skip;                               /* open brackets inside a value we ignore */
	bool skip_value;                        /* the key just read is unknown to us */
	const struct spec_watch *watch;
	struct spec_error *err;
};

struct raw_list { size_t n; void *v; };

static struct frame *top(struct decoder *d)
{
	return &d->stack[d->depth - 1];
}

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
	abort();                                /* no such row compiles */
}

/* Of what stands in the struct itself. */
static size_t member_size(int kind)
{
	switch (kind) {
	case SPEC_OPT_BOOL:             return sizeof(struct opt_bool);
	case SPEC_OPT_U16:              return sizeof(struct opt_u16);
	case SPEC_OPT_I32:              return sizeof(struct opt_i32);
	case SPEC_OPT_U32:              return sizeof(struct opt_u32);
	case SPEC_OPT_I64:              return sizeof(struct opt_i64);
	case SPEC_OPT_U64:              return sizeof(struct opt_u64);
	case SPEC_OBJECT:               return sizeof(void *);
	case SPEC_LIST: case SPEC_MAP: case SPEC_DICT: return sizeof(struct raw_list);
	default:                        return kind_size(NULL, kind);
	}
}

static bool is_integer(int kind)
{
	return kind != SPEC_BOOL && kind != SPEC_OPT_BOOL && kind < SPEC_STR;
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

/* ---- where we are, and what is wrong there ------------------------------------------ */

/* SPEC_ITSELF: the whole document is a list. */
static bool is_list(const struct spec_type *t)
{
	return t->fields[0].key && !*t->fields[0].key;
}

/* A key or a value as it may stand in a message of one line. */
static void add_quoted(struct text *t, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = s[i];

		if (c < ' ' || c == 127)
			text_addf(t, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			text_addf(t, "\\%c", c);
		else
			text_addn(t, s + i, 1);
	}
}

static void print_path(const struct decoder *d, struct text *t)
{
	for (int i = 0; i < d->depth; i++) {
		const struct frame *f = &d->stack[i];

		if (f->what == IN_OBJECT && f->field) {
			text_addf(t, "%s%s", t->len ? "." : "", f->field->key);
		} else if (f->what == IN_LIST) {
			text_addf(t, "[%zu]", ((struct raw_list *)f->base)->n);
		} else if (f->key) {
			text_add(t, "[\"");
			add_quoted(t, f->key, strlen(f->key));
			text_add(t, "\"]");
		}
	}
}

/* Where the token that yajl just gave us begins: between two tokens stand only these. */
static size_t token_start(const struct decoder *d)
{
	size_t at = d->last;

	while (at < d->len && d->text[at] && strchr(" \t\r\n:,", d->text[at]))
		at++;
	return at;
}

/* Columns count characters, not bytes: what an editor shows. */
static void place(const struct decoder *d, size_t at, unsigned *line, unsigned *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < at; i++) {
		if (d->text[i] == '\n') {
			++*line;
			*column = 1;
		} else if (((unsigned char)d->text[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

__attribute__((format(printf, 3, 0)))
static void describe(struct decoder *d, size_t at, const char *fmt, va_list ap)
{
	struct text path = TEXT(d->err->path);

	d->err->path[0] = '\0';                 /* of the fault before */
	print_path(d, &path);
	place(d, at, &d->err->line, &d->err->column);
	vsnprintf(d->err->message, sizeof(d->err->message), fmt, ap);
}

/* A fault after which there is nothing to go on with. 0 tells yajl to stop. */
__attribute__((format(printf, 2, 3)))
static int refuse(struct decoder *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	describe(d, token_start(d), fmt, ap);
	va_end(ap);
	return 0;
}

/* A fault that does not end the document for those who want them all. 0: it does, for the others. */
__attribute__((format(printf, 3, 4)))
static int fault_at(struct decoder *d, size_t at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	describe(d, at, fmt, ap);
	va_end(ap);
	return d->watch->fault && d->watch->fault(d->watch->ctx, d->err);
}

/* ---- where the next value goes ------------------------------------------------------- */

/* Room for one more element, zeroed; it counts only once `stored` is called. */
static void *list_next(struct decoder *d, struct frame *f, int kind)
{
	struct growing *g = &d->growing[f - d->stack];
	struct raw_list *l = f->base;
	size_t size = kind_size(f->field, kind), end = (l->n + 1) * size;

	if (end > g->size) {
		g->size = MAX(2 * end, (size_t)FIRST_ROOM);
		g->v = arena_given(d->memory->realloc(d->memory->ctx, g->v, g->size));
	}
	l->v = g->v;
	return memset((char *)l->v + l->n * size, 0, size);
}

/* The list is complete: it goes to the arena, as long as it is. */
static void list_end(struct decoder *d, struct frame *f)
{
	struct raw_list *l = f->base;
	int kind = f->what == IN_MAP ? SPEC_MAP : (int)f->field->elem;

	if (l->n)
		l->v = arena_dup(d->arena, l->v, l->n * kind_size(f->field, kind));
	else
		l->v = arena_alloc(d->arena, 1);        /* empty, but there */
}

/* The place, the kind and the row for the value that is about to be stored. */
static void *slot(struct decoder *d, int *kind, const struct spec_field **row)
{
	struct frame *f = top(d);

	*row = f->field;
	if (f->what == IN_OBJECT) {
		*kind = f->field->kind;
		f->has |= 1ull << (f->field - f->type->fields);
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

	if (f->what == IN_OBJECT) {
		f->field = NULL;
	} else {
		((struct raw_list *)f->base)->n++;
		f->key = NULL;
	}
	return 1;
}

/* The empty value of a kind: what the tables promise where something is required. P is zeroed. */
static void make_empty(struct decoder *d, void *p, int kind, const struct spec_field *row, bool is_inline)
{
	if (kind == SPEC_STR) {
		*(const char **)p = "";
	} else if (kind == SPEC_ENUM) {
		*(int *)p = row->choice->names[0].value;
	} else if (kind == SPEC_OBJECT) {
		if (!is_inline)
			p = *(void **)p = arena_alloc(d->arena, row->type->size);
		for (const struct spec_field *r = row->type->fields; r->key; r++)
			if (r->required)
				make_empty(d, (char *)p + r->offset, r->kind, r, false);
	}
}

/* The value that was just found wrong: as if it were absent, or, where there must be one, empty. */
static int pass_over(struct decoder *d)
{
	const struct spec_field *row;
	struct frame *f = top(d);
	int kind;
	char *p = slot(d, &kind, &row);

	if (f->what == IN_OBJECT) {
		memset(p, 0, member_size(kind));
		if (row->required)
			make_empty(d, p, kind, row, false);
	} else if (f->what == IN_MAP) {
		*(const char **)p = "";
	} else {
		size_t key = f->what == IN_DICT ? sizeof(char *) : 0;

		memset(p + key, 0, kind_size(row, kind) - key);
		make_empty(d, p, kind, row, true);
		if (key)
			*(const char **)p = f->key;
	}
	return stored(d);
}

#define fail(d, ...) (fault_at((d), token_start(d), __VA_ARGS__) ? pass_over(d) : 0)

static int wrong(struct decoder *d, int kind, const char *got)
{
	return fail(d, "expected %s, got %s", kind_name(kind), got);
}

/* Nothing to go on with. */
static int wrong_document(struct decoder *d, const char *got)
{
	return refuse(d, "expected %s, got %s", kind_name(is_list(d->root) ? SPEC_LIST : SPEC_OBJECT), got);
}

/* The same for a key: its value is ignored. */
static int pass_over_member(struct decoder *d)
{
	top(d)->field = top(d)->what == IN_OBJECT ? NULL : top(d)->field;
	top(d)->key = NULL;
	d->skip_value = true;
	return 1;
}

#define fail_key(d, ...) (fault_at((d), token_start(d), __VA_ARGS__) ? pass_over_member(d) : 0)

static int push(struct decoder *d, struct frame f)
{
	if (d->depth == MAX_DEPTH)
		return refuse(d, "nested too deeply");
	f.start = token_start(d);
	d->stack[d->depth++] = f;
	return 1;
}

/* ---- tokens ------------------------------------------------------------------------- */

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

static int take_null(struct decoder *d)
{
	struct frame *f;

	if (skipped(d))
		return 1;
	if (!d->depth)
		return wrong_document(d, "null");
	f = top(d);
	if (f->what != IN_OBJECT)
		return wrong(d, f->what == IN_MAP ? SPEC_STR : f->field->elem, "null");
	f->field = NULL;                        /* null is the same as absent */
	return 1;
}

static int take_bool(struct decoder *d, bool b)
{
	const struct spec_field *row;
	int kind;
	void *p;

	if (skipped(d))
		return 1;
	if (!d->depth)
		return wrong_document(d, "boolean");
	p = slot(d, &kind, &row);
	if (kind == SPEC_BOOL)
		*(bool *)p = b;
	else if (kind == SPEC_OPT_BOOL)
		*(struct opt_bool *)p = (struct opt_bool){ true, b };
	else
		return wrong(d, kind, "boolean");
	return stored(d);
}

/* S is a number by JSON's grammar.  False: not an integer that a member of KIND can hold. */
static bool store_integer(void *p, int kind, const char *s, size_t len)
{
	bool is_negative = s[0] == '-';
	uint64_t u;
	int64_t i;

	if (!num_parse_n(s + is_negative, len - is_negative, UINT64_MAX, &u))
		return false;
	i = (int64_t)(is_negative ? 0 - u : u);
	switch (kind) {
	case SPEC_OPT_U16: case SPEC_U32: case SPEC_OPT_U32: case SPEC_U64: case SPEC_OPT_U64:
		if (is_negative)
			return false;
		break;
	default:
		if (u > (uint64_t)INT64_MAX + is_negative)
			return false;
	}

	switch (kind) {
	case SPEC_OPT_U16: *(struct opt_u16 *)p = (struct opt_u16){ true, u }; return u <= UINT16_MAX;
	case SPEC_U32:     *(uint32_t *)p = u; return u <= UINT32_MAX;
	case SPEC_OPT_U32: *(struct opt_u32 *)p = (struct opt_u32){ true, u }; return u <= UINT32_MAX;
	case SPEC_U64:     *(uint64_t *)p = u; return true;
	case SPEC_OPT_U64: *(struct opt_u64 *)p = (struct opt_u64){ true, u }; return true;
	case SPEC_I32:     *(int32_t *)p = i; return i >= INT32_MIN && i <= INT32_MAX;
	case SPEC_OPT_I32:
		*(struct opt_i32 *)p = (struct opt_i32){ true, i };
		return i >= INT32_MIN && i <= INT32_MAX;
	case SPEC_I64:     *(int64_t *)p = i; return true;
	case SPEC_OPT_I64: *(struct opt_i64 *)p = (struct opt_i64){ true, i }; return true;
	}
	return false;
}

static int take_number(struct decoder *d, const char *s, size_t len)
{
	const struct spec_field *row;
	int shown = len > 40 ? 40 : len, kind;
	void *p;

	if (skipped(d))
		return 1;
	if (!d->depth)
		return wrong_document(d, "number");
	p = slot(d, &kind, &row);
	if (!is_integer(kind))
		return wrong(d, kind, "number");
	if (store_integer(p, kind, s, len))
		return stored(d);
	for (size_t i = 0; i < len; i++)
		if (s[i] == '.' || s[i] == 'e' || s[i] == 'E')
			return fail(d, "expected integer, got %.*s", shown, s);
	return fail(d, "%.*s is out of range", shown, s);
}

/*
 * What is wrong with a string or a key as bytes; NULL: nothing.  yajl has checked the UTF-8, but
 * turns a lone surrogate (backslash-u D800) into something else: two readers of one document must
 * not see different texts.
 */
static const char *bad_text(const struct decoder *d, const char *s, size_t len)
{
	bool high = false;

	/* It has no escapes: s is the text itself, in which yajl lets no control character pass. */
	if (s >= d->text && s < d->text + d->len)
		return NULL;
	if (memchr(s, '\0', len))
		return "contains a NUL byte";

	for (size_t i = token_start(d), end = yajl_get_bytes_consumed(d->yajl); i < end; i++) {
		bool low = false, unit = false;

		if (d->text[i] == '\\' && d->text[i + 1] == 'u' && i + 6 <= end) {
			const char *hex = d->text + i + 2;

			unit = hex[0] == 'd' || hex[0] == 'D';
			low = unit && strchr("cdefCDEF", hex[1]);
			unit = unit && strchr("89abAB", hex[1]);
			i += 5;
		} else if (d->text[i] == '\\') {
			i++;
		}
		if (low != high)
			return "contains half a surrogate pair";
		high = unit;
	}
	return NULL;
}

static const char *text_dup(struct decoder *d, const char *s, size_t len)
{
	return memcpy(arena_chars(d->arena, len + 1), s, len);
}

static int take_string(struct decoder *d, const char *s, size_t len)
{
	const struct spec_field *row;
	const char *copy, *bad;
	int kind, value;
	void *p;

	if (skipped(d))
		return 1;
	if (!d->depth)
		return wrong_document(d, "string");
	p = slot(d, &kind, &row);
	if (kind != SPEC_STR && kind != SPEC_ENUM)
		return wrong(d, kind, "string");
	bad = bad_text(d, s, len);
	if (bad)
		return fail(d, "string %s", bad);
	copy = text_dup(d, s, len);
	if (kind == SPEC_STR) {
		*(const char **)p = copy;
		return stored(d);
	}
	value = spec_enum_value(row->choice, copy);
	if (!value) {
		char shown[100] = "";
		struct text t = TEXT(shown);

		add_quoted(&t, copy, len > 64 ? 64 : len);
		return fail(d, "unknown %s \"%s\"", row->choice->what, shown);
	}
	*(int *)p = value;
	return stored(d);
}

static int take_start(struct decoder *d, bool is_map)
{
	const char *got = is_map ? "object" : "array";
	const struct spec_field *row;
	int kind;
	void *p;

	if (d->skip || d->skip_value) {
		if (d->depth + d->skip == MAX_DEPTH)
			return refuse(d, "nested too deeply");
		d->skip++;
		d->skip_value = false;
		return 1;
	}
	if (!d->depth) {
		if (is_map == is_list(d->root))
			return wrong_document(d, got);
		d->result = arena_alloc(d->arena, d->root->size);
		if (!is_map)
			return push(d, (struct frame){ .what = IN_LIST, .field = d->root->fields,
						       .base = (char *)d->result + d->root->fields->offset });
		return push(d, (struct frame){ .what = IN_OBJECT, .type = d->root, .base = d->result });
	}
	p = slot(d, &kind, &row);
	if (is_map && kind == SPEC_OBJECT) {
		if (top(d)->what == IN_OBJECT)
			p = *(void **)p = arena_alloc(d->arena, row->type->size);
		return push(d, (struct frame){ .what = IN_OBJECT, .type = row->type, .base = p });
	}
	if (is_map ? kind != SPEC_MAP && kind != SPEC_DICT : kind != SPEC_LIST) {
		if (!wrong(d, kind, got))
			return 0;
		d->skip++;
		return 1;
	}
	return push(d, (struct frame){
		.what = kind == SPEC_LIST ? IN_LIST : kind == SPEC_MAP ? IN_MAP : IN_DICT,
		.field = row, .base = p });
}

/* A member that the tables do not have: no error, but told to who wants to know. */
static int unknown_key(struct decoder *d, const char *s, size_t len)
{
	const struct spec_field *r;
	char path[256] = "";
	struct text t = TEXT(path);
	unsigned line, column;
	const char *meant = NULL;

	d->skip_value = true;
	if (!d->watch->unknown)
		return 1;
	for (r = top(d)->type->fields; r->key; r++)
		if (strlen(r->key) == len && strncasecmp(r->key, s, len) == 0)
			meant = r->key;
	print_path(d, &t);
	if (t.len)
		text_add(&t, ".");
	add_quoted(&t, s, len);
	place(d, token_start(d), &line, &column);
	d->watch->unknown(d->watch->ctx, path, meant, line, column);
	return 1;
}

static int take_map_key(struct decoder *d, struct frame *f, const char *s, size_t len)
{
	const struct raw_list *l = f->base;
	size_t size = f->what == IN_MAP ? sizeof(struct pair) : f->field->type->size;
	const char *p = l->v;

	f->key = text_dup(d, s, len);
	if (!len)
		return fail_key(d, "a key is empty");
	for (size_t i = 0; i < l->n && i < FEW_KEYS; i++, p += size)
		if (strcmp(*(const char *const *)p, f->key) == 0)
			return fail_key(d, "given twice");
	return 1;
}

static bool is_named(const struct spec_field *r, const char *s, size_t len)
{
	size_t i = 0;

	while (r->key && i < len && r->key[i] && r->key[i] == s[i])
		i++;
	return r->key && i == len && !r->key[i];
}

/* What we wrote ourselves comes in the order of the rows. */
static const struct spec_field *find_row(const struct frame *f, const char *s, size_t len)
{
	const struct spec_field *r = f->type->fields;

	if (f->field && is_named(f->field + 1, s, len))
		return f->field + 1;
	while (r->key && !is_named(r, s, len))
		r++;
	return r->key ? r : NULL;
}

static int take_key(struct decoder *d, const char *s, size_t len)
{
	struct frame *f = top(d);
	const struct spec_field *row;
	const char *bad;
	uint64_t bit;

	if (d->skip)
		return 1;
	bad = bad_text(d, s, len);
	if (bad)
		return fail_key(d, "a key %s", bad);
	if (f->what != IN_OBJECT)
		return take_map_key(d, f, s, len);
	row = find_row(f, s, len);
	if (!row)
		return unknown_key(d, s, len);
	bit = 1ull << (row - f->type->fields);
	f->field = row;
	if (f->given & bit)
		return fail_key(d, "given twice");
	f->given |= bit;
	return 1;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Many keys: sorted, so that a huge map cannot keep us busy for hours. */
static int check_keys(struct decoder *d, struct frame *f)
{
	struct raw_list *l = f->base;
	size_t size = f->what == IN_MAP ? sizeof(struct pair) : f->field->type->size;
	const char **keys;

	if (l->n <= FEW_KEYS)
		return 1;
	keys = arena_alloc(d->arena, l->n * sizeof(*keys));
	for (size_t i = 0; i < l->n; i++)
		keys[i] = *(const char *const *)((const char *)l->v + i * size);
	qsort(keys, l->n, sizeof(*keys), by_key);
	for (size_t i = 1; i < l->n; i++) {
		if (strcmp(keys[i - 1], keys[i]) != 0)
			continue;
		f->key = keys[i];
		if (!fault_at(d, f->start, "given twice"))
			return 0;
	}
	f->key = NULL;
	return 1;
}

static int take_end(struct decoder *d)
{
	struct frame *f = top(d);

	if (d->skip) {
		d->skip--;
		return 1;
	}
	if (f->what == IN_OBJECT) {
		for (const struct spec_field *r = f->type->fields; r->key; r++) {
			if (!r->required || f->has & (1ull << (r - f->type->fields)))
				continue;
			f->field = r;
			if (!fault_at(d, f->start, "required, but missing"))
				return 0;
			make_empty(d, (char *)f->base + r->offset, r->kind, r, false);
		}
		f->field = NULL;
	} else {
		if (f->what != IN_LIST && !check_keys(d, f))
			return 0;
		list_end(d, f);
	}
	d->depth--;
	return d->depth ? stored(d) : 1;
}

/* ---- what yajl calls ---------------------------------------------------------------- */

static int done(struct decoder *d, int go_on)
{
	d->last = yajl_get_bytes_consumed(d->yajl);
	return go_on;
}

static int on_null(void *d) { return done(d, take_null(d)); }
static int on_bool(void *d, int b) { return done(d, take_bool(d, b)); }
static int on_number(void *d, const char *s, size_t len) { return done(d, take_number(d, s, len)); }
static int on_start_map(void *d) { return done(d, take_start(d, true)); }
static int on_start_array(void *d) { return done(d, take_start(d, false)); }
static int on_end(void *d) { return done(d, take_end(d)); }

static int on_string(void *d, const unsigned char *s, size_t len)
{
	return done(d, take_string(d, (const char *)s, len));
}

static int on_map_key(void *d, const unsigned char *s, size_t len)
{
	return done(d, take_key(d, (const char *)s, len));
}

/* The text is no JSON. yajl's words are kept, its line break and its prefix are not. */
static void not_json(struct decoder *d)
{
	unsigned char *m = yajl_get_error(d->yajl, 0, NULL, 0);
	char *s = (char *)m;

	s[strcspn(s, "\n")] = '\0';
	if (str_ends(s, "."))
		s[strlen(s) - 1] = '\0';
	if (strncmp(s, "parse error: ", 13) == 0)
		s += 13;
	if (strncmp(s, "lexical error: ", 15) == 0)
		s += 15;
	(void)refuse(d, "not valid JSON: %s", s);
	yajl_free_error(d->yajl, m);
}

int spec_decode_watched(const struct spec_type *t, const char *text, size_t len, struct arena *a,
			void **out, const struct spec_watch *watch, struct spec_error *e)
{
	static const yajl_callbacks cb = {
		.yajl_null = on_null, .yajl_boolean = on_bool, .yajl_number = on_number,
		.yajl_string = on_string, .yajl_start_map = on_start_map, .yajl_map_key = on_map_key,
		.yajl_end_map = on_end, .yajl_start_array = on_start_array, .yajl_end_array = on_end,
	};
	struct spec_pool pool;
	yajl_alloc_funcs memory = spec_pool_functions(&pool);
	struct decoder d = { .arena = a, .memory = &memory, .root = t, .text = text, .len = len, .watch = watch, .err = e };
	yajl_status st;

	pool.used = 0;
	*e = (struct spec_error){ 0 };
	if (len > MAX_SIZE) {
		snprintf(e->message, sizeof(e->message), "larger than 16 MiB");
		return -1;
	}
	d.yajl = yajl_alloc(&cb, &memory, &d);
	if (!d.yajl) {
		snprintf(e->message, sizeof(e->message), "out of memory");
		return -1;
	}
	st = yajl_parse(d.yajl, (const unsigned char *)text, len);
	if (st == yajl_status_ok)
		st = yajl_complete_parse(d.yajl);
	if (st == yajl_status_error)
		not_json(&d);
	yajl_free(d.yajl);
	for (int i = 0; i < MAX_DEPTH; i++)
		memory.free(memory.ctx, d.growing[i].v);
	if (st != yajl_status_ok)
		return -1;
	*out = d.result;
	return 0;
}

int spec_decode(const struct spec_type *t, const char *text, size_t len, struct arena *a,
		void **out, struct spec_error *e)
{
	return spec_decode_watched(t, text, len, a, out, &(struct spec_watch){ 0 }, e);
}
