/* SPDX-License-Identifier: Apache-2.0 */
/* CRIU's messages: what is written can be read, and what comes from a broken CRIU does no harm. */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "parts/criu/criu.h"
#include "parts/criu/message.h"
#include "unit/tap.h"

static void writing(struct arena *a)
{
	/* "Encoding" of the Protocol Buffers documentation: 150 in field 1, "testing" in field 2. */
	static const char documented[] = "\x08\x96\x01\x12\x07testing";
	struct message m = { .a = a }, outer = { .a = a }, negative = { .a = a };

	message_number(&m, 1, 150);
	message_text(&m, 2, "testing");
	OK(m.len == sizeof(documented) - 1 && !memcmp(m.bytes, documented, m.len), "as documented");
	message_text(&m, 3, NULL);
	message_flag(&m, 4, false);
	OK(m.len == sizeof(documented) - 1, "what is absent takes no room");
	message_put(&outer, 3, &m);
	OK(outer.len == m.len + 2 && outer.bytes[0] == 0x1a && (size_t)outer.bytes[1] == m.len, "a message within another");
	message_number(&negative, 1, -1);
	OK(negative.len == 11 && negative.bytes[10] == 1, "negative numbers have ten bytes");
}

static void reading(struct arena *a)
{
	struct message m = { .a = a };
	const char *at, *end;
	struct field f;

	message_number(&m, 45, 1234567890123);
	message_text(&m, 9, "why");
	message_number(&m, 1, -1);
	at = m.bytes;
	end = at + m.len;
	OK(field_next(&at, end, &f) && f.number == 45 && f.value == 1234567890123 && !f.bytes, "a number");
	OK(field_next(&at, end, &f) && f.number == 9 && f.len == 3 && !memcmp(f.bytes, "why", 3), "a text");
	OK(field_next(&at, end, &f) && (int)f.value == -1, "a negative number");
	OK(!field_next(&at, end, &f), "the end");
	at = "\x0d" "1234" "\x11" "12345678" "\x08\x01";
	end = at + 16;
	OK(field_next(&at, end, &f) && f.number == 1 && f.len == 4 && field_next(&at, end, &f) && f.number == 2 && f.len == 8 &&
	   field_next(&at, end, &f) && f.value == 1, "numbers of fixed size are passed over");
}

static bool ends(const char *bytes, size_t n)
{
	const char *at = bytes, *end = bytes + n;
	struct field f;

	for (int i = 0; i < 100; i++)
		if (!field_next(&at, end, &f))
			return at >= bytes && at <= end;
	return false;
}

static void broken(void)
{
	char noise[64];
	bool all = true;

	OK(ends("\x08", 1) && ends("\x12\x7f" "abc", 5), "cut off in the middle");
	OK(ends("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11), "a length beyond everything");
	OK(ends("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11), "a number without end");
	OK(ends("\x0b\x0c", 2) && ends("", 0), "a kind that is none");
	for (unsigned seed = 1; seed < 20000; seed++) {
		size_t n = seed % sizeof(noise);

		srand(seed);
		for (size_t i = 0; i < n; i++)
			noise[i] = (char)rand();
		all = all && ends(noise, n);
	}
	OK(all, "noise");
}

static void pairs(struct arena *a)
{
	struct criu_pairs p = { .n = 0 };

	for (int i = 0; i < 100; i++)
		criu_add(&p, arena_printf(a, "k%d", i), arena_printf(a, "v%d", i), a);
	OK(p.n == 100, "a list grows");
	SAME(p.v[0].key, "k0", "the first one stays");
	SAME(p.v[99].value, "v99", "and so does the last");
}

int main(void)
{
	AUTO(arena) a = ARENA_NONE;

	writing(&a);
	reading(&a);
	broken();
	pairs(&a);
	return tap_done();
}
