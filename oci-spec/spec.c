/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the decoder, the encoder and everybody else ask of the tables: words and their values,
 * and how a fault in a document is told to the user.
 */
#include "oci-spec/spec.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"

int spec_enum_value(const struct spec_enum *t, const char *name)
{
	for (const struct spec_name *n = t->names; *n->name; n++)
		if (strcmp(n->name, name) == 0)
			return n->value;
	return 0;
}

const char *spec_enum_name(const struct spec_enum *t, int value)
{
	for (const struct spec_name *n = t->names; *n->name; n++)
		if (n->value == value)
			return n->name;
	return NULL;
}

str_list spec_enum_words(const struct spec_enum *t, struct arena *a)
{
	str_list words = { 0 };

	while (*t->names[words.n].name)
		words.n++;
	words.v = arena_alloc(a, words.n * sizeof(*words.v));
	for (size_t i = 0; i < words.n; i++)
		words.v[i] = arena_strdup(a, t->names[i].name);
	return words;
}

int spec_fail(struct err *e, const char *file, const struct spec_error *s)
{
	const char *colon = s->path[0] ? ": " : "";

	if (s->line)
		err_set(e, ERR_SPEC, "%s: %s%s%s (line %u, column %u)", file, s->path, colon,
			s->message, s->line, s->column);
	else
		err_set(e, ERR_SPEC, "%s: %s%s%s", file, s->path, colon, s->message);
	err_place(e, file, s->path, strlen(s->path), s->line, s->column);
	return -1;
}
