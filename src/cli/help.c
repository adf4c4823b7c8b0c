/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the option tables for a terminal; `husk help`. */
#include "cli/help.h"

#include <string.h>

#include "cli/commands.h"
#include "cli/texts.h"

#define WIDTH   80
#define INDENT  30      /* where the explanation of an option begins */
#define COMMAND 14      /* and that of a command */

/* LEN bytes of TEXT in lines of WIDTH columns, the first of which begins at column AT, the others at INDENT. */
static void wrap(FILE *f, const char *text, size_t len, int at, int indent)
{
	const char *end = text + len;
	bool is_first = true;

	while (text < end) {
		int n = (int)strcspn(text, " \n");

		if (n > end - text)
			n = (int)(end - text);
		if (!is_first && n && at + 1 + n > WIDTH) {
			(void)fprintf(f, "\n%*s", indent, "");
			at = indent;
		} else if (!is_first && n) {
			(void)fputc(' ', f);
			at++;
		}
		(void)fprintf(f, "%.*s", n, text);
		at += n;
		is_first = is_first && !n;
		text += n + 1;
	}
	(void)fputc('\n', f);
}

/* LEFT, and TEXT beside it, or below it when LEFT is too long. */
static void print_pair(FILE *f, const char *left, const char *text, int indent)
{
	int at = fprintf(f, "  %s", left);

	if (at > indent - 2) {
		(void)fputc('\n', f);
		at = 0;
	}
	(void)fprintf(f, "%*s", indent - at, "");
	wrap(f, text, strlen(text), indent, indent);
}

static void print_notes(FILE *f, const char *notes)
{
	bool was_kept = false;
	struct note n;

	while (note_next(&notes, &n)) {
		if (!n.is_kept || !was_kept)
			(void)fputc('\n', f);
		if (n.is_kept)
			(void)fprintf(f, "%.*s\n", (int)n.len, n.text);
		else
			wrap(f, n.text, n.len, 0, 0);
		was_kept = n.is_kept;
	}
}

static void print_options(FILE *f, const struct option_row *table)
{
	for (const struct option_row *o = table; o && o->name; o++) {
		char left[100];

		(void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
			       o->letter ? ", " : "  ", o->name, *option_value(o) ? "=" : "", option_value(o));
		print_pair(f, left, option_help(o), INDENT);
	}
	print_pair(f, "-h, --help", "print this", INDENT);
}

size_t help_sentence(char *buf, size_t size, const char *summary)
{
	(void)snprintf(buf, size, "%s.", summary);
	if (buf[0] >= 'a' && buf[0] <= 'z')
		buf[0] = (char)(buf[0] - 'a' + 'A');
	return strlen(buf);
}

void help_of(FILE *f, const struct command *c)
{
	char text[300];

	(void)snprintf(text, sizeof(text), "Usage: husk [GLOBAL-OPTION...] %s [OPTION...] %s", c->name, c->arguments);
	wrap(f, text, strlen(text), 0, 7);
	(void)fputc('\n', f);
	wrap(f, text, help_sentence(text, sizeof(text), c->summary), 0, 0);
	print_notes(f, c->notes);
	(void)fprintf(f, "\nOptions:\n");
	print_options(f, c->options);
}

void help_of_all(FILE *f)
{
	(void)fprintf(f, "Usage: husk [GLOBAL-OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n\n"
		      "Run containers as the runtime specification of the Open Container Initiative\nsays.\n\nCommands:\n");
	for (const struct command *const *c = commands; *c; c++)
		print_pair(f, (*c)->name, (*c)->summary, COMMAND);
	(void)fprintf(f, "\nGlobal options:\n");
	print_options(f, global_options);
	(void)fprintf(f, "\n\"husk COMMAND --help\" tells more about a command, as does husk-COMMAND(8).\n");
}

static const struct option_row no_options[] = { OPTIONS_END };

static int help(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct command *c = arguments->n ? command_find(arguments->v[0]) : NULL;

	(void)g, (void)values;
	if (arguments->n && !c)
		return command_unknown(arguments->v[0], e);
	if (c)
		help_of(stdout, c);
	else
		help_of_all(stdout);
	return 0;
}

const struct command command_help = {
	.name = "help", .arguments = "[TOPIC]", .summary = "explain a command, or list them all",
	.options = no_options, .max = 1, .run = help,
};
