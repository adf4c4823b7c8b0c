/* SPDX-License-Identifier: Apache-2.0 */
/* `husk info`, and `husk doctor`, which is the same: the findings as a list for people, or as JSON. */
#include <stddef.h>
#include <stdio.h>

#include "base/own.h"
#include "cli/codes.h"
#include "cli/commands.h"
#include "life/info.h"

struct info_values { const char *format; };

static const struct option_row info_options[] = {
	OPTION("format", 0, TEXT, offsetof(struct info_values, format), "text|json", "how it is printed: text (default) or json"),
	OPTIONS_END
};

static void print_findings(const struct findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *v = &f->v[i];

		(void)printf("%-5s  %-22s  %s\n", finding_word(v->state), v->subject, v->value);
		if (v->consequence)
			(void)printf("%7s%22s  so: %s\n", "", "", v->consequence);
		if (v->cure)
			(void)printf("%7s%22s  cure: %s\n", "", "", v->cure);
	}
}

static int info(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct info_values *v = values;
	AUTO(arena) mem = ARENA_NONE;
	struct findings f;
	bool is_json, is_usable;

	(void)g, (void)arguments;
	if (output_format(v->format, &is_json, e) < 0)
		return -1;
	is_usable = life_info(&f, &mem);
	if (is_json)
		(void)puts(life_info_json(&f, &mem));
	else
		print_findings(&f);
	return is_usable ? 0 : EXIT_UNSUPPORTED;
}

#define NOTES                                                                                                           \
	"Each line is \"ok\", \"lack\" (some containers cannot run here, or not as they should) or \"fatal\" (none can); a lack is " \
	"followed by its consequence and its cure.\n\n"                                                                 \
	"The exit code is 0 when containers can run here, 6 when they cannot."

const struct command command_info = {
	.name = "info", .arguments = "", .summary = "tell what this host offers to containers, and what not",
	.notes = NOTES, .options = info_options, .size = sizeof(struct info_values), .is_quiet = true, .run = info,
};

const struct command command_doctor = {
	.name = "doctor", .arguments = "", .summary = "the same as info",
	.notes = NOTES, .options = info_options, .size = sizeof(struct info_values), .is_quiet = true, .run = info,
};
