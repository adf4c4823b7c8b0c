/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mounts, one after the other.  Runs in init in the stage "root file system", on a root that is attached and not
 * yet entered, while processes of other containers may rename in it what they like: each destination is
 * resolved once, and what is done is done to that descriptor.
 */
#include "parts/fs/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/copytree.h"
#include "sys/fd.h"
#include "sys/mountfd.h"

void anchors_undo(struct anchors *a)
{
	for (int i = 0; i < a->n; i++)
		own_close(&a->v[i].fd);
	for (int i = 0; i < a->n_readonly; i++)
		own_close(&a->readonly[i]);
	a->n = a->n_readonly = 0;
}

/* What is hidden by a new mount at PATH is no place to look things up in any more. */
static void anchors_hidden(struct anchors *a, const char *path)
{
	int kept = 0;

	for (int i = 0; i < a->n; i++) {
		const char *rest = str_after(a->v[i].destination.s, path);

		if (rest && (*rest == '\0' || *rest == '/' || str_eq(path, "/")))
			own_close(&a->v[i].fd);
		else
			a->v[kept++] = a->v[i];
	}
	a->n = kept;
}

/* Where things are mounted on: an O_PATH descriptor, and whether it was there before; or a name in a nest, just made. */
struct target { int fd; bool is_new; int nest; const char *name; };

#define TARGET_NONE ((struct target){ .fd = -EBADF, .nest = -EBADF })

static void target_undo(struct target *t)
{
	own_close(&t->fd);
}

/* For proc and sysfs: the very directory, never what a link in its place leads to. */
static int open_real_directory(const struct mount_plan *m, const struct root *r, struct err *e)
{
	AUTO_FD int fd = root_find(r, m->destination, O_PATH | O_NOFOLLOW | O_DIRECTORY, e);

	if (fd >= 0)
		return TAKE_FD(fd);
	/* What is it then? */
	if (!e->msg[0] && e->num == ENOTDIR)
		fd = root_find(r, m->destination, O_PATH | O_NOFOLLOW, e);
	if (fd < 0 && e->num == ENOENT) {
		own_close(&fd);
		fd = root_make_dir(r, m->destination, 0755, e);
	}
	if (fd < 0)
		return e->msg[0] ? -1 : err_set(e, ERR_SPEC, "not a directory: \"%s\"", m->destination.s);
	if (!fd_is_dir(fd))
		return err_set(e, ERR_SPEC, "\"%s\" must be a real directory, no link", m->destination.s);
	return TAKE_FD(fd);
}

/* In a nest there is nothing but what we make, so there is no need to look first. */
static bool make_in_nest(struct target *t, const struct mount_plan *m, const struct root *r, bool is_dir)
{
	t->nest = root_nest_of(r, m->destination, &t->name);
	if (t->nest < 0)
		return false;
	t->is_new = root_make_in_nest(t->nest, t->name, (is_dir ? S_IFDIR : S_IFREG) | 0755, 0);
	if (!t->is_new)
		t->nest = -EBADF;       /* it is there already, by a mount or a link */
	return t->is_new;
}

static int open_target(struct target *t, const struct mount_plan *m, const struct root *r, bool is_dir, struct err *e)
{
	if (make_in_nest(t, m, r, is_dir))
		return 0;
	if (m->on_directory_only) {
		t->fd = open_real_directory(m, r, e);
		return t->fd < 0 ? -1 : 0;
	}
	if (m->dest_nofollow || m->tmpcopyup || m->mode_of_covered) {
		t->fd = root_find(r, m->destination, O_PATH | (m->dest_nofollow ? O_NOFOLLOW : 0), e);
		if (t->fd >= 0 && (m->dest_nofollow || fd_is_dir(t->fd)))
			return 0;
		if (t->fd < 0 && e->msg[0])
			return -1;
		own_close(&t->fd);
		t->is_new = true;
	}
	t->fd = is_dir ? root_make_dir(r, m->destination, 0755, e) : root_make_file(r, m->destination, 0755, e);
	return t->fd < 0 ? -1 : 0;
}

