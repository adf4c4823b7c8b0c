/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status of a container, computed and never stored: from the record, the process (pid and
 * start time, by pidfd), the gate and the freezer.  Runs on the host, in every command, without lock.
 */
#pragma once

#include "base/err.h"
#include "record/record.h"

enum status { STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED };

const char *status_word(enum status);

/*
 * A pidfd of the container's init when it is the recorded process and has not exited (a zombie
 * has); -EBADF when it is gone.  The only way to a process from a record: a reused pid never passes.
 */
int status_open_init(const struct record *);

/* The same also for a zombie, of which the kernel still tells how it ended. */
int status_open_ended(const struct record *);

/*
 * *pidfd, when asked for, is init's or -EBADF.  Never fails: what cannot be read counts as stopped.
 */
enum status status_of(const struct record *, int *pidfd);
/* The same without a look at freezer and gate: "running" stands for created and paused, too. */
enum status status_of_init(const struct record *, int *pidfd);
