/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in texts, read strictly: digits only, the whole text, no sign, no blank, in range. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define MAX(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })

/* False, and *out untouched, when TEXT is not exactly a decimal number in 0..MAX. */
bool num_parse(const char *text, uint64_t max, uint64_t *out);
bool num_parse_n(const char *text, size_t len, uint64_t max, uint64_t *out);
/* What stands in TEXT behind the number in 0..MAX with which it begins; NULL, and *out untouched, when it does not. */
const char *num_parse_start(const char *text, uint64_t max, uint64_t *out);
/* With an optional leading '-'. */
bool num_parse_signed(const char *text, int64_t min, int64_t max, int64_t *out);
/* "512", "64k", "1.5G" is not one: an optional suffix b k m g t (either case, optional "b"/"ib" after it), powers of 1024. */
bool num_parse_size(const char *text, uint64_t *bytes);

/* "5s", "500ms", "2m", "1h"; a bare number is seconds. Milliseconds; 0: not a time, or none. */
unsigned num_parse_time(const char *text);

/* "0-3,7" to a bit mask of SIZE bits (unsigned long words); false on bad text or a number >= SIZE. */
bool num_parse_list(const char *text, unsigned long *mask, size_t size);
