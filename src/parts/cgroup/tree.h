/* SPDX-License-Identifier: Apache-2.0 */
/* A group and everything beneath it, which the container may have made as deep as it liked: walked without recursion. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

/* Called for each group from the top down; GROUP is the walker's. -1 ends the walk with the error. */
typedef int tree_fn(void *self, int group, struct err *);
int tree_walk(int top, tree_fn *, void *self, struct err *);

/* 1 when some process (not a zombie) is in it, 0, -1. */
int tree_is_populated(int top, struct err *);

/* All processes, unsorted, perhaps repeated; appended to *pids, which grows in A. */
struct tree_pids { pid_t *v; size_t n, room; struct arena *arena; };
int tree_pids(int top, struct tree_pids *, struct err *);
