/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.uidMappings, linux.gidMappings: the maps of a new user namespace.  Planned in husk; written by the host
 * while the new process waits (idmap_serve, the step IDMAP); then that process becomes root inside.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/host.h"

struct idmap_plan {
	bool is_set;                    /* a new user namespace with these maps */
	const char *uid_map, *gid_map;  /* lines "inside outside size" */
	bool by_helper;                 /* newuidmap(1), newgidmap(1): husk lacks the privilege for these ranges */
	bool denies_setgroups;          /* an unprivileged gid map: setgroups must be denied first (user_namespaces(7)) */
	bool has_root;                  /* ids 0:0 exist inside */
	uid_t root_uid; gid_t root_gid; /* what 0:0 is outside */
	uid_t work_uid; gid_t work_gid; /* ids inside that init has until it becomes the user: 0:0, or others that exist */
};

int idmap_plan(struct idmap_plan *, const struct oci_config *, const struct host *, struct arena *, struct err *);
/* Host: writes the maps of PID. */
int idmap_serve(const struct idmap_plan *, pid_t, struct err *);
/*
 * In husk-init, inside a user namespace: becomes 0:0 there (work_uid:work_gid), for an id that does not exist inside cannot
 * make files.  Supplementary groups are left to user_apply(), which comes later.
 */
int idmap_root_apply(const struct idmap_plan *, struct err *);
