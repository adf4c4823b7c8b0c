/* SPDX-License-Identifier: Apache-2.0 */
/* Groups by descriptor; see groupfs.h.  Runs on the host only, in every command that touches cgroups. */
#include "sys/groupfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/calls.h"
#include "sys/fd.h"

static int open_beneath(int group, const char *path, int oflags)
{
	struct open_how how = {
		.flags = (uint64_t)oflags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};

	return sys_openat2(group, *path ? path : ".", &how);
}

int groupfs_open(const char *path, bool v2, struct err *e)
{
	AUTO_FD int fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return err_sys(e, "open the cgroup \"%s\"", path);
	if ((unsigned long)fs.f_type != (v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
		return err_set(e, ERR_UNSUPPORTED, "\"%s\" is not a cgroup %s file system", path, v2 ? "v2" : "v1");
	return TAKE_FD(fd);
}

int groupfs_open_known(const char *path, struct err *e)
{
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "open the cgroup \"%s\"", path) : fd;
}

int groupfs_reopen(const char *path, uint64_t id, struct err *e)
{
	AUTO_FD int fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		if (st.st_ino == id)
			return TAKE_FD(fd);
		errno = ENOENT;
	}
	return err_sys(e, "open the cgroup \"%s\"", path);
}

int groupfs_find(int group, const char *path, struct err *e)
{
	int fd = open_beneath(group, path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return err_sys(e, "open the cgroup \"%s\"", path);
	return fd;
}

int groupfs_make(int group, const char *name, struct err *e)
{
	if (mkdirat(group, name, 0755) == 0)
		return 1;
	if (errno == EEXIST)
		return 0;
	return err_sys(e, "make the cgroup \"%s\"", name);
}

int groupfs_remove(int group, const char *name, struct err *e)
{
	if (unlinkat(group, name, AT_REMOVEDIR) < 0)
		return err_sys(e, "remove the cgroup \"%s\"", name);
	return 0;
}

uint64_t groupfs_id(int group)
{
	struct stat st;

	return fstat(group, &st) < 0 ? 0 : st.st_ino;
}

int groupfs_open_file(int group, const char *file, int oflags, struct err *e)
{
	int fd = open_beneath(group, file, oflags | O_NOFOLLOW);

	if (fd < 0)
		return err_sys(e, "open \"%s\"", file);
	return fd;
}

int groupfs_write(int group, const char *file, const char *text, struct err *e)
{
	AUTO_FD int fd = groupfs_open_file(group, file, O_WRONLY, e);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, "write \"%s\" to \"%s\"", text, file);
	return 0;
}

ssize_t groupfs_read(int group, const char *file, char *buf, size_t size, struct err *e)
{
	AUTO_FD int fd = groupfs_open_file(group, file, O_RDONLY, e);
	ssize_t n = fd < 0 ? -1 : fd_read_made(fd, buf, size, e);

	return fd >= 0 && n < 0 ? err_in(e, "\"%s\"", file) : n;
}

bool groupfs_is(const char *path, uint64_t id)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_ino == id;
}

bool groupfs_has_groups(const char *path, uint64_t id)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_ino == id && st.st_nlink > 2;
}

