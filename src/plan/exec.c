/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the plan of one more process.  In husk, within exec, from the config that create saved.
 *
 * The process object that the plan is made of comes about in one of two ways:
 *
 *   by flags      that of the container, changed by what the command line says
 *   --process     the file; but what it leaves out of confinement and limits (capabilities, LSM labels, rlimits,
 *                 oomScoreAdj, scheduler, ioPriority, umask) is the container's, not "none"
 *
 * seccomp, namespaces and personality are the container's in either case.
 */
#include "plan/plan.h"

#include <sched.h>
#include <string.h>

#include "base/num.h"
#include "base/trace.h"
#include "plan/check.h"
#include "plan/process.h"
#include "sys/accounts.h"

#define ID_MAX  (UINT32_MAX - 1ull)     /* the last one means "leave it" to the kernel */

/* ---- by flags ----------------------------------------------------------------------- */

/* "1000:1000" needs no file of the image; everything else is looked up beneath the container's root. */
static int user(struct oci_user *u, const struct exec_request *rq, struct err *e)
{
	const char *colon = strchr(rq->user, ':');
	uint64_t uid, gid;
	uid_t found_uid;
	gid_t found_gid;

	if (colon && num_parse_n(rq->user, (size_t)(colon - rq->user), ID_MAX, &uid) &&
	    num_parse(colon + 1, ID_MAX, &gid)) {
		u->uid = (uint32_t)uid;
		u->gid = (uint32_t)gid;
		return 0;
	}
	if (!*rq->user || rq->container.fd < 0)
		return err_set(e, ERR_USAGE, "--user: \"%.100s\" is not UID:GID", rq->user);
	if (accounts_resolve(&rq->container, rq->user, &found_uid, &found_gid, e) < 0)
		return err_in(e, "--user");
	u->uid = found_uid;
	u->gid = found_gid;
	return 0;
}

static int groups(struct oci_user *u, const struct exec_request *rq, struct arena *a, struct err *e)
{
	size_t n = u->additional_gids.n;
	uint32_t *v = ARENA_ARRAY(a, uint32_t, n + rq->ngroups + 1);

	if (n)
		memcpy(v, u->additional_gids.v, n * sizeof(*v));
	for (size_t i = 0; i < rq->ngroups; i++) {
		uint64_t gid;

		if (!num_parse(rq->groups[i], ID_MAX, &gid))
			return err_set(e, ERR_USAGE, "--additional-gids: \"%.100s\" is no group id", rq->groups[i]);
		v[n++] = (uint32_t)gid;
	}
	u->additional_gids.v = v;
	u->additional_gids.n = n;
	return 0;
}

static void rlimits(struct oci_process *p, const struct exec_request *rq, struct arena *a)
{
	struct oci_rlimit *v = ARENA_ARRAY(a, struct oci_rlimit, p->rlimits.n + rq->rlimits.n + 1);
	size_t n = p->rlimits.n;

	if (n)
		memcpy(v, p->rlimits.v, n * sizeof(*v));
	for (size_t i = 0; i < rq->rlimits.n; i++) {
		size_t at = 0;

		while (at < n && strcmp(v[at].type, rq->rlimits.v[i].type) != 0)
			at++;
		v[at] = rq->rlimits.v[i];
		n += at == n;
	}
	p->rlimits.v = v;
	p->rlimits.n = n;
}

static void settings_by_flags(struct oci_process *p, struct oci_user *u, const struct exec_request *rq, struct arena *a)
{
	if (rq->rlimits.n)
		rlimits(p, rq, a);
	if (rq->umask.set)
		u->umask = rq->umask;
	if (rq->oom_score_adj.set)
		p->oom_score_adj = rq->oom_score_adj;
	if (rq->scheduler)
		p->scheduler = arena_dup(a, rq->scheduler, sizeof(*rq->scheduler));
	if (rq->io_priority)
		p->io_priority = arena_dup(a, rq->io_priority, sizeof(*rq->io_priority));
	if (rq->cpu_affinity)
		p->exec_cpu_affinity = arena_dup(a, rq->cpu_affinity, sizeof(*rq->cpu_affinity));
	if (rq->no_new_privs)
		p->no_new_privileges = true;
}

static int by_flags(struct oci_process *p, const struct oci_process *of, const struct exec_request *rq,
		    struct arena *a, struct err *e)
{
	struct oci_user *u = ARENA_NEW(a, struct oci_user);

	if (!of)
		return err_set(e, ERR_SPEC, "process: the container has none to take the settings from, use --process");
	if (!rq->nargs || !*rq->args[0])
		return err_set(e, ERR_USAGE, "exec: no command was given");
	*p = *of;
	p->args.n = rq->nargs;
	p->args.v = (const char **)(void *)rq->args;
	p->terminal = rq->tty;
	p->console_size = NULL;
	if (rq->cwd && *rq->cwd) {
		if (rq->cwd[0] != '/')
			return err_set(e, ERR_USAGE, "--cwd: \"%.200s\" is not absolute", rq->cwd);
		p->cwd = rq->cwd;
	}
	if (of->user)
		*u = *of->user;
	p->user = u;
	if ((rq->user && user(u, rq, e) < 0) || groups(u, rq, a, e) < 0)
		return -1;
	settings_by_flags(p, u, rq, a);
	return 0;
}

