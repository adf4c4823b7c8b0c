/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities, in husk-init, around the change of user; see caps.h for the order. */
#include "parts/guard/caps.h"

#include <errno.h>
#include <sys/prctl.h>

#include "sys/credentials.h"

#define BIT(n) (UINT64_C(1) << (n))
#define ADMIN  BIT(CAP_SYS_ADMIN)

int caps_bound_apply(const struct caps_plan *p, struct err *e)
{
	/* Up to the kernel's last one, above which it answers EINVAL: what husk has no name for is not kept either. */
	for (unsigned long cap = 0; cap < 64; cap++) {
		int has;

		if (p->bounding & BIT(cap) || prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			return 0;
		/* Without CAP_SETPCAP that is fine as long as it is not there anyway. */
		has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
		if (has < 0)
			return 0;
		errno = EPERM;
		if (has)
			return err_sys(e, "drop capability %lu from the bounding set", cap);
	}
	return 0;
}

int caps_keep_apply(const struct caps_plan *p, uid_t uid, struct err *e)
{
	/* Only who stops being root loses any (capabilities(7)). */
	if (uid == 0 || (p->permitted == 0 && !p->keep_admin))
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_sys(e, "keep capabilities over the change of user");
	return 0;
}

/*
 * PERMITTED and EFFECTIVE are cut down to what we have: a joined user namespace or a file system
 * of another owner may have taken some, and config.md wants no failure for what cannot be granted.
 */
static int set(const struct caps_plan *p, uint64_t permitted, uint64_t effective, struct cap_sets *now, struct err *e)
{
	struct cap_sets have, want;

	if (sys_capget(&have) < 0)
		return err_sys(e, "read capabilities");
	want = (struct cap_sets){
		.permitted = permitted & have.permitted,
		.effective = effective & permitted & have.permitted,
		.inheritable = p->inheritable & (have.permitted | have.inheritable),
	};
	if (want.permitted != have.permitted || want.effective != have.effective ||
	    want.inheritable != have.inheritable) {
		if (sys_capset(&want) < 0)
			return err_sys(e, "set capabilities");
		if (sys_capget(&have) < 0)
			return err_sys(e, "read capabilities");
	}
	if (have.permitted != want.permitted || have.effective != want.effective ||
	    have.inheritable != want.inheritable)
		return err_set(e, ERR_SYSTEM, "set capabilities: the kernel made other sets of them");
	*now = have;
	return 0;
}

static int set_ambient(const struct caps_plan *p, const struct cap_sets *have, struct err *e)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_sys(e, "clear ambient capabilities");
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (!(p->ambient & have->permitted & have->inheritable & BIT(cap)))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return err_sys(e, "raise ambient capability %lu", cap);
	}
	return 0;
}

int caps_apply(const struct caps_plan *p, struct err *e)
{
	struct cap_sets now;

	if (set(p, p->permitted | (p->keep_admin ? ADMIN : 0), p->effective, &now, e) < 0)
		return -1;
	return set_ambient(p, &now, e);
}

int caps_admin_apply(const struct caps_plan *p, struct err *e)
{
	struct cap_sets now;

	if (!p->keep_admin)
		return 0;
	return set(p, p->permitted | ADMIN, p->effective | ADMIN, &now, e);
}
