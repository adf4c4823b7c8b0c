/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry of husk: makes the process fit for work, reads the command line, runs one command, reports its
 * error once.  Exit codes: 0; what the container's process returned, 128+N when signal N ended it (run, exec in
 * the foreground); for errors of ours a number per class (cli/codes.h).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"
#include "cli/activation.h"
#include "cli/codes.h"
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/tracing.h"
#include "life/describe.h"
#include "sys/fd.h"

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

#define VALUES_MAX 1024         /* bytes, of the options of any command */

static int print_about(bool help, struct err *e)
{
	if (help)
		help_of_all(stdout);
	else
		(void)printf("husk version %s\ncommit: %s\nspec: %s\n", life_version(), life_commit(), life_spec_version());
	return output_finish(e);
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

static int parse_and_run(const struct globals *g, const struct command *c, int argc, char **argv, int at, void *values,
			 struct parsed *p, struct err *e)
{
	int code;

	if (words_parse(c->options, argc, argv, &at, c->stops, values, p, e) < 0)
		return err_in(e, "%s", c->name);
	if (p->help) {
		help_of(stdout, c);
		return output_finish(e);
	}
	/* Everything behind the options is the command's, also what looks like an option. */
	words_rest(p, argc, argv, at);
	if (check_count(c, &p->arguments, e) < 0)
		return -1;
	code = c->run(g, values, &p->arguments, e);
	return code == 0 ? output_finish(e) : code;
}

static int run_command(const struct globals *g, const struct command *c, int argc, char **argv, int at, struct err *e)
{
	char values[VALUES_MAX] __attribute__((aligned(16))) = "";
	struct parsed p = {};
	int code;

	if (c->size > sizeof(values))
		return err_set(e, ERR_BUG, "%s has more values than fit", c->name);
	if (!c->options)
		return c->run(g, values, &p.arguments, e);
	code = parse_and_run(g, c, argc, argv, at, values, &p, e);
	values_undo(c->options, values);
	return code;
}

static int fail(const struct globals *g, const struct command *c, int code, struct err *e)
{
	failure_explain(e);
	output_failure(e);
	failure_report(g, e, c ? c->name : NULL, code);
	return code;
}

static int code_of(const struct command *c, const struct err *e)
{
	/* A timeout is no failure of ours: exec tells it apart from one. */
	return c && c->failure && e->kind != ERR_TIMEOUT ? c->failure : exit_code_of(e->kind);
}

/* The words of the command, for a reader of the trace. */
static void join(char *buf, size_t size, int argc, char **argv, int at)
{
	struct text t = { .s = buf, .size = size };

	for (buf[0] = '\0'; at < argc; at++) {
		text_add(&t, argv[at]);
		text_add(&t, at + 1 < argc ? " " : "");
	}
}

static int run_traced(const struct globals *g, const struct command *c, int argc, char **argv, int at, struct err *e)
{
	AUTO(tracing) tracing = TRACING_NONE;
	char line[512] = "";
	int result;

	if (tracing_open(&tracing, g, e) < 0)
		return -1;
	/* Before: the command moves them. */
	if (trace_is_on())
		join(line, sizeof(line), argc, argv, at);
	result = run_command(g, c, argc, argv, at + 1, e);
	tracing_show(&tracing, c->name, line, result < 0 ? e : NULL);
	return result;
}

/* The command that was asked for: its exit code, or -1. */
static int carry_out(const struct globals *g, const struct command *c, int argc, char **argv, int at, struct err *e)
{
	if (output_open(g, c && c->is_quiet, e) < 0)
		return -1;
	return c ? run_traced(g, c, argc, argv, at, e) : command_unknown(argv[at], e);
}

int main(int argc, char **argv)
{
	struct parsed p = {};
	struct err e = {};
	struct globals g = {};
	const struct command *c;
	int at = 1, code;

	if (make_fit(&e) < 0)
		return fail(&g, NULL, code_of(NULL, &e), &e);
	g.inherited = activation_inherited();
	if (words_parse(global_options, argc, argv, &at, true, &g, &p, &e) < 0 ||
	    failure_check(&g, &e) < 0)
		return fail(&g, NULL, code_of(NULL, &e), &e);
	if (p.help || g.version)
		return print_about(p.help, &e) == 0 ? 0 : fail(&g, NULL, code_of(NULL, &e), &e);
	if (at >= argc) {
		help_of_all(stderr);
		err_set(&e, ERR_COMMAND, "no command was given");
		failure_report(&g, &e, NULL, exit_code_of(e.kind));
		return exit_code_of(e.kind);
	}
	c = command_find(argv[at]);
	code = carry_out(&g, c, argc, argv, at, &e);
	return code < 0 ? fail(&g, c, code_of(c, &e), &e) : code;
}
