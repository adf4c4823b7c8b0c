/* SPDX-License-Identifier: Apache-2.0 */
/* The lock that commands wait for, with a bound: a hook that never ends must not make others hang with it. */
#include "life/target.h"

#define LOCK_MSEC 30000

int target_lock(struct record *r, struct arena *a, struct err *e)
{
	int got = record_lock(r, LOCK_MSEC, a, e);

	if (got == 0)
		return err_set(e, ERR_STATE, "container \"%s\" is busy: another command has been at work on it for %d seconds",
			       r->id, LOCK_MSEC / 1000);
	return got < 0 ? -1 : 0;
}

int target_load(struct record *r, const struct target *target, struct arena *a, struct err *e)
{
	if (record_find(r, target->root, target->id, e) < 0 || target_lock(r, a, e) < 0)
		return -1;
	return record_check_readable(r, e);
}
