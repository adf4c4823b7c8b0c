/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a list of stages, and says of each failure in which of them it happened. In husk-init. */
#include "init/init.h"

#include "base/trace.h"

/*
 * With a filter loaded the clock is not asked any more: where the vDSO cannot tell the time it is a system call, and the profile
 * need not allow it.  A trace must not change what happens.
 */
void init_stamp(struct init *in, int stage)
{
	if (in->is_traced)
		stamp_put(in->talk.crumb, stage, in->has_filter ? 0 : trace_clock());
}

int init_run(struct init *in, const struct stage *list, struct err *e)
{
	for (const struct stage *s = list; s->run; s++) {
		if (in->talk.crumb)
			in->talk.crumb->stage = s->id;
		init_stamp(in, s->id);
		if (s->run(in, e) < 0) {
			init_stamp(in, STAGE_MAX);
			err_stage(e, stage_name(s->id));
			return err_in(e, "%s", stage_name(s->id));
		}
	}
	return 0;
}

int init_ask_trees(void *context, unsigned first, int fds[TREES_CHUNK], int *n, struct err *e)
{
	struct init *in = context;
	struct letter q = { .number = first }, a = { .number = 0 };

	if (handshake_ask(&in->talk, STEP_TREES, &q, &a, e) < 0)
		return -1;
	*n = a.parcel.nfds < TREES_CHUNK ? a.parcel.nfds : TREES_CHUNK;
	for (int i = 0; i < *n; i++)
		fds[i] = a.parcel.fds[i];
	return 0;
}

int init_proc(struct init *in, struct err *e)
{
	return in->proc.fd >= 0 ? 0 : procfs_open(&in->proc, e);
}
