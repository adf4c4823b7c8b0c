/* SPDX-License-Identifier: Apache-2.0 */
/* `exec`: one more process in a container. On the host; holds no lock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "life/target.h"
#include "plan/request.h"

/* What the command line changes in the process of config.json; or all of it, from a file. */
struct exec_options {
	struct target target;
	const char *process;            /* file with a process object; the rest is ignored then */
	const char *console_socket, *pid_file, *pidfd_socket;
	const char *cwd, *user, *apparmor, *process_label, *cgroup;
	const char *const *env; size_t env_count;
	const char *const *caps; size_t caps_count;
	const char *const *gids; size_t gids_count;
	const char *const *args; size_t args_count;
	int preserve_fds;
	bool detach, tty, no_new_privs, ignore_paused;
};

int life_exec(const struct exec_options *, int *code, struct err *);
