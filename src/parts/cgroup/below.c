/* SPDX-License-Identifier: Apache-2.0 */
/* The group of one process more; see below.h. */
#include "parts/cgroup/below.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/groupfs.h"

#define TRIES 1000

static struct cgroup_dir *place_for_it(struct cgroup *cg)
{
	for (int i = 0; i < cg->n; i++)
		if (cg->dir[i].is_v2)
			return &cg->dir[i];
	for (int i = 0; i < cg->n; i++)
		if (str_eq(cg->dir[i].controllers, "freezer"))
			return &cg->dir[i];
	return NULL;
}

/* The number of another husk may have been ours before: its group may still be there. */
static int make(struct below *b, int parent, struct err *e)
{
	for (unsigned i = 0; i < TRIES; i++) {
		struct text t = TEXT(b->name);
		int made;

		text_addf(&t, "exec-%d-%u", (int)getpid(), i);
		made = groupfs_make(parent, b->name, e);
		if (made)
			return made < 0 ? -1 : 0;
	}
	return err_set(e, ERR_STATE, "the container's cgroup is full of groups of earlier commands");
}

int below_make(struct below *b, struct cgroup *cg, struct err *e)
{
	struct cgroup_dir *d = place_for_it(cg);
	AUTO_FD int fd = -EBADF;

	*b = BELOW_NONE;
	if (!d)
		return err_set(e, ERR_UNSUPPORTED, "the container has no cgroup in which what is started could be found again");
	if (make(b, d->fd, e) < 0)
		return -1;
	b->parent = d->fd;
	d->fd = -EBADF;
	fd = groupfs_find(b->parent, b->name, e);
	if (fd < 0)
		return -1;
	b->cgroup.dir[0] = (struct cgroup_dir){
		.controllers = d->controllers, .path = d->path, .is_v2 = d->is_v2, .id = groupfs_id(fd),
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3),
	};
	b->cgroup.n = 1;
	d->fd = TAKE_FD(fd);
	return b->cgroup.dir[0].fd < 0 ? err_sys(e, "duplicate a descriptor") : 0;
}

void below_undo(struct below *b)
{
	struct err ignored;

	cgroup_undo(&b->cgroup);
	if (b->parent >= 0)
		(void)groupfs_remove(b->parent, b->name, &ignored);
	own_close(&b->parent);
}
