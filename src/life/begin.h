/* SPDX-License-Identifier: Apache-2.0 */
/* What `start` and `run` do alike with a created container. On the host, under the container's lock. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "life/making.h"
#include "record/record.h"
#include "spawn/spawn.h"

/*
 * Opens the gate, waits for the execve, runs the poststart hooks, passes readiness on to the caller's service
 * manager.  CHILD: its pidfd, and what the trace knows of it.  CONFIG: NULL for a container that is plain (record/saved.h).
 * A failing poststart hook kills the container (runtime.md, Lifecycle 9).
 */
int begin(struct record *, const struct oci_config *, struct child *, struct arena *, struct err *);
/*
 * The same for a container without a gate, whose init is on its way to the execve already (struct making, goes_on).
 * READY, unless NULL: nobody waits for readiness here, but it gets the socket for notify_hear(), or -EBADF.
 */
int begin_now(struct making *, int *ready, struct err *);
/* The same for one that runs already, as restored ones do. */
int begin_running(struct making *, int *ready, struct err *);
