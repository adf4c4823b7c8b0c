/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees: detached clones of what lies on the host (bind mount sources, the root file system), and the
 * user namespaces of idmapped mounts.  Who opens one is decided by the planner, for each:
 *
 *   by init    in its own copy of the host's mounts: the common case, no round trip at all
 *   by husk    when init may not or cannot: it is in a user namespace (or in a mount namespace that was
 *              joined), the mount shall stay a peer of the host's, or it is idmapped
 *
 * Husk's ones are numbered and asked for in the step TREES, up to TREES_CHUNK by one message, only when
 * their turn comes: 2,000 of them need no more than 16 descriptors on either side.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TREES_CHUNK 16

struct mounts_plan;

struct id_range { uint32_t inside, outside, size; };

/* A user namespace that lends its mappings to a mount. */
struct userns_plan {
	const char *path;               /* of an existing one; NULL: made from the ranges */
	size_t n_uids, n_gids;
	const struct id_range *uids, *gids;
};

struct tree_plan {
	const char *where;              /* "mounts[3]" */
	const char *source;             /* absolute path on the host; NULL: only the user namespace of IDMAP is asked for */
	int32_t number;                 /* in mounts_plan.trees; -1: init opens it itself */
	bool recursive, nofollow;
	bool is_directory;              /* for certain: a cgroup. A hint, not printed */
	bool is_peer;                   /* stays a peer of the host's mount; otherwise becomes its slave */
	bool idmap_recursive;
	bool leaves_out_root;           /* init opens it, where the container's own root lies in what it sees */
	uint8_t none[6];                /* in the place of padding, which would be copied into the plan as it lies on husk's stack */
	const struct userns_plan *idmap;        /* NULL: none */
};

/*
 * On the host, answering TREES: opens the trees FIRST, FIRST+1, ..., at most TREES_CHUNK, into FDS; the
 * descriptors are the caller's (mounts, or user namespaces), on failure none is left open.
 * A tree that cannot be opened is told in the error, with its "mounts[i]".
 *
 * OWNER: pidfd of a process in the container's user namespace, for a caller who is not root; -EBADF: none.
 */
int trees_open(const struct mounts_plan *, unsigned first, int owner, int fds[TREES_CHUNK], int *n, struct err *);

/* How init asks for them: fills FDS from number FIRST on. Given by init/, which owns the conversation. */
typedef int trees_ask(void *context, unsigned first, int fds[TREES_CHUNK], int *n, struct err *);

/* In init: the window of trees received but not yet used. */
struct trees {
	trees_ask *ask;                 /* NULL: nothing is by husk */
	void *context;
	unsigned first;
	int n, fds[TREES_CHUNK];
};

void trees_undo(struct trees *);
/* The tree as a descriptor of the caller's, by whichever way the plan says. */
int trees_take(struct trees *, const struct tree_plan *, struct err *);
