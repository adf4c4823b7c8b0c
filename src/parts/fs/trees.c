/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees as husk opens them for init, when init may not: with all rights on the host, in the host's mount
 * namespace.  Runs in husk, answering TREES, once for each TREES_CHUNK of them.
 */
#include "parts/fs/trees.h"

#include <fcntl.h>
#include <linux/mount.h>

#include "base/own.h"
#include "parts/fs/mounts.h"
#include "parts/fs/userns.h"
#include "sys/mountfd.h"

/* The user namespace used last: usually all idmapped mounts of a container share one. */
struct lender { const struct userns_plan *plan; int fd; };

static void lender_undo(struct lender *l)
{
	own_close(&l->fd);
}

static int lend(struct lender *l, const struct userns_plan *u, struct err *e)
{
	if (l->plan && userns_same(l->plan, u))
		return l->fd;
	own_close(&l->fd);
	l->plan = NULL;
	l->fd = userns_open(u, e);
	if (l->fd < 0)
		return -1;
	l->plan = u;
	return l->fd;
}

static int open_one(const struct tree_plan *t, struct lender *l, struct err *e)
{
	AUTO_FD int mnt = -EBADF;
	int userns;

	if (t->idmap && lend(l, t->idmap, e) < 0)
		return -1;
	if (!t->source) {
		userns = fcntl(l->fd, F_DUPFD_CLOEXEC, 3);
		return userns < 0 ? err_sys(e, "duplicate a descriptor") : userns;
	}
	mnt = mountfd_clone(AT_FDCWD, t->source, t->recursive, t->nofollow, e);
	if (mnt < 0)
		return -1;
	/* A clone of a shared mount is its peer: without this the container's mounts would appear on the host. */
	if (!t->is_peer && mountfd_set(mnt, 0, 0, MS_SLAVE, t->recursive, e) < 0)
		return -1;
	if (t->idmap && mountfd_idmap(mnt, l->fd, t->idmap_recursive, e) < 0)
		return -1;
	return TAKE_FD(mnt);
}

int trees_open(const struct mounts_plan *p, unsigned first, int fds[TREES_CHUNK], int *n, struct err *e)
{
	AUTO(lender) l = { .fd = -EBADF };

	*n = 0;
	if (first >= p->n_trees)
		return err_set(e, ERR_PEER, "asked for tree %u of %zu", first, p->n_trees);
	for (size_t i = first; i < p->n_trees && *n < TREES_CHUNK; i++) {
		const struct tree_plan *t = p->trees[i];
		int fd = open_one(t, &l, e);

		if (fd < 0 && *n > 0)
			return 0;       /* init may never get there; if it does, it asks for this one first */
		if (fd < 0)
			return err_in(e, "%s", t->where);
		fds[(*n)++] = fd;
	}
	return 0;
}
