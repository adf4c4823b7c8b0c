/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In husk-init, or in the bridge before it makes the final init: entering namespaces that exist, by
 * descriptors that husk opened.  No path is looked at.  And making those that need not be there from the birth on.
 */
#include "parts/ns/namespaces.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/calls.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static int fail(const struct ns_join *j, struct err *e)
{
	return err_sys(e, "%s: join \"%s\"", j->where, j->path);
}

/*
 * All but the user namespace.  TOLERANT: those that the user namespace owns are refused until we are in it
 * (EPERM); they stay open and come in a second round.
 */
static int join_others(const struct ns_plan *p, int fds[NS_KINDS], bool tolerant, struct err *e)
{
	for (int i = 0; i < p->n_joins; i++) {
		if (p->joins[i].kind == CLONE_NEWUSER || fds[i] < 0)
			continue;
		if (sys_setns(fds[i], (int)p->joins[i].kind) < 0) {
			if (tolerant && errno == EPERM)
				continue;
			return fail(&p->joins[i], e);
		}
		own_close(&fds[i]);
	}
	return 0;
}

static int join_user(const struct ns_plan *p, int fds[NS_KINDS], struct err *e)
{
	for (int i = 0; i < p->n_joins; i++) {
		if (p->joins[i].kind != CLONE_NEWUSER)
			continue;
		/* EINVAL: it is the one that we are in already. */
		if (sys_setns(fds[i], CLONE_NEWUSER) < 0 && errno != EINVAL)
			return fail(&p->joins[i], e);
	}
	return 0;
}

int ns_join_apply(const struct ns_plan *p, const int given[NS_KINDS], struct err *e)
{
	int fds[NS_KINDS], ret = 0;

	if (!p->n_joins)
		return 0;
	for (int i = 0; i < p->n_joins; i++)
		fds[i] = given[i];
	if (p->join & CLONE_NEWUSER) {
		ret = join_others(p, fds, true, e);
		if (ret == 0)
			ret = join_user(p, fds, e);
	}
	if (ret == 0)
		ret = join_others(p, fds, false, e);
	for (int i = 0; i < p->n_joins; i++)
		own_close(&fds[i]);
	return ret;
}

int ns_join_target_apply(const struct ns_plan *p, int pidfd, struct err *e)
{
	int flags = (int)p->join;

	if (!flags)
		return 0;
	if (sys_setns(pidfd, flags) == 0)
		return 0;
	/* The container joined the user namespace of whoever calls exec now. */
	if (errno == EINVAL && flags & CLONE_NEWUSER) {
		flags &= ~CLONE_NEWUSER;
		if (!flags || sys_setns(pidfd, flags) == 0)
			return 0;
	}
	if (errno == ESRCH)
		return err_set(e, ERR_STATE, "the container's init has ended");
	return err_sys(e, "join the namespaces of the container");
}

int ns_make_apply(uint64_t kinds, struct err *e)
{
	return kinds && sys_unshare((int)kinds) < 0 ? err_sys(e, "make the namespaces") : 0;
}

int ns_time_apply(const struct ns_plan *p, const struct procfs *proc, struct err *e)
{
	if (!(p->make & CLONE_NEWTIME))
		return 0;
	if (sys_unshare(CLONE_NEWTIME) < 0)
		return err_sys(e, "make a time namespace");
	/* Only before the first process is in it. */
	if (p->time_offsets && procfs_write(proc, "self/timens_offsets", p->time_offsets, e) < 0)
		return err_in(e, "linux.timeOffsets");
	return 0;
}
