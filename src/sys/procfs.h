/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A procfs of our own: made by fsopen(2)+fsmount(2) and never attached, or, where the kernel does
 * not allow that, the host's /proc verified by its magic and root inode.  All names are looked
 * up beneath it with RESOLVE_BENEATH|NO_XDEV|NO_SYMLINKS|NO_MAGICLINKS, so nothing that a container
 * mounted over /proc can catch a write (CVE-2019-16884, CVE-2025-52881).
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct procfs {
	int fd;                 /* directory; -EBADF: none */
};

#define PROCFS_NONE ((struct procfs){ -EBADF })

void procfs_undo(struct procfs *);

/* One of our own, of the PID namespace of the caller; the host's where that is not allowed. */
int procfs_open(struct procfs *, struct err *);
/* The verified /proc of the caller's mount namespace: a tenth of the price, good for reading on the host. */
int procfs_open_host(struct procfs *, struct err *);

/* NAME is relative: "self/attr/exec", "123/uid_map", "sys/kernel/hostname". */
int procfs_open_file(const struct procfs *, const char *name, int oflags, struct err *);
int procfs_write(const struct procfs *, const char *name, const char *text, struct err *);
ssize_t procfs_read(const struct procfs *, const char *name, char *buf, size_t size, struct err *);
/*
 * A file of "/proc/self", opened without anything else of /proc, for reading on the host: the file itself is checked to be of
 * a procfs, and the link "self" is the kernel's there.
 */
int procfs_open_own(const char *name, int oflags, struct err *);
ssize_t procfs_read_own(const char *name, char *buf, size_t size, struct err *);
/* One small file of the host's "/proc/PID", opened and left again, where nothing else of /proc is needed. */
ssize_t procfs_read_host(pid_t pid, const char *name, char *buf, size_t size, struct err *);
/* For magic links that we made ourselves: "self/fd/7", "123/ns/net". */
int procfs_open_link(const struct procfs *, const char *name, int oflags, struct err *);
/* Its text, NUL added. Returns the length. */
ssize_t procfs_read_link(const struct procfs *, const char *name, char *buf, size_t size, struct err *);
