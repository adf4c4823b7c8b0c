/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.env, and the few variables that a runtime adds: HOME when it is absent, LISTEN_* for
 * socket activation, NOTIFY_SOCKET.
 *
 * Planned in husk.  In husk-init environment_apply() runs once the root is entered, because HOME comes
 * out of the container's own /etc/passwd, and LISTEN_PID is the pid there.  Nothing of the caller's
 * environment reaches the container.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/root.h"

struct environment_plan {
	const char *const *env;         /* "NAME=value", NULL at the end; of doubles the last one */
	size_t n;
	bool wants_home;                /* HOME is absent or empty: look it up */
	bool wants_listen_pid;          /* LISTEN_PID is to be our pid */
};

/* What the caller adds beyond process.env. */
struct environment_extra {
	const char *const *set;         /* "NAME=value", override; exec --env */
	size_t n;
	unsigned listen_fds;            /* LISTEN_FDS of the caller, 0: none */
	const char *listen_names;       /* LISTEN_FDNAMES, NULL */
	const char *notify;             /* NOTIFY_SOCKET as the container sees it, NULL */
};

/* ENV are process.env; PATH is "process.env". An entry without "=" or with an empty name is an error. */
int environment_plan(struct environment_plan *, const str_list *env, const struct environment_extra *, const char *path,
		     struct arena *, struct err *);

/* The environment of the payload. In husk-init it lives until execve(2). */
struct environment {
	char *const *envp;
};

/* ROOT is the entered "/"; UID the payload's. What has to be added lies in fresh pages (mmap), for init does not allocate. */
int environment_apply(struct environment *, const struct environment_plan *, const struct root *, uid_t, struct err *);

/* The value of NAME in ENVP, NULL when absent. Both programs. */
static inline const char *environment_value(char *const *envp, const char *name)
{
	for (; envp && *envp; envp++) {
		const char *e = *envp, *n = name;

		while (*n && *n == *e)
			n++, e++;
		if (!*n && *e == '=')
			return e + 1;
	}
	return NULL;
}
