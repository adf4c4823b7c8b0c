/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for zsh: a specification for _arguments (zshcompsys(1)) per command. */
#include "cli/completion.h"

static const char head[] =
	"#compdef husk\n"
	"# zsh completion for husk; made by \"husk completion zsh\" from the tables of its options.\n"
	"\n"
	"_husk_containers() {\n"
	"\tlocal -a ids\n"
	"\tids=(${(f)\"$(_call_program containers ${(q)husk} list -q 2>/dev/null)\"})\n"
	"\t_wanted containers expl container compadd -a ids\n"
	"}\n";

static const char tail[] =
	"\n"
	"# Read as a function of $fpath, or sourced.\n"
	"if [[ ${funcstack[1]} == _husk ]]; then\n"
	"\t_husk \"$@\"\n"
	"else\n"
	"\tcompdef _husk husk\n"
	"fi\n";

static void print_text(FILE *f, const char *text)
{
	size_t len = 0;

	while (text[len])
		len++;
	completion_escape(f, text, len, "[]:\\", "'\\''");
}

/* ":MESSAGE:ACTION" */
static void print_action(FILE *f, const struct value *v)
{
	static const char *const actions[] = {
		[VALUE_TEXT] = " ", [VALUE_FILE] = "_files", [VALUE_DIR] = "_files -/", [VALUE_CONTAINER] = "_husk_containers",
		[VALUE_SIGNAL] = "_husk_signals", [VALUE_TOPIC] = "_husk_commands" };

	(void)fputc(':', f);
	if (v->kind == VALUE_WORDS)
		(void)fputs("word", f);
	else
		completion_escape(f, v->word, v->len, "[]:\\", "'\\''");
	(void)fputc(':', f);
	if (v->kind == VALUE_WORDS) {
		(void)fputc('(', f);
		completion_words(f, v);
		(void)fputc(')', f);
	} else {
		(void)fputs(actions[v->kind], f);
	}
}

static void print_options(FILE *f, const struct option_row *table, const char *indent)
{
	for (const struct option_row *o = table; o && o->name; o++) {
		bool takes = option_takes_value(o);
		struct value v = value_of(option_value(o));

		(void)fprintf(f, " \\\n%s", indent);
		if (o->kind == OPTION_WORDS)
			(void)fputs("'*'", f);
		else if (o->letter)
			(void)fprintf(f, "'(-%c --%s)'", o->letter, o->name);
		if (o->letter)
			(void)fprintf(f, "{-%c%s,--%s%s}", o->letter, takes ? "+" : "", o->name, takes ? "=" : "");
		else
			(void)fprintf(f, "--%s%s", o->name, takes ? "=" : "");
		(void)fputs("'[", f);
		print_text(f, option_help(o));
		(void)fputc(']', f);
		if (takes)
			print_action(f, &v);
		(void)fputc('\'', f);
	}
	(void)fprintf(f, " \\\n%s'(- *)'{-h,--help}'[print this]'", indent);
}

static void print_command(FILE *f, const struct command *c)
{
	const char *list = c->arguments;
	struct value v;

	(void)fprintf(f, "\t\t%s)\n\t\t\t_arguments -s -S%s", c->name, c->stops ? " -A '-*'" : "");
	print_options(f, c->options, "\t\t\t\t");
	for (unsigned n = 1; value_next(&list, &v); n++) {
		if (v.repeats)
			(void)fputs(" \\\n\t\t\t\t'*", f);
		else
			(void)fprintf(f, " \\\n\t\t\t\t'%u%s", n, v.is_optional ? ":" : "");
		print_action(f, &v);
		(void)fputc('\'', f);
	}
	(void)fputs("\n\t\t\t;;\n", f);
}

void completion_zsh(FILE *f)
{
	const struct command *const *c;

	(void)fputs(head, f);
	(void)fputs("\n_husk_signals() {\n\t_wanted signals expl signal compadd", f);
	completion_signals(f, " ");
	(void)fputs("\n}\n\n_husk_commands() {\n\tlocal -a list=(", f);
	for (c = commands; *c; c++) {
		(void)fprintf(f, "\n\t\t'%s:", (*c)->name);
		print_text(f, (*c)->summary);
		(void)fputc('\'', f);
	}
	(void)fputs("\n\t)\n\t_describe -t commands command list\n}\n\n_husk() {\n"
		    "\tlocal curcontext=$curcontext state line expl\n\tlocal -a husk=(${words[1]})\n\tlocal -A opt_args\n\n"
		    "\t_arguments -C -s -S -A '-*'", f);
	print_options(f, global_options, "\t\t");
	(void)fputs(" \\\n\t\t'1:command:_husk_commands' \\\n\t\t'*::argument:->arguments'\n"
		    "\t[[ $state == arguments ]] || return\n"
		    "\t[[ -z ${opt_args[--root]} ]] || husk+=(--root=${opt_args[--root]})\n"
		    "\tcase ${words[1]} in\n", f);
	for (c = commands; *c; c++)
		print_command(f, *c);
	(void)fprintf(f, "\tesac\n}\n%s", tail);
}
