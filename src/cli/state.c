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
	OPTION("format", 'f', TEXT, offsetof(struct list_values, format), "table|json", "how it is printed: a table by default"),
	OPTION("quiet", 'q', FLAG, offsetof(struct list_values, quiet), "", "only the ids"),
	OPTIONS_END
};

/* How it ended, when that is known: as `wait` says it. */
static void add_exit(struct text *t, const struct life_state *s)
{
	if (s->ending && s->ending->code.set)
		text_addu(t, s->ending->code.v);
}

/* S, and blanks up to WIDTH and the next column: printf(3) would take as long as all the rest of a row. */
static void cell(struct text *row, const char *s, size_t width)
{
	static const char blanks[] = "                                ";
	size_t n = strlen(s), left = 2 + (n < width ? width - n : 0);

	text_addn(row, s, n);
	for (; left; left -= n) {
		n = MIN(left, sizeof(blanks) - 1);
		text_addn(row, blanks, n);
	}
}

/* Of the columns whose texts differ most; the others fit their heading. */
struct widths { size_t id, bundle, created, owner; };
#define CREATED_WIDTH   30
#define OTHER_WIDTHS    80              /* together at most, with what is between all of them */

static void print_row(struct text *row, const struct widths *w, const char *id, const char *pid, const char *status,
		      const char *bundle, const char *created, const char *owner, const char *code)
{
	row->len = 0;
	cell(row, id, w->id);
	cell(row, pid, 8);
	cell(row, status, 8);
	cell(row, bundle, w->bundle);
	cell(row, created, w->created);
	cell(row, owner, w->owner);
	text_add(row, code);
	text_add(row, "\n");
	(void)fwrite(row->s, 1, row->len, stdout);
}

/* EXIT is not among runc's columns: the last one, so that theirs stay where they are. */
static void print_table(const struct life_list *list, struct arena *a)
{
	struct widths w = { strlen("ID"), strlen("BUNDLE"), CREATED_WIDTH, strlen("OWNER") };
	struct text row = {};

	for (size_t i = 0; i < list->n; i++) {
		w.id = MAX(w.id, strlen(list->v[i].id));
		w.bundle = MAX(w.bundle, strlen(list->v[i].bundle));
		w.created = MAX(w.created, strlen(list->v[i].created));
		w.owner = MAX(w.owner, strlen(list->v[i].owner));
	}
	row.size = w.id + w.bundle + w.created + w.owner + OTHER_WIDTHS;
	row.s = arena_chars(a, row.size);
	print_row(&row, &w, "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER", "EXIT");
	for (size_t i = 0; i < list->n; i++) {
		const struct life_state *s = &list->v[i];
		char pid[16] = "", code[16] = "";

		text_addu(&TEXT(pid), (unsigned)s->pid);
		add_exit(&TEXT(code), s);
		print_row(&row, &w, s->id, pid, status_word(s->status), s->bundle, s->created, s->owner, code);
	}
}

static void print_json(const struct life_list *list)
{
	AUTO(arena) one = ARENA_NONE;

	(void)fputc('[', stdout);
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			(void)fputc(',', stdout);
		(void)fputs(life_line_json(&list->v[i], &one), stdout);
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
		print_table(&list, &mem);
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
