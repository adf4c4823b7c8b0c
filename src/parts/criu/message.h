/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRIU's messages are protocol buffers: rows of (number, value), where a value is an integer or a string of bytes,
 * which may again be such rows.  Husk needs a dozen of them, so it writes and reads them itself: libprotobuf-c and
 * a code generator would be more than these 100 lines.  On the host, in `checkpoint` and `restore`. Source:
 * "Encoding" of the Protocol Buffers documentation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct message {
	struct arena *a;                /* what is written lies here */
	char *bytes;
	size_t len, size;
};

/* Integers, truth values and words of an enum; negative ones as int64_t. */
void message_number(struct message *, unsigned field, int64_t);
/* Only what is so: absent means false. */
void message_flag(struct message *, unsigned field, bool);
/* NULL: nothing. */
void message_text(struct message *, unsigned field, const char *);
void message_put(struct message *, unsigned field, const struct message *inner);

struct field {
	unsigned number;
	uint64_t value;                 /* of an integer */
	const char *bytes;              /* of a string, LEN bytes without a NUL; NULL: an integer */
	size_t len;
};

/* The next row between *AT, which moves on, and END. False at the end, and at what is no message. */
bool field_next(const char **at, const char *end, struct field *);
