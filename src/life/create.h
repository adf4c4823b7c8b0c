/* SPDX-License-Identifier: Apache-2.0 */
/* `create`: the transaction that makes a container. Runs on the host, in husk; everything is undone when it fails. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "plan/request.h"
#include "spawn/spawn.h"

int life_create(const struct create_request *, struct err *);

/* The same, and the caller keeps the child: `run` waits for it. *console: the pty's master when it stays with us. */
int life_make(const struct create_request *, struct child *, int *console, struct err *);
