/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the labels for the coming execve(2), in husk-init.
 *
 * AppArmor has a directory of its own since Linux 5.8, below the oldest that husk runs on, so
 * attr/exec is SELinux's alone and both can be enabled at the same time.
 */
#include "parts/guard/lsm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int write_apparmor(const char *order, const char *profile, const struct procfs *proc, struct err *e)
{
	char text[LSM_LABEL_MAX];

	snprintf(text, sizeof(text), "%s %s", order, profile);
	return procfs_write(proc, "self/attr/apparmor/exec", text, e);
}

/*
 * A caller that has a profile of its own, like an engine in a container, leaves it for the new one
 * when its profile says that it may ("change_profile -> NAME").  If it says "-> &NAME" the new one is
 * stacked upon it and both hold, which is also the only change that no_new_privs allows.
 */
static int set_apparmor(const struct lsm_plan *p, const struct procfs *proc, struct err *e)
{
	char own[LSM_LABEL_MAX];

	if (procfs_read(proc, "self/attr/apparmor/current", own, sizeof(own), e) < 0)
		return -1;

	/* "unconfined", or "NAME (unconfined)" of a profile that permits everything */
	bool is_confined = strncmp(own, "unconfined", strlen("unconfined")) != 0 && !strstr(own, " (unconfined)");

	if (is_confined && p->no_new_privileges)
		return write_apparmor("stack", p->apparmor, proc, e);
	if (write_apparmor("exec", p->apparmor, proc, e) == 0)
		return 0;
	return is_confined && e->num == EACCES ? write_apparmor("stack", p->apparmor, proc, e) : -1;
}

int lsm_apply(const struct lsm_plan *p, const struct procfs *proc, struct err *e)
{
	if (p->apparmor && set_apparmor(p, proc, e) < 0)
		return err_in(e, "apply AppArmor profile \"%s\"", p->apparmor);
	if (p->selinux && procfs_write(proc, "self/attr/exec", p->selinux, e) < 0)
		return err_in(e, "apply SELinux label \"%s\"", p->selinux);
	return 0;
}
