/* SPDX-License-Identifier: Apache-2.0 */
/* The ground floor: errors, texts, numbers, words, messages, memory. */
#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "base/table.h"
#include "unit/tap.h"

static void test_errors(void)
{
	struct err e = { 0 }, second;
	char name[3000];

	errno = EACCES;
	OK(err_sys(&e, "open \"%s\"", "/x") == -1 && errno == EACCES, "err_sys returns -1 and leaves errno alone");
	OK(e.kind == ERR_SYSTEM && e.num == EACCES, "and keeps it as a number");
	SAME(e.msg, "open \"/x\": permission denied", "what failed on what: why");
	errno = ENOENT;
	OK(err_in(&e, "mounts[%d]", 3) == -1 && errno == ENOENT && e.num == EACCES, "a context changes the text alone");
	SAME(e.msg, "mounts[3]: open \"/x\": permission denied", "contexts read from the outside in");
	err_set(&second, ERR_STATE, "container \"%s\" is running", "a");
	err_and(&e, &second);
	SAME(e.msg, "mounts[3]: open \"/x\": permission denied; and then container \"a\" is running",
	     "a second failure is appended");
	OK(second.kind == ERR_STATE && second.num == 0, "err_set has no errno");

	err_set(&e, ERR_SPEC, "a\nb\033[2J\tc\177\u00e4");
	SAME(e.msg, "a?b?[2J?c?\u00e4", "a message is one line of printable text");

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	err_set(&e, ERR_SPEC, "%s", name);
	OK(strlen(e.msg) == sizeof(e.msg) - 1 && str_ends(e.msg, "x..."), "what is too long is cut, visibly");
	errno = EIO;
	err_sys(&e, "read \"%s\"", name);
	OK(str_starts(e.msg, "read \"xxx") && str_ends(e.msg, ": input/output error"), "the cause survives a long name");
	err_in(&e, "create \"web\"");
	OK(str_starts(e.msg, "create \"web\": ") && str_ends(e.msg, ": input/output error"),
	   "and so does it behind further contexts");
	for (int i = 0; i < 300; i++)
		err_in(&e, "context %d", i);
	OK(str_starts(e.msg, "context 299: ") && str_ends(e.msg, "input/output error"), "the outermost and the cause stay");
	for (int i = 0; i < 20; i++)
		err_and(&e, &(struct err){ .msg = "something of quite some length that does not fit for long" });
	OK(strnlen(e.msg, sizeof(e.msg)) < sizeof(e.msg), "nothing is written beyond the end");
}

static void test_error_fields(void)
{
	struct err e, wild;

	memset(&e, 'x', sizeof(e));
	err_set(&e, ERR_SPEC, "mounts[3]: no");
	OK(!e.stage[0] && !e.path[0] && !e.file[0] && !e.hint[0] && !e.line && !e.column, "a new error knows nothing of an older one");
	err_hint(&e, "try %d", 7);
	err_stage(&e, "root file system");
	err_stage(&e, "outer");
	err_place(&e, "config.json", "mounts[3]: no", 9, 12, 5);
	err_in(&e, "create");
	SAME(e.hint, "try 7", "a hint is kept apart from the message");
	SAME(e.stage, "root file system", "the stage that spoke first is the one");
	SAME(e.path, "mounts[3]", "the path is cut out of the message");
	SAME(e.msg, "create: mounts[3]: no", "and the message is the message");
	OK(e.line == 12 && e.column == 5, "the place stays with it");

	memset(&wild, 'x', sizeof(wild));
	err_received(&wild);
	OK(strlen(wild.msg) < sizeof(wild.msg) && strlen(wild.stage) < sizeof(wild.stage) && strlen(wild.path) < sizeof(wild.path) &&
	   strlen(wild.file) < sizeof(wild.file) && strlen(wild.hint) < sizeof(wild.hint), "what another process sent ends in its bounds");
}

static void test_texts(void)
{
	char buf[8], number[32];
	struct text t = TEXT(buf);
	const char *list = "a,,bc", *w;
	size_t len;

	text_add(&t, "abc");
	text_addf(&t, "%d", 1234);
	OK(strcmp(buf, "abc1234") == 0 && t.len == 7 && !t.cut, "a text fills its buffer");
	text_addn(&t, "", 0);
	OK(!t.cut, "nothing more is no cut");
	text_addf(&t, "%s", "x");
	OK(strcmp(buf, "abc1234") == 0 && t.cut, "what does not fit is left out and remembered");
	text_add(&t, "x");
	OK(strcmp(buf, "abc1234") == 0 && t.len == 7, "again");
	t = TEXT(number);
	text_addu(&t, 0);
	text_add(&t, " ");
	text_addu(&t, UINT64_MAX);
	SAME(number, "0 18446744073709551615", "numbers in decimal");

	OK(str_eq(NULL, NULL) && !str_eq(NULL, "") && !str_eq("a", NULL) && str_eq("a", "a"), "NULL equals NULL alone");
	OK(str_starts("abc", "ab") && !str_starts("a", "ab") && str_starts("a", "") && !str_starts(NULL, ""), "str_starts");
	OK(str_ends("abc", "bc") && !str_ends("c", "bc") && !str_ends(NULL, "c"), "str_ends");
	SAME(str_after("key=value", "key="), "value", "str_after");
	SAME(str_after("kex=value", "key="), NULL, "str_after of another");

	w = str_word(&list, ",", &len);
	OK(len == 1 && *w == 'a', "the first word");
	w = str_word(&list, ",", &len);
	OK(w && len == 0, "empty words are given");
	w = str_word(&list, ",", &len);
	OK(len == 2 && *w == 'b', "the last word");
	OK(!str_word(&list, ",", &len), "then there is none");
}

