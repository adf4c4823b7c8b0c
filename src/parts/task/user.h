/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the process is: process.user, as ids of the container's user namespace.
 *
 * Planned in husk; applied in husk-init as the last change of identity, between caps_keep_apply()
 * and caps_ready_apply().  Every change is read back (a setuid(2) that is not looked at is how
 * a container ends up as root).  Sources: config.md "POSIX-platform User"; setresuid(2).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/host.h"

struct user_plan {
	uid_t uid;
	gid_t gid;
	mode_t umask;                   /* 0022 when process.user.umask is absent */
	const gid_t *groups;            /* the whole supplementary set */
	size_t ngroups;
	bool keeps_groups;              /* setgroups(2) is not called: denied in this user namespace, or asked for */
};

/*
 * U may be NULL: root, no further groups.  DENIES_SETGROUPS: the user namespace was made without
 * privilege, so setgroups is "deny"; then additionalGids is an error.  KEEP: the annotation
 * run.oci.keep_original_groups.  PATH is the JSON path of the object: "process.user".
 */
int user_plan(struct user_plan *, const struct oci_user *u, bool denies_setgroups, bool keep, const char *path,
	      const struct host *, struct arena *, struct err *);

/* setgroups, read back. */
int user_groups_apply(const struct user_plan *, struct err *);
/* setresgid, setresuid; each read back. Capabilities survive only as PR_SET_KEEPCAPS says. */
int user_apply(const struct user_plan *, struct err *);
/* umask(2), which cannot fail. */
void user_umask_apply(const struct user_plan *);
