/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors and files of the host.  Everything opened here is O_CLOEXEC.  Paths are the
 * host's and trusted (bundle, state directory, hooks); for the container's see sys/root.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

int fd_open(const char *path, int flags, mode_t, struct err *);
int fd_open_at(int dir, const char *name, int flags, mode_t, struct err *);

/* The host's /dev/null: a last symlink is refused, the device number checked. */
int fd_open_null(int flags, struct err *);

/* Writes all of it in one write(2) where the kernel takes it (proc, cgroup files want one call). */
int fd_write_all(int fd, const void *, size_t, struct err *);
/* Up to SIZE-1 bytes, NUL added. Returns the length. */
ssize_t fd_read_text(int fd, char *buf, size_t size, struct err *);
/*
 * The same for files that the kernel writes as one piece (/proc, /sys): a read that is short is their end, without
 * another one to be told so.
 */
ssize_t fd_read_made(int fd, char *buf, size_t size, struct err *);
/* The whole file, NUL added, in the arena; larger than MAX is an error. */
char *fd_read_all(int fd, size_t max, struct arena *, size_t *len, struct err *);

/* dir/name relative to a descriptor (AT_FDCWD too): open, one write or read, close. */
int file_write_at(int dir, const char *name, const char *text, struct err *);
ssize_t file_read_at(int dir, const char *name, char *buf, size_t size, struct err *);
/* Replaces dir/name by a temporary file, fsync-less, and rename(2): readers see old or new. */
int file_replace_at(int dir, const char *name, const void *, size_t, mode_t, struct err *);

/* A second descriptor of the same, from 3 on. */
int fd_dup(int fd, struct err *);
/* Closes all N (negative ones are none), neighbours by one call, and makes them -EBADF; their order is lost. Keeps errno. */
void fd_close_all(int fds[], int n);

/* Marks everything from FIRST on as close-on-exec (close_range(2)). */
int fd_cloexec_from(int first, struct err *);
int fd_set_cloexec(int fd, bool on, struct err *);

/* Makes 0, 1 and 2 exist: a missing one becomes the host's /dev/null, verified. At the start of main. */
int fd_ensure_stdio(struct err *);

/* Is the descriptor of this kind? By fstat(2), fstatfs(2). */
bool fd_is_dir(int fd);
bool fd_is_device(int fd, mode_t type, unsigned major, unsigned minor);
bool fd_has_magic(int fd, long fs_magic);
/* The same file: st_dev and st_ino agree. */
bool fd_same(int a, int b);

/* Is there something of that name, a link for example? */
bool file_is_at(int dir, const char *name);
/* What is at a path of the host, without opening it: st_mode. A link itself with NOFOLLOW. */
int path_mode(const char *path, bool nofollow, mode_t *, struct err *);
/* May we, with our effective ids: access(2)'s R_OK, W_OK, X_OK, F_OK? */
bool path_allows(const char *path, int how);
/* A directory of the host, with those above it (0755); that it is there is no error. */
int path_make_dir(const char *path, mode_t, struct err *);
