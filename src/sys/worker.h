/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts a program that works for us while we talk to it (CRIU), in a mount namespace of its own if need be. On
 * the host.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define WORKER_FDS 16

struct worker {
	int program;                    /* an open file, not a script */
	char *const *argv, *const *envp;
	int fds[WORKER_FDS], n_fds;     /* descriptors 3, 4, ... of it; 0, 1 and 2 are ours */
	const char *root;               /* directory of the host that becomes a mount point, with all that is mounted beneath it, in
					   a mount namespace where only the program and what it starts see that; NULL: none */
	bool own_session;
};

/* It is our child. *PIDFD is the caller's. */
int worker_start(const struct worker *, pid_t *pid, int *pidfd, struct err *);
