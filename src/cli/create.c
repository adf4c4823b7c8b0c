/* SPDX-License-Identifier: Apache-2.0 */
/* `husk create` and `husk run`: the options of a new container become a struct create_request. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "cli/activation.h"
#include "cli/commands.h"
#include "life/create.h"
#include "life/run.h"
#include "parts/cgroup/cgroup.h"

struct values {
	const char *bundle, *config, *console_socket, *pid_file, *pidfd_socket;
	unsigned preserve_fds;
	bool no_pivot, no_new_keyring, detach, keep, no_subreaper;
};

#define AT(member) offsetof(struct values, member)

#define SHARED_OPTIONS                                                                                               \
	OPTION("bundle", 'b', TEXT, AT(bundle), "DIR", "the bundle: where config.json lies (.)"),                    \
	OPTION("config", 'f', TEXT, AT(config), "FILE", "configuration, if not config.json in the bundle"),          \
	OPTION("console-socket", 0, TEXT, AT(console_socket), "SOCKET",                                              \
	  "UNIX socket that gets the terminal's master"),                                                            \
	OPTION("pidfd-socket", 0, TEXT, AT(pidfd_socket), "SOCKET", "UNIX socket that gets a pidfd of the process"), \
	OPTION("pid-file", 0, TEXT, AT(pid_file), "FILE", "write the process number here"),                          \
	OPTION("no-pivot", 0, FLAG, AT(no_pivot), "", "move the root instead of pivot_root(2): for a ramdisk"),      \
	OPTION("no-new-keyring", 0, FLAG, AT(no_new_keyring), "", "keep the caller's session keyring"),              \
	OPTION("preserve-fds", 0, COUNT, AT(preserve_fds), "N", "pass descriptors 3 to N+2 on")

static const struct option_row create_options[] = { SHARED_OPTIONS, OPTIONS_END };

static const struct option_row run_options[] = {
	SHARED_OPTIONS,
	OPTION("detach", 'd', FLAG, AT(detach), "", "return once the process runs"),
	OPTION("keep", 0, FLAG, AT(keep), "", "keep the stopped container for husk delete"),
	OPTION("no-subreaper", 0, FLAG, AT(no_subreaper), "", "do not adopt the container's orphans"),
	OPTIONS_END
};

int find_manager(const struct globals *g, enum cgroup_manager *manager, struct err *e)
{
	*manager = g->systemd_cgroup ? CGROUP_MANAGER_SYSTEMD : CGROUP_MANAGER_FS;
	if (g->cgroup_manager && cgroup_manager_value(g->cgroup_manager, manager, e) < 0)
		return err_in(e, "option --cgroup-manager");
	return 0;
}

int find_bundle(const char *dir, const char *file, char bundle[PATH_MAX], char config[PATH_MAX], struct err *e)
{
	int n;

	if (!file)
		file = "config.json";
	if (!realpath(dir, bundle))
		return err_sys(e, "bundle \"%s\"", dir);
	n = file[0] == '/' ? snprintf(config, PATH_MAX, "%s", file) : snprintf(config, PATH_MAX, "%s/%s", bundle, file);
	if (n >= PATH_MAX)
		return err_set(e, ERR_USAGE, "the path of the configuration is too long");
	return 0;
}

/* BUNDLE and CONFIG are the caller's memory, which the request points to. */
static int fill(struct create_request *rq, const struct globals *g, const struct values *v, const char *id,
		char bundle[PATH_MAX], char config[PATH_MAX], struct err *e)
{
	*rq = (struct create_request){
		.id = id, .bundle = bundle, .config = config, .root = g->root,
		.console_socket = v->console_socket, .pid_file = v->pid_file, .pidfd_socket = v->pidfd_socket,
		.preserve_fds = v->preserve_fds, .no_pivot = v->no_pivot, .no_new_keyring = v->no_new_keyring,
		.detach = v->detach, .keep = v->keep, .no_subreaper = v->no_subreaper,
	};
	activation_find(&rq->activation);
	if (activation_pass(g, rq->preserve_fds, rq->activation.listen_fds, e) < 0 || find_manager(g, &rq->manager, e) < 0)
		return -1;
	return find_bundle(v->bundle ? v->bundle : ".", v->config, bundle, config, e);
}

static int create(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	char bundle[PATH_MAX], config[PATH_MAX];
	struct create_request rq;

	if (fill(&rq, g, values, arguments->v[0], bundle, config, e) < 0)
		return -1;
	rq.detach = true;
	return life_create(&rq, e);
}

static int run(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	char bundle[PATH_MAX], config[PATH_MAX];
	struct create_request rq;
	int code = 0;

	if (fill(&rq, g, values, arguments->v[0], bundle, config, e) < 0 || life_run(&rq, &code, e) < 0)
		return -1;
	return code;
}

const struct command command_create = {
	.name = "create", .arguments = "NEW-ID", .summary = "make a container; its process waits for husk start",
	.options = create_options, .size = sizeof(struct values), .min = 1, .max = 1, .run = create,
};

const struct command command_run = {
	.name = "run", .arguments = "NEW-ID", .summary = "create and start a container",
	.notes = "In the foreground the exit code is that of the container's process, 128+N when signal N ended it.",
	.options = run_options, .size = sizeof(struct values), .min = 1, .max = 1, .run = run,
};
