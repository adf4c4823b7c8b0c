/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in husk-init, which has joined the mount namespace of the container.  A name is only ever a way to a mount: what
 * is unmounted is the descriptor whose number is the one that was recorded.  Were it the name alone, a link in the image
 * would turn "remove /data" into "remove the mask of /proc/kcore".
 */
#include "parts/fs/unmount.h"

#include <fcntl.h>

#include "base/own.h"
#include "sys/mountfd.h"

/* Is it what is to be seen at its destination now?  The descriptor, or -1. */
static int find(const struct unmount *u, const struct root *r, struct err *e)
{
	AUTO_FD int fd = root_find(r, u->destination, O_PATH, e);
	uint64_t number;

	if (fd < 0 && e->msg[0])
		return -1;
	if (fd >= 0 && mountfd_id(fd, &number, e) < 0)
		return -1;
	if (fd < 0 || number != u->number || mountfd_is_mount(fd, e) != 1)
		return err_set(e, ERR_STATE, "what was mounted on \"%s\" is not to be found there: the container has moved, "
			       "covered or unmounted it", u->destination.s);
	return TAKE_FD(fd);
}

int unmounts_apply(const struct unmounts_plan *p, const struct root *r, const struct procfs *proc, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		AUTO_FD int fd = find(&p->v[i], r, e);

		if (fd < 0)
			return err_in(e, "%s", p->v[i].where);
	}
	for (size_t i = 0; i < p->n; i++) {
		AUTO_FD int fd = find(&p->v[i], r, e);

		if (fd < 0 || mountfd_detach_by(fd, proc, e) < 0)
			return err_in(e, "%s", p->v[i].where);
	}
	return 0;
}

void unmounts_back_out(const int *fds, int n, const struct procfs *proc)
{
	struct err ignored;

	/* What lies in another one of them may be gone with it: no matter. */
	while (n > 0)
		(void)mountfd_detach_by(fds[--n], proc, &ignored);
}
