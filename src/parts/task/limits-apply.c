/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.rlimits and process.oomScoreAdj in husk-init: the score at the very beginning, the limits
 * late, because some of them would stop init's own work.
 */
#include "parts/task/limits.h"

#include <sys/resource.h>

#include "base/str.h"

int limits_apply(const struct limits_plan *p, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct limit *l = &p->list[i];
		const struct rlimit want = { l->soft, l->hard };
		struct rlimit now;

		if (setrlimit(l->resource, &want) < 0)
			return err_sys(e, "process.rlimits[%zu]: setrlimit to %llu:%llu", i, (unsigned long long)l->soft,
				       (unsigned long long)l->hard);
		/* config.md: getrlimit(2) must show the configured values. */
		if (getrlimit(l->resource, &now) < 0 || now.rlim_cur != l->soft || now.rlim_max != l->hard)
			return err_set(e, ERR_SYSTEM, "process.rlimits[%zu]: the kernel took another value", i);
	}
	return 0;
}

int oom_score_apply(const struct limits_plan *p, const struct procfs *proc, struct err *e)
{
	char buf[16];
	struct text t = TEXT(buf);

	if (!p->has_oom_score)
		return 0;
	text_addf(&t, "%d", p->oom_score);
	if (procfs_write(proc, "self/oom_score_adj", buf, e) < 0)
		return err_in(e, "process.oomScoreAdj");
	return 0;
}
