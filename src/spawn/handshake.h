/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation between husk on the host and husk-init.
 *
 * Init asks, the host acts and answers; there is never a second question before the answer, so neither side
 * can wait for the other in a circle.  What the plan tells the host anyway is told without a question, in the same order.
 * Both walk the list below from top to bottom and leave out, by the same `needed` mask, what this container has no use for.
 * A log line or a failure of init may come at any time before its next question.  The end of the socket before READY is the
 * death of the peer, and an error.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/log.h"
#include "sys/socket.h"

#define HANDSHAKE(STEP)                                                                                      \
	/*    name     init has done                       host does before answering                        */ \
	STEP (PLAN,    "started",                          "nothing: told as soon as there is a plan, with what it needs (spawn_tell())") \
	STEP (IDMAP,   "unshared its user namespace",      "write uid_map, gid_map, setgroups of child.pid")   \
	STEP (INIT,    "made the final init (bridge)",     "take over number = pid, fd 0 = pidfd")             \
	STEP (GROUPS,  "entered its namespaces",           "nothing: told when the cgroups are there, to be mounted") \
	STEP (PLACE,   "entered its namespaces",           "rlimits, scheduler, rdt, net devices; systemd, v1: answer cgroup_entries()") \
	STEP (TREES,   "reached a mount of the host's",    "answer trees_open() from number on (repeats)")     \
	STEP (MOUNTED, "added its mounts",                 "note number = id of the next one (repeats)")       \
	STEP (HOOKS,   "built the root file system",       "run prestart and createRuntime hooks")             \
	STEP (CONSOLE, "made its terminal",                "pass fd 0 = pty master on")                        \
	STEP (NOTIFY,  "installed the seccomp filter",     "pass fd 0 = seccomp listener on")                  \
	STEP (READY,   "reached the gate",                 "record as created; create: answer fd 0 = the gate")

#define STEP(name, done, does) STEP_##name,
enum step { HANDSHAKE(STEP) STEP_MAX };
#undef STEP

#define STEP_BIT(s) (1u << STEP_##s)

extern const struct step_name { const char *name, *init_done, *host_does; } step_names[STEP_MAX];

struct crumb;

struct handshake {
	int fd;                         /* our end of the socket pair (SOCK_SEQPACKET) */
	uint32_t needed;                /* bit per step: PLAN, and when that is told what spawn_needed() says of it */
	int at;                         /* the step completed last, -1 at the start */
	int later;                      /* init: 1 + the step whose answer is still to be taken; 0: none */
	int bridge;                     /* host: pidfd of who has to ask INIT, not owned; 0: none */
	struct crumb *crumb;            /* init: where it notes what it is doing (spawn/stamps.h); NULL: nowhere */
};

#define HANDSHAKE_NONE ((struct handshake){ .fd = -EBADF, .at = -1 })

/* What travels with a question or an answer. */
struct letter {
	int64_t number;
	struct parcel parcel;           /* received descriptors are the receiver's */
};

/*
 * Host: serves one step.  QUESTION's descriptors are closed afterwards unless taken out (set to -EBADF), those put into
 * ANSWER are closed after they have been sent.
 */
typedef int serve_fn(void *host, struct letter *question, struct letter *answer, struct err *);

/* Host: a new conversation; *INIT_FD is the other end, to be given away. No crumb yet. */
int handshake_open(struct handshake *, uint32_t needed, int *init_fd, struct err *);
/* Host: serves all needed steps up to LAST, those that repeat behind it left for the next call. On failure init has been told. */
int handshake_serve(struct handshake *, serve_fn *const serve[STEP_MAX], void *host, enum step last, struct err *);
/* Host: the answer to a question that init then does not ask, but awaits. LETTER's descriptors stay the caller's. */
int handshake_tell(struct handshake *, enum step, const struct letter *, struct err *);
/* Host, after the last step: waits for the execve. 0: done, or dead (end of file); -1: init's error. */
int handshake_wait_exec(struct handshake *, struct err *);

/* Init: a question and its answer. Q, A may be NULL. A step that is not needed: 0 at once, *A empty. */
int handshake_ask(struct handshake *, enum step, const struct letter *q, struct letter *a, struct err *);
/*
 * The two halves of it.  The bridge asks INIT and exits; the final init, which shares the socket, takes the
 * answer: so the answer tells it that the bridge is gone and the conversation its own.
 */
int handshake_ask_only(struct handshake *, enum step, const struct letter *q, struct err *);
int handshake_await(struct handshake *, enum step, struct letter *a, struct err *);
/* Only when there is something to ask or to complain of, as a rule: not worth to wait for. */
void handshake_await_later(struct handshake *, enum step);
/* Now, for what comes with it. A may be NULL. */
int handshake_settle(struct handshake *, struct letter *a, struct err *);
/* Init: has husk gone away? */
bool handshake_is_over(const struct handshake *);
bool handshake_needs(const struct handshake *, enum step);
int handshake_log(struct handshake *, enum log_level, const char *text);
void handshake_failed(struct handshake *, const struct err *);          /* init gives up */
