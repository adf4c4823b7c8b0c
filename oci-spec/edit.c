/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking out of a decoded document what somebody complained about, so that one can look on for the next complaint
 * (`husk check`).  The tables tell what stands at a path; places that hold nothing are no error, only the end of the way.
 */
#include "oci-spec/spec.h"

#include <string.h>

#define MAX_STEPS 32

struct raw_list { size_t n; void *v; };

/* One component of a path: a member of the object HOLDER, or an element of the list HOLDER. */
struct step {
	const struct spec_field *field;
	void *holder;
	bool is_member;
	size_t index;                           /* of the element */
	size_t end;                             /* where the component ends in the path */
};

static size_t element_size(const struct spec_field *f)
{
	if (f->kind == SPEC_MAP)
		return sizeof(struct pair);
	switch (f->elem) {
	case SPEC_BOOL:                 return sizeof(bool);
	case SPEC_I64: case SPEC_U64:   return sizeof(int64_t);
	case SPEC_STR:                  return sizeof(char *);
	case SPEC_OBJECT:               return f->type->size;
	default:                        return sizeof(int32_t);
	}
}

static size_t member_size(const struct spec_field *f)
{
	switch (f->kind) {
	case SPEC_BOOL:                 return sizeof(bool);
	case SPEC_I64: case SPEC_U64:   return sizeof(int64_t);
	case SPEC_OPT_BOOL:             return sizeof(struct opt_bool);
	case SPEC_OPT_U16:              return sizeof(struct opt_u16);
	case SPEC_OPT_I32: case SPEC_OPT_U32: return sizeof(struct opt_u32);
	case SPEC_OPT_I64: case SPEC_OPT_U64: return sizeof(struct opt_u64);
	case SPEC_STR: case SPEC_OBJECT: return sizeof(char *);
	case SPEC_LIST: case SPEC_MAP: case SPEC_DICT: return sizeof(struct raw_list);
	default:                        return sizeof(int32_t);
	}
}

static const struct spec_field *find_row(const struct spec_type *t, const char *name, size_t *len)
{
	*len = strcspn(name, ".[: ");
	for (const struct spec_field *r = t->fields; r->key; r++)
		if (strlen(r->key) == *len && memcmp(r->key, name, *len) == 0)
			return r;
	return NULL;
}

/* "[3]" or "[\"key\"]" at the beginning of PATH. 0: the list has no such element. ANY: the first one stands for all. */
static size_t find_element(const struct spec_field *f, const struct raw_list *l, const char *path, bool any, size_t *index)
{
	size_t size = element_size(f);
	const char *p = path + 1;

	*index = 0;
	if (*path != '[')
		return 0;
	if (f->kind != SPEC_LIST) {
		for (; *p == '"' && *index < l->n; ++*index) {
			const char *key = *(const char *const *)((const char *)l->v + *index * size);
			size_t n = strlen(key);

			if (strncmp(p + 1, key, n) == 0 && p[n + 1] == '"' && p[n + 2] == ']')
				return n + 4;
		}
		return 0;
	}
	for (; *p >= '0' && *p <= '9' && *index < 1u << 24; p++)
		*index = *index * 10 + (size_t)(*p - '0');
	if (any)
		*index = 0;
	return *p == ']' && *index < l->n ? (size_t)(p + 1 - path) : 0;
}

