/* SPDX-License-Identifier: Apache-2.0 */
/* Which directory holds the containers. On the host, at the start of every command. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * The state directory: ROOT, or without it the default: /run/husk; $XDG_RUNTIME_DIR/husk for a user
 * who is not root, or root of a user namespace only (an empty XDG_RUNTIME_DIR counts as unset).
 * Made with its parents (0700) when MAKE; refused when somebody else could write there.
 * Returns a descriptor; -1 with e->num == ENOENT when it is not there.
 */
int record_open_root(const char *root, bool make, struct err *);
/* Is it in memory, as /run is, and so empty after a boot? */
bool record_root_is_volatile(int root);

/* Where that is, for messages and --help. */
int record_root_path(const char *root, char *buf, size_t size, struct err *);
