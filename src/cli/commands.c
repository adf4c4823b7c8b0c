/* SPDX-License-Identifier: Apache-2.0 */
/* The list of commands in the order of --help, and what some of them share. */
#include "cli/commands.h"

#include <regex.h>

#include "base/str.h"
#include "record/record.h"

const struct command *const commands[] = {
	/* a container's life */
	&command_create, &command_start, &command_run, &command_exec, &command_kill, &command_stop, &command_wait,
	&command_delete, &command_pause, &command_resume, &command_update, &command_mounts,
	&command_checkpoint, &command_restore,
	/* what it is doing */
	&command_state, &command_list, &command_ps, &command_events,
	/* husk itself */
	&command_check, &command_info, &command_doctor, &command_spec, &command_features, &command_completion,
	&command_man, &command_help,
	NULL
};

int command_unknown(const char *name, struct err *e)
{
	err_set(e, ERR_COMMAND, "unknown command \"%s\"", name);
	return err_hint(e, "husk --help lists them");
}

int output_format(const char *word, bool *is_json, struct err *e)
{
	*is_json = str_eq(word, "json");
	if (word && !*is_json && !str_eq(word, "text"))
		return err_set(e, ERR_USAGE, "option --format: \"%s\" is not text or json", word);
	return 0;
}

struct match {
	const struct globals *globals;
	regex_t regex;
	on_match_fn *one;
	const void *self;
	struct err first;
};

static int try_one(void *self, const char *id, struct err *e)
{
	struct match *m = self;
	struct target target = { .root = m->globals->root, .id = id };
	struct err why;

	(void)e;
	if (regexec(&m->regex, id, 0, NULL, 0) == 0 && m->one(&target, m->self, &why) < 0 && m->first.kind == ERR_NONE)
		m->first = why;
	return 0;
}

int each_match(const struct globals *g, const char *pattern, on_match_fn *one, const void *self, struct err *e)
{
	struct match m = { .globals = g, .one = one, .self = self };
	int result;

	/* What an unset variable of a script becomes; it would match every container. */
	if (!*pattern)
		return err_set(e, ERR_USAGE, "option --regex: an empty expression; \".\" matches every container");
	if (regcomp(&m.regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(e, ERR_USAGE, "\"%s\" is not a regular expression", pattern);
	result = record_each(g->root, try_one, &m, e);
	regfree(&m.regex);
	if (result == 0 && m.first.kind != ERR_NONE) {
		*e = m.first;
		return -1;
	}
	return result;
}
