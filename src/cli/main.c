/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry of husk: makes the process fit for work, reads the command line, runs one command, reports its
 * error once.  Exit codes: 0; what the container's process returned, 128+N when signal N ended it (run, exec in
 * the foreground); 255 when exec itself failed; 1 for every other error of ours, as engines know it from runc.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/output.h"
#include "life/describe.h"
#include "sys/fd.h"

#define FAILURE         1
#define EXIT_NO_COMMAND 3       /* as runc */

/*
 * What a caller may have left behind must neither reach the container nor change what we do: descriptors, a
 * missing stdio, an ignored SIGCHLD (which makes children vanish before they can be waited for), a strange umask.
 */
static int make_fit(struct err *e)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };

	if (fd_ensure_stdio(e) < 0 || fd_cloexec_from(3, e) < 0)
		return -1;
	if (sigaction(SIGCHLD, &standard, NULL) < 0)
		return err_sys(e, "reset SIGCHLD");
	umask(0022);
	return 0;
}

static int print_version(void)
{
	(void)printf("husk version %s\ncommit: %s\nspec: %s\n", life_version(), life_commit(), life_spec_version());
	return fflush(stdout) == 0 ? 0 : FAILURE;
}

static int check_count(const struct command *c, const struct words *arguments, struct err *e)
{
	if (arguments->n < c->min)
		return err_set(e, ERR_USAGE, "%s requires %s %u argument%s: husk %s %s", c->name,
			       c->min == c->max ? "exactly" : "at least", c->min, c->min == 1 ? "" : "s", c->name, c->arguments);
	if (arguments->n > c->max)
		return err_set(e, ERR_USAGE, "%s: unexpected argument \"%s\"", c->name, arguments->v[c->max]);
	return 0;
}

/* Everything behind the options is the command's, also what looks like an option. */
static void add_rest(struct parsed *p, int argc, char **argv, int at)
{
	for (; at < argc; at++)
		words_add(&p->arguments, argv[at]);
}

static int run_command(const struct globals *g, const struct command *c, int argc, char **argv, int at, struct err *e)
{
	__attribute__((cleanup(parsed_undo))) struct parsed p = {};
	AUTO_FREE void *values = calloc(1, c->size + 1);
	int code;

	if (!values)
		return err_set(e, ERR_SYSTEM, "out of memory");
	if (!c->options)
		return c->run(g, values, &p.arguments, e);
	if (words_parse(c->options, argc, argv, &at, c->stops, values, &p, e) < 0)
		return err_in(e, "%s", c->name);
	if (p.help) {
		options_help(stdout, c);
		return fflush(stdout) == 0 ? 0 : FAILURE;
	}
	add_rest(&p, argc, argv, at);
	if (check_count(c, &p.arguments, e) < 0)
		return -1;
	code = c->run(g, values, &p.arguments, e);
	if (fflush(stdout) != 0 && code == 0)
		return err_sys(e, "write to standard output");
	return code;
}

static int fail(const struct err *e, const struct command *c)
{
	output_failure(e);
	return c && c->failure ? c->failure : FAILURE;
}

int main(int argc, char **argv)
{
	__attribute__((cleanup(parsed_undo))) struct parsed p = {};
	struct err e = {};
	struct globals g = {};
	const struct command *c = NULL;
	int at = 1, code;

	if (make_fit(&e) < 0 || words_parse(global_options, argc, argv, &at, true, &g, &p, &e) < 0)
		return fail(&e, NULL);
	if (p.help || (at < argc && strcmp(argv[at], "help") == 0 && at + 1 == argc)) {
		options_help_all(stdout);
		return 0;
	}
	if (g.version)
		return print_version();
	if (at >= argc) {
		options_help_all(stderr);
		return EXIT_NO_COMMAND;
	}
	c = command_find(argv[at]);
	if (output_open(&g, c && c->is_quiet, &e) < 0)
		return fail(&e, c);
	if (!c) {
		(void)err_set(&e, ERR_USAGE, "unknown command \"%s\"; hint: husk --help lists them", argv[at]);
		output_failure(&e);
		return EXIT_NO_COMMAND;
	}
	code = run_command(&g, c, argc, argv, at + 1, &e);
	return code < 0 ? fail(&e, c) : code;
}
