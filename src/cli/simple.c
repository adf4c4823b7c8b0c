/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that take little more than the id of a container: start, pause, resume, kill, delete. */
#include <stddef.h>

#include "base/str.h"
#include "cli/commands.h"
#include "life/control.h"
#include "life/delete.h"
#include "life/kill.h"
#include "life/start.h"
#include "sys/process.h"

static const struct option_row no_options[] = { OPTIONS_END };

static int start(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	struct target target = target_of(g, arguments);

	(void)values;
	return life_start(&target, e);
}

static int pause_it(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	struct target target = target_of(g, arguments);

	(void)values;
	return life_pause(&target, e);
}

static int resume(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	struct target target = target_of(g, arguments);

	(void)values;
	return life_resume(&target, e);
}

struct kill_values { bool all, regex; };
struct kill_how { int sig; bool all; };

static const struct option_row kill_options[] = {
	OPTION("all", 'a', FLAG, offsetof(struct kill_values, all), "", "signal every process of the container"),
	OPTION("regex", 'r', FLAG, offsetof(struct kill_values, regex), "",
	  "every container whose id matches the regular expression CONTAINER-ID"),
	OPTIONS_END
};

static int kill_one(const struct target *target, const void *self, struct err *e)
{
	const struct kill_how *how = self;

	return life_kill(target, how->sig, how->all, e);
}

static int kill_it(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct kill_values *v = values;
	const char *name = arguments->n > 1 ? arguments->v[1] : "SIGTERM";
	struct kill_how how = { .sig = str_eq(name, "0") ? 0 : signal_number(name), .all = v->all };
	struct target target = target_of(g, arguments);

	if (how.sig < 0)
		return err_set(e, ERR_USAGE, "unknown signal \"%s\"", name);
	return v->regex ? each_match(g, target.id, kill_one, &how, e) : kill_one(&target, &how, e);
}

struct delete_values { bool force, regex; };

static const struct option_row delete_options[] = {
	OPTION("force", 'f', FLAG, offsetof(struct delete_values, force), "",
	  "kill what runs; a container that does not exist is no error"),
	OPTION("regex", 'r', FLAG, offsetof(struct delete_values, regex), "",
	  "every container whose id matches the regular expression CONTAINER-ID"),
	OPTIONS_END
};

static int delete_one(const struct target *target, const void *self, struct err *e)
{
	const struct delete_values *v = self;

	return life_delete(target, v->force, e);
}

static int delete_it(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct delete_values *v = values;
	struct target target = target_of(g, arguments);

	return v->regex ? each_match(g, target.id, delete_one, v, e) : delete_one(&target, v, e);
}

const struct command command_start = {
	.name = "start", .arguments = "CONTAINER-ID", .summary = "run the process of a created container",
	.options = no_options, .min = 1, .max = 1, .run = start,
};

const struct command command_pause = {
	.name = "pause", .arguments = "CONTAINER-ID", .summary = "freeze every process of a container",
	.options = no_options, .min = 1, .max = 1, .run = pause_it,
};

const struct command command_resume = {
	.name = "resume", .arguments = "CONTAINER-ID", .summary = "let a paused container go on",
	.options = no_options, .min = 1, .max = 1, .run = resume,
};

const struct command command_kill = {
	.name = "kill", .arguments = "CONTAINER-ID [SIGNAL]", .summary = "send a signal to a container's process",
	.notes = "SIGNAL is a number or a name, with or without SIG: 9, KILL, SIGKILL, RTMIN+3. Without it, SIGTERM.",
	.options = kill_options, .size = sizeof(struct kill_values), .min = 1, .max = 2, .run = kill_it,
};

const struct command command_delete = {
	.name = "delete", .arguments = "CONTAINER-ID", .summary = "remove a stopped container and all that was made for it",
	.notes = "One that was created and never started is ended and removed, too: engines ask for it without --force.",
	.options = delete_options, .size = sizeof(struct delete_values), .min = 1, .max = 1, .run = delete_it,
};
