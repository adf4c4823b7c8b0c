/* SPDX-License-Identifier: Apache-2.0 */
/* process.user: ids checked and the supplementary groups put into the plan. Pure, in husk. */
#include "parts/task/user.h"

#include <stdint.h>

/* 2^32-1 says "leave it as it is" to setresuid(2): a user who asks for it would stay root. */
#define NOBODY_AT_ALL UINT32_MAX

static int groups(struct user_plan *p, const struct oci_user *u, bool denies_setgroups, const char *path,
		  struct arena *a, struct err *e)
{
	gid_t *v = ARENA_ARRAY(a, gid_t, u->additional_gids.n + 1);

	for (size_t i = 0; i < u->additional_gids.n; i++) {
		uint32_t gid = u->additional_gids.v[i];

		if (gid == NOBODY_AT_ALL)
			return err_set(e, ERR_SPEC, "%s.additionalGids[%zu]: %u is no group id", path, i, gid);
		/* Engines repeat the primary group here: nothing that would need setgroups(2). */
		if (denies_setgroups && gid != u->gid)
			return err_set(e, ERR_SPEC, "%s.additionalGids[%zu]: no further groups in a user namespace "
				       "that was made without privilege", path, i);
		v[i] = gid;
	}
	p->groups = v;
	p->ngroups = u->additional_gids.n;
	return 0;
}

int user_plan(struct user_plan *p, const struct oci_user *u, bool denies_setgroups, bool keep, const char *path,
	      const struct host *host, struct arena *a, struct err *e)
{
	*p = (struct user_plan){ .umask = 0022, .keeps_groups = denies_setgroups || keep };
	if (!u)
		return 0;
	if (u->uid == NOBODY_AT_ALL)
		return err_set(e, ERR_SPEC, "%s.uid: %u is no user id", path, u->uid);
	if (u->gid == NOBODY_AT_ALL)
		return err_set(e, ERR_SPEC, "%s.gid: %u is no group id", path, u->gid);
	p->uid = u->uid;
	p->gid = u->gid;
	if (u->umask.set) {
		if (u->umask.v > 0777)
			return err_set(e, ERR_SPEC, "%s.umask: %u is above 511 (0777)", path, u->umask.v);
		p->umask = u->umask.v;
	}
	if (!keep && groups(p, u, denies_setgroups, path, a, e) < 0)
		return -1;
	return 0;
}
