/* SPDX-License-Identifier: Apache-2.0 */
/* One or two calls for each: `create` is asked for often, and a checkpoint hardly ever. */
#include "record/streams.h"

#include <inttypes.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sys/calls.h"
#include "sys/fd.h"

const char *streams_word(int fd, struct arena *a)
{
	struct sys_mount_facts f;

	if (sys_mount_facts(fd, "", &f) < 0)
		return "";
	/* One with a name is a file, of which CRIU asks for the name. */
	if (S_ISFIFO(f.mode) && fd_has_magic(fd, PIPEFS_MAGIC))
		return arena_printf(a, "pipe:[%" PRIu64 "]", f.inode);
	if (S_ISSOCK(f.mode))
		return arena_printf(a, "socket:[%" PRIu64 "]", f.inode);
	if (S_ISREG(f.mode))
		return arena_printf(a, "file[%" PRIx64 ":%" PRIx64 "]", f.id, f.inode);
	if (S_ISCHR(f.mode) && f.special == makedev(1, 3))
		return arena_printf(a, STREAMS_NULL "file[%" PRIx64 ":%" PRIx64 "]", f.id, f.inode);
	return "";
}

void streams_name(str_list *l, struct arena *a)
{
	l->v = ARENA_ARRAY(a, const char *, 3);
	l->n = 3;
	for (int fd = 0; fd <= 2; fd++)
		l->v[fd] = streams_word(fd, a);
}
