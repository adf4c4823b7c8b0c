/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp listener: sends the descriptor that init got for its filter, and the container
 * process state, to the agent at linux.seccomp.listenerPath.  Runs on the host side, when init asks
 * NOTIFY; one connection per process (config-linux.md "The Container Process State").
 */
#pragma once

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/state.h"
#include "parts/guard/seccomp.h"

/*
 * LISTENER stays the caller's. PID: of the process that has the filter, as husk sees it: the container's init, or
 * that of exec.  STATE is the container's.  Errors are to fail the create or exec.
 */
int listener_send(const struct seccomp_plan *, int listener, pid_t pid, const struct oci_state *, struct err *);
/* The text that is sent, in the arena. */
char *listener_message(const struct seccomp_plan *, pid_t pid, const struct oci_state *, struct arena *);
