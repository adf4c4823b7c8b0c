/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings of `check`: valid, and yet probably not what was meant. Pure, in husk. */
#include "life/check.h"

#include <sched.h>

#include "base/str.h"
#include "plan/check.h"

#define WARN(c, ...) problem_addf(&(c)->found.problems, true, ERR_NONE, __VA_ARGS__)

static void mounts(struct check *c)
{
	const struct oci_config *config = c->found.config;

	for (size_t i = 0; i < config->mounts.n; i++) {
		const struct oci_mount *m = &config->mounts.v[i];

		if (*m->destination && *m->destination != '/')
			WARN(c, "mounts[%zu].destination: \"%.200s\" is relative, which the specification has deprecated; "
			     "taken as \"/%.200s\"", i, m->destination, m->destination);
		if (oci_mount_has(m, "remount"))
			continue;
		for (size_t k = 0; *m->destination && k < i; k++)
			if (str_eq(config->mounts.v[k].destination, m->destination) && m->type && *m->type) {
				WARN(c, "mounts[%zu].destination: \"%.200s\" hides mounts[%zu]", i, m->destination, k);
				break;
			}
	}
}

static void process(struct check *c)
{
	const struct oci_process *p = c->found.config->process;
	const struct oci_linux *l = c->found.config->linux_;
	bool is_root = p && (!p->user || !p->user->uid);

	if (!p) {
		WARN(c, "process: missing, so husk start will refuse the container");
		return;
	}
	if (is_root && !(l && l->seccomp) && !oci_namespace_of(l, OCI_NS_USER))
		WARN(c, "process: runs as root of the host without a seccomp filter (linux.seccomp)");
	if (!is_root && !p->no_new_privileges)
		WARN(c, "process.noNewPrivileges: not set, so programs with a set-user-id bit can make the user root inside");
	if (p->console_size && !p->terminal)
		WARN(c, "process.consoleSize: ignored without a terminal");
	if (p->command_line)
		WARN(c, "process.commandLine: ignored, it is for Windows");
}

static void deprecated(struct check *c)
{
	const struct oci_config *config = c->found.config;
	const struct oci_resources *r = config->linux_ ? config->linux_->resources : NULL;

	if (config->hooks && config->hooks->prestart.n)
		WARN(c, "hooks.prestart: deprecated by the specification in favour of createRuntime, createContainer and "
		     "startContainer");
	if (r && r->memory && r->memory->kernel.set)
		WARN(c, "linux.resources.memory.kernel: deprecated by the specification; newer kernels have no such limit");
	if (r && r->network && c->host.cgroups == HOST_CGROUP_V2)
		WARN(c, "linux.resources.network: cgroup v2 has no such controllers");
}

void check_advice(struct check *c)
{
	mounts(c);
	process(c);
	deprecated(c);
}
