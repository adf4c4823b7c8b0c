/* SPDX-License-Identifier: Apache-2.0 */
/* `husk ps`. */
#include <stddef.h>
#include <stdio.h>

#include "base/own.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/ps.h"
#include "life/control.h"

struct ps_values { const char *format; };

static const struct option_row ps_options[] = {
	OPTION("format", 'f', TEXT, offsetof(struct ps_values, format), "table|json", "how it is printed: a table by default"),
	OPTIONS_END
};

static void print_pids(const pid_t *pids, size_t n)
{
	(void)putchar('[');
	for (size_t i = 0; i < n; i++)
		(void)printf("%s%d", i ? "," : "", (int)pids[i]);
	(void)puts("]");
}

static int ps(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct ps_values *v = values;
	AUTO(arena) mem = ARENA_NONE;
	struct target target = target_of(g, arguments);
	pid_t *pids = NULL;
	size_t n = 0;

	if (v->format && !str_eq(v->format, "json") && !str_eq(v->format, "table"))
		return err_set(e, ERR_USAGE, "option --format: \"%s\" is not table or json", v->format);
	if (life_ps(&target, &pids, &n, &mem, e) < 0)
		return -1;
	if (!str_eq(v->format, "json"))
		return ps_table(pids, n, arguments->v + 1, e);
	print_pids(pids, n);
	return 0;
}

const struct command command_ps = {
	.name = "ps", .arguments = "CONTAINER-ID [PS-OPTION...]", .summary = "list the processes of a container",
	.notes = "The table is that of the host's ps(1), called with the options given (-ef).",
	.options = ps_options, .size = sizeof(struct ps_values), .min = 1, .max = 1000, .stops = true, .is_quiet = true,
	.run = ps,
};
