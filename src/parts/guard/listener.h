/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp listener: sends the descriptor that init got for its filter, and the container
 * process state as JSON, to the agent at linux.seccomp.listenerPath.  Runs on the host side,
 * when init asks NOTIFY; one connection per process (config-linux.md "The Container Process State").
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"
#include "base/arena.h"
#include "parts/guard/seccomp.h"

/* STATE: the JSON of the container's state (runtime.md "State"), put in as it is. Errors fail the create or exec. */
int listener_send(const struct seccomp_plan *, int listener, pid_t pid, const char *oci_version, const char *state,
		  struct err *);
/* Only the text, in the arena. */
char *listener_message(const struct seccomp_plan *, pid_t pid, const char *oci_version, const char *state,
		       struct arena *);
