/* SPDX-License-Identifier: Apache-2.0 */
/* Integers are written seven bits at a time, the lowest first; the eighth bit says that more follow. */
#include "parts/criu/message.h"

#include <string.h>

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static void add(struct message *m, const void *bytes, size_t n)
{
	if (m->len + n > m->size) {
		size_t size = (m->len + n) * 2 + 64;
		char *grown = arena_alloc(m->a, size);

		if (m->len)
			memcpy(grown, m->bytes, m->len);
		m->bytes = grown;
		m->size = size;
	}
	if (n)
		memcpy(m->bytes + m->len, bytes, n);
	m->len += n;
}

static void add_varint(struct message *m, uint64_t v)
{
	unsigned char bytes[10];
	size_t n = 0;

	for (; v > 0x7f; v >>= 7)
		bytes[n++] = (unsigned char)(v | 0x80);
	bytes[n++] = (unsigned char)v;
	add(m, bytes, n);
}

static void add_bytes(struct message *m, unsigned field, const char *bytes, size_t n)
{
	add_varint(m, field << 3 | WIRE_BYTES);
	add_varint(m, n);
	add(m, bytes, n);
}

void message_number(struct message *m, unsigned field, int64_t v)
{
	add_varint(m, field << 3 | WIRE_VARINT);
	add_varint(m, (uint64_t)v);
}

void message_flag(struct message *m, unsigned field, bool is_so)
{
	if (is_so)
		message_number(m, field, 1);
}

void message_text(struct message *m, unsigned field, const char *text)
{
	if (text)
		add_bytes(m, field, text, strlen(text));
}

void message_put(struct message *m, unsigned field, const struct message *inner)
{
	add_bytes(m, field, inner->bytes, inner->len);
}

static bool read_varint(const char **at, const char *end, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
		unsigned char c = (unsigned char)*(*at)++;

		*v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return true;
	}
	return false;
}

bool field_next(const char **at, const char *end, struct field *f)
{
	uint64_t key, n;

	if (*at >= end || !read_varint(at, end, &key))
		return false;
	*f = (struct field){ .number = (unsigned)(key >> 3) };
	switch (key & 7) {
	case WIRE_VARINT:
		return read_varint(at, end, &f->value);
	case WIRE_BYTES:
		if (!read_varint(at, end, &n))
			return false;
		break;
	case WIRE_64:
		n = 8;
		break;
	case WIRE_32:
		n = 4;
		break;
	default:
		return false;
	}
	if (n > (size_t)(end - *at))
		return false;
	f->bytes = *at;
	f->len = n;
	*at += n;
	return true;
}
