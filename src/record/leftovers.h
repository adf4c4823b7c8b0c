/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a directory that a container could write into. On the host, in `delete`, when the container is dead. */
#pragma once

#include "base/err.h"

/* DIR/NAME with all that is in it; what is not there is no error. Follows nothing, leaves the file system of NAME never. */
int leftovers_remove(int dir, const char *name, struct err *);
