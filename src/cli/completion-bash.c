/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion for bash (4.3 and later), without the package bash-completion.  The script finds the command and the
 * argument at the cursor; three functions made from the tables say what may stand there.
 */
#include "cli/completion.h"

static const char head[] =
	"# bash completion for husk; made by \"husk completion bash\" from the tables of its options.\n";

static const char tail[] =
	"\n"
	"# Fills COMPREPLY with what completes $1 to something of the kind $2: one of these, or words to choose from.\n"
	"_husk_reply() {\n"
	"\tlocal list=\n"
	"\tcase $2 in\n"
	"\t'' | none) return ;;\n"
	"\tfile) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$1\"); return ;;\n"
	"\tdir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- \"$1\"); return ;;\n"
	"\tcontainer) list=$(\"${husk[@]}\" list -q 2>/dev/null) ;;\n"
	"\tsignal) list=$_husk_signals ;;\n"
	"\ttopic) list=$_husk_commands ;;\n"
	"\t*) list=$2 ;;\n"
	"\tesac\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$list\" -- \"$1\")\n"
	"}\n"
	"\n"
	"_husk() {\n"
	"\tlocal husk=(\"${COMP_WORDS[0]}\") words=() word command= option= ends= glue= kind= options= n=1\n"
	"\tCOMPREPLY=()\n"
	"\t# Bash takes \"--option=value\" for three words; they are one.\n"
	"\tfor word in \"${COMP_WORDS[@]:0:COMP_CWORD+1}\"; do\n"
	"\t\tif [[ $word == \"=\" && ${words[*]} && ${words[${#words[@]}-1]} == -* ]]; then\n"
	"\t\t\twords[${#words[@]}-1]+='='; glue=1\n"
	"\t\telif [[ $glue ]]; then\n"
	"\t\t\twords[${#words[@]}-1]+=$word; glue=\n"
	"\t\telse\n"
	"\t\t\twords+=(\"$word\")\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tlocal cur=${words[${#words[@]}-1]}\n"
	"\tfor word in \"${words[@]:1:${#words[@]}-2}\"; do\n"
	"\t\tif [[ $option ]]; then                     # the value of the option before\n"
	"\t\t\t[[ $command || $option != --root && $option != -r ]] || husk+=(\"--root=$word\")\n"
	"\t\t\toption=\n"
	"\t\telif [[ $word == -- ]]; then\n"
	"\t\t\tends=1\n"
	"\t\telif [[ $word == -?* && ! $ends ]]; then\n"
	"\t\t\t[[ $command || $word != --root=* ]] || husk+=(\"$word\")\n"
	"\t\t\t_husk_value \"$command\" \"$word\"\n"
	"\t\t\t[[ ! $kind ]] || option=$word\n"
	"\t\telif [[ ! $command ]]; then\n"
	"\t\t\tcommand=$word; ends=\n"
	"\t\telse\n"
	"\t\t\tn=$((n + 1))\n"
	"\t\t\t[[ \" $_husk_stops \" != *\" $command \"* ]] || ends=1\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tif [[ $option ]]; then\n"
	"\t\t_husk_value \"$command\" \"$option\"\n"
	"\t\t_husk_reply \"$cur\" \"$kind\"\n"
	"\telif [[ $cur == --*=* && ! $ends ]]; then\n"
	"\t\t_husk_value \"$command\" \"${cur%%=*}\"\n"
	"\t\t_husk_reply \"${cur#*=}\" \"$kind\"\n"
	"\t\t[[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=(\"${COMPREPLY[@]/#/${cur%%=*}=}\")\n"
	"\telif [[ $cur == -* && ! $ends ]]; then\n"
	"\t\t_husk_options \"$command\"\n"
	"\t\t_husk_reply \"$cur\" \"$options\"\n"
	"\telif [[ ! $command ]]; then\n"
	"\t\t_husk_reply \"$cur\" topic\n"
	"\telse\n"
	"\t\t_husk_argument \"$command\" \"$n\"\n"
	"\t\t_husk_reply \"$cur\" \"$kind\"\n"
	"\tfi\n"
	"}\n"
	"\n"
	"complete -F _husk husk\n";

static void print_kind(FILE *f, const struct value *v)
{
	static const char *const kinds[] = {
		[VALUE_TEXT] = "none", [VALUE_FILE] = "file", [VALUE_DIR] = "dir", [VALUE_CONTAINER] = "container",
		[VALUE_SIGNAL] = "signal", [VALUE_TOPIC] = "topic" };

	(void)fputs("kind='", f);
	if (v->kind == VALUE_WORDS)
		completion_words(f, v);
	else
		(void)fputs(kinds[v->kind], f);
	(void)fputs("' ;;\n", f);
}

static void print_values(FILE *f, const char *command, const struct option_row *table)
{
	for (const struct option_row *o = table; o && o->name; o++) {
		struct value v = value_of(option_value(o));

		if (!option_takes_value(o))
			continue;
		(void)fprintf(f, "\t%s:--%s", command, o->name);
		if (o->letter)
			(void)fprintf(f, " | %s:-%c", command, o->letter);
		(void)fputs(") ", f);
		print_kind(f, &v);
	}
}

static void print_options(FILE *f, const char *command, const struct option_row *table)
{
	(void)fprintf(f, "\t'%s') options='--help -h", command);
	for (const struct option_row *o = table; o && o->name; o++) {
		(void)fprintf(f, " --%s", o->name);
		if (o->letter)
			(void)fprintf(f, " -%c", o->letter);
	}
	(void)fputs("' ;;\n", f);
}

static void print_arguments(FILE *f, const struct command *c)
{
	const char *list = c->arguments;
	struct value v;

	for (unsigned n = 1; value_next(&list, &v); n++) {
		if (v.repeats)
			(void)fprintf(f, "\t%s:*) ", c->name);
		else
			(void)fprintf(f, "\t%s:%u) ", c->name, n);
		print_kind(f, &v);
	}
}

void completion_bash(FILE *f)
{
	const struct command *const *c;

	(void)fprintf(f, "%s\n_husk_commands='", head);
	completion_commands(f, " ");
	(void)fputs("'\n_husk_signals='", f);
	completion_signals(f, " ");
	(void)fputs("'\n# Behind their first argument stand no more options.\n_husk_stops='", f);
	for (c = commands; *c; c++)
		if ((*c)->stops)
			(void)fprintf(f, " %s", (*c)->name);
	(void)fputs("'\n\n# Sets $kind to what the option $2 of the command $1 takes; empty: nothing.\n_husk_value() {\n\tkind=\n"
		    "\tcase $1:$2 in\n", f);
	print_values(f, "", global_options);
	for (c = commands; *c; c++)
		print_values(f, (*c)->name, (*c)->options);
	(void)fputs("\tesac\n}\n\n# Sets $kind to what the argument number $2 of the command $1 is.\n_husk_argument() {\n\tkind=\n"
		    "\tcase $1:$2 in\n", f);
	for (c = commands; *c; c++)
		print_arguments(f, *c);
	(void)fputs("\tesac\n}\n\n# Sets $options to those of the command $1.\n_husk_options() {\n\toptions=\n\tcase $1 in\n", f);
	print_options(f, "", global_options);
	for (c = commands; *c; c++)
		print_options(f, (*c)->name, (*c)->options);
	(void)fprintf(f, "\tesac\n}\n%s", tail);
}
