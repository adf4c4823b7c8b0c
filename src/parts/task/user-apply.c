/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Becomes process.user: in husk-init, after everything that needs root and before the final
 * capability sets.  The order is groups, gid, uid, for each step needs what the next one gives away.
 */
#include "parts/task/user.h"

#include <sys/stat.h>
#include <unistd.h>

#include "sys/credentials.h"

/* The kernel counts NGROUPS_MAX (65536); read in pieces is not possible, so only their number is compared. */
int user_groups_apply(const struct user_plan *p, struct err *e)
{
	int n;

	if (p->keeps_groups)
		return 0;
	if (sys_setgroups(p->ngroups, p->groups) < 0)
		return err_sys(e, "setgroups to %zu groups", p->ngroups);
	n = getgroups(0, NULL);
	if (n < 0 || (size_t)n != p->ngroups)
		return err_set(e, ERR_BUG, "setgroups to %zu groups: the process has %d", p->ngroups, n);
	return 0;
}

int user_apply(const struct user_plan *p, struct err *e)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (sys_setresgid(p->gid) < 0)
		return err_sys(e, "setresgid to %u", p->gid);
	if (sys_setresuid(p->uid) < 0)
		return err_sys(e, "setresuid to %u", p->uid);
	if (getresgid(&rgid, &egid, &sgid) < 0 || rgid != p->gid || egid != p->gid || sgid != p->gid)
		return err_set(e, ERR_BUG, "setresgid to %u had no effect", p->gid);
	if (getresuid(&ruid, &euid, &suid) < 0 || ruid != p->uid || euid != p->uid || suid != p->uid)
		return err_set(e, ERR_BUG, "setresuid to %u had no effect", p->uid);
	return 0;
}

void user_umask_apply(const struct user_plan *p)
{
	(void)umask(p->umask);
}
