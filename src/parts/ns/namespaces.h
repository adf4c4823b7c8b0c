/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.namespaces, linux.timeOffsets: which namespaces are made and which are joined, and the order of it.
 * Planned in husk; the joined ones are opened and verified on the host (ns_open), entered in husk-init.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/host.h"
#include "sys/procfs.h"

#define NS_KINDS 8

struct ns_join { uint64_t kind; const char *path, *where; };    /* CLONE_NEW*; where: "linux.namespaces[2].path" */

struct ns_plan {
	uint64_t make, join;            /* CLONE_NEW* bits, disjoint */
	uint64_t later;                 /* of MAKE: those that init makes by itself, while husk plans and makes the cgroups */
	struct ns_join joins[NS_KINDS]; /* in the order of config.json; exec joins by pidfd and has none */
	int n_joins;
	const char *time_offsets;       /* lines for /proc/PID/timens_offsets; NULL: none */
	bool needs_bridge;              /* a namespace that only children enter, or a new user namespace */
};

/* C->linux_ may be NULL: nothing is made. Unknown to this kernel: ERR_UNSUPPORTED. */
int ns_plan(struct ns_plan *, const struct oci_config *c, const struct host *, struct arena *, struct err *);
/* Decides that init makes by itself what a process can be given when it is there already. */
void ns_plan_later(struct ns_plan *);
/* exec: joins all that the container has of its own, by the pidfd of its init. */
int ns_plan_exec(struct ns_plan *, const struct oci_config *c, const struct host *, struct arena *, struct err *);

/* Host: FDS[i] of joins[i], each verified to be a namespace of its kind (ioctl_ns(2)). The caller's. */
int ns_open(const struct ns_plan *, int fds[NS_KINDS], struct err *);

/*
 * In husk-init: enters joins[i] by FDS[i] (all closed afterwards).  What may be entered with the privileges of the
 * host is entered first, then the user namespace, then what belongs to that one.
 */
int ns_join_apply(const struct ns_plan *, const int fds[NS_KINDS], struct err *);
/* In husk-init, for exec: all of ns->join at once by the pidfd of the container's init. */
int ns_join_target_apply(const struct ns_plan *, int pidfd, struct err *);
/* In husk-init: makes those of ns->later, KINDS. */
int ns_make_apply(uint64_t kinds, struct err *);
/* In the bridge: a time namespace for its children, with its offsets. PROC: of the bridge's PID namespace. */
int ns_time_apply(const struct ns_plan *, const struct procfs *, struct err *);
