/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what `husk check` has found; see survey.h. Pure, in husk. */
#include "plan/survey.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Is PATH the place OF itself, or beneath it? */
static bool is_within(const char *path, const char *of)
{
	const char *rest = str_after(path, of);

	return rest && (!*rest || *rest == '.' || *rest == '[');
}

/* An element of a list, of which PATH is a member: "mounts[3]" of "mounts[3].type". */
static bool is_element_of(const char *element, const char *path)
{
	const char *rest = str_after(path, element);

	return str_ends(element, "]") && rest && *rest == '.' && !strpbrk(rest + 1, ".[");
}

/* One cause, told in two ways: the same place, or an element and a member of it; beneath a value of the wrong type. */
static bool follows(const struct problem *p, const struct problem *from)
{
	if (!*p->path || !*from->path || from->is_warning)
		return false;
	if (from->is_decoders && is_within(p->path, from->path))
		return true;
	return !p->is_warning && (str_eq(p->path, from->path) || is_element_of(p->path, from->path));
}

static bool is_same(const struct problem *p, const struct problem *q)
{
	return p->is_warning == q->is_warning && str_eq(p->path, q->path) && str_eq(p->message, q->message);
}

static void add(struct problems *l, struct problem p)
{
	if (l->n == PROBLEMS_MAX) {
		l->is_full = true;
		return;
	}
	for (size_t i = 0; i < l->n; i++)
		if (is_same(&p, &l->v[i]) || follows(&p, &l->v[i]))
			return;
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 16;
		struct problem *v = ARENA_ARRAY(l->mem, struct problem, room);

		if (l->n)
			memcpy(v, l->v, l->n * sizeof(*v));
		l->v = v;
		l->room = room;
	}
	l->v[l->n++] = p;
}

void problem_add(struct problems *l, bool is_warning, enum err_kind kind, const char *what)
{
	size_t len = spec_path_length(&oci_config_type, what);
	struct problem p = { .is_warning = is_warning, .kind = kind };
	const char *message = what;

	if (len && what[len] == ':')
		message = what + len + 1 + strspn(what + len + 1, " ");
	else
		len = 0;
	p.path = arena_strndup(l->mem, what, len);
	p.message = arena_strdup(l->mem, message);
	if (len && l->text && !spec_locate(l->text, l->len, p.path, &p.line, &p.column))
		p.line = p.column = 1;          /* of the whole: "root: missing" */
	add(l, p);
}

void problem_addf(struct problems *l, bool is_warning, enum err_kind kind, const char *fmt, ...)
{
	struct err e;
	char text[sizeof(e.msg)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)err_set(&e, kind, "%s", text);    /* one line, whatever it quotes */
	problem_add(l, is_warning, kind, e.msg);
}

void problem_decoded(struct problems *l, bool is_warning, const struct spec_error *s)
{
	add(l, (struct problem){
		.is_warning = is_warning, .is_decoders = !is_warning, .kind = ERR_SPEC,
		.path = arena_strdup(l->mem, s->path), .message = arena_strdup(l->mem, s->message),
		.line = s->line, .column = s->column,
	});
}

bool problems_have_errors(const struct problems *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].is_warning)
			return true;
	return l->is_full;
}

bool problems_within(const struct problems *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].is_warning && is_within(l->v[i].path, path))
			return true;
	return false;
}

static int by_place(const void *a, const void *b)
{
	const struct problem *l = a, *r = b;

	if (l->line != r->line)
		return l->line < r->line ? -1 : 1;
	if (l->column != r->column)
		return l->column < r->column ? -1 : 1;
	if (l->is_warning != r->is_warning)
		return l->is_warning ? 1 : -1;
	return strcmp(l->path, r->path) ? strcmp(l->path, r->path) : strcmp(l->message, r->message);
}

void problems_sort(struct problems *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_place);
}
