/* SPDX-License-Identifier: Apache-2.0 */
/* Words and what they mean: the arrays end with a NULL name. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct name_value { const char *name; uint64_t value; };

bool table_value(const struct name_value *, const char *name, uint64_t *value);
const char *table_name(const struct name_value *, uint64_t value);      /* NULL when unknown */
