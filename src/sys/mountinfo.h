/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of /proc/PID/mountinfo (proc(5)); read only where no descriptor answers the question. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

struct mountinfo {
	const char *root;       /* what of the file system is mounted: "/" is all of it */
	const char *target;     /* where */
	const char *type;       /* "cgroup", "fuse.sshfs" */
	const char *options;    /* of the instance: "rw,cpu,cpuacct" */
};

/*
 * The next well-formed line of *TEXT, which moves on; false at the end.  Octal escapes of blanks
 * are undone.  The strings lie in the arena.
 */
bool mountinfo_next(const char **text, struct mountinfo *, struct arena *);
