/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of the container.  They mean nothing on the host, and the image may have put a symbolic
 * link anywhere in them (and may rename while we look), so a path is not a string: only the
 * functions below, which resolve it beneath a root with openat2(RESOLVE_IN_ROOT |
 * RESOLVE_NO_MAGICLINKS), can look inside.  EAGAIN of a concurrent rename is tried again, bounded.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

typedef struct { const char *s; } cpath;

#define CPATH(text) ((cpath){ (text) })

#define NESTS_MAX 8

/*
 * File systems of our own making beneath a root, empty at first, in a mount namespace that nobody else is in:
 * what we make in their top directory is what lies there, and one component is safe to act on by name.
 */
struct nests {
	int n, cwd;                     /* CWD: the one that is the working directory, -1: none */
	struct nest {
		const char *path;       /* as config.json has it: "/dev" */
		int fd;                 /* owned */
		bool is_sure;           /* the path leads there: nothing has been mounted elsewhere since it was looked at */
	} v[NESTS_MAX];
};

/* A directory that stands in for "/": the root file system, a procfs, a cgroup. */
struct root {
	int fd;                 /* O_PATH|O_DIRECTORY, not owned */
	const char *name;       /* for messages: "rootfs", "/proc" */
	struct nests *nests;    /* NULL: none */
};

void nests_undo(struct nests *);
/* FD is taken; when there is no room, closed. */
void root_add_nest(const struct root *, cpath, int fd);
/* Something was mounted: paths may lead elsewhere now. */
void root_changed(const struct root *);
/*
 * The descriptor of the nest in which the path names one component, *NAME, or -1 without a message.  It stays the nest's.
 */
int root_nest_of(const struct root *, cpath, const char **name);
/* Whether the path leads to this very file of this very mount now. -1: error. */
int root_leads_to(const struct root *, cpath, int fd, bool nofollow, struct err *);
/* Makes FD the working directory, unless *CWD says it is: for mount(2), which knows paths alone. */
bool root_work_in(int fd, int *cwd);

/* Opens what exists; the descriptor is O_CLOEXEC. With O_PATH|O_NOFOLLOW a last symlink itself. */
int root_open(const struct root *, cpath, int oflags, struct err *);
/* The same without a message for ENOENT and ENOTDIR: returns -1 with e->num == ENOENT or ENOTDIR. */
int root_find(const struct root *, cpath, int oflags, struct err *);

/*
 * An O_PATH descriptor of the directory (file) at the path, made with its parents (0755) when
 * missing; a dangling symbolic link is followed and its target made, inside the root.  What exists
 * must be a directory (must not be one).  New things belong to UID:GID of the caller.
 */
int root_make_dir(const struct root *, cpath, mode_t, struct err *);
int root_make_file(const struct root *, cpath, mode_t, struct err *);

/*
 * The parent directory of the path, made when missing, as an O_PATH descriptor, and the last
 * component in NAME: for mknodat, symlinkat, unlinkat of one component.  ".." as the last one is refused.
 */
int root_make_parent(const struct root *, cpath, char name[256], struct err *);

/* One component NAME in directory DIR; never follows, never replaces. */
int root_mknod_at(int dir, const char *name, mode_t, dev_t, struct err *);
/*
 * The same, and directories, in a nest, for a caller without umask: nobody can have replaced it meanwhile. False:
 * something is there, or errno.
 */
bool root_make_in_nest(int nest, const char *name, mode_t, dev_t);
int root_symlink_at(int dir, const char *name, const char *target, struct err *);
/* S_IFMT of NAME in DIR, of a link itself; -1 and errno. */
int root_type_at(int dir, const char *name);
/* Target of link NAME in DIR ("": of the link that DIR itself is), NUL added. Returns the length. */
ssize_t root_read_link_at(int dir, const char *name, char *buf, size_t size, struct err *);
int root_chown(int fd, uid_t, gid_t, struct err *);     /* through the descriptor, O_PATH allowed */
int root_chmod(int fd, mode_t, struct err *);

/* pivot_root(2) to the directory FD; the old root goes away, the new one is the working directory. */
int root_pivot(int fd, struct err *);
/* chroot(2) to the directory FD, which is the working directory too then. */
int root_enter(int fd, struct err *);
