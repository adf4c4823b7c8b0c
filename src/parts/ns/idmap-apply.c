/* SPDX-License-Identifier: Apache-2.0 */
/* In husk-init, in a user namespace whose maps are written: from an id that may not exist in it to its root. */
#include "parts/ns/idmap.h"

#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

int idmap_root_apply(const struct idmap_plan *p, struct err *e)
{
	const uid_t uid = p->work_uid;
	const gid_t gid = p->work_gid;
	uid_t ru, eu, su;
	gid_t rg, eg, sg;

	/* The capabilities of the namespace stay: no id of before was its root. */
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0) {
		/* EINVAL: a joined one that has no 0; init goes on as nobody, with all capabilities there. */
		if (errno == EINVAL && !p->is_set)
			return 0;
		return err_sys(e, "become root of the user namespace");
	}
	if (getresuid(&ru, &eu, &su) < 0 || getresgid(&rg, &eg, &sg) < 0 || ru != uid || eu != uid || su != uid ||
	    rg != gid || eg != gid || sg != gid)
		return err_set(e, ERR_SYSTEM, "become root of the user namespace: the kernel did not do it");
	return 0;
}
