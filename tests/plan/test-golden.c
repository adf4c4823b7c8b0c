/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden files: cases/NAME.json on each of four hosts gives golden/NAME-HOST.txt, a printed plan or an
 * error, and golden/NAME-explained.txt, what people are told of it on the v2 host.  HUSK_UPDATE=1 writes them anew;
 * read the difference before you commit it.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "plan/explain.h"
#include "plan/hosts.h"
#include "plan/plan.h"
#include "plan/print.h"
#include "unit/tap.h"

static char *slurp(const char *path, struct arena *a, size_t *len)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;

	*len = 0;
	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	*len = (size_t)ftell(f);
	rewind(f);
	text = arena_alloc(a, *len + 1);
	*len = fread(text, 1, *len, f);
	fclose(f);
	return text;
}

static const char *explained(const struct plan *plan, struct arena *a)
{
	const struct explanation *x = plan_explain(plan, a);
	const char *text = "";

	for (size_t i = 0; i < x->n; i++) {
		text = arena_printf(a, "%s%s\n", text, x->v[i].title);
		for (size_t k = 0; k < x->v[i].n; k++)
			text = arena_printf(a, "%s  %s\n", text, x->v[i].lines[k]);
	}
	return text;
}

static const char *result(const char *text, size_t len, const char *host_name, struct arena *a)
{
	const bool explains = str_eq(host_name, "explained");
	const struct host host = host_named(explains ? "v2" : host_name);
	const struct create_request rq = {
		.id = "golden", .bundle = "/bundle", .root = "/run/husk", .config = "/bundle/config.json",
		.console_socket = strstr(text, "\"terminal\": true") ? "/console.sock" : NULL, .detach = true,
		.manager = strstr(text, "org.systemd.property") ? CGROUP_MANAGER_SYSTEMD :
			   str_eq(host_name, "rootless") ? CGROUP_MANAGER_NONE : CGROUP_MANAGER_FS,
		.activation = { .notify_socket = strstr(text, "test.notify") ? "/run/systemd/notify" : NULL },
	};
	struct spec_error fault;
	const struct plan *plan;
	struct err e = { 0 };
	void *config;

	if (spec_decode(&oci_config_type, text, len, a, &config, &fault) < 0)
		return arena_printf(a, "decode: %s: %s\n", fault.path, fault.message);
	if (plan_create(&plan, config, &rq, &host, a, &e) < 0)
		return arena_printf(a, "error %d: %s\n", e.kind, e.msg);
	return explains ? explained(plan, a) : plan_print(plan, a);
}

static void show_difference(const char *got, const char *want)
{
	unsigned line = 1;

	while (*got && *got == *want) {
		line += *got == '\n';
		got++, want++;
	}
	printf("# line %u:\n#  got: ...%.*s\n# want: ...%.*s\n", line, (int)strcspn(got, "\n"), got,
	       (int)strcspn(want, "\n"), want);
}

static void check(const char *dir, const char *file, const char *host)
{
	AUTO(arena) a = ARENA_NONE;
	char *path = arena_printf(&a, "%s/cases/%s", dir, file);
	char *golden = arena_printf(&a, "%s/golden/%.*s-%s.txt", dir, (int)(strlen(file) - 5), file, host);
	size_t len, want_len;
	char *text = slurp(path, &a, &len), *want = slurp(golden, &a, &want_len);
	const char *got = result(text, len, host, &a);

	if (getenv("HUSK_UPDATE")) {
		FILE *f = fopen(golden, "w");

		fputs(got, f);
		fclose(f);
		want = arena_strdup(&a, got);
	}
	if (!OK(want && strcmp(got, want) == 0, "%.*s on a %s host is planned as written down", (int)strlen(file) - 5, file,
		host))
		show_difference(got, want ? want : "(no golden file)");
}

static int is_case(const struct dirent *d)
{
	return str_ends(d->d_name, ".json");
}

int main(void)
{
	const char *src = getenv("HUSK_SRCDIR");
	AUTO(arena) a = ARENA_NONE;
	char *dir = arena_printf(&a, "%s/tests/plan", src ? src : ".");
	struct dirent **names;
	int n = scandir(arena_printf(&a, "%s/cases", dir), &names, is_case, alphasort);

	OK(n > 0, "there are cases");
	for (int i = 0; i < n; i++) {
		for (size_t h = 0; h < ARRAY_SIZE(host_names); h++)
			check(dir, names[i]->d_name, host_names[h]);
		check(dir, names[i]->d_name, "explained");
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return tap_done();
}
