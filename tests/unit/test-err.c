/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: one line, the cause never cut off, contexts from the outside in. */
#include <errno.h>

#include "base/err.h"
#include "unit/tap.h"

static void test_simple(void)
{
	struct err e = { 0 };

	errno = ENOENT;
	OK(err_sys(&e, "open \"%s\"", "/x") == -1, "err_sys returns -1");
	SAME(e.msg, "open \"/x\": No such file or directory", "the reason of errno comes last");
	OK(e.kind == ERR_SYSTEM && e.num == ENOENT && errno == ENOENT, "errno is remembered and kept");
	OK(err_in(&e, "mounts[%d]", 3) == -1, "err_in returns -1");
	SAME(e.msg, "mounts[3]: open \"/x\": No such file or directory", "a context goes before it");
	OK(e.kind == ERR_SYSTEM && e.num == ENOENT, "and changes nothing else");

	OK(err_set(&e, ERR_SPEC, "x: %d", 7) == -1 && e.kind == ERR_SPEC && e.num == 0, "err_set has no errno");
	SAME(e.msg, "x: 7", "and its text alone");
	{
		struct err second = { .msg = "rmdir: busy" };

		OK(err_and(&e, &second) == -1, "err_and returns -1");
		SAME(e.msg, "x: 7; and then rmdir: busy", "a second failure follows");
	}
}

static void test_one_line(void)
{
	struct err e = { 0 };

	err_set(&e, ERR_SPEC, "bad \"%s\"", "a\nb\033[31m\tc\x7f");
	SAME(e.msg, "bad \"a?b?[31m?c?\"", "control characters cannot forge a line or colour the terminal");
	errno = EINVAL;
	err_sys(&e, "\xc3\xa4 \"%s\"", "\xff\r");
	SAME(e.msg, "\xc3\xa4 \"\xff?\": Invalid argument", "other bytes stay as they are");
}

static void test_long(void)
{
	struct err e = { 0 }, second = { 0 };
	char text[3000];
	size_t n;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	errno = EIO;
	err_sys(&e, "open \"%s\"", text);
	n = strlen(e.msg);
	OK(n == sizeof(e.msg) - 1, "a long message fills the buffer");
	OK(!strcmp(e.msg + n - strlen("Input/output error"), "Input/output error"), "its cause is there");
	OK(!strncmp(e.msg, "open \"xxx", 9) && strstr(e.msg, "..."), "and its beginning, and that it was cut");
	for (int i = 0; i < 50; i++)
		err_in(&e, "context %d %.100s", i, text);
	n = strlen(e.msg);
	OK(n < sizeof(e.msg) && !strcmp(e.msg + n - 12, "output error"), "many contexts do not push the cause out");
	OK(!strncmp(e.msg, "context 49 ", 11), "the outermost context is there");
	err_set(&second, ERR_SYSTEM, "%s", text);
	err_and(&e, &second);
	OK(strlen(e.msg) < sizeof(e.msg), "a second long one stays in the buffer");

	for (size_t size = 900; size < 1100; size++) {
		text[size] = '\0';
		err_set(&e, ERR_SPEC, "%s", text);
		err_in(&e, "%s", text);
		if (strlen(e.msg) != sizeof(e.msg) - 1)
			OK(false, "size %zu: %zu", size, strlen(e.msg));
		text[size] = 'x';
	}
	OK(true, "all sizes around the limit");
}

int main(void)
{
	test_simple();
	test_one_line();
	test_long();
	return tap_done();
}
