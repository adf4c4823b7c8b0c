/* SPDX-License-Identifier: Apache-2.0 */
/* `wait` and `stop`: the end of a container's process, awaited or brought about. On the host, without lock. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "life/target.h"
#include "record/ending.h"

/*
 * Waits, for ever, until the container's process has ended, and keeps how.  1 and *ending (in A); 0: it has ended, and
 * nobody can tell how any more.
 */
int life_wait(const struct target *, struct oci_ending *ending, struct arena *, struct err *);

/*
 * SIG (0: what the image asks for, else SIGTERM), and after TIMEOUT seconds SIGKILL for all of the container.
 * Returns when it is stopped; one that was stopped before is no error.
 */
int life_stop(const struct target *, int sig, unsigned timeout, struct err *);
