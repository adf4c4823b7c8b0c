/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every captured config can be planned, and nothing in a plan points out of its arena: husk-init has
 * another address space.  The scan is conservative: any aligned word of the arena that has the value
 * of an address mapped in this program (code, literals, heap, stack) counts as such a pointer.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "plan/hosts.h"
#include "plan/plan.h"
#include "plan/print.h"
#include "unit/tap.h"

#define RANGES_MAX 512

static struct { uintptr_t from, to; char name[100]; } ranges[RANGES_MAX];
static int n_ranges;

static void look_at_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[4096];

	n_ranges = 0;
	while (f && n_ranges < RANGES_MAX && fgets(line, sizeof(line), f)) {
		uintptr_t from, to;
		int at = 0;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %*s %n", &from, &to, &at) < 2)
			continue;
		/* The arena itself; and the shadow of sanitizers, which is nearly everything. */
		if (from >= PLAN_ADDRESS && from < PLAN_ADDRESS + PLAN_MAX)
			continue;
		if (to - from > 1ul << 32)
			continue;
		ranges[n_ranges].from = from;
		ranges[n_ranges].to = to;
		snprintf(ranges[n_ranges].name, sizeof(ranges[0].name), "%.*s", (int)strcspn(line + at, "\n"), line + at);
		n_ranges++;
	}
	if (f)
		fclose(f);
}

/* How many words look like pointers to the outside; the first few are shown. */
static int foreign(const struct arena *a, const struct seccomp_plan *filter)
{
	const uintptr_t *w = (const uintptr_t *)PLAN_ADDRESS;
	int found = 0;

	for (size_t i = 0; i < a->used / sizeof(*w); i++) {
		/* Instructions of a filter are numbers that may look like anything. */
		if ((const char *)(w + i) >= (const char *)filter->code &&
		    (const char *)(w + i) < (const char *)(filter->code + filter->len))
			continue;
		for (int r = 0; r < n_ranges; r++) {
			if (w[i] < ranges[r].from || w[i] >= ranges[r].to)
				continue;
			if (found++ < 3) {
				const char *s = (const char *)w[i];

				printf("# word %zu: %#" PRIxPTR " in %s: \"%.40s\"\n", i, w[i], ranges[r].name,
				       strstr(ranges[r].name, "vvar") ? "" : s);
			}
		}
	}
	return found;
}

static char *slurp(const char *path, struct arena *a, size_t *len)
{
	FILE *f = fopen(path, "r");
	char *text = arena_alloc(a, 1 << 20);

	*len = f ? fread(text, 1, (1 << 20) - 1, f) : 0;
	if (f)
		fclose(f);
	return text;
}

static void check(const char *path, const char *name, const char *host_name)
{
	const struct host host = host_named(host_name);
	AUTO(arena) text_arena = ARENA_NONE;
	AUTO(arena) a = ARENA_NONE;
	struct spec_error fault;
	const struct plan *plan = NULL;
	struct err e = { 0 };
	size_t len;
	char *text = slurp(path, &text_arena, &len);
	void *config;
	struct create_request rq = { .id = "captured", .bundle = "/bundle", .root = "/run/husk", .detach = true };
	bool good;

	if (arena_share(&a, &e) < 0) {
		OK(false, "share: %s", e.msg);
		return;
	}
	/* As create does it: the config lies in the same arena. */
	if (spec_decode(&oci_config_type, text, len, &a, &config, &fault) < 0) {
		OK(false, "%s: %s: %s", name, fault.path, fault.message);
		return;
	}
	if (((const struct oci_config *)config)->process->terminal)
		rq.console_socket = "/console.sock";
	rq.activation.notify_socket = "/run/notify";
	good = plan_create(&plan, config, &rq, &host, &a, &e) == 0;
	/* Docker's cgroupsPath for the systemd manager is no path. */
	if (!OK(good, "%s is planned on a %s host", name, host_name)) {
		printf("# %s\n", e.msg);
		return;
	}
	look_at_maps();
	OK(foreign(&a, &plan->seccomp) == 0, "%s on %s: the plan points nowhere but into its arena", name, host_name);
	OK(strlen(plan_print(plan, &a)) > 100, "%s on %s: can be printed", name, host_name);
}

static int is_config(const struct dirent *d)
{
	return str_ends(d->d_name, ".json") && !strstr(d->d_name, "-process.json");
}

int main(void)
{
	const char *src = getenv("HUSK_SRCDIR");
	AUTO(arena) a = ARENA_NONE;
	char *dir = arena_printf(&a, "%s/tests/bundles", src ? src : ".");
	struct dirent **names;
	int n = scandir(dir, &names, is_config, alphasort);

	OK(n > 50, "there are captured configs");
	for (int i = 0; i < n; i++) {
		char *path = arena_printf(&a, "%s/%s", dir, names[i]->d_name);

		check(path, names[i]->d_name, "hybrid");
		check(path, names[i]->d_name, "v2");
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return tap_done();
}
