/* SPDX-License-Identifier: Apache-2.0 */
/* The normal payload: a program of the container, found in its PATH and executed by execve(2). In husk-init. */
#pragma once

#include <stddef.h>

#include "base/err.h"

/*
 * What execve(2) will get for NAME: NAME itself when it has a slash, the first executable file in PATH of ENVP otherwise.
 * Looked up as the container's user, in its root and working directory.  e->num: ENOENT, EACCES as execvp(3) would say.
 */
int payload_find(const char *name, char *const *envp, char *program, size_t size, struct err *);
/* Returns only when it failed. */
int payload_exec(const char *program, const char *const *args, char *const *envp, struct err *);
