/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes and links of /dev.  Runs in init after all mounts, before the root is entered, on an image that may have
 * put anything there: directories are resolved beneath the root, names in them are never followed, and what is found
 * instead of a device is refused (CVE-2026-41579, CVE-2026-88265).
 */
#include "parts/dev/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/mountfd.h"

/* The directory used last: nearly all devices share one. */
struct place {
	int dir;
	const char *path;       /* up to its last slash: LEN bytes */
	size_t len;
	bool is_nest;           /* what is made there is what lies there */
	char name[256];
};

static void place_undo(struct place *p)
{
	if (!p->is_nest)
		own_close(&p->dir);
	p->dir = -EBADF;
}

static int place_find(struct place *p, const struct root *r, cpath path, struct err *e)
{
	size_t len = (size_t)(strrchr(path.s, '/') - path.s);
	const char *last;

	if (p->dir >= 0 && p->len == len && memcmp(p->path, path.s, len) == 0 && strlen(path.s + len + 1) < 256) {
		memcpy(p->name, path.s + len + 1, strlen(path.s + len + 1) + 1);
		return 0;
	}
	place_undo(p);
	p->dir = strlen(path.s + len + 1) < sizeof(p->name) ? root_nest_of(r, path, &last) : -EBADF;
	p->is_nest = p->dir >= 0;
	if (p->is_nest)
		memcpy(p->name, last, strlen(last) + 1);
	else
		p->dir = root_make_parent(r, path, p->name, e);
	p->path = path.s;
	p->len = len;
	return p->dir < 0 ? -1 : 0;
}

static int open_here(const struct place *p, struct stat *st, struct err *e)
{
	AUTO_FD int fd = fd_open_at(p->dir, p->name, O_PATH | O_NOFOLLOW, 0, e);

	if (fd < 0)
		return -1;
	if (fstat(fd, st) < 0)
		return err_sys(e, "fstat");
	return TAKE_FD(fd);
}

static bool is_the_device(const struct device_node *n, const struct stat *st)
{
	if ((st->st_mode & S_IFMT) != (n->mode & S_IFMT))
		return false;
	return S_ISFIFO(st->st_mode) || st->st_rdev == n->dev;
}

/* 1: it is there. 0: nothing is there. */
static int check_existing(const struct place *p, const struct device_node *n, struct err *e)
{
	struct stat st;
	AUTO_FD int fd = open_here(p, &st, e);

	if (fd < 0)
		return e->num == ENOENT ? 0 : -1;
	if (!is_the_device(n, &st))
		return err_set(e, ERR_SPEC, "\"%s\" exists and is not that device", n->path.s);
	return 1;
}

static int make_node(const struct place *p, const struct device_node *n, struct err *e)
{
	struct stat st;
	AUTO_FD int fd = -EBADF;

	if (p->is_nest && n->uid == 0 && n->gid == 0 && root_make_in_nest(p->dir, p->name, n->mode, n->dev))
		return 0;
	if (root_mknod_at(p->dir, p->name, n->mode, n->dev, e) < 0) {
		int num = e->num, there;

		if (num != EEXIST)
			return -1;
		there = check_existing(p, n, e);
		return there < 0 ? -1 : 0;
	}
	if (n->uid == 0 && n->gid == 0)
		return 0;
	fd = open_here(p, &st, e);
	if (fd < 0)
		return -1;
	if (!is_the_device(n, &st))
		return err_set(e, ERR_SYSTEM, "\"%s\" was replaced", n->path.s);
	return root_chown(fd, n->uid, n->gid, e);
}

/* The host's own node: it must be what config.json says, for its path says nothing. */
static int clone_host_node(const struct device_node *n, struct err *e)
{
	AUTO_FD int fd = fd_open(n->host_path, O_PATH, 0, e);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !is_the_device(n, &st))
		return err_set(e, ERR_UNSUPPORTED, "the host's \"%s\" is not that device, and none can be made here",
			       n->host_path);
	return mountfd_clone(fd, "", false, false, e);
}

