/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup file systems: directories that are groups, files that are settings.  A group is a
 * descriptor; names are looked up beneath it, one component each, and never through links or
 * mounts (openat2(2) RESOLVE_BENEATH|NO_SYMLINKS|NO_XDEV), so a name from a config stays inside.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define GROUP_NAME_MAX 255

/* The root of a mount, or any group by its absolute path; checked to be cgroup2 (V2) or cgroup. O_RDONLY|O_DIRECTORY. */
int groupfs_open(const char *path, bool v2, struct err *);
/* The same by a path beneath a mount that this process has checked already. */
int groupfs_open_known(const char *path, struct err *);
/* The same for one whose number is known: ENOENT when another directory has taken its place. */
int groupfs_reopen(const char *path, uint64_t id, struct err *);
/* PATH beneath the group ("a/b"; "" is the group again). -1 with e->num ENOENT, without a message, when not there. */
int groupfs_find(int group, const char *path, struct err *);
/* Makes NAME in the group. 1 made, 0 was there, -1. */
int groupfs_make(int group, const char *name, struct err *);
/* rmdir(2). -1 leaves errno in e->num: EBUSY while there are processes or groups in it. */
int groupfs_remove(int group, const char *name, struct err *);
/* Inode number: unique among all groups since boot. */
uint64_t groupfs_id(int group);

/* A file of the group. groupfs_read: ENOENT in e->num. Both are one system call on the file. */
int groupfs_write(int group, const char *file, const char *text, struct err *);
ssize_t groupfs_read(int group, const char *file, char *buf, size_t size, struct err *);
/* Opens "tasks" of the v1 group at an absolute path, alone; ENOENT when the group there has not this number. */
int groupfs_open_tasks(const char *path, uint64_t id, struct err *);
/* The group at an absolute path has this number now. */
bool groupfs_is(const char *path, uint64_t id);
/* And there are groups in it. */
bool groupfs_has_groups(const char *path, uint64_t id);
/* For who looks at many groups, of which most lie beside the one before: their parent, held open. */
struct groupfs_near { int fd; char parent[512]; };
#define GROUPFS_NEAR_NONE ((struct groupfs_near){ .fd = -EBADF })
void groupfs_near_undo(struct groupfs_near *);
/*
 * The text of a file of whatever group is at an absolute path now; for a look, whose answer may be old when it comes.  Groups
 * do not come back: when groupfs_is() says afterwards that it is the right one, then it was.  NEAR may be NULL.
 */
ssize_t groupfs_peek(struct groupfs_near *near, const char *path, const char *file, char *buf, size_t size, struct err *);
/* The file of that name in the group above. */
ssize_t groupfs_read_above(int group, const char *file, char *buf, size_t size, struct err *);
int groupfs_open_file(int group, const char *file, int oflags, struct err *);
int groupfs_chown(int group, const char *file, uid_t, gid_t, struct err *);    /* "" the group itself */

/*
 * The first child of the group in the order of the directory; or, with AFTER set, the first one behind the child
 * with this id.  1 and its name and id; 0 there is none; -1.
 */
int groupfs_child(int group, uint64_t after, char name[GROUP_NAME_MAX + 1], uint64_t *id, struct err *);
/* The parent; the caller must know that it is not at the top. */
int groupfs_parent(int group, struct err *);
