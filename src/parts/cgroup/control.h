/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be done to the processes of a container as a whole: `pause`, `resume`, `kill --all`,
 * `ps`, `delete`.  On the host, with the groups that cgroup_open() found.  "The container" is its
 * groups with all their descendants, which the container may have made itself.  Without groups
 * (manager "disabled") these do nothing, or say ERR_UNSUPPORTED where that would be a lie.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config-linux.h"
#include "parts/cgroup/cgroup.h"
#include "sys/groupfs.h"
#include "sys/host.h"

/* Returns when every process stands still; after 10 s without success thaws again and fails. */
int cgroup_freeze(const struct cgroup *, struct err *);
int cgroup_thaw(const struct cgroup *, struct err *);
/* 1, 0, -1 */
int cgroup_is_frozen(const struct cgroup *, struct err *);
/* The same, for a look, of the group at PATH that has the number ID; what cannot be read is not frozen. */
bool cgroup_peek_frozen(struct groupfs_near *near, const char *path, uint64_t id, bool is_v2);
/*
 * The same of a group of v1, where what is frozen does not die of SIGKILL: true also when there are groups in it, which
 * the container may have frozen itself.
 */
bool cgroup_peek_undying(const char *path, uint64_t id);

/* Numbers of all processes as the caller's PID namespace has them, ascending, each once. In A. */
int cgroup_pids(const struct cgroup *, pid_t **pids, size_t *n, struct arena *, struct err *);
/* 1 when no process is left, 0, -1. Zombies count as gone. */
int cgroup_is_empty(const struct cgroup *, struct err *);

/* SIGKILL for all, frozen or not, and those that they fork meanwhile. Does not wait for their end. */
int cgroup_kill(const struct cgroup *, struct err *);
/* SIG for all; SIGKILL is cgroup_kill. The state of the freezer is as before. */
int cgroup_signal_all(const struct cgroup *, int sig, struct err *);

/*
 * Removes the groups with everything beneath them, and parents that create made, when empty.  Waits for dying
 * processes, 10 s at most.  What is gone already is no error.
 */
int cgroup_remove(struct cgroup *, struct err *);

/* A process could not be born in the groups: when their limit of processes is why, E says so. Returns -1. */
int cgroup_explain_birth(const struct cgroup *, struct err *);

/* How often the kernel's OOM killer has killed here.  False: nobody can tell (any more). */
bool cgroup_count_oom_kills(const struct cgroup *, unsigned long *);
/* The same; then 0. */
unsigned long cgroup_oom_kills(const struct cgroup *);

/*
 * A descriptor that poll(2) finds ready, with the *EVENTS to ask for, when the OOM killer has killed or is about
 * to; cgroup_oom_heard() makes it ready for the next time. -1 with ERR_UNSUPPORTED: no memory controller.
 */
int cgroup_oom_open(const struct cgroup *, short *events, struct err *);
void cgroup_oom_heard(int fd, short events);
