/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd_notify(3) for containers: when husk itself was started with NOTIFY_SOCKET, the container gets a socket of its
 * own at /run/notify/notify.sock, and `start` and `run` pass "READY=1" on with the container's
 * MAINPID.  Nothing else is passed on: what a container says is not what its unit may say.
 *
 * The directory <state>/notify is bound into the container at create; `start` binds the socket in it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

#define NOTIFY_DIR      "notify"                        /* in the state directory */
#define NOTIFY_INSIDE   "/run/notify"                   /* in the container */
#define NOTIFY_NAME     "notify.sock"

struct notify_plan {
	const char *host;               /* NOTIFY_SOCKET of the caller, NULL: nothing to do */
	const char *dir;                /* host path of <state>/notify, the source of the mount */
	const char *socket;             /* NOTIFY_SOCKET for the container */
};

/* HOST may be NULL or "": nothing. Absolute paths and "@abstract" are accepted. STATE_DIR: <root>/<id>. */
int notify_plan(struct notify_plan *, const char *host, const char *state_dir, struct arena *, struct err *);

/*
 * create: makes the directory below STATE (a descriptor of the state directory).  It is bound read-only: a socket can
 * be written to nevertheless.  `delete` removes it (record/leftovers.h), whatever a container that got around that left in it.
 */
int notify_make(const struct notify_plan *, int state, struct err *);
/* start, before the gate opens: the socket that the container will write to. */
int notify_open(int state, struct err *);
/* One message: 1 it was READY=1 and HOST knows, 0 it was another one. */
int notify_hear(int socket, const char *host, pid_t, struct err *);
/*
 * start, after it: waits until READY=1 comes in on SOCKET or the process is gone (PIDFD), passes it to HOST with MAINPID.
 * 1 ready, 0 the process ended first.
 */
int notify_serve(int socket, const char *host, pid_t, int pidfd, struct err *);
