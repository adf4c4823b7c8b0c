/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exit codes of husk's own failures: one stable number per class.  A process in the foreground (run, exec) returns
 * its own code instead, 128+N when signal N ended it.  No engine tells husk's codes apart, except that exec's 255 reaches
 * people through kubectl and is what runc says; the unknown command's 3 is runc's, too.
 */
#pragma once

#include "base/err.h"

enum {
	EXIT_SYSTEM = 1,
	EXIT_USAGE,
	EXIT_NO_COMMAND,
	EXIT_SPEC,
	EXIT_STATE,
	EXIT_UNSUPPORTED,
	EXIT_PEER,
	EXIT_BUG,
	EXIT_UNSEEN,
	EXIT_TIMEOUT = 124,             /* as timeout(1) */
	EXIT_EXEC_FAILED = 255,
};

struct exit_code {
	int code;
	enum err_kind kind;             /* ERR_NONE: no class of errors */
	const char *name;               /* "kind" in the object of --error-fd */
	const char *meaning;
};

extern const struct exit_code exit_codes[];             /* in the order of the manual page; ends with a NULL name */

int exit_code_of(enum err_kind);
const char *exit_class_of(enum err_kind);
