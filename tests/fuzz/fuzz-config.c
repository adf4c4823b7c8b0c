/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: any bytes as config.json.  Whatever is accepted must survive encode and decode
 * unchanged; whatever is refused must be refused with a message; nothing may read too far.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "fuzz/fuzz.h"
#include "oci-spec/config.h"
#include "oci-spec/features.h"
#include "oci-spec/state.h"

static void demand(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "fuzz-config: %s\n", what);
	abort();
}

static void note(void *ctx, const char *path, const char *meant, unsigned line, unsigned column)
{
	demand(line && column, "an unknown member without a place");
}

struct collected { struct spec_error first; unsigned n; };

static bool collect(void *ctx, const struct spec_error *fault)
{
	struct collected *c = ctx;

	demand(fault->message[0] && fault->line && fault->column, "a fault without a reason or a place");
	if (!c->n++)
		c->first = *fault;
	return c->n < 100;
}

/* What goes on behind faults finds the same first one, and gives an object that everybody can read. */
static void all_faults(const struct spec_type *t, const char *text, size_t len, bool good, const struct spec_error *fault)
{
	struct arena a = ARENA_NONE;
	struct collected c = { .n = 0 };
	const struct spec_watch watch = { .fault = collect, .unknown = note, .ctx = &c };
	struct spec_error last;
	void *obj = NULL;
	int r = spec_decode_watched(t, text, len, &a, &obj, &watch, &last);
	const struct spec_error *first = c.n ? &c.first : &last;

	demand(good == (r == 0 && c.n == 0), "good for one, bad for the other");
	if (!good)
		demand(strcmp(first->path, fault->path) == 0 && strcmp(first->message, fault->message) == 0 &&
		       first->line == fault->line && first->column == fault->column, "another first fault");
	if (r == 0)
		demand(spec_encode(t, obj, &a, true)[0], "what stands behind faults is nothing");
	arena_undo(&a);
}

static void one(const struct spec_type *t, const char *text, size_t len)
{
	struct arena a = ARENA_NONE;
	struct spec_error fault, again;
	void *obj = NULL, *obj2 = NULL;
	char *first, *second;
	unsigned line, column;
	struct err e = { 0 };
	bool good;

	good = spec_decode_watched(t, text, len, &a, &obj, &(struct spec_watch){ .unknown = note }, &fault) == 0;
	if (good) {
		first = spec_encode(t, obj, &a, false);
		demand(spec_decode(t, first, strlen(first), &a, &obj2, &again) == 0, "what was encoded is refused");
		second = spec_encode(t, obj2, &a, false);
		demand(strcmp(first, second) == 0, "the second time it is another document");
	} else {
		demand(fault.message[0] && fault.line && fault.column, "refused without a reason");
		demand(spec_fail(&e, "config.json", &fault) == -1 && !strchr(e.msg, '\n'), "not one line");
		spec_locate(text, len, fault.path, &line, &column);
	}
	all_faults(t, text, len, good, &fault);
	/* The rest of the bytes as a path, and all of them as a broken text. */
	spec_locate(text, len, "mounts[1].options[0]: x", &line, &column);
	spec_locate(text, len / 2, "linux.resources.devices[2]", &line, &column);
	arena_undo(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct spec_type *const types[] = {
		&oci_config_type, &oci_process_type, &oci_resources_type, &oci_state_type, &oci_features_type,
	};
	const char *text = (const char *)data;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		one(types[i], text, len);
	if (len) {
		/* Bytes as a path, too. */
		char *path = calloc(1, len + 1);
		unsigned line, column;

		memcpy(path, data, len);
		spec_locate(text, len, path, &line, &column);
		spec_locate("{\"a\":[{\"b\":1}],\"c.d\":{\"\\u0061\\n\":2}}", 37, path, &line, &column);
		free(path);
	}
	return 0;
}
