/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for fish: one `complete` per option and argument, under the condition of where the cursor is. */
#include "cli/completion.h"

#include <string.h>

static const char head[] =
	"# fish completion for husk; made by \"husk completion fish\" from the tables of its options.\n"
	"\n"
	"# Does the option $argv[2] of the command $argv[1] take a value?\n"
	"function __husk_takes\n"
	"\tcontains -- \"$argv[1] $argv[2]\"";

static const char middle[] =
	"\n"
	"end\n"
	"\n"
	"# The command on the line and the number of the argument at the cursor: \"kill\" and 2; without a command \"\" and 0.\n"
	"function __husk_line\n"
	"\tset -l tokens (commandline -opc)\n"
	"\tset -e tokens[1]\n"
	"\tset -l command ''\n"
	"\tset -l n 0\n"
	"\tset -l skip 0\n"
	"\tfor word in $tokens\n"
	"\t\tif test $skip = 1\n"
	"\t\t\tset skip 0\n"
	"\t\telse if string match -q -- '-*' $word\n"
	"\t\t\t__husk_takes \"$command\" $word; and set skip 1\n"
	"\t\telse\n"
	"\t\t\ttest -n \"$command\"; or set command $word\n"
	"\t\t\tset n (math $n + 1)\n"
	"\t\tend\n"
	"\tend\n"
	"\techo $command\n"
	"\techo $n\n"
	"end\n"
	"\n"
	"# Is the cursor behind the command $argv[1]? At its argument number $argv[2], or at one from there on with \"+\"?\n"
	"function __husk_at\n"
	"\tset -l line (__husk_line)\n"
	"\ttest \"$line[1]\" = \"$argv[1]\"; or return 1\n"
	"\tset -q argv[2]; or return 0\n"
	"\ttest $line[2] = $argv[2]; and return 0\n"
	"\ttest \"$argv[3]\" = +; and test $line[2] -gt $argv[2]\n"
	"end\n"
	"\n"
	"function __husk_containers\n"
	"\tset -l tokens (commandline -opc)\n"
	"\tset -l root (string match -r -- '^--root=.*' $tokens)\n"
	"\tif set -l at (contains -i -- --root $tokens)\n"
	"\t\tset root --root=$tokens[(math $at + 1)]\n"
	"\tend\n"
	"\t$tokens[1] $root list -q 2>/dev/null\n"
	"end\n"
	"\n"
	"complete -c husk -f\n";

static void print_quoted(FILE *f, const char *text)
{
	(void)fputc('\'', f);
	completion_escape(f, text, strlen(text), "\\'", NULL);
	(void)fputc('\'', f);
}

/* What completes a value: " -a ..." or " -F". */
static void print_kind(FILE *f, const struct value *v)
{
	switch (v->kind) {
	case VALUE_TEXT:
		break;
	case VALUE_FILE:
		(void)fputs(" -F", f);
		break;
	case VALUE_DIR:
		(void)fputs(" -a '(__fish_complete_directories)'", f);
		break;
	case VALUE_CONTAINER:
		(void)fputs(" -a '(__husk_containers)'", f);
		break;
	case VALUE_SIGNAL:
		(void)fputs(" -a '", f);
		completion_signals(f, " ");
		(void)fputc('\'', f);
		break;
	case VALUE_TOPIC:
		(void)fputs(" -a '", f);
		completion_commands(f, " ");
		(void)fputc('\'', f);
		break;
	case VALUE_WORDS:
		(void)fputs(" -a '", f);
		completion_words(f, v);
		(void)fputc('\'', f);
		break;
	}
}

static void print_takes(FILE *f, const char *command, const struct option_row *table)
{
	for (const struct option_row *o = table; o && o->name; o++) {
		if (!option_takes_value(o))
			continue;
		(void)fprintf(f, " \\\n\t\t'%s --%s'", command, o->name);
		if (o->letter)
			(void)fprintf(f, " '%s -%c'", command, o->letter);
	}
}

/* AT: the arguments before which they stand, as __husk_at has it. */
static void print_options(FILE *f, const char *command, const char *at, const struct option_row *table)
{
	for (const struct option_row *o = table; o && o->name; o++) {
		struct value v = value_of(option_value(o));

		(void)fprintf(f, "complete -c husk -n '__husk_at \"%s\"%s' -l %s", command, at, o->name);
		if (o->letter)
			(void)fprintf(f, " -s %c", o->letter);
		if (option_takes_value(o)) {
			(void)fputs(v.kind == VALUE_FILE ? " -r" : " -x", f);
			print_kind(f, &v);
		}
		(void)fputs(" -d ", f);
		print_quoted(f, option_help(o));
		(void)fputc('\n', f);
	}
	(void)fprintf(f, "complete -c husk -n '__husk_at \"%s\"%s' -l help -s h -d 'print this'\n", command, at);
}

static void print_command(FILE *f, const struct command *c)
{
	const char *list = c->arguments;
	struct value v;

	(void)fprintf(f, "\ncomplete -c husk -n '__husk_at \"\"' -a %s -d ", c->name);
	print_quoted(f, c->summary);
	(void)fputc('\n', f);
	print_options(f, c->name, c->stops ? " 1" : "", c->options);
	for (unsigned n = 1; value_next(&list, &v); n++) {
		if (v.kind == VALUE_TEXT)
			continue;
		(void)fprintf(f, "complete -c husk -n '__husk_at %s %u%s'", c->name, n, v.repeats ? " +" : "");
		print_kind(f, &v);
		(void)fputc('\n', f);
	}
}

void completion_fish(FILE *f)
{
	const struct command *const *c;

	(void)fputs(head, f);
	print_takes(f, "", global_options);
	for (c = commands; *c; c++)
		print_takes(f, (*c)->name, (*c)->options);
	(void)fputs(middle, f);
	print_options(f, "", "", global_options);
	for (c = commands; *c; c++)
		print_command(f, *c);
}
