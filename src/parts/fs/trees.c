/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees as husk opens them for init, when init may not: with all rights on the host, in the host's mount
 * namespace, or as the owner of the container's user namespace, in a copy of that.  Runs in husk, answering TREES, once for each
 * TREES_CHUNK of them.
 */
#include "parts/fs/trees.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "parts/fs/mounts.h"
#include "parts/fs/userns.h"
#include "sys/calls.h"
#include "sys/mountfd.h"
#include "sys/process.h"
#include "sys/socket.h"

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

static int open_here(const struct mounts_plan *p, unsigned first, int fds[TREES_CHUNK], int *n, struct err *e)
{
	AUTO(lender) l = { .fd = -EBADF };

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

/* ---- without root ---------------------------------------------------------------------- */

struct delivery { int ret, n; struct err err; };

/* The container cannot see this child, and could not trace it (P10): it is in the host's PID namespace, and undumpable. */
static int become_owner(int owner, struct err *e)
{
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(e, "become undumpable");
	if (sys_setns(owner, CLONE_NEWUSER) < 0)
		return err_sys(e, "join the user namespace of the container");
	if (sys_unshare(CLONE_NEWNS) < 0)
		return err_sys(e, "make a mount namespace");
	return mountfd_propagation_of_root(MS_REC | MS_SLAVE, e);
}

_Noreturn static void deliver(const struct mounts_plan *p, unsigned first, int owner, int to)
{
	struct delivery d = { .ret = 0 };
	struct parcel parcel = { .nfds = 0 };
	struct err ignored;

	d.ret = become_owner(owner, &d.err) < 0 ? -1 : open_here(p, first, parcel.fds, &d.n, &d.err);
	parcel.nfds = d.n;
	_exit(socket_send(to, &d, sizeof(d), &parcel, &ignored) < 0);
}

/*
 * Only root of the host may clone mounts of its mount namespace, but who owns a user namespace may do so in a mount namespace
 * of his own, which begins as a copy: a child goes there, and sends what it has opened.
 */
static int open_as_owner(const struct mounts_plan *p, unsigned first, int owner, int fds[TREES_CHUNK], int *n, struct err *e)
{
	AUTO(parcel) parcel = { .nfds = 0 };
	AUTO_FD int ours = -EBADF, theirs = -EBADF, child = -EBADF;
	struct delivery d = { .ret = -1 };
	struct process_end end;
	struct err ignored;
	int pair[2];
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&child, .exit_signal = SIGCHLD };
	long pid;
	ssize_t got;

	if (socket_pair(SOCK_SEQPACKET, pair, e) < 0)
		return -1;
	ours = pair[0];
	theirs = pair[1];
	pid = sys_clone3(&args, sizeof(args));
	if (pid < 0)
		return err_sys(e, "clone3");
	if (pid == 0)
		deliver(p, first, owner, theirs);
	own_close(&theirs);
	got = socket_receive(ours, &d, sizeof(d), &parcel, e);
	(void)process_wait(child, &end, &ignored);
	if (got < 0)
		return -1;
	if (got != sizeof(d) || d.n < 0 || d.n != parcel.nfds || d.n > TREES_CHUNK)
		return err_set(e, ERR_PEER, "who opens mounts as the owner of the user namespace ended too soon");
	if (d.ret < 0) {
		*e = d.err;
		return -1;
	}
	for (*n = 0; *n < d.n; (*n)++)
		fds[*n] = TAKE_FD(parcel.fds[*n]);
	return 0;
}

int trees_open(const struct mounts_plan *p, unsigned first, int owner, int fds[TREES_CHUNK], int *n, struct err *e)
{
	*n = 0;
	if (first >= p->n_trees)
		return err_set(e, ERR_PEER, "asked for tree %u of %zu", first, p->n_trees);
	if (owner >= 0 && geteuid() != 0)
		return open_as_owner(p, first, owner, fds, n, e);
	return open_here(p, first, fds, n, e);
}
