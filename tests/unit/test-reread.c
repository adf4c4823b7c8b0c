/* SPDX-License-Identifier: Apache-2.0 */
/* The quick reader of record.json against the strict decoder: it takes nothing that the other one refuses or reads otherwise. */
#include "record/reread.h"

#include <stdlib.h>

#include "base/own.h"
#include "base/str.h"
#include "record/saved.h"
#include "unit/tap.h"

static const char whole[] =
	"{\"version\":2,\"id\":\"web\",\"bundle\":\"/b c\",\"rootfs\":\"/r\",\"created\":\"2026-01-01T00:00:00Z\",\"uid\":4294967295,"
	"\"pid\":2147483647,\"startTime\":18446744073709551615,\"complete\":true,\"manager\":\"cgroupfs\","
	"\"cgroups\":[\"1 77 name=systemd /sys/fs/cgroup/systemd/a b\",\"0 0  /sys/fs/cgroup/x\"],"
	"\"annotations\":{\"a\":\"\",\"b\":\"1\"}}";

/* From memory that ends where the text ends, so that sanitizers see each byte too far. */
static bool read_exactly(const char *text, size_t len, struct arena *a, struct oci_saved *out)
{
	char *exact = malloc(len ? len : 1);
	bool is_read;

	memcpy(exact, text, len);
	*out = (struct oci_saved){ .version = 0 };
	is_read = reread(&oci_saved_type, exact, len, a, out);
	free(exact);
	return is_read;
}

/* Refused, or the same as what the decoder makes of it. */
static bool is_right(const char *text, size_t len)
{
	AUTO(arena) mem = ARENA_NONE;
	struct spec_error why;
	struct oci_saved saved;
	void *other;

	if (!read_exactly(text, len, &mem, &saved))
		return true;
	return spec_decode(&oci_saved_type, text, len, &mem, &other, &why) == 0 &&
	       str_eq(spec_encode(&oci_saved_type, &saved, &mem, false), spec_encode(&oci_saved_type, other, &mem, false));
}

static void test_whole(void)
{
	AUTO(arena) mem = ARENA_NONE;
	struct oci_saved saved;

	OK(read_exactly(whole, strlen(whole), &mem, &saved), "what the encoder writes is read");
	SAME(spec_encode(&oci_saved_type, &saved, &mem, false), whole, "and is the same when it is written again");
	OK(is_right(whole, strlen(whole)), "the decoder finds the same in it");
}

static void test_damaged(void)
{
	static const char odd[] = "\"\\{}[],:0123456789-+.eEtruefalsn x\x01\x80\xff";
	unsigned wrong = 0, tried = 0, taken = 0;
	char text[sizeof(whole) + 1];

	for (size_t i = 0; i < strlen(whole); i++) {
		AUTO(arena) mem = ARENA_NONE;
		struct oci_saved ignored;

		taken += read_exactly(whole, i, &mem, &ignored);
		for (size_t j = 0; j < sizeof(odd); j++) {      /* also the NUL byte */
			memcpy(text, whole, sizeof(whole));
			text[i] = odd[j];
			wrong += !is_right(text, strlen(whole));
			memmove(text + i + 1, whole + i, sizeof(whole) - i);
			wrong += !is_right(text, strlen(whole) + 1);
			tried += 2;
		}
	}
	OK(taken == 0, "no part of it is taken for the whole");
	OK(wrong == 0, "of %u damaged ones none is read otherwise than by the decoder", tried);
}

/* Several characters are looked at together: each must be seen in each place among them, and at the end. */
static void test_each_character(void)
{
	char text[128];
	unsigned wrong = 0;

	for (int c = 0; c < 256; c++)
		for (size_t len = 1; len < 20; len++)
			for (size_t at = 0; at < len; at++) {
				AUTO(arena) mem = ARENA_NONE;
				bool is_ordinary = c >= ' ' && c <= '~' && c != '"' && c != '\\';
				struct text t = TEXT(text);
				struct oci_saved saved;

				text_add(&t, "{\"version\":2,\"id\":\"a\",\"bundle\":\"");
				text_addn(&t, "zzzzzzzzzzzzzzzzzzzz", len);
				text[t.len - len + at] = (char)c;
				text_add(&t, "\",\"created\":\"c\"}");
				wrong += read_exactly(text, t.len, &mem, &saved) != is_ordinary;
			}
	OK(wrong == 0, "characters that need no escape are read, and no others");
}

