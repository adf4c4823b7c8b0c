/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a list of stages, and says of each failure in which of them it happened. In husk-init. */
#include "init/init.h"

int init_run(struct init *in, const struct stage *list, struct err *e)
{
	for (const struct stage *s = list; s->run; s++) {
		if (in->talk.crumb)
			in->talk.crumb->stage = s->id;
		if (s->run(in, e) < 0) {
			err_stage(e, stage_name(s->id));
			return err_in(e, "%s", stage_name(s->id));
		}
	}
	return err_set(e, ERR_BUG, "the last stage returned");
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