/*
 * Inside a procfs nothing but a few files may be covered, and "/proc" itself only by a procfs: labels and limits are
 * written there, and programs believe what they read there.
 */
static int check_proc(const struct mount_plan *m, const struct target *t, int mnt, struct err *e)
{
	if (str_eq(m->destination.s, "/proc")) {
		bool is_new = m->op == MOUNT_NEW && str_eq(m->type, "proc");

		if (!is_new && !fd_has_magic(mnt, PROC_SUPER_MAGIC))
			return err_set(e, ERR_SPEC, "\"/proc\" can only be a procfs");
		return 0;
	}
	if (m->may_cover_proc || t->nest >= 0 || !fd_has_magic(t->fd, PROC_SUPER_MAGIC))
		return 0;
	return err_set(e, ERR_SPEC, "\"%s\" is inside of a procfs", m->destination.s);
}

/* What the mount itself gets at once. */
static uint64_t set_now(const struct mount_plan *m)
{
	return m->readonly_last ? m->set & ~(uint64_t)MOUNT_ATTR_RDONLY : m->set;
}

/* Attributes and propagation, in as few calls as possible; PREPARED: the mount has them already. */
static int settle(const struct mount_plan *m, int mnt, bool prepared, struct err *e)
{
	uint64_t set = prepared ? 0 : set_now(m), clear = prepared ? 0 : m->clear;
	bool recursive = m->propagation_recursive;

	if (m->rec_set | m->rec_clear) {
		if (mountfd_set(mnt, m->rec_set, m->rec_clear, recursive ? m->propagation : 0, true, e) < 0)
			return -1;
		return mountfd_set(mnt, set, clear, recursive ? 0 : m->propagation, false, e);
	}
	if (recursive && (set | clear)) {
		if (mountfd_set(mnt, set, clear, 0, false, e) < 0)
			return -1;
		set = clear = 0;
	}
	return mountfd_set(mnt, set, clear, m->propagation, recursive, e);
}

/* MNT goes on living in the anchors as long as its caller needs it. */
static int keep_attached(struct anchors *a, int mnt, struct err *e)
{
	int kept;

	if (!a->attached)
		return 0;
	if (a->n_attached == a->attached_max)
		return err_set(e, ERR_UNSUPPORTED, "more than %d mounts at a time", a->attached_max);
	kept = fcntl(mnt, F_DUPFD_CLOEXEC, 3);
	if (kept < 0)
		return err_sys(e, "keep a mount");
	a->attached[a->n_attached++] = kept;
	return 0;
}

static int attach(const struct target *t, const struct root *r, int mnt, struct err *e)
{
	if (t->nest >= 0)
		return mountfd_attach_at(mnt, t->nest, t->name, e);
	if (mountfd_attach(mnt, t->fd, e) < 0)
		return -1;
	root_changed(r);
	return 0;
}

static int keep_readonly(const struct mount_plan *m, int mnt, struct anchors *anchors, struct err *e)
{
	int kept;

	if (!m->readonly_last)
		return 0;
	kept = fd_dup(mnt, e);
	if (kept < 0)
		return err_in(e, "keep a mount");
	anchors->readonly[anchors->n_readonly++] = kept;
	return 0;
}

static int put(const struct mount_plan *m, const struct root *r, const struct target *t, int mnt,
	       struct anchors *anchors, struct err *e)
{
	int is_root;

	if (check_proc(m, t, mnt, e) < 0)
		return -1;
	/* A link of the image may lead back to the root: what was put there would be "/" for the next exec. */
	is_root = anchors->attached ? mountfd_same(r->fd, t->fd, e) : 0;
	if (is_root)
		return is_root < 0 ? -1 : err_set(e, ERR_SPEC, "\"%s\" is the root of the container", m->destination.s);
	if (keep_attached(anchors, mnt, e) < 0 || attach(t, r, mnt, e) < 0)
		return -1;
	anchors->is_bare &= t->nest >= 0;
	anchors_hidden(anchors, m->destination.s);
	if (keep_readonly(m, mnt, anchors, e) < 0)
		return -1;
	/* A mount on "/" is the new root for all that follows; the descriptor of the root keeps its number. */
	if (str_eq(m->destination.s, "/") && dup3(mnt, r->fd, O_CLOEXEC) < 0)
		return err_sys(e, "replace the root");
	return 0;
}

