/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: any config.json on each of four hosts.  A plan comes out that can be printed, or an
 * error that is a message of one line, is no bug of ours and, where config.json is to blame, begins
 * with a path that exists in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "fuzz/fuzz.h"
#include "oci-spec/config.h"
#include "plan/hosts.h"
#include "plan/plan.h"
#include "plan/print.h"

static void demand(bool good, const char *what, const char *message)
{
	if (good)
		return;
	fprintf(stderr, "fuzz-plan: %s: %s\n", what, message);
	abort();
}

static void plan_on(const char *host_name, const struct oci_config *c, const char *text, size_t len, struct arena *a)
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
		return;
	}
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
			plan_on(host_names[i], config, text, len, &a);
		arena_undo(&a);
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
