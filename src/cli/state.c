/* SPDX-License-Identifier: Apache-2.0 */
/* `husk state`, `husk list`: what there is, as JSON or as a table. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "life/state.h"

static const struct option_row state_options[] = { OPTIONS_END };

static int state(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	ARENA_HERE(mem);
	struct target target = target_of(g, arguments);
	struct life_state state;

	(void)values;
	if (life_look(&target, &state, &mem, e) < 0)
		return -1;
	output_is_whole(NULL, 0);
	(void)fputs(life_state_json(&state, &mem), stdout);
	return 0;
}

#define BUFFER_SIZE 16384

struct list_values { const char *format; bool quiet; };

static const struct option_row list_options[] = {
	{ 'f', "format", OPTION_TEXT, offsetof(struct list_values, format), "table|json", "how it is printed: a table by default" },
	{ 'q', "quiet", OPTION_FLAG, offsetof(struct list_values, quiet), NULL, "only the ids" },
	OPTIONS_END
};

/* How it ended, when that is known: as `wait` says it. */
static const char *exit_text(const struct life_state *s, char buf[16])
{
	if (!s->ending || !s->ending->code.set)
		return "";
	(void)snprintf(buf, 16, "%u", s->ending->code.v);
	return buf;
}

/* S, and blanks up to WIDTH and the next column: printf(3) would take as long as all the rest of a row. */
static void cell(const char *s, size_t width)
{
	static const char blanks[] = "                                ";
	size_t n = strlen(s), left = 2 + (n < width ? width - n : 0);

	(void)fwrite(s, 1, n, stdout);
	for (; left; left -= n) {
		n = MIN(left, sizeof(blanks) - 1);
		(void)fwrite(blanks, 1, n, stdout);
	}
}

/* Of the columns whose texts differ most; the others fit their heading. */
struct widths { size_t id, bundle, owner; };

static void print_row(const struct widths *w, const char *id, const char *pid, const char *status, const char *bundle,
		      const char *created, const char *owner, const char *code)
{
	cell(id, w->id);
	cell(pid, 8);
	cell(status, 8);
	cell(bundle, w->bundle);
	cell(created, 30);
	cell(owner, w->owner);
	(void)fputs(code, stdout);
	(void)fputc('\n', stdout);
}

/* EXIT is not among runc's columns: the last one, so that theirs stay where they are. */
static void print_table(const struct life_list *list)
{
	struct widths w = { strlen("ID"), strlen("BUNDLE"), strlen("OWNER") };
	char pid[16], code[16];

	for (size_t i = 0; i < list->n; i++) {
		w.id = MAX(w.id, strlen(list->v[i].id));
		w.bundle = MAX(w.bundle, strlen(list->v[i].bundle));
		w.owner = MAX(w.owner, strlen(list->v[i].owner));
	}
	print_row(&w, "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER", "EXIT");
	for (size_t i = 0; i < list->n; i++) {
		const struct life_state *s = &list->v[i];

		(void)snprintf(pid, sizeof(pid), "%d", s->pid);
		print_row(&w, s->id, pid, status_word(s->status), s->bundle, s->created, s->owner, exit_text(s, code));
	}
}

static void print_json(const struct life_list *list)
{
	AUTO(arena) one = ARENA_NONE;

	(void)fputc('[', stdout);
	for (size_t i = 0; i < list->n; i++) {
		(void)printf("%s%s", i ? "," : "", life_line_json(&list->v[i], &one));
		arena_clear(&one);
	}
	(void)fputs("]\n", stdout);
}

static int list_all(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct list_values *v = values;
	ARENA_HERE(mem);
	struct life_list list = {};
	char buffer[BUFFER_SIZE];

	(void)arguments;
	if (v->format && !str_eq(v->format, "json") && !str_eq(v->format, "table"))
		return err_set(e, ERR_USAGE, "option --format: \"%s\" is not table or json", v->format);
	if (life_list(g->root, &list, &mem, e) < 0)
		return -1;
	output_is_whole(buffer, sizeof(buffer));
	if (v->quiet)
		for (size_t i = 0; i < list.n; i++)
			(void)puts(list.v[i].id);
	else if (str_eq(v->format, "json"))
		print_json(&list);
	else
		print_table(&list);
	/* Before the buffer goes. */
	return output_finish(e);
}

const struct command command_state = {
	.name = "state", .arguments = "CONTAINER-ID", .summary = "print the state of a container as JSON",
	.options = state_options, .min = 1, .max = 1, .is_quiet = true, .run = state,
};

const struct command command_list = {
	.name = "list", .arguments = "", .summary = "list the containers",
	.options = list_options, .size = sizeof(struct list_values), .max = 0, .is_quiet = true, .run = list_all,
};
