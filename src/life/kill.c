/* SPDX-License-Identifier: Apache-2.0 */
/* `kill`: by pidfd to init, by cgroup (or what stands in for it, members.h) to all of it. */
#include "life/kill.h"

#include <errno.h>
#include <signal.h>

#include "base/own.h"
#include "life/members.h"
#include "parts/cgroup/control.h"
#include "record/groups.h"
#include "record/record.h"
#include "record/status.h"
#include "record/words.h"
#include "sys/process.h"

static int signal_init(int pidfd, int sig, struct err *e)
{
	if (process_signal(pidfd, sig, e) == 0)
		return 0;
	return e->num == ESRCH ? err_set(e, ERR_STATE, WORDS_NOT_RUNNING ": no such process") : -1;
}

static int kill_it(const struct target *target, int sig, bool all, struct err *e)
{
	ARENA_HERE(mem);
	AUTO(record) r = RECORD_NONE;
	AUTO(cgroup) cg = CGROUP_NONE;
	AUTO_FD int pidfd = -EBADF;
	enum status status;
	bool is_kept;

	if (record_peek(&r, target->root, target->id, &mem, e) < 0 || record_check_readable(&r, e) < 0)
		return -1;
	status = status_of_init(&r, &pidfd);
	/* With init gone, others of the container may live on where it has no PID namespace of its own. */
	if (status == STATUS_CREATING || (status == STATUS_STOPPED && !all))
		return err_set(e, ERR_STATE, WORDS_NOT_RUNNING);
	is_kept = sig == SIGKILL && groups_may_keep_the_killed(&r);
	/* The groups only where one of them has work to do: most signals go to init alone. */
	if ((all || (sig == SIGKILL && (!r.saved.own_pids || is_kept))) && groups_open(&cg, &r, e) < 0)
		return -1;
	if (all || (sig == SIGKILL && !r.saved.own_pids))
		return members_signal(&r, &cg, sig, e);
	if (pidfd < 0)
		return 0;
	if (signal_init(pidfd, sig, e) < 0)
		return -1;
	/* v1: a frozen process does not die of SIGKILL before it is thawed, and init not before all others of its PID namespace. */
	return is_kept ? cgroup_kill(&cg, e) : 0;
}

int life_kill(const struct target *target, int sig, bool all, struct err *e)
{
	return kill_it(target, sig, all, e) < 0 ? err_in(e, "kill \"%s\"", target->id) : 0;
}
