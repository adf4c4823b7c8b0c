/* SPDX-License-Identifier: Apache-2.0 */
/* Trees as init gets them: opened by itself, or out of the window that husk has sent.  Runs in init while the root is built. */
#include "parts/fs/trees.h"

#include <fcntl.h>

#include "base/own.h"
#include "sys/mountfd.h"

void trees_undo(struct trees *t)
{
	for (int i = 0; i < t->n; i++)
		own_close(&t->fds[i]);
	t->n = 0;
}

static int receive(struct trees *t, unsigned number, struct err *e)
{
	if (number < t->first || number >= t->first + (unsigned)t->n || t->fds[number - t->first] < 0) {
		trees_undo(t);
		t->first = number;
		if (!t->ask)
			return err_set(e, ERR_BUG, "nobody to ask for tree %u", number);
		if (t->ask(t->context, number, t->fds, &t->n, e) < 0)
			return -1;
		if (t->n < 1 || t->n > TREES_CHUNK)
			return err_set(e, ERR_PEER, "asked for tree %u, got %d of them", number, t->n);
	}
	return TAKE_FD(t->fds[number - t->first]);
}

int trees_take(struct trees *t, const struct tree_plan *p, struct err *e)
{
	int fd;

	if (p->number >= 0)
		return receive(t, (unsigned)p->number, e);
	fd = mountfd_clone(AT_FDCWD, p->source, p->recursive, p->nofollow, e);
	return fd < 0 ? err_in(e, "%s", p->where) : fd;
}