/* As far along PATH as OBJ goes. Returns the number of steps. */
static int walk(const struct spec_type *t, void *obj, const char *path, bool any, struct step v[MAX_STEPS])
{
	const struct spec_field *list = NULL;   /* NULL: in an object of type T */
	void *base = obj;
	size_t at = 0;
	int n = 0;

	while (n < MAX_STEPS && base && path[at] && path[at] != ':') {
		struct step *s = &v[n];
		size_t used;
		void *place;

		if (list) {
			used = find_element(list, base, path + at, any, &s->index);
			if (!used)
				break;
			s->field = list;
			place = (char *)((struct raw_list *)base)->v + s->index * element_size(list);
		} else {
			size_t dot = path[at] == '.';

			s->field = find_row(t, path + at + dot, &used);
			if (!s->field)
				break;
			used += dot;
			place = (char *)base + s->field->offset;
		}
		s->is_member = !list;
		s->holder = base;
		s->end = at += used;
		n++;

		if (s->is_member && (s->field->kind == SPEC_LIST || s->field->kind == SPEC_MAP || s->field->kind == SPEC_DICT)) {
			list = s->field;
			base = place;
			continue;
		}
		base = NULL;
		if (s->field->kind == SPEC_OBJECT)
			base = *(void **)place;
		else if (list && s->field->kind != SPEC_MAP && s->field->elem == SPEC_OBJECT)
			base = place;
		t = s->field->type;
		list = NULL;
	}
	return n;
}

size_t spec_path_length(const struct spec_type *t, const char *text)
{
	bool in_quotes = false;
	size_t used, n = 0;

	if (!find_row(t, text, &used))
		return 0;
	for (; text[n] && (in_quotes || text[n] != ':'); n++)
		if (text[n] == '"')
			in_quotes = !in_quotes;
		else if (text[n] == ' ' && !in_quotes)
			return 0;
	return n;
}

bool spec_graft(const struct spec_type *t, void *obj, void *from, const char *path)
{
	struct step to[MAX_STEPS], source[MAX_STEPS];
	int n = walk(t, obj, path, false, to), has = walk(t, from, path, true, source);
	const struct step *s = &to[n - 1], *f = &source[n - 1];
	size_t size;

	if (!n || has < n)
		return false;
	size = s->is_member ? member_size(s->field) : element_size(s->field);
	if (s->is_member)
		memcpy((char *)s->holder + s->field->offset, (char *)f->holder + f->field->offset, size);
	else
		memcpy((char *)((struct raw_list *)s->holder)->v + s->index * size,
		       (char *)((struct raw_list *)f->holder)->v + f->index * size, size);
	return true;
}

static void take_element(struct raw_list *l, size_t size, size_t index)
{
	char *at = (char *)l->v + index * size;

	l->n--;
	memmove(at, at + size, (l->n - index) * size);
}

bool spec_is_word(const struct spec_type *t, void *obj, const char *path)
{
	struct step v[MAX_STEPS];
	int n = walk(t, obj, path, false, v);
	const struct spec_field *f = n ? v[n - 1].field : NULL;

	return f && path[v[n - 1].end] == '\0' && (v[n - 1].is_member ? f->kind : f->elem) == SPEC_ENUM;
}

bool spec_is_absent(const struct spec_type *t, void *obj, const char *path)
{
	struct step v[MAX_STEPS];
	int n = walk(t, obj, path, false, v);
	const struct step *s = &v[n - 1];
	const char *p = n && s->is_member ? (char *)s->holder + s->field->offset : NULL;

	if (!n || path[s->end] != '\0')
		return true;
	if (!p)
		return false;
	if (s->field->kind == SPEC_LIST || s->field->kind == SPEC_MAP || s->field->kind == SPEC_DICT)
		return !((const struct raw_list *)p)->n;
	for (size_t i = 0; i < member_size(s->field); i++)
		if (p[i])
			return false;
	return true;
}

size_t spec_cut(const struct spec_type *t, void *obj, const char *path, unsigned above, bool *is_element)
{
	struct step v[MAX_STEPS];
	int n = walk(t, obj, path, false, v);

	for (int i = n - 1 - (int)above; i >= 0; i--) {
		const struct step *s = &v[i];

		*is_element = !s->is_member;
		if (!s->is_member)
			take_element(s->holder, element_size(s->field), s->index);
		else if (!s->field->required)
			memset((char *)s->holder + s->field->offset, 0, member_size(s->field));
		else
			continue;
		return s->end;
	}
	return 0;
}
