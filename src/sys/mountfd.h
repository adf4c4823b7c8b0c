/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts by descriptor: fsopen(2), open_tree(2), mount_setattr(2), move_mount(2). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * A new file system instance, detached. SOURCE may be NULL. DATA: NUL-terminated "key" and
 * "key=value" one after the other, an empty one ends them (NULL: none); each goes to fsconfig(2)
 * as it is, so a value may hold commas. The kernel's own message (read from the fs descriptor) ends
 * up in the error. ATTR: MOUNT_ATTR_*; SUPER_RDONLY makes the instance itself read-only.
 */
int mountfd_new(const char *type, const char *source, const char *data, uint64_t attr, bool super_rdonly, struct err *);
/* Changes options of the instance behind MNT, DATA as above (fspick(2), FSCONFIG_CMD_RECONFIGURE). */
int mountfd_reconfigure(int mnt, const char *data, struct err *);
/*
 * A detached clone of what is at PATH below DIR ("" : DIR itself, a descriptor that may be O_PATH).
 * A last symbolic link is followed, unless NOFOLLOW: then the link itself is the mount.
 */
int mountfd_clone(int dir, const char *path, bool recursive, bool nofollow, struct err *);
/* Sets and clears attributes of a (detached) mount; PROPAGATION MS_SHARED.. or 0. */
int mountfd_set(int mnt, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive, struct err *);
/* Gives the root directory of a mount its SELinux label: for file systems that take no "context=" (mqueue). xattr(7). */
int mountfd_label(int mnt, const char *label, struct err *);
int mountfd_idmap(int mnt, int userns_fd, bool recursive, struct err *);
/* Puts the detached mount on the object that TARGET names (by descriptor, never by path). */
int mountfd_attach(int mnt, int target, struct err *);
/* The same on NAME in DIR, which must be ours alone (sys/root.h, nests). A link is not followed. */
/* On a path of the host's, links followed. */
int mountfd_attach_on(int mnt, const char *path, struct err *);
int mountfd_attach_at(int mnt, int dir, const char *name, struct err *);
/*
 * In one call or two what mountfd_new() or mountfd_clone(), mountfd_set() and mountfd_attach() do: on NAME in the
 * working directory, which must be a nest, or a procfs or sysfs of our own where NAME is one component (more in a sysfs
 * in which nothing is mounted).  MOUNT_ATTR_RDONLY of a new one goes with SUPER_RDONLY alone, as of mountfd_new().
 * False, and nothing mounted: not possible so, or refused; the long way will tell why.  errno is ENOENT when there is no
 * such name or source, and only then.
 */
bool mountfd_new_here(const char *name, const char *type, const char *source, const char *data, uint64_t attr,
		      bool super_rdonly);
bool mountfd_bind_here(const char *name, const char *source, bool recursive, uint64_t set, uint64_t clear);
/* What is mounted at the descriptor goes away (umount2 MNT_DETACH through /proc/self/fd or fchdir "."). */
int mountfd_detach(int fd, struct err *);
/* The same where "/proc" is a container's: PROC is used for what is no directory. */
struct procfs;
int mountfd_detach_by(int fd, const struct procfs *proc, struct err *);
/* Propagation of the caller's whole mount tree: mount(NULL, "/", NULL, FLAGS). */
int mountfd_propagation_of_root(unsigned long flags, struct err *);
/* 1 when FD is the root of a mount of its own (statx STATX_ATTR_MOUNT_ROOT), 0 when not. */
int mountfd_is_mount(int fd, struct err *);
/* The number of the mount that FD lies on, its own as long as it lives. */
int mountfd_id(int fd, uint64_t *id, struct err *);
/* 1 when both are the same file on the same mount: to see that a name still leads there. */
int mountfd_same(int a, int b, struct err *);
/* The same for NAME, one component, in DIR; a link is itself, and so never the same. */
int mountfd_same_at(int dir, const char *name, int b, struct err *);
