/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the labels for the coming execve(2), in husk-init.
 *
 * AppArmor has a directory of its own since Linux 5.8, below the oldest that husk runs on, so
 * attr/exec is SELinux's alone and both can be enabled at the same time.
 */
#include "parts/guard/lsm.h"

int lsm_apply(const struct lsm_plan *p, const struct procfs *proc, struct err *e)
{
	if (p->apparmor && procfs_write(proc, "self/attr/apparmor/exec", p->apparmor, e) < 0)
		return err_in(e, "apply AppArmor profile \"%s\"", p->apparmor + sizeof("exec ") - 1);
	if (p->selinux && procfs_write(proc, "self/attr/exec", p->selinux, e) < 0)
		return err_in(e, "apply SELinux label \"%s\"", p->selinux);
	return 0;
}
