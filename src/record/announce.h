/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to containers, told to whoever listens (`events --all`).  A listener binds a socket in
 * <root>/.listeners; a command that has created, started, paused, resumed or deleted a container connects
 * to each and sends one message, with a pidfd of init, so that the listener can tell how even a container ended whose
 * whole life was shorter than its look.  Connections wait in the listener's queue, so nothing is lost while it is
 * busy; and no command ever waits for a listener or fails because of one.  Without listeners: one openat(2).
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/spec.h"
#include "record/ending.h"

/* The words of the stream; "starting" is no event: while it is held, an end is told after the start. */
#define EVENT_CREATED   "created"
#define EVENT_STARTING  "starting"
#define EVENT_STARTED   "started"
#define EVENT_PAUSED    "paused"
#define EVENT_RESUMED   "resumed"
#define EVENT_OOM       "oom"
#define EVENT_EXITED    "exited"
#define EVENT_DELETED   "deleted"
#define EVENT_STATE     "state"         /* what there was when the stream began */

struct oci_event {
	const char *type, *id, *time;
	int32_t pid;                    /* of init, 0: not said */
	const char *status;             /* of "state" */
	const struct oci_ending *exit;  /* of "exited", NULL: nobody knows */
};

extern const struct spec_type oci_event_type;

/* Host, in any command.  Time, id and pid are filled in. PIDFD: negative, or init's to send along ("created"). */
void announce(const struct record *, const char *type, const struct oci_ending *, int pidfd);
/* Is anybody there to hear it? For what would cost something to find out. */
bool announce_is_heard(const struct record *);

/* Holds back the tale of the end until it is closed (or this process is gone): around the opening of the gate. */
#define ANNOUNCE_MAX 32
struct announcement { int fds[ANNOUNCE_MAX]; int n; };
#define ANNOUNCEMENT_NONE ((struct announcement){ .n = 0 })
void announcement_undo(struct announcement *);
void announce_starting(struct announcement *, const struct record *);

/* Host, in `events --all`: a listening SOCK_SEQPACKET socket, not blocking. */
struct listener { int dir, fd; char name[32]; };
#define LISTENER_NONE ((struct listener){ .dir = -EBADF, .fd = -EBADF })
void listener_undo(struct listener *);
/* ROOT: descriptor of the state directory. */
int listener_open(struct listener *, int root, struct err *);
/* The next connection; -1 with e->num == EAGAIN when there is none. */
int listener_accept(const struct listener *, struct err *);
/* One message, in A: 1, *pidfd is the caller's or -EBADF; 0 the other side is done; -1, EAGAIN: nothing yet. */
int listener_hear(int connection, struct oci_event *, int *pidfd, struct arena *, struct err *);