static void test_numbers(void)
{
	static const char *const bad[] = {
		"", " 1", "1 ", "+1", "-1", "0x10", "1.0", "1e3", "\xd9\xa1", "18446744073709551616",
		"99999999999999999999999", "1\n", "1k", "one",
	};
	static const struct { const char *text; uint64_t want; bool good; } sizes[] = {
		{ "0", 0, true }, { "512", 512, true }, { "1b", 1, true }, { "64k", 65536, true }, { "64K", 65536, true },
		{ "64kb", 65536, true }, { "64KiB", 65536, true }, { "2m", 2 << 20, true }, { "1G", 1 << 30, true },
		{ "16777215t", 16777215ull << 40, true }, { "16777216t", 0, false }, { "1.5G", 0, false },
		{ "k", 0, false }, { "", 0, false }, { "1kk", 0, false }, { "1i", 0, false }, { "-1", 0, false },
		{ "1 k", 0, false }, { "1p", 0, false }, { "1kibb", 0, false },
	};
	unsigned long mask[4];
	uint64_t u = 7;
	int64_t i = 7;
	bool all = true;

	for (size_t k = 0; k < ARRAY_SIZE(bad); k++)
		all = all && !num_parse(bad[k], UINT64_MAX, &u) && u == 7;
	OK(all, "what is not exactly a number is none, and nothing is written");
	OK(!num_parse(NULL, 9, &u) && !num_parse_signed(NULL, 0, 9, &i), "nor is NULL");
	OK(num_parse("18446744073709551615", UINT64_MAX, &u) && u == UINT64_MAX, "the largest number");
	OK(num_parse("007", 7, &u) && u == 7 && !num_parse("8", 7, &u), "the limit is the last one allowed");
	OK(num_parse_n("12x", 2, 99, &u) && u == 12, "only the bytes given");
	OK(num_parse_signed("-9223372036854775808", INT64_MIN, INT64_MAX, &i) && i == INT64_MIN, "the smallest number");
	OK(num_parse_signed("-1", -1, 0, &i) && i == -1 && !num_parse_signed("--1", -9, 9, &i) &&
	   !num_parse_signed("-", -9, 9, &i) && !num_parse_signed("-2", -1, 0, &i) && !num_parse_signed("1", -1, 0, &i),
	   "signs and limits");
	OK(!num_parse_signed("9223372036854775808", INT64_MIN, INT64_MAX, &i), "one too large");
	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
		u = 7;
		OK(num_parse_size(sizes[k].text, &u) == sizes[k].good && u == (sizes[k].good ? sizes[k].want : 7),
		   "size \"%s\"", sizes[k].text);
	}
	OK(num_parse_list("0-2,64,255", mask, 256) && mask[0] == 7 && mask[1] == 1 && mask[2] == 0 && mask[3] == 1ul << 63,
	   "a list of numbers");
	OK(!num_parse_list("256", mask, 256) && !num_parse_list("2-1", mask, 256) && !num_parse_list("", mask, 256) &&
	   !num_parse_list("1,", mask, 256) && !num_parse_list(",1", mask, 256) && !num_parse_list("1-", mask, 256) &&
	   !num_parse_list("-1", mask, 256) && !num_parse_list("1-2-3", mask, 256) && !num_parse_list(NULL, mask, 256),
	   "bad lists");
}

static void test_tables(void)
{
	static const struct name_value t[] = { { "a", 1 }, { "b", 2 }, {} };
	uint64_t v = 9;

	OK(table_value(t, "b", &v) && v == 2, "a word has a value");
	OK(!table_value(t, "c", &v) && !table_value(t, NULL, &v) && v == 2, "another has none");
	SAME(table_name(t, 1), "a", "a value has a word");
	SAME(table_name(t, 3), NULL, "another has none");
}

static char heard[100];

static void hear(enum log_level level, const char *text)
{
	snprintf(heard, sizeof(heard), "%d %s", level, text);
	errno = 0;
}

