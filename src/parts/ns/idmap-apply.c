/* SPDX-License-Identifier: Apache-2.0 */
/* In husk-init, in a user namespace whose maps are written: from an id that may not exist in it to its root. */
#include "parts/ns/idmap.h"

#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

int idmap_root_apply(const struct idmap_plan *p, struct err *e)
{
	uid_t r, u, s;
	gid_t rg, g, sg;

	if (p->is_set && !p->has_root)
		return 0;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) {
		/* EINVAL: a joined one that has no 0; init goes on as nobody, with all capabilities there. */
		if (errno == EINVAL && !p->is_set)
			return 0;
		return err_sys(e, "become root of the user namespace");
	}
	if (getresuid(&r, &u, &s) < 0 || getresgid(&rg, &g, &sg) < 0 || r || u || s || rg || g || sg)
		return err_set(e, ERR_SYSTEM, "become root of the user namespace: the kernel did not do it");
	return 0;
}
