/* SPDX-License-Identifier: Apache-2.0 */
/* Which container a command is about, and what the words of its errors are. */
#pragma once

#include "base/err.h"

struct target {
	const char *root;               /* state directory, NULL: the default */
	const char *id;
};
