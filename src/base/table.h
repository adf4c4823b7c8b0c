/* SPDX-License-Identifier: Apache-2.0 */
/* Words and what they mean: the arrays end with an empty name. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * A text that lies in the row itself, not behind a pointer, needs no relocation: the pages of such a table are neither written
 * nor copied when a program starts.  FITS() is 0; it does not compile where TEXT with its end is longer than MEMBER of type T.
 */
#define FITS(text, T, member)                                                                                   \
	(0 * (int)sizeof(struct {                                                                               \
		_Static_assert(sizeof(text) <= sizeof(((T *)0)->member), "the text is longer than its place");  \
		char none;                                                                                      \
	}))

struct name_value { char name[24]; uint64_t value; };

#define NAMED(text, number) { text, (number) + FITS(text, struct name_value, name) }

bool table_value(const struct name_value *, const char *name, uint64_t *value);
const char *table_name(const struct name_value *, uint64_t value);      /* NULL when unknown */
