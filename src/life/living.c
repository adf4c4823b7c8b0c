/* SPDX-License-Identifier: Apache-2.0 */
/* Opens what a living container consists of; see living.h. */
#include "life/living.h"

#include "base/log.h"
#include "life/update.h"
#include "record/groups.h"

void living_undo(struct living *l)
{
	cgroup_undo(&l->cgroup);
	record_undo(&l->record);
	arena_undo(&l->mem);
}

int living_look(struct living *l, const struct target *target, bool with_lock, struct err *e)
{
	if (record_load(&l->record, target->root, target->id, &l->mem, e) < 0)
		return -1;
	if (with_lock && target_lock(&l->record, &l->mem, e) < 0)
		return -1;
	l->status = status_of(&l->record, NULL);
	if (groups_open(&l->cgroup, &l->record, e) < 0)
		return -1;
	return with_lock ? update_settle(l, e) : 0;
}

bool living_is_alive(enum status s)
{
	return s == STATUS_CREATED || s == STATUS_RUNNING || s == STATUS_PAUSED;
}

int living_no_groups(struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "the container has no cgroup to do that with (--cgroup-manager=disabled)");
}
