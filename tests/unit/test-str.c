/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded texts, words of lists, tables. */
#include "base/log.h"
#include "base/str.h"
#include "base/table.h"
#include "unit/tap.h"

static void test_text(void)
{
	char buf[8] = "?", none[1];
	struct text t = TEXT(buf);

	text_add(&t, "abc");
	text_addn(&t, "defgh", 2);
	text_addf(&t, "%d", 12);
	SAME(buf, "abcde12", "a text fills its buffer to the last byte");
	OK(!t.cut && t.len == 7, "and nothing is cut");
	text_add(&t, "");
	OK(!t.cut, "adding nothing cuts nothing");
	text_addf(&t, "%s", "x");
	OK(t.cut && !strcmp(buf, "abcde12"), "one more is cut");
	text_add(&t, "x");
	text_addn(&t, "xyz", 3);
	OK(t.cut && t.len == 7 && !strcmp(buf, "abcde12"), "and so is what follows");

	t = TEXT(buf);
	text_add(&t, "0123456789");
	OK(t.cut && !strcmp(buf, "0123456"), "the beginning of a long one stays");
	t = TEXT(buf);
	text_addf(&t, "%s", "0123456789");
	OK(t.cut && !strcmp(buf, "0123456"), "also formatted");
	t = TEXT(none);
	text_add(&t, "x");
	OK(t.cut && !none[0], "a buffer of one byte holds nothing");
	t = (struct text){ .s = NULL };
	text_add(&t, "x");
	text_addf(&t, "x");
	OK(t.cut && t.len == 0, "a buffer of no bytes is left alone");
}

static void test_questions(void)
{
	OK(str_eq("a", "a") && !str_eq("a", "b") && str_eq(NULL, NULL) && !str_eq("a", NULL) && !str_eq(NULL, "a"), "eq");
	OK(str_starts("prefix", "pre") && !str_starts("pr", "pre") && str_starts("x", "") && !str_starts(NULL, "x"),
	   "starts");
	OK(str_ends("a.json", ".json") && !str_ends("json", ".json") && str_ends("x", "") && !str_ends(NULL, ""), "ends");
	SAME(str_after("name=systemd", "name="), "systemd", "after");
	OK(!str_after("x", "name="), "after what is not there");
}

static const char *words(const char *list, const char *separators)
{
	static char out[128];
	struct text t = TEXT(out);
	const char *word;
	size_t len;

	out[0] = '\0';
	while ((word = str_word(&list, separators, &len))) {
		text_add(&t, "<");
		text_addn(&t, word, len);
		text_add(&t, ">");
	}
	return out;
}

static void test_words(void)
{
	SAME(words("a,b", ","), "<a><b>", "words");
	SAME(words("a,,b,", ","), "<a><><b><>", "empty words are given");
	SAME(words("", ","), "<>", "an empty text is one empty word");
	SAME(words(NULL, ","), "", "no text has none");
	SAME(words("a b\tc", " \t"), "<a><b><c>", "several separators");
}

static void test_table(void)
{
	static const struct name_value t[] = { { "one", 1 }, { "two", 2 }, { "deux", 2 }, { 0 } };
	uint64_t v = 9;

	OK(table_value(t, "two", &v) && v == 2, "a name has a value");
	v = 9;
	OK(!table_value(t, "three", &v) && !table_value(t, NULL, &v) && v == 9, "an unknown one leaves it alone");
	SAME(table_name(t, 2), "two", "a value has its first name");
	OK(!table_name(t, 3), "an unknown value has none");
}

static char heard[64];

static void hear(enum log_level level, const char *text)
{
	snprintf(heard, sizeof(heard), "%d %s", level, text);
}

static void test_log(void)
{
	log_error("nobody listens");
	log_to(hear, LOG_INFO);
	log_debug("not wanted");
	SAME(heard, "", "what is not wanted is not heard");
	log_info("x %d", 1);
	SAME(heard, "2 x 1", "what is wanted is");
	OK(log_level() == LOG_INFO, "the level can be asked");
}

int main(void)
{
	test_text();
	test_questions();
	test_words();
	test_table();
	test_log();
	return tap_done();
}