/* A tmpfs gets the mode of the directory that it hides, or all that is in it. */
static int fill(const struct mount_plan *m, const struct target *t, int mnt, struct err *e)
{
	struct stat st;

	if (t->is_new)
		return 0;
	if (m->tmpcopyup && copytree(t->fd, mnt, e) < 0)
		return err_in(e, "copy up \"%s\"", m->destination.s);
	if (!m->mode_of_covered)
		return 0;
	if (fstat(t->fd, &st) < 0)
		return err_sys(e, "fstat \"%s\"", m->destination.s);
	return root_chmod(mnt, st.st_mode & 07777, e);
}

static bool is_refusal(const struct err *e)
{
	return e->kind == ERR_SYSTEM && (e->num == EPERM || e->num == EBUSY || e->num == EINVAL);
}

static int borrow_ids(const struct mount_plan *m, struct trees *trees, int mnt, struct err *e)
{
	AUTO_FD int userns = trees_take(trees, m->tree, e);

	if (userns < 0)
		return -1;
	return mountfd_idmap(mnt, userns, m->tree->idmap_recursive, e);
}

static int apply_fallback(const struct mount_plan *m, const struct root *r, struct trees *trees,
			  struct anchors *anchors, struct err *e)
{
	AUTO(target) t = TARGET_NONE;
	AUTO_FD int mnt = trees_take(trees, m->fallback, e);

	if (mnt < 0 || open_target(&t, m, r, true, e) < 0)
		return -1;
	/* What was asked for one file system must hold for all that comes with the host's. */
	if (mountfd_set(mnt, m->set | m->rec_set, m->clear | m->rec_clear, MS_SLAVE, true, e) < 0)
		return -1;
	return put(m, r, &t, mnt, anchors, e);
}

/* Nothing that mount(2) cannot say in one call; a new mount has nothing to clear. */
static bool is_plain(const struct mount_plan *m)
{
	return !(m->rec_set | m->rec_clear) && !m->propagation;
}

/* In a nest most file systems need one system call, for there is nothing to hold on to. */
static bool new_in_nest(const struct mount_plan *m, const struct root *r, const struct target *t, struct anchors *anchors)
{
	if (t->nest < 0 || m->is_anchor || m->is_nest || m->tree || m->label || m->readonly_last || !is_plain(m) ||
	    !root_work_in(t->nest, &r->nests->cwd) ||
	    !mountfd_new_here(t->name, m->type, m->source, m->data, m->set, false))
		return false;
	anchors_hidden(anchors, m->destination.s);
	return true;
}

/* The hierarchies of v1. */
static bool bind_in_nest(const struct mount_plan *m, const struct root *r, struct anchors *anchors)
{
	AUTO(target) t = TARGET_NONE;

	if (!m->tree->is_directory || m->tree->number >= 0 || m->tree->recursive || m->tree->nofollow || m->tree->idmap ||
	    m->readonly_last || !is_plain(m) || !make_in_nest(&t, m, r, true) || !root_work_in(t.nest, &r->nests->cwd) ||
	    !mountfd_bind_here(t.name, m->tree->source, false, m->set, m->clear))
		return false;
	anchors_hidden(anchors, m->destination.s);
	return true;
}

/*
 * The tmpfs of v1's hierarchies, as a rule: deep in our own sysfs, with nothing mounted since that could lie on the way.
 * All names there are the kernel's, so they can be given to mount(2), and lead to the new mount afterwards.
 * 1: done, 0: not possible so.
 */
