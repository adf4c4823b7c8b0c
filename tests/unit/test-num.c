/* SPDX-License-Identifier: Apache-2.0 */
/* Strict numbers: every trick that made another runtime run as root. */
#include "base/num.h"

#include <errno.h>
#include <string.h>

#include "base/errno.h"
#include "base/str.h"
#include "unit/tap.h"

#define WRONG 77

static uint64_t parsed(const char *text, uint64_t max)
{
	uint64_t n = WRONG;

	return num_parse(text, max, &n) ? n : WRONG;
}

static void test_decimal(void)
{
	static const char *const wrong[] = {
		"", " ", "-1", "+1", " 1", "1 ", "1\n", "0x1", "1e3", "1.0", "a", "1a", "--1", "18446744073709551616",
		"99999999999999999999999", "\xef\xbc\x91",
	};
	uint64_t n = WRONG;
	int64_t s = WRONG;

	OK(parsed("0", 10) == 0 && parsed("10", 10) == 10 && parsed("007", 10) == 7, "numbers");
	OK(parsed("11", 10) == WRONG, "beyond the maximum");
	OK(parsed("18446744073709551615", UINT64_MAX) == UINT64_MAX, "the largest");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		OK(parsed(wrong[i], UINT64_MAX) == WRONG, "wrong number %zu", i);
	OK(!num_parse(NULL, 1, &n) && n == WRONG, "nothing is no number");
	OK(num_parse_n("123x", 3, 200, &n) && n == 123, "with a length");
	SAME(num_parse_start("0045 x", UINT64_MAX, &n), " x", "what is behind a number");
	OK(n == 45, "and the number");
	OK(!num_parse_start("x1", 10, &n) && !num_parse_start("", 10, &n) && !num_parse_start("11 ", 10, &n) &&
	   !num_parse_start("18446744073709551616 ", UINT64_MAX, &n) && !num_parse_start("18446744073709551610000 ", UINT64_MAX, &n) &&
	   n == 45, "none at the beginning, or too large");
	OK(num_parse_signed("-9223372036854775808", INT64_MIN, INT64_MAX, &s) && s == INT64_MIN, "the least");
	OK(num_parse_signed("9223372036854775807", INT64_MIN, INT64_MAX, &s) && s == INT64_MAX, "the most");
	OK(!num_parse_signed("9223372036854775808", INT64_MIN, INT64_MAX, &s) &&
	   !num_parse_signed("-9223372036854775809", INT64_MIN, INT64_MAX, &s), "beyond both");
	OK(num_parse_signed("-20", -20, 19, &s) && s == -20 && !num_parse_signed("-21", -20, 19, &s) &&
	   !num_parse_signed("--1", -20, 19, &s) && !num_parse_signed("-", -20, 19, &s) &&
	   !num_parse_signed("+1", -20, 19, &s) && !num_parse_signed(NULL, 0, 1, &s), "signed");
}

static uint64_t size_of(const char *text)
{
	uint64_t n = WRONG;

	return num_parse_size(text, &n) ? n : WRONG;
}

static void test_size(void)
{
	static const char *const wrong[] = { "", "k", "1.5G", "1kk", "1 k", "1kib ", "-1k", "1ib", "1bb", "1x",
					     "16777216t", "18446744073709551616" };

	OK(size_of("512") == 512 && size_of("512b") == 512, "bytes");
	OK(size_of("64k") == 65536 && size_of("64K") == 65536 && size_of("64kb") == 65536 && size_of("64KiB") == 65536,
	   "kibibytes");
	OK(size_of("2m") == 2 << 20 && size_of("3g") == 3ull << 30 && size_of("1T") == 1ull << 40, "the larger ones");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		OK(size_of(wrong[i]) == WRONG, "\"%s\" is no size", wrong[i]);
}

static void test_list(void)
{
	static const char *const wrong[] = { "", ",", "1,", ",1", "1-", "-1", "3-1", "1--2", "128", "0-128", "a", "1 ,2",
					     "1-2-3", "0-3\n" };
	unsigned long mask[2];

	OK(num_parse_list("0-3,7", mask, 128) && mask[0] == 0x8f && mask[1] == 0, "ranges and numbers");
	OK(num_parse_list("64,127", mask, 128) && mask[0] == 0 && mask[1] == (1ul << 63 | 1), "several words");
	OK(num_parse_list("5-5", mask, 128) && mask[0] == 32, "a range of one");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		OK(!num_parse_list(wrong[i], mask, 128), "wrong list %zu", i);
	OK(!num_parse_list(NULL, mask, 128), "nothing is no list");
}

static void test_errno_names(void)
{
	OK(str_eq(errno_name(ENOENT), "ENOENT") && str_eq(errno_name(EHWPOISON), "EHWPOISON"), "first and last names of errno");
	OK(!errno_name(0) && !errno_name(-1) && !errno_name(41) && !errno_name(4096), "what is no number of errno has no name");
#ifdef __GLIBC__
	for (int num = 1; num < 200; num++)
		if (num != EOPNOTSUPP)          /* ENOTSUP, too */
			OK(str_eq(errno_name(num), strerrorname_np(num)), "the name of errno %d is that of glibc", num);
#endif
}

int main(void)
{
	test_decimal();
	test_size();
	test_list();
	test_errno_names();
	return tap_done();
}