/* What others may write, or an older husk: it is left to the decoder. */
static void test_left_to_the_decoder(void)
{
	static const char *const texts[] = {
		"", "{", "{}", "[]", "null", "{ \"version\":2}",
		"{\"version\":2,\"id\":\"a\",\"bundle\":\"b\",\"created\":\"c\"} ",
		"{\"version\":2,\"id\":\"a\",\"bundle\":\"b\",\"created\":\"c\",\"pid\":0}",
		"{\"version\":2,\"id\":\"a\",\"bundle\":\"b\",\"created\":\"c\",\"pid\":2147483648}",
		"{\"version\":2,\"id\":\"a\",\"bundle\":\"b\",\"created\":\"c\",\"pid\":-1}",
		"{\"version\":2,\"id\":\"a\",\"bundle\":\"b\",\"created\":\"c\",\"startTime\":18446744073709551616}",
		"{\"version\":2,\"id\":\"a\",\"bundle\":\"b\",\"created\":\"c\",\"complete\":false}",
		"{\"version\":2,\"id\":\"a\",\"bundle\":\"b\",\"created\":\"c\",\"annotations\":{\"a\":\"1\",\"a\":\"2\"}}",
		"{\"version\":2,\"id\":\"a\",\"bundle\":\"b\",\"created\":\"c\",\"annotations\":{\"\":\"1\"}}",
		"{\"version\":2,\"id\":\"a\",\"bundle\":\"\\u0062\",\"created\":\"c\"}",
		"{\"version\":2,\"id\":\"a\",\"bundle\":\"\xc3\xa4\",\"created\":\"c\"}",
		"{\"version\":2,\"id\":\"a\",\"created\":\"c\",\"bundle\":\"b\"}",
		"{\"version\":2,\"id\":\"a\",\"id\":\"a\",\"bundle\":\"b\",\"created\":\"c\"}",
		"{\"version\":2,\"id\":\"a\",\"bundle\":\"b\",\"created\":\"c\",\"new\":1}",
		"{\"version\":1,\"id\":\"a\",\"bundle\":\"b\",\"created\":\"c\",\"groups\":[]}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		AUTO(arena) mem = ARENA_NONE;
		struct oci_saved ignored;

		OK(!read_exactly(texts[i], strlen(texts[i]), &mem, &ignored), "not read: %s", texts[i]);
	}
}

static void test_many(void)
{
	AUTO(arena) mem = ARENA_NONE;
	struct oci_saved saved = { .version = 2, .id = "a", .bundle = "b", .created = "c" }, back;
	struct pair pairs[40];
	const char *text;

	for (int i = 0; i < 40; i++)
		pairs[i] = (struct pair){ arena_printf(&mem, "k%d", i), "v" };
	saved.annotations.v = pairs;
	for (saved.annotations.n = 31; saved.annotations.n < 35; saved.annotations.n++) {
		text = spec_encode(&oci_saved_type, &saved, &mem, false);
		OK(read_exactly(text, strlen(text), &mem, &back) == (saved.annotations.n <= 32), "%zu annotations", saved.annotations.n);
	}
}

/* saved_read() on top: all versions, and the lines of cgroups. */
static void test_saved(void)
{
	static const char *const broken[] = {
		"1 77 cpu sys/x", "1 77 cpu", "1 77", "", "x 77 cpu /x", "1 -7 cpu /x", "4294967296 7 cpu /x", "1 7", "1  cpu /x",
	};
	static const char old[] = "{\"version\": 1, \"id\": \"a\", \"bundle\": \"b\", \"created\": \"c\", \"groups\": "
				  "[{\"hierarchy\": \"cpu\", \"path\": \"/sys/x\", \"made\": 3, \"inode\": 9}]}";
	AUTO(arena) mem = ARENA_NONE;
	struct spec_error why;
	struct oci_saved *s = saved_read(whole, strlen(whole), &mem, &why);
	const char *text;

	if (!OK(s && s->groups.n == 2, "cgroups are found in their lines"))
		return;
	SAME(s->groups.v[0].hierarchy, "name=systemd", "with their hierarchy");
	SAME(s->groups.v[0].path, "/sys/fs/cgroup/systemd/a b", "with their path, which may have spaces");
	OK(s->groups.v[0].made == 1 && s->groups.v[0].inode == 77, "and with their numbers");
	SAME(s->groups.v[1].hierarchy, "", "the unified hierarchy has no name");
	SAME(saved_write(s, &mem), whole, "and are written as they were");
	s = saved_read(old, strlen(old), &mem, &why);
	OK(s && s->groups.n == 1 && s->groups.v[0].made == 3 && s->groups.v[0].inode == 9 && str_eq(s->groups.v[0].path, "/sys/x"),
	   "the cgroups of an older husk are objects");
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		text = arena_printf(&mem, "{\"version\":2,\"id\":\"a\",\"bundle\":\"b\",\"created\":\"c\",\"cgroups\":[\"%s\"]}", broken[i]);
		OK(!saved_read(text, strlen(text), &mem, &why) && str_eq(why.path, "cgroups"), "no cgroup: \"%s\"", broken[i]);
	}
	text = "{\"version\":3,\"id\":\"a\",\"bundle\":\"b\",\"created\":\"c\"}";
	OK(!saved_read(text, strlen(text), &mem, &why) && str_eq(why.path, "version"), "a newer husk's is not guessed at");
}

int main(void)
{
	test_whole();
	test_damaged();
	test_each_character();
	test_left_to_the_decoder();
	test_many();
	test_saved();
	return tap_done();
}
