/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's part of process.rlimits: lets init set hard limits that are above the ones it
 * inherits, if there are such.  In husk, when init asks PLACE; init itself may have no privilege outside its user namespace.
 */
#include "parts/task/limits.h"

#include <sys/resource.h>

int limits_compare(struct limits_plan *p, struct err *e)
{
	for (size_t i = 0; i < p->n && !p->exceed_ours; i++) {
		struct rlimit ours;

		if (getrlimit(p->list[i].resource, &ours) < 0)
			return err_sys(e, "process.rlimits[%zu]: read our own %s", i, limits_name(p->list[i].resource));
		p->exceed_ours = p->list[i].hard > ours.rlim_max;
	}
	return 0;
}

int limits_serve(const struct limits_plan *p, pid_t pid, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct limit *l = &p->list[i];
		struct rlimit now;

		if (prlimit(pid, l->resource, NULL, &now) < 0)
			return err_sys(e, "process.rlimits: read %s of process %d", limits_name(l->resource), pid);
		if (l->hard <= now.rlim_max)
			continue;
		now.rlim_max = l->hard;
		if (prlimit(pid, l->resource, &now, NULL) < 0)
			return err_sys(e, "process.rlimits: raise %s to %llu", limits_name(l->resource),
				       (unsigned long long)l->hard);
	}
	return 0;
}
