/* SPDX-License-Identifier: Apache-2.0 */
/* `husk exec`: the options of one more process become a struct exec_request. */
#include <errno.h>
#include <stddef.h>

#include "cli/activation.h"
#include "cli/codes.h"
#include "cli/commands.h"
#include "life/exec.h"

struct values {
	const char *process, *console_socket, *pid_file, *pidfd_socket, *cwd, *user, *apparmor, *process_label;
	struct words env, caps, gids, cgroups;
	unsigned preserve_fds;
	bool detach, tty, no_new_privs, ignore_paused;
};

#define AT(member) offsetof(struct values, member)

static const struct option_row options[] = {
	{ 'p', "process", OPTION_TEXT, AT(process), "FILE", "the process as JSON; replaces the options below it" },
	{ 'e', "env", OPTION_WORDS, AT(env), "NAME=VALUE", "add to the environment; may be repeated" },
	{ 'u', "user", OPTION_TEXT, AT(user), "UID[:GID]", "user and group, numbers or names of the container" },
	{ 'g', "additional-gids", OPTION_WORDS, AT(gids), "GID", "one more group; may be repeated" },
	{ 0, "cwd", OPTION_TEXT, AT(cwd), "PATH", "working directory in the container" },
	{ 't', "tty", OPTION_FLAG, AT(tty), NULL, "give it a terminal" },
	{ 'c', "cap", OPTION_WORDS, AT(caps), "CAP", "one more capability; may be repeated" },
	{ 0, "no-new-privs", OPTION_FLAG, AT(no_new_privs), NULL, "execve(2) gains no privileges" },
	{ 0, "apparmor", OPTION_TEXT, AT(apparmor), "PROFILE", "AppArmor profile" },
	{ 0, "process-label", OPTION_TEXT, AT(process_label), "LABEL", "SELinux label" },
	{ 'd', "detach", OPTION_FLAG, AT(detach), NULL, "return once the process runs" },
	{ 0, "pid-file", OPTION_TEXT, AT(pid_file), "FILE", "write the process number here" },
	{ 0, "console-socket", OPTION_TEXT, AT(console_socket), "SOCKET", "UNIX socket that gets the terminal's master" },
	{ 0, "pidfd-socket", OPTION_TEXT, AT(pidfd_socket), "SOCKET", "UNIX socket that gets a pidfd of the process" },
	{ 0, "preserve-fds", OPTION_COUNT, AT(preserve_fds), "N", "pass descriptors 3 to N+2 on" },
	{ 0, "cgroup", OPTION_WORDS, AT(cgroups), "[CONTROLLER,...:]PATH", "enter this cgroup beneath the container's" },
	{ 0, "ignore-paused", OPTION_FLAG, AT(ignore_paused), NULL, "also in a paused container: it runs when resumed" },
	{ 0, "no-subreaper", OPTION_NO_FLAG, 0, NULL, "accepted, without effect" },
	OPTIONS_END
};

static int exec(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct values *v = values;
	struct exec_request rq = {
		.id = arguments->v[0], .root = g->root,
		.process_file = v->process,
		.args = arguments->v + 1, .nargs = arguments->n - 1,
		.cwd = v->cwd, .env = v->env.v, .nenv = v->env.n, .user = v->user,
		.caps = v->caps.v, .ncaps = v->caps.n, .groups = v->gids.v, .ngroups = v->gids.n,
		.apparmor = v->apparmor, .process_label = v->process_label,
		.no_new_privs = v->no_new_privs, .tty = v->tty, .detach = v->detach, .ignore_paused = v->ignore_paused,
		.cgroups = v->cgroups.v, .ncgroups = v->cgroups.n,
		.console_socket = v->console_socket, .pid_file = v->pid_file, .pidfd_socket = v->pidfd_socket,
		.preserve_fds = v->preserve_fds,
		.container = { .fd = -EBADF, .name = "rootfs" },
	};
	int code = 0;

	if (!rq.process_file && !rq.nargs)
		return err_set(e, ERR_USAGE, "exec: neither a command nor --process was given");
	activation_find(&rq.activation);
	if (activation_pass(g, rq.preserve_fds, rq.activation.listen_fds, e) < 0)
		return -1;
	if (life_exec(&rq, &code, e) < 0)
		return -1;
	return code;
}

const struct command command_exec = {
	.name = "exec", .arguments = "CONTAINER-ID COMMAND [ARGUMENT...]", .summary = "run one more process in a container",
	.notes = "What the options do not say is as in the container's configuration. In the foreground the exit code is that\n"
		 "of the command, 128+N when signal N ended it, 255 when it could not be run.",
	.options = options, .size = sizeof(struct values), .min = 1, .max = 100000, .stops = true,
	.run = exec, .failure = EXIT_EXEC_FAILED,
};
