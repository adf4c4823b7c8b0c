/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: any config.json on each of four hosts.  A plan comes out that can be printed, or an
 * error that is a message of one line, is no bug of ours and, where config.json is to blame, begins
 * with a path that exists in it.  The survey of `check` finds no error where create makes a plan, and
 * finds what the decoder or create complains about first; it ends, whatever it is given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "fuzz/fuzz.h"
#include "oci-spec/config.h"
#include "plan/hosts.h"
#include "plan/plan.h"
#include "plan/explain.h"
#include "plan/print.h"
#include "plan/survey.h"

static void demand(bool good, const char *what, const char *message)
{
	if (good)
		return;
	fprintf(stderr, "fuzz-plan: %s: %s\n", what, message);
	abort();
}

static bool has(const struct problems *l, const char *path, const char *message)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].is_warning && str_eq(l->v[i].path, path) && str_eq(l->v[i].message, message))
			return true;
	return l->is_full;
}

/* FAULT: of the decoder, or NULL; E: of create, ERR_NONE: none. */
static void survey_on(const char *host_name, const struct create_request *rq, const char *text, size_t len,
		      const struct spec_error *fault, const struct err *e)
{
	const struct host host = host_named(host_name);
	struct arena a = ARENA_NONE;
	struct survey s;

	survey_decode(&s, text, len, &a);
	if (fault)
		demand(has(&s.problems, fault->path, fault->message), "a fault that the survey misses", fault->message);
	survey_plan(&s, rq, &host, &a);
	for (size_t i = 0; i < s.problems.n; i++) {
		const struct problem *p = &s.problems.v[i];

		demand(*p->message && !strpbrk(p->message, "\n\r"), "not one line", p->message);
		demand(!*p->path || (p->line && p->column), "a path without a place", p->path);
	}
	problems_sort(&s.problems);
	if (fault) {
		demand(problems_have_errors(&s.problems), "nothing is wrong", fault->message);
	} else if (e->kind == ERR_NONE) {
		demand(!problems_have_errors(&s.problems), "an error that create does not see",
		       s.problems.n ? s.problems.v[0].message : "");
		demand(s.is_whole && plan_explain(s.plan, &a)->n, "nothing to be explained", host_name);
	} else {
		size_t n = spec_path_length(&oci_config_type, e->msg);
		const char *message = e->msg + (n ? n + 1 : 0);

		message += n ? strspn(message, " ") : 0;
		demand(has(&s.problems, arena_strndup(&a, e->msg, n), message), "an error that the survey misses", e->msg);
	}
	arena_undo(&a);
}

static void plan_on(const char *host_name, const struct oci_config *c, const char *text, size_t len, bool surveys,
		    struct arena *a)
{
	const struct host host = host_named(host_name);
	struct create_request rq = { .id = "fuzz", .bundle = "/bundle", .root = "/run/husk", .detach = true };
	const struct plan *plan = NULL;
	struct err e = { 0 };
	unsigned line, column;

	if (c->process && c->process->terminal)
		rq.console_socket = "/console.sock";
	if (plan_create(&plan, c, &rq, &host, a, &e) == 0) {
		demand(plan && plan_print(plan, a)[0], "a plan without a text", host_name);
		if (surveys)
			survey_on(host_name, &rq, text, len, NULL, &e);
		return;
	}
	if (surveys)
		survey_on(host_name, &rq, text, len, NULL, &e);
	demand(e.kind != ERR_NONE && e.kind != ERR_BUG, "an error of the wrong kind", e.msg);
	demand(e.msg[0] && !strpbrk(e.msg, "\n\r\t\033"), "not one line", e.msg);
	if (e.kind == ERR_SPEC && getenv("FUZZ_PATHS") && !spec_locate(text, len, e.msg, &line, &column))
		printf("no path: %s\n", e.msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena text_arena = ARENA_NONE, a = ARENA_NONE;
	const char *text = (const char *)data;
	struct spec_error fault;
	struct err e = { 0 };
	void *config;

	/* Most inputs are refused here: not worth a memfd. */
	if (spec_decode(&oci_config_type, text, len, &text_arena, &config, &fault) == 0) {
		demand(arena_share(&a, &e) == 0, "share", e.msg);
		for (size_t i = 0; i < ARRAY_SIZE(host_names); i++)
			plan_on(host_names[i], config, text, len, i == len % ARRAY_SIZE(host_names), &a);
		arena_undo(&a);
	} else {
		struct create_request rq = { .id = "fuzz", .bundle = "/bundle", .root = "/run/husk" };

		survey_on(host_names[len % ARRAY_SIZE(host_names)], &rq, text, len, &fault, &e);
	}
	arena_undo(&text_arena);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed)
{
	if (seed % 16 == 0)
		return LLVMFuzzerMutate(data, len, max);
	for (unsigned n = 1 + seed / 16 % 3; n; n--, seed = seed * 1103515245 + 12345)
		len = fuzz_json(data, len, max, seed / 64);
	return len;
}
