/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Birth: from a plan to a process that runs husk-init.  On the host.
 *
 *   direct   clone3(CLONE_VM|CLONE_VFORK, all new namespaces) + execveat of husk-init from its sealed memfd; where the cgroups
 *            are made meanwhile (ns_plan.later) in a new PID namespace alone, the others are made by husk-init
 *   bridged  a new user namespace, joined PID, time or user namespaces, and exec: husk-init is started in the host's
 *            namespaces, joins and unshares there, and makes the final init by clone3(CLONE_PARENT): it is husk's own
 *            child all the same, and nothing but husk-init ever runs inside (CVE-2019-5736)
 */
#pragma once

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "plan/plan.h"
#include "spawn/handshake.h"
#include "spawn/stamps.h"

/*
 * The descriptors that husk-init finds, counted from a number that is its argv[1] in decimal: 3 + plan->stdio.preserved or
 * more; argv[2] is how many groups there are to enter.  When somebody traces, INIT_TRACES is the argv[3].  Which other
 * descriptors are there follows from the plan.
 */
enum init_fd { INIT_FD_TALK, INIT_FD_PLAN, INIT_FD_CRUMB, INIT_FD_TARGET, INIT_FD_TARGET_ROOT, INIT_FD_HOOK_OUT, INIT_FD_HOOK_ERR,
	       INIT_FD_NS, INIT_FD_GROUPS = INIT_FD_NS + NS_KINDS };
#define INIT_TRACES "trace"
#define INIT_FDS (INIT_FD_GROUPS + CGROUP_DIRS)

struct child {
	pid_t pid;                      /* until the step INIT: of the bridge, when there is one */
	int pidfd;
	int bridge;                     /* pidfd of one that has done its duty and is not reaped yet */
	struct handshake talk;
	int crumb;                      /* of the page of its stages (spawn/stamps.h) */
	struct stamps_owner stamps;     /* for the trace; outlives the process */
	bool is_kept;
};

#define CHILD_NONE ((struct child){ \
	.pid = 0, .pidfd = -EBADF, .bridge = -EBADF, .crumb = -EBADF, .talk = { .fd = -EBADF, .at = -1 } })

void child_undo(struct child *);        /* SIGKILL, reaped; closes everything */
void child_keep(struct child *);        /* from now on it lives without us; undo only closes */

struct spawn_request {
	const struct plan *plan;        /* in the sealed arena */
	const struct arena *arena;
	int cgroup;                     /* for CLONE_INTO_CGROUP, -1: none */
	const struct parcel *groups;    /* cgroup_entries(): the child enters them by itself; NULL: none */
	int target;                     /* exec: pidfd of the container's init; -1 */
	int hook_out, hook_err;         /* what hooks in init print goes there; 0: nowhere */
	int target_root;                /* exec: O_PATH of its "/", when it has no mount namespace of its own; -1: it has */
};

int spawn(struct child *, const struct spawn_request *, struct err *);

/* The steps that PLAN needs: which is also what both sides put into handshake.needed. Both programs (handshake.c). */
uint32_t spawn_needed(const struct plan *);

/* Is the answer of PLACE told by husk, without being asked? */
bool spawn_tells_place(const struct plan *);
/* Can it wait until init has entered the root?  Then GROUPS is told before, which the mounts of cgroups need. */
bool spawn_places_late(const struct plan *);
/* After the end of the conversation of an exec: was it execve(2) that ended it?  ERR_PEER otherwise. */
int child_check_executed(const struct child *, struct err *);
/* For the step INIT: the child is the final init from now on. */
int child_take_over(struct child *, struct letter *question, struct err *);
/* When it is answered: the bridge ends in this moment, or has. */
int child_reap_bridge(struct child *, struct err *);
/* After a failed conversation: when init died, adds how and in which stage. Always -1. */
int child_explain(struct child *, struct err *);
