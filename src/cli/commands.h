/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, each described and carried out by a file of its own. */
#pragma once

#include <limits.h>

#include "cli/options.h"
#include "life/target.h"
#include "parts/cgroup/cgroup.h"

extern const struct command command_create, command_run, command_start, command_state, command_list, command_kill,
	command_delete, command_exec, command_pause, command_resume, command_update, command_ps, command_spec,
	command_mounts, command_features, command_events, command_checkpoint, command_restore,
	command_wait, command_stop,
	command_completion, command_man, command_help, command_check, command_info, command_doctor;

/* The only options that commands have in common. */
#define OPTIONS_END {}

static inline struct target target_of(const struct globals *g, const struct words *arguments)
{
	return (struct target){ .root = g->root, .id = arguments->v[0] };
}

/* The error of somebody who named a command that does not exist; returns -1. */
int command_unknown(const char *name, struct err *);

/* What create, run and check have in common: where the configuration is, and who makes the cgroups. */
int find_bundle(const char *dir, const char *file, char bundle[PATH_MAX], char config[PATH_MAX], struct err *e);
int find_manager(const struct globals *, enum cgroup_manager *, struct err *);
/* The value of --format, NULL: text. */
int output_format(const char *, bool *is_json, struct err *);

/*
 * `kill --regex`, `delete --regex`: calls ONE for every container whose id matches the POSIX extended expression PATTERN. All are
 * tried; the first error is reported.
 */
typedef int on_match_fn(const struct target *, const void *self, struct err *);
int each_match(const struct globals *, const char *pattern, on_match_fn *one, const void *self, struct err *);
