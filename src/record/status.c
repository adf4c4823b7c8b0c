/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Computes the status from what is true now.  Reads only, so that `state` is never in anybody's way:
 * not while a hook hangs in `create`, not while `delete` waits.
 */
#include "record/status.h"

#include <errno.h>

#include "base/own.h"
#include "base/trace.h"
#include "record/gate.h"
#include "record/groups.h"
#include "sys/calls.h"
#include "sys/process.h"

/* Where it is as wide as the kernel counts (<linux/pid.h>, Linux 6.9). */
#define PIDFS_IS_UNIQUE (sizeof(long) == 8)

const char *status_word(enum status s)
{
	switch (s) {
	case STATUS_CREATING: return "creating";
	case STATUS_CREATED: return "created";
	case STATUS_RUNNING: return "running";
	case STATUS_PAUSED: return "paused";
	case STATUS_STOPPED: return "stopped";
	}
	return "unknown";
}

int status_open_ended(const struct record *r)
{
	AUTO_FD int pidfd = -EBADF;
	struct err ignored;
	uint64_t ticks;

	if (!r->is_readable || r->saved.pid <= 0)
		return -EBADF;
	pidfd = sys_pidfd_open(r->saved.pid, 0);
	if (pidfd < 0)
		return -EBADF;
	/* A number that no other process gets until the next boot, which the record does not see. */
	if (r->saved.pidfs && r->is_volatile && PIDFS_IS_UNIQUE)
		return process_pidfd_is(pidfd, r->saved.pidfs) ? TAKE_FD(pidfd) : -EBADF;
	/* The pidfd is open, so the number cannot be reused any more while we compare. */
	if (process_start_time(r->saved.pid, &ticks, &ignored) < 0 || ticks != r->saved.start_time)
		return -EBADF;
	if (r->saved.pidfs && process_pidfd_number(pidfd) != r->saved.pidfs)
		return -EBADF;
	return TAKE_FD(pidfd);
}

int status_open_init(const struct record *r)
{
	AUTO_FD int pidfd = status_open_ended(r);

	return pidfd >= 0 && process_is_alive(pidfd) ? TAKE_FD(pidfd) : -EBADF;
}

static bool is_at_gate(const struct record *r)
{
	char name[RECORD_PATH_MAX];
	int dir = record_at(r, GATE_NAME, name);

	return gate_is_waiting(dir, name);
}

enum status status_of_init(const struct record *r, int *pidfd)
{
	AUTO_FD int init = status_open_init(r);
	bool is_alive = init >= 0;

	if (pidfd)
		*pidfd = TAKE_FD(init);
	if (!r->is_readable || !r->saved.complete)
		return record_is_busy(r) || is_alive ? STATUS_CREATING : STATUS_STOPPED;
	return is_alive ? STATUS_RUNNING : STATUS_STOPPED;
}

enum status status_of(const struct record *r, int *pidfd)
{
	TRACE("status");
	enum status status = status_of_init(r, pidfd);

	if (status != STATUS_RUNNING)
		return status;
	if (groups_are_frozen(r))
		return STATUS_PAUSED;
	return is_at_gate(r) ? STATUS_CREATED : STATUS_RUNNING;
}
