/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masked and read-only paths.  Runs in init after all mounts and hooks, before the root is entered.
 *
 * Most of them lie in /proc and /sys: those are looked up beneath the very mounts that we made, however the image and its
 * neighbours rename things around them.  What covers a path is ours too: an empty tmpfs, made once, or the host's
 * /dev/null, checked to be that device.
 */
#include "parts/fs/shield.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/mountfd.h"

#define MASK_ATTR (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/*
 * What covers the masked where the path is no name in an anchor: each is made when the first path needs it, then cloned.
 * MASKED: a file in the anchor that is the working directory, already covered.
 */
struct covers { int directory, file, cwd; const char *masked; };

static void covers_undo(struct covers *c)
{
	own_close(&c->directory);
	own_close(&c->file);
}

/* "Running, with /proc elsewhere" must not be: somebody has renamed the directory that we mounted on. */
static int check_anchors(const struct root *r, const struct anchors *anchors, struct err *e)
{
	for (int i = 0; i < anchors->n; i++) {
		const struct anchor *a = &anchors->v[i];
		int same = root_leads_to(r, a->destination, a->fd, true, e);

		if (same < 0)
			return -1;
		if (!same)
			return err_set(e, ERR_STATE, "\"%s\" is no longer what was mounted there", a->destination.s);
	}
	return 0;
}

/* What lay on the root would be nothing to init, which holds it already, and "/" to every exec. */
static int find_beneath_root(const struct root *r, cpath path, struct err *e)
{
	AUTO_FD int found = root_find(r, path, O_PATH, e);
	int is_root;

	if (found < 0)
		return -1;
	is_root = mountfd_same(r->fd, found, e);
	if (is_root)
		return is_root < 0 ? -1 : err_set(e, ERR_SPEC, "is the root of the container, which root.readonly alone can change");
	return TAKE_FD(found);
}

/* -1 without a message: there is no such path. */
static int find(const struct root *r, const struct anchors *anchors, cpath path, struct err *e)
{
	/* ".." may lead out of the anchor, where RESOLVE_IN_ROOT would not let it. */
	for (int i = strstr(path.s, "/..") ? -1 : anchors->n - 1; i >= 0; i--) {
		const struct anchor *a = &anchors->v[i];
		const char *rest = str_after(path.s, a->destination.s);
		const struct root below = { a->fd, a->destination.s };

		if (rest && (*rest == '\0' || *rest == '/'))
			return root_find(&below, CPATH(*rest ? rest : "/"), O_PATH, e);
	}
	return find_beneath_root(r, path, e);
}

/*
 * The anchor in which the path names one component, *NAME; negative: none.  In a procfs or sysfs of our own names are the
 * kernel's, and no magic link is reached by one of them, so it can be given to mount(2) as it is.
 */
static int anchor_of(const struct anchors *anchors, cpath path, const char **name)
{
	for (int i = anchors->n - 1; i >= 0; i--) {
		const char *rest = str_after(path.s, anchors->v[i].destination.s);

		if (!rest || (*rest != '/' && *rest))
			continue;
		if (!*rest || !rest[1] || rest[1] == '.' || strchr(rest + 1, '/'))
			return -1;
		*name = rest + 1;
		return anchors->v[i].fd;
	}
	return -1;
}

/* What is covered: a descriptor, or NAME in an anchor. */
struct spot { int fd; const char *name; };

static int put_on(const struct spot *s, int mnt, struct err *e)
{
	return s->name ? mountfd_attach_at(mnt, s->fd, s->name, e) : mountfd_attach(mnt, s->fd, e);
}

/* kernel < 6.15: only what is attached can be cloned, so the first one is used itself. */
static int mask_directory(struct covers *c, const char *data, const struct spot *on, struct err *e)
{
	AUTO_FD int mnt = -EBADF;

	if (c->directory < 0) {
		c->directory = mountfd_new("tmpfs", "husk", data, MASK_ATTR, true, e);
		return c->directory < 0 ? -1 : put_on(on, c->directory, e);
	}
	mnt = mountfd_clone(c->directory, "", false, false, e);
	return mnt < 0 ? -1 : put_on(on, mnt, e);
}

