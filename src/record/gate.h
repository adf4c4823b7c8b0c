/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate at which init waits for `start`: a bound datagram socket in the container's state
 * directory whose receiving end init alone holds.  That connect(2) succeeds means "created".
 * `start` sends one byte with one end of a SOCK_SEQPACKET pair; init keeps it close-on-exec:
 * end of file says that execve(2) succeeded, a struct err before it why it did not.  One byte comes when the hooks
 * are done: who ends without it was killed before (an init of an older husk sends none, and then lives on).
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

#define GATE_NAME "gate"

/* Host, in `create`: binds the socket in DIR. The descriptor goes to init, and nobody else keeps it. */
int gate_make(int dir, struct err *);
/* Is init waiting at the gate that has this name beneath DIR? */
bool gate_is_waiting(int dir, const char *name);
/*
 * Host, in `start`: opens the gate and waits until init, PIDFD, has executed the payload.  PAGE: for the stamps of init's stages
 * from here on (spawn/stamps.h); -1: none.  -1 with init's own error when it could not, and when it was killed while
 * the startContainer hooks ran.
 */
int gate_open(int dir, int pidfd, int page, struct err *);
