/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Birth: a process that runs husk-init, and the plan that it waits for.  On the host.
 *
 *   direct   clone3(CLONE_VM|CLONE_VFORK, all new namespaces) + execveat of husk-init from its sealed memfd; where the cgroups
 *            are made meanwhile (ns_plan.later) in a new PID namespace alone, the others are made by husk-init
 *   bridged  a new user namespace, joined PID, time or user namespaces, and exec: husk-init is started in the host's
 *            namespaces, joins and unshares there, and makes the final init by clone3(CLONE_PARENT): it is husk's own
 *            child all the same, and nothing but husk-init ever runs inside (CVE-2019-5736)
 *
 * Where it can be known beforehand how it has to be born, husk plans while it is on its way: the plan comes by the socket.
 */
#pragma once

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "plan/plan.h"
#include "spawn/handshake.h"
#include "spawn/stamps.h"

/*
 * The descriptors that husk-init finds, counted from a number that is its argv[1] in decimal; argv[2] is how many groups there
 * are to enter, argv[3] which namespaces it makes first of all (CLONE_NEW*, in decimal).  When somebody traces, INIT_TRACES is
 * the argv[4].
 */
enum init_fd { INIT_FD_TALK, INIT_FD_CRUMB, INIT_FD_GROUPS };
#define INIT_TRACES "trace"
#define INIT_FDS (INIT_FD_GROUPS + CGROUP_DIRS)

/* Those that come with the answer of PLAN, in this order; bit N of its number: the one with number N is there. */
enum plan_fd { PLAN_FD_PLAN, PLAN_FD_TARGET, PLAN_FD_TARGET_ROOT, PLAN_FD_HOOK_OUT, PLAN_FD_HOOK_ERR, PLAN_FD_NS };
#define PLAN_FDS (PLAN_FD_NS + NS_KINDS)
_Static_assert(PLAN_FDS <= SOCKET_MAX_FDS, "all of them go into one message");

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

/* What has to be known for a birth. */
struct spawn_birth {
	uint64_t make;                  /* CLONE_NEW*: made by clone3(2) ... */
	uint64_t later;                 /* ... and by init, the first thing that it does; as ns_plan.later */
	bool is_bridge;                 /* it makes the process that stays */
	unsigned preserved;             /* descriptors from 3 on that are the payload's: at least as many as in the plan */
	int cgroup;                     /* for CLONE_INTO_CGROUP, -1: none */
	const struct parcel *groups;    /* cgroup_entries(): entered by the child ... */
	bool enters_at_once;            /* ... before it executes husk-init, else by husk-init; NULL: none */
};

/* All but the way into the cgroups; in(): and what has nothing to do with namespaces. */
struct spawn_birth spawn_birth_of(const struct plan *);
struct spawn_birth spawn_birth_in(const struct ns_plan *);

/* *C is a process that runs husk-init, makes BIRTH's namespaces, and waits for its plan. */
int spawn(struct child *, const struct spawn_birth *, struct err *);

struct spawn_request {
	const struct plan *plan;        /* in the sealed arena; what the birth said is true of it */
	const struct arena *arena;
	int target;                     /* exec: pidfd of the container's init; -1 */
	int target_root;                /* exec: O_PATH of its "/", when it has no mount namespace of its own; -1: it has */
	int hook_out, hook_err;         /* what hooks in init print goes there; -1: nowhere */
};

/* The step PLAN: from now on it goes its way. */
int spawn_tell(struct child *, const struct spawn_request *, struct err *);

/* The steps that a plan needs: what both sides put into handshake.needed when it is told. Both programs (handshake.c). */
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
