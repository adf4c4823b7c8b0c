/* SPDX-License-Identifier: Apache-2.0 */
/* process.rlimits and process.oomScoreAdj as numbers of the kernel. Pure, in husk. */
#include "parts/task/limits.h"

#include <inttypes.h>
#include <sys/resource.h>

#include "base/num.h"
#include "base/table.h"

/* getrlimit(2). */
static const struct name_value names[] = {
	NAMED("RLIMIT_AS",         RLIMIT_AS),
	NAMED("RLIMIT_CORE",       RLIMIT_CORE),
	NAMED("RLIMIT_CPU",        RLIMIT_CPU),
	NAMED("RLIMIT_DATA",       RLIMIT_DATA),
	NAMED("RLIMIT_FSIZE",      RLIMIT_FSIZE),
	NAMED("RLIMIT_LOCKS",      RLIMIT_LOCKS),
	NAMED("RLIMIT_MEMLOCK",    RLIMIT_MEMLOCK),
	NAMED("RLIMIT_MSGQUEUE",   RLIMIT_MSGQUEUE),
	NAMED("RLIMIT_NICE",       RLIMIT_NICE),
	NAMED("RLIMIT_NOFILE",     RLIMIT_NOFILE),
	NAMED("RLIMIT_NPROC",      RLIMIT_NPROC),
	NAMED("RLIMIT_RSS",        RLIMIT_RSS),
	NAMED("RLIMIT_RTPRIO",     RLIMIT_RTPRIO),
	NAMED("RLIMIT_RTTIME",     RLIMIT_RTTIME),
	NAMED("RLIMIT_SIGPENDING", RLIMIT_SIGPENDING),
	NAMED("RLIMIT_STACK",      RLIMIT_STACK),
	{}
};

#define LIMITS_MAX 32

const char *limits_name(int resource)
{
	return resource < 0 ? NULL : table_name(names, (uint64_t)resource);
}

int limits_plan(struct limits_plan *p, const struct oci_process *proc, const char *path, struct arena *a,
		struct err *e)
{
	int first[LIMITS_MAX];
	struct limit *v;

	*p = (struct limits_plan){ 0 };
	if (!proc)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		first[i] = -1;
	v = ARENA_ARRAY(a, struct limit, proc->rlimits.n + 1);
	for (size_t i = 0; i < proc->rlimits.n; i++) {
		const struct oci_rlimit *r = &proc->rlimits.v[i];
		uint64_t number;

		if (!table_value(names, r->type, &number))
			return err_set(e, ERR_SPEC, "%s.rlimits[%zu].type: unknown limit \"%s\"", path, i, r->type);
		if (first[number] >= 0)
			return err_set(e, ERR_SPEC, "%s.rlimits[%zu].type: \"%s\" is already set by %s.rlimits[%d]",
				       path, i, r->type, path, first[number]);
		if (r->soft > r->hard)
			return err_set(e, ERR_SPEC, "%s.rlimits[%zu].soft: %" PRIu64 " is above the hard limit %" PRIu64,
				       path, i, r->soft, r->hard);
		first[number] = (int)i;
		v[i] = (struct limit){ (int)number, r->soft, r->hard };
	}
	p->list = v;
	p->n = proc->rlimits.n;
	if (proc->oom_score_adj.set) {
		int32_t score = proc->oom_score_adj.v;

		if (score < -1000 || score > 1000)
			return err_set(e, ERR_SPEC, "%s.oomScoreAdj: %d is not in -1000..1000", path, score);
		p->has_oom_score = true;
		p->oom_score = score;
	}
	return 0;
}
