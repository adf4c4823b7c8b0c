/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who belongs to a container: the processes of its cgroups.  Without cgroups (--cgroup-manager=disabled) those of its PID
 * namespace and of namespaces beneath it; and where it has none of its own, init and its descendants, as
 * far as they still hang together.  On the host, in `ps`, `kill --all` and `stop`.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "parts/cgroup/cgroup.h"
#include "record/record.h"

/* Ascending, as the caller's PID namespace has them, in A. */
int members_list(const struct record *, const struct cgroup *, pid_t **pids, size_t *n, struct arena *, struct err *);
/* SIG for all of them, each by a pidfd that is checked again. Who is gone is no error. */
int members_signal(const struct record *, const struct cgroup *, int sig, struct err *);
