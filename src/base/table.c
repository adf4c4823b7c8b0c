/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in short tables of words: linear, because none has more than a hundred rows. */
#include "base/table.h"

#include <stddef.h>
#include <string.h>

bool table_value(const struct name_value *t, const char *name, uint64_t *value)
{
	for (; name && *t->name; t++) {
		if (strcmp(t->name, name) == 0) {
			*value = t->value;
			return true;
		}
	}
	return false;
}

const char *table_name(const struct name_value *t, uint64_t value)
{
	for (; *t->name; t++)
		if (t->value == value)
			return t->name;
	return NULL;
}
