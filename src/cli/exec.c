/* SPDX-License-Identifier: Apache-2.0 */
/* `husk exec`: the options of one more process become a struct exec_request. */
#include <errno.h>
#include <stddef.h>

#include "base/num.h"
#include "base/own.h"
#include "cli/activation.h"
#include "cli/codes.h"
#include "cli/commands.h"
#include "cli/process.h"
#include "life/exec.h"

struct values {
	const char *process, *console_socket, *pid_file, *pidfd_socket, *cwd, *user, *apparmor, *process_label;
	const char *umask, *scheduler, *io_priority, *cpu_affinity, *timeout;
	struct words env, caps, gids, cgroups, rlimits;
	struct opt_i64 oom_score;
	unsigned preserve_fds;
	bool detach, tty, no_new_privs, ignore_paused;
};

#define AT(member) offsetof(struct values, member)

static const struct option_row options[] = {
	OPTION("process", 'p', TEXT, AT(process), "FILE",
	  "the process as JSON, like \"process\" in config.json; no command and no other option that describes the process beside it"),
	OPTION("env", 'e', WORDS, AT(env), "NAME=VALUE", "add to the environment; may be repeated"),
	OPTION("user", 'u', TEXT, AT(user), "UID[:GID]", "user and group, numbers or names of the container"),
	OPTION("additional-gids", 'g', WORDS, AT(gids), "GID", "one more group; may be repeated"),
	OPTION("cwd", 0, TEXT, AT(cwd), "PATH", "working directory in the container"),
	OPTION("tty", 't', FLAG, AT(tty), "", "give it a terminal"),
	OPTION("cap", 'c', WORDS, AT(caps), "CAP", "one more capability; may be repeated"),
	OPTION("no-new-privs", 0, FLAG, AT(no_new_privs), "", "execve(2) gains no privileges"),
	OPTION("apparmor", 0, TEXT, AT(apparmor), "PROFILE", "AppArmor profile"),
	OPTION("process-label", 0, TEXT, AT(process_label), "LABEL", "SELinux label"),
	OPTION("rlimit", 0, WORDS, AT(rlimits), "NAME=SOFT[:HARD]",
	  "limit of a resource, like nofile=1024:2048 or core=unlimited; may be repeated"),
	OPTION("umask", 0, TEXT, AT(umask), "MODE", "file mode creation mask, like 0027"),
	OPTION("oom-score-adj", 0, I64, AT(oom_score), "N", "how soon it is killed when memory is short, -1000 to 1000"),
	OPTION("scheduler", 0, TEXT, AT(scheduler), "POLICY[:NAME=N,...]",
	  "scheduling policy (other, batch, idle, fifo, rr, deadline) with nice, priority, runtime, deadline, period (in ns) or flag, "
	  "like fifo:priority=10"),
	OPTION("io-priority", 0, TEXT, AT(io_priority), "CLASS[:LEVEL]", "I/O scheduling class (rt, be, idle) and level, like be:3"),
	OPTION("cpu-affinity", 0, TEXT, AT(cpu_affinity), "[LIST:]LIST",
	  "CPUs to run on, like 0-3,7; with two lists the first one holds until the command runs"),
	OPTION("timeout", 0, TEXT, AT(timeout), "TIME",
	  "kill it and all that it started when it takes longer, like 30s, 500ms, 2m; the exit code is then 124; "
	  "with --ignore-paused the time until the container is resumed counts, and nothing is started before"),
	OPTION("detach", 'd', FLAG, AT(detach), "", "return once the process runs"),
	OPTION("pid-file", 0, TEXT, AT(pid_file), "FILE", "write the process number here"),
	OPTION("console-socket", 0, TEXT, AT(console_socket), "SOCKET", "UNIX socket that gets the terminal's master"),
	OPTION("pidfd-socket", 0, TEXT, AT(pidfd_socket), "SOCKET", "UNIX socket that gets a pidfd of the process"),
	OPTION("preserve-fds", 0, COUNT, AT(preserve_fds), "N", "pass descriptors 3 to N+2 on"),
	OPTION("cgroup", 0, WORDS, AT(cgroups), "[CONTROLLER,...:]PATH", "enter this cgroup beneath the container's"),
	OPTION("ignore-paused", 0, FLAG, AT(ignore_paused), "", "also in a paused container: it runs when resumed"),
	OPTION("no-subreaper", 0, NO_FLAG, 0, "", "accepted, without effect"),
	OPTIONS_END
};

/* Options that describe the process have no place beside a file that does: none is ignored in silence. */
static int check_alone(const struct values *v, const struct words *arguments, struct err *e)
{
	const struct { const char *name; bool is_given; } described[] = {
		{ "env", v->env.n }, { "user", v->user }, { "additional-gids", v->gids.n }, { "cwd", v->cwd }, { "cap", v->caps.n },
		{ "no-new-privs", v->no_new_privs }, { "apparmor", v->apparmor }, { "process-label", v->process_label },
		{ "rlimit", v->rlimits.n }, { "umask", v->umask }, { "oom-score-adj", v->oom_score.set }, { "scheduler", v->scheduler },
		{ "io-priority", v->io_priority }, { "cpu-affinity", v->cpu_affinity },
	};

	if (!v->process)
		return arguments->n > 1 ? 0 : err_set(e, ERR_USAGE, "exec: neither a command nor --process was given");
	for (size_t i = 0; i < ARRAY_SIZE(described); i++)
		if (described[i].is_given)
			return err_set(e, ERR_USAGE, "exec: --%s and --process exclude each other: the file describes the whole process",
				       described[i].name);
	if (arguments->n > 1)
		return err_set(e, ERR_USAGE, "exec: a command (\"%.100s\") and --process exclude each other", arguments->v[1]);
	return 0;
}

static int describe(struct exec_request *rq, const struct values *v, struct arena *a, struct err *e)
{
	struct oci_scheduler *scheduler = NULL;
	struct oci_io_priority *io_priority = NULL;
	struct oci_cpu_affinity *cpu_affinity = NULL;

	if (process_rlimits(&rq->rlimits, &v->rlimits, a, e) < 0 || process_oom_score(&rq->oom_score_adj, v->oom_score, e) < 0)
		return -1;
	if ((v->umask && process_umask(&rq->umask, v->umask, e) < 0) ||
	    (v->scheduler && process_scheduler(&scheduler, v->scheduler, a, e) < 0) ||
	    (v->io_priority && process_io_priority(&io_priority, v->io_priority, a, e) < 0) ||
	    (v->cpu_affinity && process_cpu_affinity(&cpu_affinity, v->cpu_affinity, a, e) < 0))
		return -1;
	rq->scheduler = scheduler;
	rq->io_priority = io_priority;
	rq->cpu_affinity = cpu_affinity;
	if (!v->timeout)
		return 0;
	if (v->detach)
		return err_set(e, ERR_USAGE, "exec: --timeout needs somebody who waits: not with --detach");
	rq->timeout = num_parse_time(v->timeout);
	return rq->timeout ? 0 : err_set(e, ERR_USAGE, "option --timeout: \"%s\" is not a time like 30s", v->timeout);
}

static int exec(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct values *v = values;
	ARENA_HERE(mem);
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

	if (check_alone(v, arguments, e) < 0 || describe(&rq, v, &mem, e) < 0)
		return -1;
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
		 "of the command, 128+N when signal N ended it, 124 after the timeout, 255 when it could not be run.\n\n"
		 "What outlives a command that has ended by itself in time goes on.",
	.options = options, .size = sizeof(struct values), .min = 1, .max = 100000, .stops = true,
	.run = exec, .failure = EXIT_EXEC_FAILED,
};
