/* SPDX-License-Identifier: Apache-2.0 */
/* `check`; see check.h. The decoder and the planners are those of create, asked until they have no complaint left. */
#include "life/check.h"

#include "life/locate.h"
#include "oci-spec/spec.h"

int life_check(struct check *out, const struct create_request *rq, struct arena *a, struct err *e)
{
	size_t len;
	const char *text = config_read(rq->config, a, &len, e);

	if (!text || host_look(&out->host, a, e) < 0)
		return -1;
	survey_decode(&out->found, text, len, a);
	if (out->found.config) {
		survey_plan(&out->found, rq, &out->host, a);
		check_machine(out, rq, a);
		check_advice(out);
	}
	problems_sort(&out->found.problems);
	return 0;
}

/* ---- as JSON -------------------------------------------------------------------------- */

struct oci_problem { const char *severity, *path, *file; uint32_t line, column; const char *message; };
struct oci_stage { const char *stage; str_list lines; };
struct oci_checked {
	struct opt_bool sound;
	LIST_OF(struct oci_problem) problems;
	LIST_OF(struct oci_stage) plan;
};

SPEC_TYPE(problem, "problem",
	VALUE (problem, severity, "severity"),
	VALUE (problem, path,     "path"),
	VALUE (problem, file,     "file"),
	VALUE (problem, line,     "line"),
	VALUE (problem, column,   "column"),
	VALUE (problem, message,  "message"));

SPEC_TYPE(stage, "stage",
	VALUE (stage, stage, "stage"),
	LIST  (stage, lines, "lines"));

SPEC_TYPE(checked, "check",
	VALUE (checked, sound, "sound"),
	LIST_OBJECT (checked, problems, "problems", problem),
	LIST_OBJECT (checked, plan,     "plan", stage));

char *life_check_json(const struct check *c, const char *file, bool is_sound, const struct explanation *plan, struct arena *a)
{
	const struct problems *l = &c->found.problems;
	struct oci_checked out = { .sound = { true, is_sound } };

	out.problems.n = l->n;
	out.problems.v = ARENA_ARRAY(a, struct oci_problem, l->n + 1);
	for (size_t i = 0; i < l->n; i++)
		out.problems.v[i] = (struct oci_problem){
			.severity = l->v[i].is_warning ? "warning" : "error", .message = l->v[i].message,
			.path = *l->v[i].path ? l->v[i].path : NULL, .file = l->v[i].line ? file : NULL,
			.line = l->v[i].line, .column = l->v[i].column,
		};
	if (plan) {
		out.plan.n = plan->n;
		out.plan.v = ARENA_ARRAY(a, struct oci_stage, plan->n + 1);
		for (size_t i = 0; i < plan->n; i++)
			out.plan.v[i] = (struct oci_stage){ plan->v[i].title, { plan->v[i].n, plan->v[i].lines } };
	}
	return spec_encode(&oci_checked_type, &out, a, true);
}
