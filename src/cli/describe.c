/* SPDX-License-Identifier: Apache-2.0 */
/* `husk features` and `husk spec`. */
#include <stddef.h>
#include <stdio.h>

#include "base/own.h"
#include "cli/commands.h"
#include "life/describe.h"

static const struct option_row features_options[] = { OPTIONS_END };

static int features(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	char *json = life_features(&mem, e);

	(void)g, (void)values, (void)arguments;
	if (!json)
		return -1;
	(void)fputs(json, stdout);
	return 0;
}

struct spec_values { const char *bundle, *file; bool rootless; };

static const struct option_row spec_options[] = {
	OPTION("bundle", 'b', TEXT, offsetof(struct spec_values, bundle), "DIR", "where to write it (.)"),
	OPTION("file", 'f', TEXT, offsetof(struct spec_values, file), "FILE", "its name (config.json)"),
	OPTION("rootless", 0, FLAG, offsetof(struct spec_values, rootless), "", "for a user who is not root"),
	OPTIONS_END
};

static int spec(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct spec_values *v = values;

	(void)g, (void)arguments;
	return life_spec(v->bundle ? v->bundle : ".", v->file ? v->file : "config.json", v->rootless, e);
}

const struct command command_features = {
	.name = "features", .arguments = "", .summary = "print what husk supports as JSON",
	.options = features_options, .is_quiet = true, .run = features,
};

const struct command command_spec = {
	.name = "spec", .arguments = "", .summary = "write a config.json to begin with",
	.options = spec_options, .size = sizeof(struct spec_values), .run = spec,
};
