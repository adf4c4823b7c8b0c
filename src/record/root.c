/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds, makes and checks the state directory.  Whoever can write there decides what `delete`
 * signals and removes, so it must belong to us and be writable by nobody else (CVE-2015-1331).
 */
#include "record/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/fd.h"

/* The initial user namespace has this inode number since Linux 3.8 (PROC_USER_INIT_INO). */
#define INITIAL_USERNS  0xEFFFFFFDu

static bool is_in_user_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/user", &st) == 0 && st.st_ino != INITIAL_USERNS;
}

int record_root_path(const char *root, char *buf, size_t size, struct err *e)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	bool has_runtime = runtime && *runtime;
	int n;

	if (root && *root)
		n = snprintf(buf, size, "%s", root);
	else if (geteuid() == 0 && !(has_runtime && is_in_user_namespace()))
		n = snprintf(buf, size, "/run/husk");
	else if (has_runtime)
		n = snprintf(buf, size, "%s/husk", runtime);
	else
		n = snprintf(buf, size, "/run/user/%u/husk", geteuid());
	if (n < 0 || (size_t)n >= size)
		return err_set(e, ERR_USAGE, "the path of the state directory is too long");
	return 0;
}

/* All components; those that exist may belong to anybody. */
static int make_parents(char *path, struct err *e)
{
	for (char *c = path + 1; ; c++) {
		char was = *c;

		if (was != '/' && was != '\0')
			continue;
		*c = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_sys(e, "make state directory \"%s\"", path);
		*c = was;
		if (!was)
			return 0;
	}
}

int record_open_root(const char *root, bool make, struct err *e)
{
	AUTO_FD int fd = -EBADF;
	char path[4096];
	struct stat st;

	if (record_root_path(root, path, sizeof(path), e) < 0)
		return -1;
	fd = fd_open(path, O_RDONLY | O_DIRECTORY, 0, e);
	if (fd < 0) {
		if (e->num != ENOENT || !make)
			return -1;
		if (make_parents(path, e) < 0)
			return -1;
		fd = fd_open(path, O_RDONLY | O_DIRECTORY, 0, e);
		if (fd < 0)
			return -1;
	}
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat \"%s\"", path);
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return err_set(e, ERR_USAGE, "state directory \"%s\" must belong to user %u and be writable by nobody else",
			       path, geteuid());
	return TAKE_FD(fd);
}

bool record_root_is_volatile(int root)
{
	return fd_has_magic(root, TMPFS_MAGIC);
}
