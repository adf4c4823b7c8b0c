/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole documents: what engines write, the examples of the specification, the good and the bad
 * documents of its schemas.  What is decoded is encoded, decoded and encoded again: twice the same.
 */
#include "oci-spec/config.h"

#include <dirent.h>
#include <limits.h>

#include "base/arena.h"
#include "base/str.h"
#include "oci-spec/features.h"
#include "oci-spec/state.h"
#include "unit/tap.h"

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *text;
	long n;

	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	text = malloc(n + 1);
	*len = fread(text, 1, n, f);
	fclose(f);
	return realloc(text, *len ? *len : 1);
}

static void note(void *ctx, const char *path, const char *meant, unsigned line, unsigned column)
{
	struct text *t = ctx;

	text_addf(t, " %s", path);
}

/* Null when the document is good; UNKNOWN: the members that the tables do not have. */
static const char *fault_of(const struct spec_type *type, const char *path, char *unknown, size_t size,
			    struct arena *a)
{
	struct text t = { .s = unknown, .size = size };
	struct spec_error fault;
	void *one, *two;
	char *text, *first, *second;
	struct err e;
	size_t len;
	int r;

	unknown[0] = '\0';
	text = read_file(path, &len);
	if (!text)
		return "cannot be read";
	r = spec_decode_watched(type, text, len, a, &one, &(struct spec_watch){ .unknown = note, .ctx = &t }, &fault);
	free(text);
	if (r < 0) {
		spec_fail(&e, "config.json", &fault);
		return arena_strdup(a, e.msg);
	}
	first = spec_encode(type, one, a, true);
	if (spec_decode(type, first, strlen(first), a, &two, &fault) < 0)
		return "what was encoded cannot be decoded";
	second = spec_encode(type, two, a, true);
	return strcmp(first, second) == 0 ? NULL : "decoding loses something";
}

static const struct spec_type *type_of(const char *name)
{
	if (str_starts(name, "features"))
		return &oci_features_type;
	if (str_starts(name, "process-state"))
		return &oci_process_state_type;
	if (str_starts(name, "state"))
		return &oci_state_type;
	return str_ends(name, "-process.json") ? &oci_process_type : &oci_config_type;
}

/* Documents with members of other platforms, or of a version that never was. */
static const char *const known_unknown[][2] = {
	{ "zos-minimal.json", " zos" }, { "zos-example.json", " zos" },
	{ "freebsd-minimal.json", " freebsd" }, { "freebsd-example.json", " freebsd" },
	{ "spec-example.json", NULL },
	{ "config--config--platform-specific-configuration.json", NULL },
	{ "config--config--configuration-schema-example.json", NULL },
};

static const char *may_be_unknown(const char *name, const char *unknown)
{
	for (size_t i = 0; i < sizeof(known_unknown) / sizeof(known_unknown[0]); i++)
		if (strcmp(known_unknown[i][0], name) == 0)
			return known_unknown[i][1] ? known_unknown[i][1] : unknown;
	return "";
}

static int is_json(const struct dirent *d)
{
	return str_ends(d->d_name, ".json");
}

/* All documents of a folder, which must be good. TYPE NULL: follows from the name. */
static void test_good(const char *folder, const struct spec_type *type, int at_least)
{
	const char *src = getenv("HUSK_SRCDIR");
	char dir[PATH_MAX], path[PATH_MAX + 256], unknown[4096];
	struct dirent **list;
	int n;

	snprintf(dir, sizeof(dir), "%s/tests/%s", src ? src : ".", folder);
	n = scandir(dir, &list, is_json, alphasort);
	OK(n >= at_least, "%s: %d documents, at least %d", folder, n, at_least);
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name, *fault;
		struct arena a = ARENA_NONE;

		snprintf(path, sizeof(path), "%s/%s", dir, name);
		fault = fault_of(type ? type : type_of(name), path, unknown, sizeof(unknown), &a);
		SAME(fault, NULL, "%s/%s", folder, name);
		if (!fault && strcmp(unknown, may_be_unknown(name, unknown)) != 0)
			SAME(unknown, may_be_unknown(name, unknown), "%s/%s: unknown members", folder, name);
		arena_undo(&a);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static const char *const bad[][2] = {
	{ "config/bad/linux-netdevice.json",
	  "config.json: linux.netDevices[\"eth0\"].name: expected string, got number (line 9, column 25)" },
	{ "config/bad/linux-rdma.json",
	  "config.json: linux.resources.rdma[\"mlx5_1\"].hcaHandles: expected integer, got string (line 10, column 35)" },
	{ "config/bad/invalid-json.json",
	  "config.json: not valid JSON: invalid object key (must be a string) (line 1, column 2)" },
	{ "config/bad/linux-hugepage.json", NULL },             /* a pattern: the planner refuses it */
	{ "config/bad/freebsd-vnet-disable.json", NULL },       /* not our platform */
	{ "features/bad/missing-ociVersionMax.json",
	  "config.json: ociVersionMax: required, but missing (line 1, column 1)" },
	{ "state/bad/invalid-json.json",
	  "config.json: not valid JSON: invalid object key (must be a string) (line 1, column 2)" },
};

int main(void)
{
	const char *src = getenv("HUSK_SRCDIR");

	test_good("bundles", NULL, 80);
	test_good("spec/examples", NULL, 55);
	test_good("spec/schema/test/config/good", &oci_config_type, 9);
	test_good("spec/schema/test/features/good", &oci_features_type, 2);
	test_good("spec/schema/test/state/good", &oci_state_type, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char path[PATH_MAX], unknown[4096];
		struct arena a = ARENA_NONE;

		snprintf(path, sizeof(path), "%s/tests/spec/schema/test/%s", src ? src : ".", bad[i][0]);
		SAME(fault_of(type_of(bad[i][0]), path, unknown, sizeof(unknown), &a), bad[i][1], "%s", bad[i][0]);
		arena_undo(&a);
	}
	return tap_done();
}
