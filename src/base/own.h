/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership by scope: a variable declared with AUTO_... undoes itself when its scope ends,
 * TAKE_... moves the thing out of it first.  Nothing else in the tree cleans up by hand.
 */
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* -EBADF, not -1, marks "no descriptor": misuse shows in strace as itself. */
static inline void own_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -EBADF;
	errno = saved;
}

static inline void own_free(void *p)
{
	free(*(void **)p);
}

#define AUTO_FD         __attribute__((cleanup(own_close)))
#define AUTO_FREE       __attribute__((cleanup(own_free)))
/* AUTO(thing) x = {...}: calls thing_undo(struct thing *) at the end of the scope. */
#define AUTO(type)      __attribute__((cleanup(type##_undo))) struct type

#define TAKE_FD(fd)     ({ int taken_ = (fd); (fd) = -EBADF; taken_; })
#define TAKE_PTR(p)     ({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })
/* Moves a whole struct out; NONE is the value that owns nothing. */
#define TAKE(x, none)   ({ __typeof__(x) taken_ = (x); (x) = (none); taken_; })
