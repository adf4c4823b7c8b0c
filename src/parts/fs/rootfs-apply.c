/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root: cloned and attached first, entered last.  Runs in init, in the stages "root file system" and
 * "enter root".
 *
 * It is attached where it lies on the host, because hooks that run before it is entered find it there.
 */
#include "parts/fs/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/mountfd.h"

/* By path, once more: what matters from here on is the descriptor, the place is for hooks to see. */
static int put(const struct rootfs_plan *p, int fd, struct err *e)
{
	if (mountfd_attach_on(fd, p->tree.source, e) == 0)
		return 0;
	/* In a user namespace we may not be allowed to get there, nor may any hook that runs in it: over "/" then. */
	if (e->num != EACCES || p->entry == ROOTFS_CHROOT)
		return -1;
	return mountfd_attach_on(fd, "/", e);
}

static int attach(const struct rootfs_plan *p, int fd, struct err *e)
{
	if (!fd_is_dir(fd))
		return err_set(e, ERR_SPEC, "not a directory: \"%s\"", p->tree.source);
	/* A clone of what is a slave already, all of it, is one. */
	if ((p->propagation != MS_SLAVE || !p->has_mount_ns || p->tree.number >= 0) &&
	    mountfd_set(fd, 0, 0, p->propagation, true, e) < 0)
		return -1;
	return put(p, fd, e);
}

int rootfs_attach_apply(const struct rootfs_plan *p, struct trees *trees, int *out, struct err *e)
{
	AUTO_FD int fd = -EBADF;

	/* Before anything else: what happens here must never show on the host. */
	if (p->has_mount_ns && mountfd_propagation_of_root(MS_REC | MS_SLAVE, e) < 0)
		return -1;
	fd = trees_take(trees, &p->tree, e);
	if (fd < 0)
		return -1;
	if (attach(p, fd, e) < 0)
		return err_in(e, "root.path");
	*out = TAKE_FD(fd);
	return 0;
}

/* Under a root that only covers "/" the host's /proc and /sys would lend their rights to new ones. */
static void drop(const char *path)
{
	struct err ignored;
	AUTO_FD int fd = fd_open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &ignored);

	if (fd >= 0)
		(void)mountfd_detach(fd, &ignored);
}

static int cover(int fd, struct err *e)
{
	AUTO_FD int slash = fd_open("/", O_PATH | O_DIRECTORY, 0, e);

	if (slash < 0)
		return -1;
	drop("/proc");
	drop("/sys");
	if (mountfd_attach(fd, slash, e) < 0)
		return -1;
	return root_enter(fd, e);
}

static int enter(const struct rootfs_plan *p, int fd, struct err *e)
{
	switch (p->entry) {
	case ROOTFS_PIVOT:
		return root_pivot(fd, e);
	case ROOTFS_COVER:
		return cover(fd, e);
	case ROOTFS_CHROOT:
		return root_enter(fd, e);
	}
	return err_set(e, ERR_BUG, "no way to enter the root");
}

int rootfs_enter_apply(const struct rootfs_plan *p, int fd, struct err *e)
{
	if (p->readonly && mountfd_set(fd, MOUNT_ATTR_RDONLY, 0, 0, false, e) < 0)
		return err_in(e, "root.readonly");
	if (enter(p, fd, e) < 0)
		return -1;
	if (p->propagation_last && mountfd_set(fd, 0, 0, p->propagation_last, p->propagation_last_recursive, e) < 0)
		return err_in(e, "linux.rootfsPropagation");
	return 0;
}
