/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying a tree without recursion and without memory of its own: one pair of descriptors for each level.
 * Runs in init while it builds the root, on a directory of the image, which is hostile: every component is
 * opened by its name alone, without following links, and without crossing into another mount.
 */
#include "sys/copytree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/calls.h"
#include "sys/root.h"

#define LEVELS 64

struct level {
	int from, to;
	int64_t next;           /* where in FROM to go on reading */
};

struct stack { int n; struct level v[LEVELS]; };

static void stack_undo(struct stack *s)
{
	for (int i = 0; i < s->n; i++) {
		own_close(&s->v[i].from);
		own_close(&s->v[i].to);
	}
	s->n = 0;
}

/* As the kernel writes it. */
struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

/* RESOLVE_NO_XDEV: what is mounted in FROM stays there. */
static int open_entry(int dir, const char *name, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};

	if (flags & O_PATH)
		how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	return sys_openat2(dir, name, &how);
}

static int keep_times(int dir, const char *name, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) < 0)
		return err_sys(e, "set the times of \"%s\"", name);
	return 0;
}

static int copy_bytes(int from, int to, struct err *e)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0) {
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(to, buf + done, (size_t)(n - done));
			if (w < 0)
				return err_sys(e, "write");
		}
	}
	return n < 0 ? err_sys(e, "read") : 0;
}

static int copy_file(const struct level *l, const char *name, const struct stat *st, struct err *e)
{
	AUTO_FD int from = open_entry(l->from, name, O_RDONLY), to = -EBADF;
	struct stat now;

	if (from < 0 || fstat(from, &now) < 0)
		return err_sys(e, "open \"%s\"", name);
	if (!S_ISREG(now.st_mode))
		return 0;               /* replaced meanwhile */
	to = openat(l->to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return err_sys(e, "make \"%s\"", name);
	if (copy_bytes(from, to, e) < 0)
		return err_in(e, "copy \"%s\"", name);
	/* The mode after the owner: chown(2) takes set-id bits away. */
	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return err_sys(e, "owner and mode of \"%s\"", name);
	return keep_times(l->to, name, st, e);
}

static int copy_link(const struct level *l, const char *name, int fd, const struct stat *st, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(e, "readlink \"%s\"", name);
	target[n] = '\0';
	if (symlinkat(target, l->to, name) < 0)
		return err_sys(e, "make \"%s\"", name);
	if (fchownat(l->to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "owner of \"%s\"", name);
	return keep_times(l->to, name, st, e);
}

static int copy_node(const struct level *l, const char *name, const struct stat *st, struct err *e)
{
	if (mknodat(l->to, name, st->st_mode, st->st_rdev) < 0) {
		/* Devices in a user namespace: they could not be used anyway. */
		if (errno == EPERM && (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)))
			return 0;
		return err_sys(e, "make \"%s\"", name);
	}
	if (fchownat(l->to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(l->to, name, st->st_mode & 07777, 0) < 0)
		return err_sys(e, "owner and mode of \"%s\"", name);
	return keep_times(l->to, name, st, e);
}

/* One directory deeper: its owner, mode and times are set when it is left. */
static int enter(struct stack *s, const char *name, struct err *e)
{
	const struct level *l = &s->v[s->n - 1];
	AUTO_FD int from = open_entry(l->from, name, O_RDONLY | O_DIRECTORY);
	AUTO_FD int to = -EBADF;

	if (from < 0)
		return errno == EXDEV ? 0 : err_sys(e, "open \"%s\"", name);
	if (s->n == LEVELS)
		return err_set(e, ERR_UNSUPPORTED, "\"%s\" is deeper than %d levels", name, LEVELS);
	if (mkdirat(l->to, name, 0700) < 0)
		return err_sys(e, "make \"%s\"", name);
	to = openat(l->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return err_sys(e, "open \"%s\"", name);
	s->v[s->n++] = (struct level){ .from = TAKE_FD(from), .to = TAKE_FD(to) };
	return 0;
}

static int leave(struct stack *s, struct err *e)
{
	struct level *l = &s->v[s->n - 1];
	struct stat st;
	int ret = 0;

	if (fstat(l->from, &st) < 0 || fchown(l->to, st.st_uid, st.st_gid) < 0 ||
	    fchmod(l->to, st.st_mode & 07777) < 0)
		ret = err_sys(e, "owner and mode of a directory");
	if (ret == 0) {
		const struct timespec times[2] = { st.st_atim, st.st_mtim };

		if (futimens(l->to, times) < 0)
			ret = err_sys(e, "times of a directory");
	}
	own_close(&l->from);
	own_close(&l->to);
	s->n--;
	return ret;
}

/* 1: a directory was entered. */
static int copy_entry(struct stack *s, const char *name, struct err *e)
{
	const struct level *l = &s->v[s->n - 1];
	AUTO_FD int fd = open_entry(l->from, name, O_PATH);
	struct stat st;
	int depth = s->n;

	if (fd < 0 && (errno == ENOENT || errno == EXDEV || errno == ELOOP))
		return 0;               /* gone meanwhile, or another mount */
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open \"%s\"", name);
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		if (enter(s, name, e) < 0)
			return -1;
		return s->n > depth;
	case S_IFREG:
		return copy_file(l, name, &st, e);
	case S_IFLNK:
		return copy_link(l, name, fd, &st, e);
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
		return copy_node(l, name, &st, e);
	}
	return 0;                       /* a socket: nobody listens */
}

/* Goes on with the deepest level until it is at its end or one deeper is entered. */
static int copy_level(struct stack *s, struct err *e)
{
	struct level *l = &s->v[s->n - 1];
	_Alignas(struct entry) char buf[4096];
	long n, at;

	if (lseek(l->from, l->next, SEEK_SET) < 0)
		return err_sys(e, "lseek");
	while ((n = syscall(SYS_getdents64, l->from, buf, sizeof(buf))) > 0) {
		for (at = 0; at < n;) {
			const struct entry *d = (const void *)(buf + at);
			int ret;

			at += d->len;
			l->next = d->off;
			if (strcmp(d->name, ".") == 0 || strcmp(d->name, "..") == 0)
				continue;
			ret = copy_entry(s, d->name, e);
			if (ret)
				return ret < 0 ? -1 : 0;
		}
	}
	if (n < 0)
		return err_sys(e, "read a directory");
	return leave(s, e);
}

int copytree(int from, int to, struct err *e)
{
	AUTO(stack) s = { .n = 0 };
	AUTO_FD int in = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int out = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (in < 0 || out < 0)
		return err_sys(e, "open a directory");
	s.v[s.n++] = (struct level){ .from = TAKE_FD(in), .to = TAKE_FD(out) };
	while (s.n > 0)
		if (copy_level(&s, e) < 0)
			return -1;
	return 0;
}