/* ---- by file ------------------------------------------------------------------------ */

static void by_file(struct oci_process *p, const struct oci_process *of, const struct oci_process *file,
		    struct arena *a)
{
	*p = *file;
	if (!of)
		return;
	if (!p->capabilities)
		p->capabilities = of->capabilities;
	if (!p->apparmor_profile || !*p->apparmor_profile)
		p->apparmor_profile = of->apparmor_profile;
	if (!p->selinux_label || !*p->selinux_label)
		p->selinux_label = of->selinux_label;
	if (!p->rlimits.n)
		p->rlimits = of->rlimits;
	if (!p->oom_score_adj.set)
		p->oom_score_adj = of->oom_score_adj;
	if (!p->scheduler)
		p->scheduler = of->scheduler;
	if (!p->io_priority)
		p->io_priority = of->io_priority;
	if (!p->exec_cpu_affinity)
		p->exec_cpu_affinity = of->exec_cpu_affinity;
	if (of->user && of->user->umask.set && (!p->user || !p->user->umask.set)) {
		struct oci_user *u = ARENA_NEW(a, struct oci_user);

		if (p->user)
			*u = *p->user;
		u->umask = of->user->umask;
		p->user = u;
	}
}

/* ---- both --------------------------------------------------------------------------- */

static int guards(struct plan *p, const struct exec_request *rq, bool own_userns, const struct host *host,
		  struct arena *a, struct err *e)
{
	if (rq->ncaps && caps_plan_add(&p->caps, rq->caps, rq->ncaps, "--cap", own_userns, host, e) < 0)
		return -1;
	if ((rq->apparmor || rq->process_label) &&
	    lsm_plan_override(&p->lsm, rq->apparmor, rq->process_label, host, a, e) < 0)
		return -1;
	return 0;
}

/* Where: nothing is made; only what it takes to become root in the user namespace that is joined. */
static int join(struct plan *p, const struct oci_config *c, const struct host *host, struct arena *a, struct err *e)
{
	struct idmap_plan maps;

	if (ns_plan_exec(&p->ns, c, host, a, e) < 0 || idmap_plan(&maps, c, host, a, e) < 0)
		return -1;
	p->idmap = (struct idmap_plan){
		.denies_setgroups = maps.denies_setgroups, .has_root = maps.has_root,
		.root_uid = maps.root_uid, .root_gid = maps.root_gid, .work_uid = maps.work_uid, .work_gid = maps.work_gid,
	};
	return 0;
}

static int settings(struct plan *p, const struct oci_linux *l, const struct host *host, struct arena *a, struct err *e)
{
	if (kernel_plan_exec(&p->kernel, l, e) < 0 ||
	    rdt_plan(&p->rdt, l ? l->intel_rdt : NULL, p->id, host, a, e) < 0 ||
	    memory_plan(&p->memory, l ? l->memory_policy : NULL, host, a, e) < 0)
		return -1;
	return 0;
}

int plan_exec(const struct plan **out, const struct oci_config *c, const struct exec_request *rq,
	      const struct host *host, struct arena *a, struct err *e)
{
	TRACE("plan");
	struct plan *p = ARENA_NEW(a, struct plan);
	struct oci_process proc;
	struct annotations notes;
	struct check_ns ns;
	struct process_request how = {
		.process = &proc, .seccomp = c->linux_ ? c->linux_->seccomp : NULL,
		.activation = &rq->activation, .preserve_fds = rq->preserve_fds, .is_exec = true,
	};

	p->is_exec = true;
	p->id = arena_strdup(a, rq->id);
	if (check_namespaces(c, &ns, e) < 0 || annotations_read(&notes, &c->annotations, e) < 0)
		return -1;
	p->cgroup.manager = rq->waits_for_place ? CGROUP_MANAGER_SYSTEMD : CGROUP_MANAGER_FS;
	p->cgroup.inner = notes.delegated ? arena_strdup(a, notes.delegated) : NULL;
	if (rq->process)
		by_file(&proc, c->process, rq->process, a);
	else if (by_flags(&proc, c->process, rq, a, e) < 0)
		return -1;
	if (check_process(&proc, true, e) < 0 || check_console(proc.terminal, rq->detach, rq->console_socket, e) < 0)
		return -1;
	if (!rq->process) {
		how.env = rq->env;
		how.nenv = rq->nenv;
	}
	how.own_userns = (ns.made | ns.joined) & CLONE_NEWUSER;
	if (join(p, c, host, a, e) < 0)
		return -1;
	/* Without a bridge init would have to be awaited. */
	p->groups_later = rq->may_be_placed_later && p->ns.needs_bridge;
	how.denies_setgroups = p->idmap.denies_setgroups;
	how.annotations = &notes;
	if (process_plan(p, &how, host, a, e) < 0)
		return -1;
	if (!rq->process && guards(p, rq, how.own_userns, host, a, e) < 0)
		return -1;
	if (settings(p, c->linux_, host, a, e) < 0 ||
	    keyring_plan(&p->keyring, p->id, rq->no_new_keyring, true, proc.selinux_label, how.own_userns, host, a,
			 e) < 0)
		return -1;
	*out = p;
	return 0;
}