int groupfs_open_tasks(const char *path, uint64_t id, struct err *e)
{
	char name[PATH_MAX];
	struct text t = TEXT(name);
	AUTO_FD int fd = -EBADF;

	text_add(&t, path);
	text_add(&t, "/tasks");
	if (t.cut)
		return err_set(e, ERR_SYSTEM, "cgroup \"%s\": the path is too long", path);
	fd = openat(AT_FDCWD, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	/* Asked afterwards: as groups do not come back, it was the right one before, too. */
	if (fd >= 0 && groupfs_is(path, id))
		return TAKE_FD(fd);
	if (fd >= 0)
		errno = ENOENT;
	return err_sys(e, "open \"%s\"", name);
}

void groupfs_near_undo(struct groupfs_near *near)
{
	own_close(&near->fd);
}

static bool is_near(const struct groupfs_near *near, const char *path, size_t len)
{
	return !near->parent[len] && memcmp(near->parent, path, len) == 0;
}

/*
 * The directory in which *PATH, then shortened to what is left of it, is to be looked up.  It is opened for the second group that
 * is in it, for there may be only one.
 */
static int parent_of(struct groupfs_near *near, const char **path)
{
	const char *slash = strrchr(*path, '/');
	size_t len = slash ? (size_t)(slash - *path) : 0;

	if (!near || !len || len >= sizeof(near->parent))
		return AT_FDCWD;
	if (!is_near(near, *path, len)) {
		own_close(&near->fd);
		*(char *)mempcpy(near->parent, *path, len) = '\0';
		return AT_FDCWD;
	}
	if (near->fd < 0)
		near->fd = open(near->parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (near->fd < 0)
		return AT_FDCWD;
	*path = slash + 1;
	return near->fd;
}

ssize_t groupfs_peek(struct groupfs_near *near, const char *path, const char *file, char *buf, size_t size, struct err *e)
{
	const char *rest = path;
	int dir = parent_of(near, &rest);
	char name[PATH_MAX];
	struct text t = TEXT(name);

	text_add(&t, rest);
	text_add(&t, "/");
	text_add(&t, file);
	if (t.cut)
		return err_set(e, ERR_SYSTEM, "cgroup \"%s\": the path is too long", path);
	return file_read_at(dir, name, buf, size, e);
}

ssize_t groupfs_read_above(int group, const char *file, char *buf, size_t size, struct err *e)
{
	char path[GROUP_NAME_MAX + sizeof("../")];
	struct text t = TEXT(path);
	AUTO_FD int fd = -EBADF;
	ssize_t n;

	text_add(&t, "../");
	text_add(&t, file);
	/* A group knows its parent, and there are no links in a cgroup file system. */
	fd = openat(group, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(e, "open \"%s\"", path);
	n = fd_read_made(fd, buf, size, e);
	return n < 0 ? err_in(e, "\"%s\"", path) : n;
}

int groupfs_chown(int group, const char *file, uid_t uid, gid_t gid, struct err *e)
{
	if (fchownat(group, file, uid, gid, AT_SYMLINK_NOFOLLOW | (*file ? 0 : AT_EMPTY_PATH)) < 0)
		return err_sys(e, "change the owner of \"%s\"", *file ? file : "the cgroup");
	return 0;
}

static void own_closedir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

int groupfs_child(int group, uint64_t after, char name[GROUP_NAME_MAX + 1], uint64_t *id, struct err *e)
{
	AUTO_FD int fd = open_beneath(group, ".", O_RDONLY | O_DIRECTORY);
	__attribute__((cleanup(own_closedir))) DIR *d = NULL;
	bool behind = after == 0;
	struct dirent *de;

	if (fd < 0 || !(d = fdopendir(fd)))
		return err_sys(e, "list a cgroup");
	(void)TAKE_FD(fd);
	for (;;) {
		errno = 0;
		de = readdir(d);
		if (!de)
			break;
		if (de->d_type != DT_DIR || str_eq(de->d_name, ".") || str_eq(de->d_name, ".."))
			continue;
		if (!behind) {
			behind = de->d_ino == after;
			continue;
		}
		memcpy(name, de->d_name, MIN(strlen(de->d_name), (size_t)GROUP_NAME_MAX) + 1);
		name[GROUP_NAME_MAX] = '\0';
		*id = de->d_ino;
		return 1;
	}
	/* A group that was removed while we looked has no children. */
	if (errno && errno != ENOENT && errno != ENODEV)
		return err_sys(e, "list a cgroup");
	return 0;
}

int groupfs_parent(int group, struct err *e)
{
	int fd = openat(group, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_sys(e, "open the parent of a cgroup");
	return fd;
}
