/* SPDX-License-Identifier: Apache-2.0 */
/* Husk's side of the conversation with init: what it does when init asks. On the host, in `create`, `run` and `exec`. */
#pragma once

#include "base/err.h"
#include "life/making.h"

/* Serves every step to the end, an exec to its execve(2); explains the death of init when it dies. */
int converse(struct making *, struct err *);
