/* SPDX-License-Identifier: Apache-2.0 */
/* Opens what a living container consists of; see living.h. */
#include "life/living.h"

#include "base/log.h"
#include "life/update.h"
#include "record/groups.h"
#include "record/updated.h"

void living_undo(struct living *l)
{
	cgroup_undo(&l->cgroup);
	record_undo(&l->record);
	arena_undo(&l->mem);
}

int living_see(struct living *l, const struct target *target, struct err *e)
{
	if (record_load(&l->record, target->root, target->id, &l->mem, e) < 0)
		return -1;
	l->status = status_of(&l->record, NULL);
	return groups_open(&l->cgroup, &l->record, e);
}

int living_change(struct living *l, const struct target *target, bool only_freezer, struct err *e)
{
	bool has_more;

	if (target_load(&l->record, target, &l->mem, e) < 0)
		return -1;
	l->status = status_of(&l->record, NULL);
	has_more = updated_is_pending(&l->record);
	if ((only_freezer && !has_more ? groups_open_freezer : groups_open)(&l->cgroup, &l->record, e) < 0)
		return -1;
	return has_more ? update_settle(l, e) : 0;
}

bool living_is_alive(enum status s)
{
	return s == STATUS_CREATED || s == STATUS_RUNNING || s == STATUS_PAUSED;
}

int living_no_groups(struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "the container has no cgroup to do that with (--cgroup-manager=disabled)");
}
