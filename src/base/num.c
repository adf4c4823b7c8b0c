/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict numbers, for planners, the command line and files of images alike.  Never strtoul():
 * it takes signs, blanks and "-1", which made runtimes run as root (CVE-2026-30892 and kin).
 */
#include "base/num.h"

#include <limits.h>
#include <string.h>

/* How many of at most LEN characters are digits of a number up to MAX; 0, and *OUT untouched: it is larger, or there is none. */
static size_t parse_digits(const char *text, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned digit = (unsigned char)text[i] - (unsigned)'0';

		if (digit >= 10)
			break;
		if (n > UINT64_MAX / 10 || __builtin_add_overflow(n * 10, digit, &n))
			return 0;
	}
	if (n > max || !i)
		return 0;
	*out = n;
	return i;
}

bool num_parse_n(const char *text, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t n;

	if (!text || !len || parse_digits(text, len, max, &n) != len)
		return false;
	*out = n;
	return true;
}

const char *num_parse_start(const char *text, uint64_t max, uint64_t *out)
{
	size_t n = parse_digits(text, SIZE_MAX, max, out);

	return n ? text + n : NULL;
}

bool num_parse(const char *text, uint64_t max, uint64_t *out)
{
	return text && num_parse_n(text, strlen(text), max, out);
}

bool num_parse_signed(const char *text, int64_t min, int64_t max, int64_t *out)
{
	bool negative = text && text[0] == '-';
	int64_t value;
	uint64_t n;

	if (!text || !num_parse(text + negative, (uint64_t)INT64_MAX + negative, &n))
		return false;
	if (negative)
		value = n > INT64_MAX ? INT64_MIN : -(int64_t)n;
	else
		value = (int64_t)n;
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The shift of "k", "kb", "kib", "b" or ""; -1 for another suffix. */
static int size_shift(const char *suffix)
{
	static const char units[] = "kmgt";
	const char *unit;
	int shift;

	if (!suffix[0] || (lower(suffix[0]) == 'b' && !suffix[1]))
		return 0;
	unit = strchr(units, lower(suffix[0]));
	if (!unit)
		return -1;
	shift = 10 * (int)(unit - units + 1);
	suffix++;
	if (lower(suffix[0]) == 'i' && lower(suffix[1]) == 'b')
		suffix++;
	if (lower(suffix[0]) == 'b')
		suffix++;
	return suffix[0] ? -1 : shift;
}

bool num_parse_size(const char *text, uint64_t *bytes)
{
	size_t digits = text ? strspn(text, "0123456789") : 0;
	uint64_t n;
	int shift;

	if (!num_parse_n(text, digits, UINT64_MAX, &n))
		return false;
	shift = size_shift(text + digits);
	if (shift < 0 || n > UINT64_MAX >> shift)
		return false;
	*bytes = n << shift;
	return true;
}

unsigned num_parse_time(const char *text)
{
	static const struct { char unit[3]; unsigned ms; } units[] = {
		{ "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "m", 60000 }, { "h", 3600000 } };
	size_t digits = text ? strspn(text, "0123456789") : 0;
	uint64_t n;

	if (!num_parse_n(text, digits, INT32_MAX, &n))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(text + digits, units[i].unit) == 0)
			return (unsigned)MIN(n * units[i].ms, (uint64_t)INT32_MAX);
	return 0;
}

bool num_parse_list(const char *text, unsigned long *mask, size_t size)
{
	const size_t bits = sizeof(*mask) * CHAR_BIT;

	memset(mask, 0, (size + bits - 1) / bits * sizeof(*mask));
	if (!text || !size)
		return false;
	for (;;) {
		size_t len = strcspn(text, ",");
		const char *dash = memchr(text, '-', len);
		size_t head = dash ? (size_t)(dash - text) : len;
		uint64_t first, last;

		if (!num_parse_n(text, head, size - 1, &first))
			return false;
		last = first;
		if (dash && (!num_parse_n(dash + 1, len - head - 1, size - 1, &last) || last < first))
			return false;
		for (uint64_t i = first; i <= last; i++)
			mask[i / bits] |= 1ul << (i % bits);
		if (!text[len])
			return true;
		text += len + 1;
	}
}
