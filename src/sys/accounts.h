/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/passwd and /etc/group of an image: hostile files, read with a cap on size, regular files only, never by libc. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "sys/root.h"

/* HOME of UID in the image's /etc/passwd. 1 found, 0 no entry or no usable file. Both programs. */
int accounts_home(const struct root *, uid_t, char *home, size_t size, struct err *);

/*
 * "user", "user:group", "1000:1000" as `exec --user` takes it, against the image's files: digits
 * are numbers first (CVE-2016-3697); -1 and what is beyond is refused.  Without a group GID becomes
 * the user's primary group, and is left as it was when the image does not know the number.
 */
int accounts_resolve(const struct root *, const char *spec, uid_t *, gid_t *, struct err *);

/* First range of USER (name or uid) in /etc/subuid or /etc/subgid of the host. 1 found, 0 none. */
int accounts_subids(const char *file, uid_t, const char *name, unsigned *first, unsigned *count, struct err *);
