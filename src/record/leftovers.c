/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree may be of any depth, since the container made it: so no recursion and no stack of descriptors, but
 * directories that are not empty give their own directories up to the top, until all of them are there.
 */
#include "record/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/fd.h"

struct listing { DIR *d; };

static void listing_undo(struct listing *l)
{
	if (l->d)
		(void)closedir(l->d);
}

static int list(struct listing *l, int dir, const char *name, struct err *e)
{
	AUTO_FD int fd = fd_open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);

	if (fd < 0)
		return -1;
	l->d = fdopendir(fd);
	if (!l->d)
		return err_sys(e, "read \"%s\"", name);
	(void)TAKE_FD(fd);
	return 0;
}

static const char *next(struct listing *l)
{
	struct dirent *entry;

	do
		entry = readdir(l->d);
	while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	return entry ? entry->d_name : NULL;
}

/* Everything that is no directory, and empty ones; the others of NAME move up into TOP. */
static int flatten(int top, const char *name, unsigned *number, struct err *e)
{
	AUTO(listing) l = {};
	char fresh[32];
	const char *child;

	if (list(&l, top, name, e) < 0)
		return -1;
	while ((child = next(&l))) {
		int from = dirfd(l.d);

		if (unlinkat(from, child, 0) == 0 || unlinkat(from, child, AT_REMOVEDIR) == 0)
			continue;
		(void)snprintf(fresh, sizeof(fresh), ".husk-%u", (*number)++);
		if (renameat(from, child, top, fresh) < 0)
			return err_sys(e, "remove \"%s\"", child);
	}
	return 0;
}

static int empty(int top, struct err *e)
{
	unsigned number = 0;
	bool again = true;

	while (again) {
		AUTO(listing) l = {};
		const char *name;

		again = false;
		if (list(&l, top, ".", e) < 0)
			return -1;
		while ((name = next(&l))) {
			if (unlinkat(top, name, 0) == 0 || unlinkat(top, name, AT_REMOVEDIR) == 0)
				continue;
			again = true;
			if (flatten(top, name, &number, e) < 0)
				return -1;
		}
	}
	return 0;
}

int leftovers_remove(int dir, const char *name, struct err *e)
{
	AUTO_FD int top = fd_open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);

	if (top < 0)
		return e->num == ENOENT ? 0 : -1;
	if (empty(top, e) < 0)
		return -1;
	if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(e, "remove \"%s\"", name);
	return 0;
}
