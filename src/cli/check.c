/* SPDX-License-Identifier: Apache-2.0 */
/* `husk check`: what is wrong with a bundle, as lines that editors and people understand, or as JSON. */
#include <limits.h>
#include <stddef.h>
#include <stdio.h>

#include "base/own.h"
#include "base/str.h"
#include "cli/codes.h"
#include "cli/commands.h"
#include "life/check.h"

struct check_values { const char *config, *format; bool strict, explain; };

#define AT(member) offsetof(struct check_values, member)

static const struct option_row check_options[] = {
	OPTION("config", 'f', TEXT, AT(config), "FILE", "configuration, if not config.json in the bundle"),
	OPTION("strict", 0, FLAG, AT(strict), "", "a warning is as bad as an error"),
	OPTION("explain", 0, FLAG, AT(explain), "",
	  "when nothing is wrong, tell what create and start would do, in the order in which they would do it"),
	OPTION("format", 0, TEXT, AT(format), "text|json", "how it is printed: text (default) or json"),
	OPTIONS_END
};

static void print_problems(const struct problems *l, const char *file)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct problem *p = &l->v[i];

		if (p->line)
			(void)printf("%s:%u:%u: ", file, p->line, p->column);
		else
			(void)printf("%s: ", file);
		(void)printf("%s: %s%s%s\n", p->is_warning ? "warning" : "error", p->path, *p->path ? ": " : "", p->message);
	}
	if (l->is_full)
		(void)printf("%s: error: there is more, but %d problems are enough\n", file, PROBLEMS_MAX);
}

static void print_explanation(const struct explanation *x)
{
	for (size_t i = 0; i < x->n; i++) {
		(void)printf("%s%s\n", i ? "\n" : "", x->v[i].title);
		for (size_t k = 0; k < x->v[i].n; k++)
			(void)printf("  %s\n", x->v[i].lines[k]);
	}
}

static int check(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct check_values *v = values;
	char bundle[PATH_MAX], config[PATH_MAX];
	/* As for run in the foreground: whether there is a console socket is not the bundle's business. */
	struct create_request rq = { .id = "ID", .bundle = bundle, .config = config, .root = g->root };
	const struct explanation *plan = NULL;
	AUTO(arena) mem = ARENA_NONE;
	struct check c = {};
	bool is_json, is_sound;

	if (output_format(v->format, &is_json, e) < 0 || find_manager(g, &rq.manager, e) < 0 ||
	    find_bundle(arguments->n ? arguments->v[0] : ".", v->config, bundle, config, e) < 0 ||
	    life_check(&c, &rq, &mem, e) < 0)
		return -1;
	is_sound = v->strict ? !c.found.problems.n : !problems_have_errors(&c.found.problems);
	if (v->explain && c.found.is_whole && !problems_have_errors(&c.found.problems))
		plan = plan_explain(c.found.plan, &mem);
	if (is_json) {
		(void)puts(life_check_json(&c, config, is_sound, plan, &mem));
		return is_sound ? 0 : EXIT_SPEC;
	}
	print_problems(&c.found.problems, config);
	if (plan)
		print_explanation(plan);
	return is_sound ? 0 : EXIT_SPEC;
}

const struct command command_check = {
	.name = "check", .arguments = "[BUNDLE]", .summary = "find everything that is wrong with a bundle",
	.notes = "Nothing is done and nothing is written. All problems are printed, each with its place in the "
		 "configuration: FILE:LINE:COLUMN: SEVERITY: PATH: MESSAGE. An "
		 "error is what create would refuse on this host; a warning is what is allowed and yet probably not meant. BUNDLE is "
		 "the current directory if it is not given.\n\n"
		 "The exit code is 0 when the bundle is sound, 4 when it is not, another one when it could not be looked at.",
	.options = check_options, .size = sizeof(struct check_values), .max = 1, .run = check,
};
