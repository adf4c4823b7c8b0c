/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a living container's cgroups. */
#include "life/control.h"

#include "base/own.h"
#include "life/living.h"
#include "life/members.h"
#include "parts/cgroup/control.h"
#include "record/announce.h"
#include "record/words.h"

static int pause_it(const struct target *target, struct err *e)
{
	AUTO(living) l = LIVING_NONE;

	if (living_change(&l, target, true, e) < 0)
		return -1;
	if (!living_is_alive(l.status) || l.status == STATUS_PAUSED)
		return err_set(e, ERR_STATE, l.status == STATUS_PAUSED ? WORDS_NOT_RUNNING ": it is paused" : WORDS_NOT_RUNNING);
	if (!l.cgroup.n)
		return living_no_groups(e);
	if (cgroup_freeze(&l.cgroup, e) < 0)
		return -1;
	announce(&l.record, EVENT_PAUSED, NULL, -1);
	return 0;
}

static int resume(const struct target *target, struct err *e)
{
	AUTO(living) l = LIVING_NONE;

	if (living_change(&l, target, true, e) < 0)
		return -1;
	if (l.status != STATUS_PAUSED)
		return err_set(e, ERR_STATE, WORDS_NOT_PAUSED);
	if (cgroup_thaw(&l.cgroup, e) < 0)
		return -1;
	announce(&l.record, EVENT_RESUMED, NULL, -1);
	return 0;
}

static int ps(const struct target *target, pid_t **pids, size_t *n, struct arena *a, struct err *e)
{
	AUTO(living) l = LIVING_NONE;

	*n = 0;
	if (living_see(&l, target, e) < 0)
		return -1;
	return members_list(&l.record, &l.cgroup, pids, n, a, e);
}

int life_pause(const struct target *target, struct err *e)
{
	return pause_it(target, e) < 0 ? err_in(e, "pause \"%s\"", target->id) : 0;
}

int life_resume(const struct target *target, struct err *e)
{
	return resume(target, e) < 0 ? err_in(e, "resume \"%s\"", target->id) : 0;
}

int life_ps(const struct target *target, pid_t **pids, size_t *n, struct arena *a, struct err *e)
{
	return ps(target, pids, n, a, e) < 0 ? err_in(e, "ps \"%s\"", target->id) : 0;
}
