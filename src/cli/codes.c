/* SPDX-License-Identifier: Apache-2.0 */
/* The table of exit codes: what the program returns, --help prints and the manual page explains. */
#include "cli/codes.h"

#include <stddef.h>

const struct exit_code exit_codes[] = {
	{ EXIT_SYSTEM, ERR_SYSTEM, "system", "the kernel refused something" },
	{ EXIT_USAGE, ERR_USAGE, "usage", "the command line is wrong" },
	{ EXIT_NO_COMMAND, ERR_COMMAND, "command", "there is no such command, or none was given" },
	{ EXIT_SPEC, ERR_SPEC, "spec", "config.json, or another document, is wrong" },
	{ EXIT_STATE, ERR_STATE, "state", "the container does not exist, or is not in a state that allows it" },
	{ EXIT_UNSUPPORTED, ERR_UNSUPPORTED, "unsupported", "this host or this build of husk cannot do it" },
	{ EXIT_PEER, ERR_PEER, "peer", "another process died or misbehaved: the container's first one, an agent, a service" },
	{ EXIT_BUG, ERR_BUG, "bug", "husk itself is wrong; please report it" },
	{ EXIT_UNSEEN, ERR_NONE, "unseen", "wait: the container's process has ended, and nobody saw how" },
	{ EXIT_TIMEOUT, ERR_TIMEOUT, "timeout", "exec --timeout: the command took longer, and was killed" },
	{ EXIT_EXEC_FAILED, ERR_NONE, "exec", "exec: the process could not be run, for whatever reason" },
	{}
};

static const struct exit_code *find(enum err_kind kind)
{
	const struct exit_code *bug = NULL;

	for (const struct exit_code *c = exit_codes; c->name; c++) {
		if (c->kind == kind && kind != ERR_NONE)
			return c;
		if (c->kind == ERR_BUG)
			bug = c;
	}
	return bug;     /* a failure without an error */
}

int exit_code_of(enum err_kind kind)
{
	return find(kind)->code;
}

const char *exit_class_of(enum err_kind kind)
{
	return find(kind)->name;
}