/* Something to mount on: a file that is no link; an empty one is made when nothing is there. */
static int open_stub(const struct place *p, struct err *e)
{
	struct stat st;
	AUTO_FD int fd = open_here(p, &st, e);

	if (fd < 0 && e->num == ENOENT) {
		if (root_mknod_at(p->dir, p->name, S_IFREG | 0666, 0, e) < 0 && e->num != EEXIST)
			return -1;
		fd = open_here(p, &st, e);
	}
	if (fd < 0)
		return -1;
	if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
		return err_set(e, ERR_SPEC, "\"%s\" is a %s in the image", p->name,
			       S_ISDIR(st.st_mode) ? "directory" : "link");
	return TAKE_FD(fd);
}

static int bind_node(const struct place *p, const struct device_node *n, struct err *e)
{
	AUTO_FD int mnt = clone_host_node(n, e), target = -EBADF;

	if (mnt < 0)
		return -1;
	target = open_stub(p, e);
	if (target < 0)
		return -1;
	return mountfd_attach(mnt, target, e);
}

/* Below a /dev that is not ours nothing is made; what is there must be what was asked for. */
static int check_foreign(const struct device_node *n, const struct root *r, struct err *e)
{
	AUTO_FD int fd = root_find(r, n->path, O_PATH | O_NOFOLLOW, e);
	struct stat st;

	if (fd < 0)
		return e->msg[0] ? -1 : 0;
	if (fstat(fd, &st) < 0 || !is_the_device(n, &st))
		return err_set(e, ERR_SPEC, "\"%s\" exists and is not that device", n->path.s);
	return 0;
}

static int apply_node(const struct devices_plan *plan, struct place *p, const struct root *r,
		      const struct device_node *n, struct err *e)
{
	if (n->must_exist)
		return check_foreign(n, r, e);
	if (place_find(p, r, n->path, e) < 0)
		return -1;
	if (plan->by_bind && !S_ISFIFO(n->mode))
		return bind_node(p, n, e);
	if (make_node(p, n, e) == 0)
		return 0;
	/* Nested in something that took mknod(2) away, by a filter or a file system. */
	return e->kind == ERR_SYSTEM && e->num == EPERM && !S_ISFIFO(n->mode) ? bind_node(p, n, e) : -1;
}

int devices_apply(const struct devices_plan *plan, const struct root *r, struct err *e)
{
	AUTO(place) p = { .dir = -EBADF };

	for (size_t i = 0; i < plan->n_nodes; i++) {
		const struct device_node *n = &plan->nodes[i];

		if (apply_node(plan, &p, r, n, e) < 0) {
			err_in(e, "make device \"%s\"", n->path.s);
			return err_in(e, "%s", n->where);
		}
	}
	for (size_t i = 0; i < plan->n_links; i++) {
		const struct device_link *l = &plan->links[i];

		if (place_find(&p, r, l->path, e) < 0)
			return -1;
		/* What the image has there instead is its own matter. */
		if (root_symlink_at(p.dir, p.name, l->target, e) < 0 && e->num != EEXIST)
			return err_in(e, "\"%s\"", l->path.s);
	}
	return 0;
}

int console_attach(const struct root *r, int slave, struct err *e)
{
	AUTO(place) p = { .dir = -EBADF };
	AUTO_FD int mnt = -EBADF, target = -EBADF;

	if (!fd_has_magic(slave, DEVPTS_SUPER_MAGIC))
		return err_set(e, ERR_BUG, "the terminal is not of a devpts");
	if (place_find(&p, r, CPATH("/dev/console"), e) < 0)
		return err_in(e, "\"/dev/console\"");
	target = open_stub(&p, e);
	if (target < 0)
		return err_in(e, "\"/dev/console\"");
	mnt = mountfd_clone(slave, "", false, false, e);
	if (mnt < 0 || mountfd_attach(mnt, target, e) < 0)
		return err_in(e, "\"/dev/console\"");
	return 0;
}
