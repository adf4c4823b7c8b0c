/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the words of option and argument tables, and the notes of commands. */
#include "cli/texts.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"

static const struct { const char *word; enum value_kind kind; } kinds[] = {
	{ "FILE", VALUE_FILE }, { "SOCKET", VALUE_FILE }, { "DIR", VALUE_DIR }, { "BUNDLE", VALUE_DIR },
	{ "CONTAINER-ID", VALUE_CONTAINER }, { "SIGNAL", VALUE_SIGNAL }, { "TOPIC", VALUE_TOPIC },
};

static enum value_kind kind_of(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].word) == len && memcmp(kinds[i].word, word, len) == 0)
			return kinds[i].kind;
	return memchr(word, '|', len) ? VALUE_WORDS : VALUE_TEXT;
}

bool value_next(const char **list, struct value *v)
{
	do {
		v->word = str_word(list, " ", &v->len);
		if (!v->word)
			return false;
	} while (!v->len);

	v->is_optional = v->len > 2 && v->word[0] == '[' && v->word[v->len - 1] == ']';
	if (v->is_optional) {
		v->word++;
		v->len -= 2;
	}
	v->repeats = v->len > 3 && memcmp(v->word + v->len - 3, "...", 3) == 0;
	if (v->repeats)
		v->len -= 3;
	v->kind = kind_of(v->word, v->len);
	return true;
}

struct value value_of(const char *word)
{
	size_t len = strlen(word);

	return (struct value){ .word = word, .len = len, .kind = kind_of(word, len) };
}

static bool begins_kept(const char *line)
{
	return line[0] == ' ' && line[1] == ' ';
}

bool note_next(const char **notes, struct note *n)
{
	const char *at = *notes;

	while (at && *at == '\n')
		at++;
	if (!at || !*at)
		return false;
	*n = (struct note){ .text = at, .is_kept = begins_kept(at) };
	while (*at && !(*at == '\n' && (n->is_kept || at[1] == '\n' || !at[1] || begins_kept(at + 1))))
		at++;
	n->len = (size_t)(at - n->text);
	*notes = at;
	return true;
}