static void test_log(void)
{
	log_error("nobody listens");
	log_to(hear, LOG_INFO);
	errno = EBUSY;
	log_warning("x %d", 1);
	SAME(heard, "1 x 1", "a message reaches the sink");
	OK(errno == EBUSY, "errno is as before");
	log_debug("not wanted");
	SAME(heard, "1 x 1", "what is not wanted does not");
	log_to(NULL, LOG_ERROR);
}

static void test_arena(void)
{
	struct arena a = ARENA_NONE;
	bool zero = true, aligned = true;

	for (size_t n = 0; n < 200; n++) {
		unsigned char *p = arena_alloc(&a, n * 7);

		for (size_t i = 0; i < n * 7; i++)
			zero = zero && !p[i];
		memset(p, 0xff, n * 7);
		aligned = aligned && (unsigned long)p % 16 == 0;
	}
	OK(zero && aligned, "memory is zeroed and aligned");
	OK(arena_alloc(&a, 0) != arena_alloc(&a, 0), "nothing is something, too");
	memset(arena_alloc(&a, 1 << 20), 1, 1 << 20);
	SAME(arena_printf(&a, "%s-%05d", "a", 42), "a-00042", "printed texts");
	SAME(arena_strndup(&a, "abc", 2), "ab", "parts of texts");
	SAME(arena_strdup(&a, NULL), NULL, "NULL stays NULL");
	OK(!arena_shares(&a, arena_strdup(&a, "x"), 2), "private memory is not shared");
	arena_undo(&a);
	OK(!a.chunks, "and all is gone at once");
	arena_undo(&a);
}

struct plan_like { const char *text; int number; const struct plan_like *next; };

static void test_shared(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct arena b = ARENA_NONE;
	struct plan_like *p, *next;
	const char *late;
	struct err e = { 0 };
	void *again;
	int seals;

	if (!OK(arena_share(&a, &e) == 0, "an arena is shared: %s", e.msg))
		return;
	OK(arena_share(&b, &e) < 0, "a second one in the same process is refused");
	arena_undo(&b);
	p = ARENA_NEW(&a, struct plan_like);
	next = ARENA_NEW(&a, struct plan_like);
	*p = (struct plan_like){ arena_strdup(&a, "text"), 1, next };
	memset(arena_alloc(&a, 3 << 20), 1, 3 << 20);           /* it grows beneath us */
	next->text = arena_strdup(&a, "after");
	OK(arena_shares(&a, p, sizeof(*p)) && arena_shares(&a, next->text, 6), "what was allocated is shared");
	OK(!arena_shares(&a, "literal", 8) && !arena_shares(&a, &p, sizeof(p)) &&
	   !arena_shares(&a, (char *)PLAN_ADDRESS + a.used, 1), "nothing else is");
	OK((unsigned long)p > PLAN_ADDRESS && (unsigned long)p < PLAN_ADDRESS + PLAN_MAX, "it lies where it must");

	if (!OK(arena_seal(&a, p, &e) == 0, "it is sealed: %s", e.msg))
		return;
	OK(*(struct plan_like **)PLAN_ADDRESS == p, "the first word is the plan");
	SAME(p->next->text, "after", "which is the same as before, at the same place");
	seals = fcntl(a.fd, F_GET_SEALS);
	OK(seals == (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL), "all seals are set");
	again = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, a.fd, 0);
	OK(again == MAP_FAILED && write(a.fd, "x", 1) < 0, "nobody can write into it");
	OK(mprotect((void *)PLAN_ADDRESS, 4096, PROT_READ) == 0, "it is mapped");
	OK(fcntl(a.fd, F_GETFD) == FD_CLOEXEC, "its descriptor closes on exec");
	late = arena_strdup(&a, "late");
	OK(!arena_shares(&a, late, 5) && strcmp(late, "late") == 0, "later allocations are private");
	OK(arena_seal(&a, p, &e) < 0 && e.kind == ERR_BUG, "it is sealed once");
	arena_undo(&a);
	OK(arena_share(&a, &e) == 0, "after that the place is free again: %s", e.msg);
}

static void test_owners(void)
{
	int fd = dup(1), copy = fd, kept;

	{
		AUTO_FD int own = fd;
		AUTO_FD int none = -EBADF;

		(void)own;
		(void)none;
		errno = EDOM;
	}
	OK(errno == EDOM, "the end of a scope leaves errno alone");
	OK(fcntl(copy, F_GETFD) < 0, "and closes its descriptors");
	fd = dup(1);
	{
		AUTO_FD int own = fd;

		kept = TAKE_FD(own);
		OK(own == -EBADF, "what was taken is not there any more");
	}
	OK(fcntl(kept, F_GETFD) >= 0, "what was taken stays open");
	close(kept);
}

int main(void)
{
	test_errors();
	test_error_fields();
	test_texts();
	test_numbers();
	test_tables();
	test_log();
	test_arena();
	test_shared();
	test_owners();
	return tap_done();
}
