/* SPDX-License-Identifier: Apache-2.0 */
/* How the texts of option tables are read: what an argument is, where a paragraph ends. */
#include "cli/texts.c"

#include "unit/tap.h"

static bool is_value(const struct value *v, const char *word, enum value_kind kind)
{
	return v->len == strlen(word) && memcmp(v->word, word, v->len) == 0 && v->kind == kind;
}

static void test_arguments(void)
{
	const char *list = "CONTAINER-ID  [SIGNAL] [table|json] FILE... [PS-OPTION...]";
	struct value v;

	OK(value_next(&list, &v) && is_value(&v, "CONTAINER-ID", VALUE_CONTAINER) && !v.is_optional && !v.repeats, "a plain one");
	OK(value_next(&list, &v) && is_value(&v, "SIGNAL", VALUE_SIGNAL) && v.is_optional, "brackets make it optional");
	OK(value_next(&list, &v) && is_value(&v, "table|json", VALUE_WORDS) && v.is_optional, "words to choose from");
	OK(value_next(&list, &v) && is_value(&v, "FILE", VALUE_FILE) && v.repeats && !v.is_optional, "dots repeat it");
	OK(value_next(&list, &v) && is_value(&v, "PS-OPTION", VALUE_TEXT) && v.repeats && v.is_optional, "both");
	OK(!value_next(&list, &v) && !value_next(&list, &v), "and that is the end");
	list = "";
	OK(!value_next(&list, &v), "no arguments at all");
	v = value_of("[CONTROLLER,...:]PATH");
	OK(is_value(&v, "[CONTROLLER,...:]PATH", VALUE_TEXT), "brackets inside a word belong to it");
	v = value_of("DIR");
	OK(is_value(&v, "DIR", VALUE_DIR), "the value of an option");
}

static bool is_note(const char **notes, const char *text, bool is_kept)
{
	struct note n;

	return note_next(notes, &n) && n.len == strlen(text) && memcmp(n.text, text, n.len) == 0 && n.is_kept == is_kept;
}

static void test_notes(void)
{
	const char *notes = "One\nparagraph.\n\nAnother:\n  kept\n\n  kept, too\nA third.\n";
	const char *none = NULL;
	struct note n;

	OK(is_note(&notes, "One\nparagraph.", false), "a line break is none");
	OK(is_note(&notes, "Another:", false), "an empty line ends a paragraph");
	OK(is_note(&notes, "  kept", true), "so does a line that begins with two blanks");
	OK(is_note(&notes, "  kept, too", true), "each of which is a piece of its own");
	OK(is_note(&notes, "A third.", false), "a paragraph follows");
	OK(!note_next(&notes, &n), "and that is the end");
	OK(!note_next(&none, &n), "no notes at all");
}

int main(void)
{
	test_arguments();
	test_notes();
	return tap_done();
}
