/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one resolver of container paths, for init while it builds the root, and for the host when
 * it reads an image.  The tree is hostile and may change between any two calls: every look-up
 * is one openat2(2) from the root, every change is made on a descriptor, and what was made
 * counts only when it is found again.  All of it is bounded: a container cannot make us loop.
 */
#include "sys/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "sys/procfs.h"

#define LINKS_MAX       40      /* as the kernel's MAXSYMLINKS */
#define TRIES           4096
#define TRIES_MSEC      1000
#define PARENT_MODE     0755

/* How often something was tried that a rename on another CPU can spoil. */
struct patience {
	unsigned tries;
	struct timespec since;
};

/*
 * False when it is time to give up: after many tries and some time, since a rename in a tight
 * loop spoils most of the first, and a busy machine all of the second.
 */
static bool may_try_again(struct patience *p)
{
	struct timespec now;

	if (!p->tries++)
		clock_gettime(CLOCK_MONOTONIC, &p->since);
	sched_yield();
	if (p->tries < TRIES)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - p->since.tv_sec) * 1000 + (now.tv_nsec - p->since.tv_nsec) / 1000000 <
	       TRIES_MSEC;
}

/* errno is that of openat2(2): EAGAIN means that somebody renamed all the time (".." in the path). */
static int resolve(const struct root *r, const char *path, int oflags)
{
	struct patience patience = { 0 };
	struct open_how how = {
		.flags = (unsigned)oflags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do
		fd = sys_openat2(r->fd, *path ? path : "/", &how);
	while (fd < 0 && errno == EAGAIN && may_try_again(&patience));
	return fd;
}

int root_open(const struct root *r, cpath p, int oflags, struct err *e)
{
	int fd = resolve(r, p.s, oflags);

	return fd < 0 ? err_sys(e, "open \"%s\" in %s", p.s, r->name) : fd;
}

int root_find(const struct root *r, cpath p, int oflags, struct err *e)
{
	int fd = resolve(r, p.s, oflags);

	if (fd >= 0)
		return fd;
	if (errno != ENOENT && errno != ENOTDIR)
		return err_sys(e, "open \"%s\" in %s", p.s, r->name);
	/* No text: this is an answer, and the callers ask it often. */
	e->kind = ERR_SYSTEM;
	e->num = errno;
	e->msg[0] = '\0';
	return -1;
}

/* ---- nests -------------------------------------------------------------------------------- */

static bool is_dotdot(const char *name)
{
	return strcmp(name, "..") == 0;
}

static bool is_one_component(const char *name)
{
	return *name && strcmp(name, ".") != 0 && !is_dotdot(name) && !strchr(name, '/');
}

void nests_undo(struct nests *n)
{
	while (n->n > 0)
		own_close(&n->v[--n->n].fd);
}

void root_add_nest(const struct root *r, cpath p, int fd)
{
	struct nests *all = r->nests;

	if (all && all->n < NESTS_MAX)
		all->v[all->n++] = (struct nest){ p.s, fd, true };
	else
		(void)close(fd);
}

void root_changed(const struct root *r)
{
	for (int i = 0; r->nests && i < r->nests->n; i++)
		r->nests->v[i].is_sure = false;
}

int root_leads_to(const struct root *r, cpath p, int fd, bool nofollow, struct err *e)
{
	AUTO_FD int found = -EBADF;

	/* Most are in "/" itself, and need not be opened for that. */
	if (p.s[0] == '/' && is_one_component(p.s + 1) && mountfd_same_at(r->fd, p.s + 1, fd, e) == 1)
		return 1;
	found = root_open(r, p, O_PATH | (nofollow ? O_NOFOLLOW : 0), e);
	return found < 0 ? -1 : mountfd_same(found, fd, e);
}

/* Another mount may cover the nest by now, or a link on the way have changed. */
static bool leads_to(const struct root *r, const struct nest *nest)
{
	struct err ignored;

	return root_leads_to(r, CPATH(nest->path), nest->fd, false, &ignored) == 1;
}

int root_nest_of(const struct root *r, cpath p, const char **name)
{
	for (int i = r->nests ? r->nests->n - 1 : -1; i >= 0; i--) {
		struct nest *nest = &r->nests->v[i];
		const char *rest = str_after(p.s, nest->path);

		if (!rest || *rest != '/' || !is_one_component(rest + 1))
			continue;
		nest->is_sure = nest->is_sure || leads_to(r, nest);
		if (!nest->is_sure)
			continue;
		*name = rest + 1;
		return nest->fd;
	}
	return -1;
}

bool root_work_in(int fd, int *cwd)
{
	if (*cwd != fd && fchdir(fd) < 0)
		return false;
	*cwd = fd;
	return true;
}

/* ---- making ------------------------------------------------------------------------------- */

enum walk_result {
	WALK_DONE,
	WALK_AGAIN,             /* the tree changed under us: from the root again; errno */
	WALK_FAILED,            /* *e says why */
};

struct walk {
	const struct root *root;
	const char *asked;      /* for messages */
	char path[PATH_MAX];   /* what is left of it: "/done/name/rest" */
	size_t done;            /* path[0..done) was found to be a directory: DIR */
	int dir;                /* O_PATH, owned */
	int links;              /* dangling ones that were followed */
	mode_t mode;            /* of the last component */
	bool want_file;
};

static void walk_undo(struct walk *w)
{
	own_close(&w->dir);
}

static enum walk_result walk_error(const struct walk *w, int num, struct err *e)
{
	errno = num;
	err_sys(e, "make \"%s\" in %s", w->asked, w->root->name);
	return WALK_FAILED;
}

static enum walk_result walk_again(int num)
{
	errno = num;
	return WALK_AGAIN;
}

/* Copies PATH with one slash before each component, without "." and trailing slashes; "" is the root. */
static bool add_components(struct text *t, const char *path)
{
	size_t len;

	for (const char *word; (word = str_word(&path, "/", &len));) {
		if (!len || (len == 1 && word[0] == '.'))
			continue;
		text_add(t, "/");
		text_addn(t, word, len);
	}
	return !t->cut;
}

/* The mode that was asked for, whatever our umask; DIR/NAME has just been made by us. */
static int set_mode(int fd, mode_t mode)
{
	struct stat st;
	struct err e;

	if (fstat(fd, &st) < 0)
		return -1;
	if ((st.st_mode & 0777) == (mode & 0777))
		return 0;
	if (root_chmod(fd, (st.st_mode & S_ISGID) | mode, &e) == 0)
		return 0;
	errno = e.num;
	return -1;
}

/*
 * Makes NAME in w->dir and returns an O_PATH descriptor of it.  -1 with EEXIST when something is
 * there, EAGAIN when what we made was moved or replaced at once.
 */
static int make_component(const struct walk *w, const char *name, mode_t mode, bool file)
{
	AUTO_FD int made = -EBADF;
	AUTO_FD int found = -EBADF;

	if (file) {
		made = openat(w->dir, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (made < 0 || set_mode(made, mode) < 0)
			return -1;
		found = openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (found < 0 || !fd_same(made, found)) {
			errno = EAGAIN;
			return -1;
		}
		return TAKE_FD(found);
	}
	if (mkdirat(w->dir, name, mode) < 0)
		return -1;
	found = openat(w->dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (found < 0 && (errno == ELOOP || errno == ENOENT || errno == ENOTDIR))
		errno = EAGAIN;                 /* moved away, or replaced already */
	if (found < 0 || set_mode(found, mode) < 0)
		return -1;
	return TAKE_FD(found);
}

/*
 * NAME exists in w->dir and yet the path does not resolve: a dangling link.  Its target takes its
 * place in w->path, and the walk goes on from there, or from the root when the target says so.
 */
static enum walk_result follow_link(struct walk *w, const char *name, const char *rest, struct err *e)
{
	char target[PATH_MAX], path[PATH_MAX];
	struct text t = TEXT(path);
	ssize_t n = readlinkat(w->dir, name, target, sizeof(target) - 1);

	if (n < 0)      /* no link any more, or somebody made meanwhile what we were about to */
		return errno == EINVAL || errno == ENOENT ? walk_again(EAGAIN) : walk_error(w, errno, e);
	target[n] = '\0';
	if (++w->links > LINKS_MAX)
		return walk_error(w, ELOOP, e);
	if (target[0] != '/')
		text_addn(&t, w->path, w->done);
	else
		w->done = 0;
	if (!add_components(&t, target) || !add_components(&t, rest))
		return walk_error(w, ENAMETOOLONG, e);
	memcpy(w->path, path, t.len + 1);
	if (!w->done) {
		own_close(&w->dir);
		w->dir = resolve(w->root, "/", O_PATH | O_DIRECTORY);
		if (w->dir < 0)
			return walk_error(w, errno, e);
	}
	return WALK_DONE;
}

/* Whether FD is what was asked for as the last component. */
static bool is_right_kind(const struct walk *w, int fd, int *num)
{
	bool dir = fd_is_dir(fd);

	*num = w->want_file ? EISDIR : ENOTDIR;
	return dir != w->want_file;
}

/* One component further.  w->path[w->done] is the slash before it. */
static enum walk_result step(struct walk *w, struct err *e)
{
	char *begin = w->path + w->done + 1, *end = strchrnul(begin, '/');
	bool last = !*end, file = last && w->want_file;
	char name[NAME_MAX + 1], rest = *end;
	int fd, num;

	if ((size_t)(end - begin) >= sizeof(name))
		return walk_error(w, ENAMETOOLONG, e);
	memcpy(name, begin, (size_t)(end - begin));
	name[end - begin] = '\0';

	*end = '\0';
	fd = resolve(w->root, w->path, last ? O_PATH : O_PATH | O_DIRECTORY);
	num = fd < 0 && errno == EAGAIN ? EBUSY : errno;        /* patience is at its end already */
	*end = rest;
	if (fd < 0 && num == ENOENT) {
		if (is_dotdot(name))    /* of a directory that is no more */
			return walk_again(num);
		fd = make_component(w, name, last ? w->mode : PARENT_MODE, file);
		num = errno;
		if (fd < 0 && num == EEXIST)
			return follow_link(w, name, end, e);
	}
	if (fd < 0)
		return num == ENOTDIR || num == ENOENT || num == EAGAIN ? walk_again(num) :
									  walk_error(w, num, e);
	own_close(&w->dir);
	w->dir = fd;
	w->done = (size_t)(end - w->path);
	if (last && !is_right_kind(w, fd, &num))
		return walk_error(w, num, e);
	return WALK_DONE;
}

/* From the root to the end of the path once. */
static enum walk_result walk(struct walk *w, const char *path, struct err *e)
{
	struct text t = TEXT(w->path);
	enum walk_result result = WALK_DONE;
	int num;

	w->path[0] = '\0';
	if (!add_components(&t, path))
		return walk_error(w, ENAMETOOLONG, e);
	w->done = 0;
	w->links = 0;
	own_close(&w->dir);
	w->dir = resolve(w->root, "/", O_PATH | O_DIRECTORY);
	if (w->dir < 0)
		return walk_error(w, errno, e);
	while (result == WALK_DONE && w->path[w->done])
		result = step(w, e);
	if (result == WALK_DONE && !is_right_kind(w, w->dir, &num))     /* the root itself */
		return walk_error(w, num, e);
	return result;
}

/*
 * The common case without a walk: all but the last component is there, and nothing of that name. -1: walk; the
 * reason will be found again.
 */
static int make_last(struct walk *w, const char *path)
{
	struct text t = TEXT(w->path);
	char *slash;

	w->path[0] = '\0';
	if (!add_components(&t, path) || !(slash = strrchr(w->path, '/')) || !is_one_component(slash + 1) ||
	    strlen(slash + 1) > NAME_MAX)
		return -1;
	*slash = '\0';
	w->dir = resolve(w->root, w->path, O_PATH | O_DIRECTORY);
	return w->dir < 0 ? -1 : make_component(w, slash + 1, w->mode, w->want_file);
}

/*
 * A component that is no directory, or in which nothing can be made (procfs), is a plain mistake
 * far more often than a race, and ends the matter after fewer tries.
 */
#define TRIES_PLAIN 256

static int make(const struct root *r, cpath p, const char *path, mode_t mode, bool file, struct err *e)
{
	AUTO(walk) w = { .root = r, .asked = p.s, .dir = -EBADF, .mode = mode, .want_file = file };
	struct patience patience = { 0 };
	int fd = make_last(&w, path);

	if (fd >= 0)
		return fd;
	for (;;) {
		switch (walk(&w, path, e)) {
		case WALK_DONE:
			return TAKE_FD(w.dir);
		case WALK_FAILED:
			return -1;
		case WALK_AGAIN:
			break;
		}
		if (errno != EAGAIN && patience.tries > TRIES_PLAIN)
			return err_sys(e, "make \"%s\" in %s", p.s, r->name);
		if (!may_try_again(&patience))
			return err_set(e, ERR_SYSTEM, "make \"%s\" in %s: the path changed all the time",
				       p.s, r->name);
	}
}

int root_make_dir(const struct root *r, cpath p, mode_t mode, struct err *e)
{
	int fd = resolve(r, p.s, O_PATH | O_DIRECTORY);

	return fd >= 0 ? fd : make(r, p, p.s, mode, false, e);
}

int root_make_file(const struct root *r, cpath p, mode_t mode, struct err *e)
{
	AUTO_FD int fd = resolve(r, p.s, O_PATH);

	if (fd >= 0 && !fd_is_dir(fd))
		return TAKE_FD(fd);
	return make(r, p, p.s, mode, true, e);
}

int root_make_parent(const struct root *r, cpath p, char name[256], struct err *e)
{
	char path[PATH_MAX] = "", *slash;
	struct text t = TEXT(path);
	int fd;

	if (!add_components(&t, p.s) || t.len == 0 || !(slash = strrchr(path, '/')) || is_dotdot(slash + 1))
		return err_set(e, ERR_SPEC, "\"%s\" does not name a file in %s", p.s, r->name);
	if (strlen(slash + 1) > NAME_MAX) {
		errno = ENAMETOOLONG;
		return err_sys(e, "\"%s\" in %s", p.s, r->name);
	}
	strncpy(name, slash + 1, NAME_MAX + 1);
	*slash = '\0';
	fd = resolve(r, path, O_PATH | O_DIRECTORY);
	return fd >= 0 ? fd : make(r, p, path, PARENT_MODE, false, e);
}

/* ---- acting ------------------------------------------------------------------------------- */

bool root_make_in_nest(int nest, const char *name, mode_t mode, dev_t dev)
{
	return (S_ISDIR(mode) ? mkdirat(nest, name, mode & 07777) : mknodat(nest, name, mode, dev)) == 0;
}

int root_mknod_at(int dir, const char *name, mode_t mode, dev_t dev, struct err *e)
{
	AUTO_FD int fd = -EBADF;
	struct stat st;

	if (!is_one_component(name))
		return err_set(e, ERR_BUG, "mknod: \"%s\" is not one component", name);
	if (mknodat(dir, name, mode, dev) < 0)
		return err_sys(e, "mknod \"%s\"", name);
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "mknod \"%s\"", name);
	if ((st.st_mode & S_IFMT) != (mode & S_IFMT) || st.st_rdev != dev)
		return err_set(e, ERR_SYSTEM, "mknod \"%s\": replaced by something else", name);
	if ((st.st_mode & 07777) != (mode & 07777))
		return root_chmod(fd, mode & 07777, e);
	return 0;
}

int root_symlink_at(int dir, const char *name, const char *target, struct err *e)
{
	if (!is_one_component(name))
		return err_set(e, ERR_BUG, "symlink: \"%s\" is not one component", name);
	if (symlinkat(target, dir, name) < 0)
		return err_sys(e, "symlink \"%s\" to \"%s\"", name, target);
	return 0;
}

int root_type_at(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -1 : (int)(st.st_mode & S_IFMT);
}

ssize_t root_read_link_at(int dir, const char *name, char *buf, size_t size, struct err *e)
{
	ssize_t n = readlinkat(dir, name, buf, size);

	if (n < 0)
		return err_sys(e, "readlink \"%s\"", name);
	if ((size_t)n >= size) {
		errno = ENAMETOOLONG;
		return err_sys(e, "readlink \"%s\"", name);
	}
	buf[n] = '\0';
	return n;
}

int root_pivot(int fd, struct err *e)
{
	if (sys_pivot_root(fd) < 0)
		return errno == EINVAL ? err_sys(e, "pivot_root (in an initramfs: use --no-pivot)") :
					 err_sys(e, "pivot_root");
	/*
	 * The old root lies on top of the new one now, which is our "/" and our working directory (pivot_root(2)).
	 * It is a slave of the host's: nothing is unmounted there.
	 */
	if (sys_umount(".", MNT_DETACH) < 0)
		return err_sys(e, "unmount the old root");
	return chdir("/") < 0 ? err_sys(e, "chdir to the new root") : 0;
}

int root_enter(int fd, struct err *e)
{
	if (fchdir(fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(e, "chroot");
	return 0;
}

int root_chown(int fd, uid_t uid, gid_t gid, struct err *e)
{
	if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return err_sys(e, "chown to %u:%u", uid, gid);
	return 0;
}

int root_chmod(int fd, mode_t mode, struct err *e)
{
	AUTO(procfs) proc = PROCFS_NONE;
	AUTO_FD int links = -EBADF;
	AUTO_FD int again = -EBADF;
	char number[16];

	if (sys_fchmod(fd, mode) == 0)
		return 0;
	if (errno == EBADF && sys_fchmodat2(fd, "", mode, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOSYS)
		return err_sys(e, "chmod to %o", (unsigned)mode);
	/* kernel < 6.6: a directory can be opened from its O_PATH descriptor ... */
	again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (again >= 0 && sys_fchmod(again, mode) == 0)
		return 0;
	/* ... and all else is found by its number, in our own /proc/self/fd. */
	if (procfs_open_host(&proc, e) < 0)
		return -1;
	links = procfs_open_file(&proc, "self/fd", O_PATH | O_DIRECTORY, e);
	if (links < 0)
		return -1;
	snprintf(number, sizeof(number), "%d", fd);
	if (fchmodat(links, number, mode, 0) < 0)
		return err_sys(e, "chmod to %o", (unsigned)mode);
	return 0;
}
