/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program to its end: hooks (in both programs), newuidmap and newgidmap (on the host).
 *
 * The program starts clean: a session of its own, default signals, no descriptors but 0, 1 and 2, and
 * exactly the environment that is given.  INPUT comes on standard input, as a file in memory, so nobody
 * blocks and nobody gets SIGPIPE.  What it prints is not passed on; its end goes into the error.
 */
#pragma once

#include <stddef.h>
#include <sys/uio.h>

#include "base/err.h"

struct helper {
	const char *path;               /* absolute, unless FD is given */
	int fd;                         /* > 0: the program itself (execveat(2)); PATH is its name in messages */
	char *const *argv, *const *envp;        /* envp NULL: empty */
	const char *cwd;                /* NULL: the caller's */
	const struct iovec *input;      /* pieces of standard input */
	int pieces;
	int out, err;                   /* > 0: standard output and error go there, and are not in the error */
	unsigned timeout;               /* seconds, 0: none; then its whole process group is killed */
	int purpose;                    /* > 0: a pidfd; once that process has ended, the group is killed as well */
};

/*
 * 0 when it exited with 0.  Else -1: "exited with 3: <what it said>", "was killed by signal 9", "did not end
 * within 5 seconds", "was killed, as the process that it was for has ended", or why it could not be started (errno in
 * e->num, and wordings that engines do not take for a missing command of the container).
 */
int helper_run(const struct helper *, struct err *);