static int mask_file(struct covers *c, const struct spot *on, struct err *e)
{
	AUTO_FD int mnt = -EBADF;

	if (c->file < 0)
		c->file = fd_open_null(O_PATH, e);
	if (c->file < 0)
		return -1;
	mnt = mountfd_clone(c->file, "", false, false, e);
	return mnt < 0 ? -1 : put_on(on, mnt, e);
}

/* In one call: in an anchor each directory gets a tmpfs of its own, and what covers one file covers the next. */
static bool mask_here(struct covers *c, const char *data, const struct spot *on, bool is_dir)
{
	if (on->fd != c->cwd)
		c->masked = NULL;
	if (!root_work_in(on->fd, &c->cwd))
		return false;
	if (is_dir)
		return mountfd_new_here(on->name, "tmpfs", "husk", data, MASK_ATTR, true);
	return c->masked && mountfd_bind_here(on->name, c->masked, false, 0, 0);
}

static int mask(struct covers *c, const struct shield_plan *p, const struct root *r, const struct anchors *anchors,
		cpath path, struct err *e)
{
	AUTO_FD int target = -EBADF;
	struct spot on = { .name = NULL };
	int type;

	on.fd = anchor_of(anchors, path, &on.name);
	type = on.fd < 0 ? 0 : root_type_at(on.fd, on.name);
	if (type < 0 && errno == ENOENT)
		return 0;
	if (type > 0 && !S_ISLNK((mode_t)type) && mask_here(c, p->data, &on, S_ISDIR((mode_t)type)))
		return 0;
	if (type <= 0 || S_ISLNK((mode_t)type)) {
		target = find(r, anchors, path, e);
		if (target < 0)
			return e->msg[0] ? -1 : 0;
		on = (struct spot){ target, NULL };
		type = fd_is_dir(target) ? S_IFDIR : S_IFREG;
	}
	if (S_ISDIR((mode_t)type))
		return mask_directory(c, p->data, &on, e);
	if (mask_file(c, &on, e) < 0)
		return -1;
	c->masked = on.name;            /* NULL: not in an anchor */
	return 0;
}

/* On itself: a clone keeps all flags of the mount it lies on, locked ones too, and gets one more. */
static int make_readonly(const struct root *r, const struct anchors *anchors, cpath path, int *cwd, struct err *e)
{
	AUTO_FD int mnt = -EBADF, target = -EBADF;
	const char *name;
	int anchor = anchor_of(anchors, path, &name);

	if (anchor >= 0 && root_work_in(anchor, cwd) &&
	    (mountfd_bind_here(name, name, true, MOUNT_ATTR_RDONLY, 0) || errno == ENOENT))
		return 0;
	target = find(r, anchors, path, e);
	if (target < 0)
		return e->msg[0] ? -1 : 0;
	mnt = mountfd_clone(target, "", true, false, e);
	if (mnt < 0 || mountfd_set(mnt, MOUNT_ATTR_RDONLY, 0, 0, true, e) < 0)
		return -1;
	return mountfd_attach(mnt, target, e);
}

static int failed(const struct shield_path *p, struct err *e)
{
	err_in(e, "\"%s\"", p->path.s);
	return err_in(e, "%s", p->where);
}

int shield_apply(const struct shield_plan *p, const struct root *r, const struct anchors *anchors, struct err *e)
{
	AUTO(covers) covers = { .directory = -EBADF, .file = -EBADF, .cwd = -1 };

	if (!p->n_masked && !p->n_readonly)
		return 0;
	if (check_anchors(r, anchors, e) < 0)
		return -1;
	/* Read-only first: a mask inside of a read-only path would be cloned with it otherwise. */
	for (size_t i = 0; i < p->n_readonly; i++)
		if (make_readonly(r, anchors, p->readonly[i].path, &covers.cwd, e) < 0)
			return failed(&p->readonly[i], e);
	for (size_t i = 0; i < p->n_masked; i++)
		if (mask(&covers, p, r, anchors, p->masked[i].path, e) < 0)
			return failed(&p->masked[i], e);
	return 0;
}