static int new_in_sysfs(const struct mount_plan *m, const struct root *r, struct anchors *anchors, struct err *e)
{
	const struct anchor *in = anchors->is_bare ? &anchors->v[anchors->n - 1] : NULL;
	const char *name = in ? str_after(m->destination.s, in->destination.s) : NULL;
	AUTO_FD int mnt = -EBADF;

	if (!name || *name != '/' || strstr(name, "..") || m->is_anchor || m->tree || m->label || m->tmpcopyup ||
	    m->mode_of_covered || !is_plain(m) || !r->nests || anchors->attached || !root_work_in(in->fd, &r->nests->cwd) ||
	    !mountfd_new_here(name + 1, m->type, m->source, m->data, set_now(m), false))
		return 0;
	anchors->is_bare = false;
	root_changed(r);
	if (!m->readonly_last && !m->is_nest)
		return 1;
	mnt = fd_open_at(in->fd, name + 1, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (mnt < 0 || keep_readonly(m, mnt, anchors, e) < 0)
		return -1;
	if (m->is_nest)
		root_add_nest(r, m->destination, TAKE_FD(mnt));
	return 1;
}

static int apply_new(const struct mount_plan *m, const struct root *r, struct trees *trees, struct anchors *anchors,
		     struct err *e)
{
	AUTO(target) t = TARGET_NONE;
	AUTO_FD int mnt = -EBADF;
	bool is_filled = m->tmpcopyup || m->mode_of_covered;
	int done = new_in_sysfs(m, r, anchors, e);

	if (done)
		return done < 0 ? -1 : 0;
	if (open_target(&t, m, r, true, e) < 0)
		return -1;
	if (new_in_nest(m, r, &t, anchors))
		return 0;
	mnt = mountfd_new(m->type, m->source, m->data, is_filled ? 0 : set_now(m), false, e);
	if (mnt < 0 && m->fallback && is_refusal(e)) {
		struct err second;

		if (apply_fallback(m, r, trees, anchors, &second) < 0)
			return err_and(e, &second);
		return 0;
	}
	if (mnt < 0)
		return -1;
	if (is_filled && fill(m, &t, mnt, e) < 0)
		return -1;
	if (m->tree && borrow_ids(m, trees, mnt, e) < 0)
		return -1;
	if (settle(m, mnt, !is_filled, e) < 0 || put(m, r, &t, mnt, anchors, e) < 0)
		return -1;
	if (m->label && mountfd_label(mnt, m->label, e) < 0)
		return -1;
	if (m->is_anchor && anchors->n < ANCHORS_MAX) {
		anchors->v[anchors->n++] = (struct anchor){ m->destination, TAKE_FD(mnt) };
		anchors->is_bare = str_eq(m->type, "sysfs");
	} else if (m->is_nest)
		root_add_nest(r, m->destination, TAKE_FD(mnt));
	return 0;
}

/* copy-symlink: a link of the host is repeated, not mounted. The same link from an earlier run is fine. */
static int copy_symlink(const struct mount_plan *m, const struct root *r, int source, struct err *e)
{
	char target[PATH_MAX], there[PATH_MAX], name[256];
	AUTO_FD int parent = -EBADF;
	struct err failed;

	if (root_read_link_at(source, "", target, sizeof(target), e) < 0)
		return -1;
	parent = root_make_parent(r, m->destination, name, e);
	if (parent < 0)
		return -1;
	if (root_symlink_at(parent, name, target, &failed) == 0)
		return 0;
	if (failed.num == EEXIST && root_read_link_at(parent, name, there, sizeof(there), e) >= 0 &&
	    str_eq(there, target))
		return 0;
	*e = failed;
	return -1;
}

/* An unbindable mount is left out of recursive clones (mount_namespaces(7)). The root is no slave of the host's any more then. */
static int take_without_root(const struct tree_plan *t, const struct root *r, struct trees *trees, struct err *e)
{
	AUTO_FD int mnt = -EBADF;

	if (mountfd_set(r->fd, 0, 0, MS_UNBINDABLE, false, e) < 0)
		return -1;
	mnt = trees_take(trees, t, e);
	if (mnt < 0 || mountfd_set(r->fd, 0, 0, MS_PRIVATE, false, e) < 0)
		return -1;
	return TAKE_FD(mnt);
}

static int apply_tree(const struct mount_plan *m, const struct root *r, struct trees *trees, struct anchors *anchors,
		      struct err *e)
{
	AUTO(target) t = TARGET_NONE;
	AUTO_FD int mnt = -EBADF;
	struct stat st;

	if (bind_in_nest(m, r, anchors))
		return 0;
	mnt = m->tree->leaves_out_root ? take_without_root(m->tree, r, trees, e) : trees_take(trees, m->tree, e);
	if (mnt < 0)
		return -1;
	if (fstat(mnt, &st) < 0)
		return err_sys(e, "fstat \"%s\"", m->source);
	if (m->copy_symlink && S_ISLNK(st.st_mode))
		return copy_symlink(m, r, mnt, e);
	if (open_target(&t, m, r, S_ISDIR(st.st_mode), e) < 0 || settle(m, mnt, false, e) < 0)
		return -1;
	return put(m, r, &t, mnt, anchors, e);
}

/* What is mounted there changes; flags that were not named, locked ones among them, stay. */
static int apply_change(const struct mount_plan *m, const struct root *r, struct err *e)
{
	AUTO_FD int fd = root_open(r, m->destination, O_PATH | (m->dest_nofollow ? O_NOFOLLOW : 0), e);
	int is_mount;

	if (fd < 0)
		return -1;
	is_mount = mountfd_is_mount(fd, e);
	if (is_mount < 0)
		return -1;
	if (!is_mount)
		return err_set(e, ERR_SPEC, "nothing is mounted there");
	if (m->data && mountfd_reconfigure(fd, m->data, e) < 0)
		return -1;
	return settle(m, fd, false, e);
}

static int apply_link(const struct mount_plan *m, const struct root *r, struct err *e)
{
	char name[256];
	AUTO_FD int parent = root_make_parent(r, m->destination, name, e);

	return parent < 0 ? -1 : root_symlink_at(parent, name, m->source, e);
}

static int apply_one(const struct mount_plan *m, const struct root *r, struct trees *trees, struct anchors *anchors,
		     struct err *e)
{
	switch (m->op) {
	case MOUNT_NEW:
		return apply_new(m, r, trees, anchors, e);
	case MOUNT_TREE:
		return apply_tree(m, r, trees, anchors, e);
	case MOUNT_REMOUNT:
	case MOUNT_PROPAGATION:
		return apply_change(m, r, e);
	case MOUNT_LINK:
		return apply_link(m, r, e);
	}
	return err_set(e, ERR_BUG, "unknown kind of mount");
}

/*
 * A destination like "/data/..", or a link of the image, leads back to the root.  What is mounted there is nothing to who holds
 * the root already, as init does, and "/" to who enters the namespace later, as exec does.
 */
static int check_root(const struct root *r, struct err *e)
{
	/* The kernel steps onto what lies on a directory when it arrives there by "..", and only then. */
	int is_bare = root_leads_to(r, CPATH("/.."), r->fd, false, e);

	if (is_bare)
		return is_bare < 0 ? -1 : 0;
	return err_set(e, ERR_SPEC, "mounts: one of them came to lie on the root of the container, by \"..\" or a link of the image");
}

int mounts_apply(const struct mounts_plan *p, const struct root *r, struct trees *trees, struct anchors *anchors,
		 struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct mount_plan *m = &p->v[i];

		if (apply_one(m, r, trees, anchors, e) == 0)
			continue;
		err_in(e, "mount \"%s\" on \"%s\"", m->source ? m->source : m->type ? m->type : "none",
		       m->destination.s);
		return str_starts(e->msg, m->where) ? -1 : err_in(e, "%s", m->where);
	}
	return p->n ? check_root(r, e) : 0;
}

int mounts_finish_apply(struct anchors *a, struct err *e)
{
	while (a->n_readonly > 0) {
		AUTO_FD int mnt = TAKE_FD(a->readonly[--a->n_readonly]);

		if (mountfd_set(mnt, MOUNT_ATTR_RDONLY, 0, 0, false, e) < 0)
			return err_in(e, "make a mount read-only");
	}
	return 0;
}
