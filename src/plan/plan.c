/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the plan of a new container: asks each part in the order of the specification.  In husk, within create,
 * before the first side effect.  exec.c does the same for one more process.
 */
#include "plan/plan.h"

#include <sched.h>
#include <string.h>

#include "base/num.h"
#include "base/own.h"
#include "base/trace.h"
#include "plan/check.h"
#include "plan/process.h"

/* What all the steps below need. */
struct making {
	const struct oci_config *c;     /* with the mounts that are added */
	const struct create_request *rq;
	const struct host *host;
	struct check_ns ns;
	struct arena *a;
};

/* ---- the root file system ----------------------------------------------------------- */

static bool mounts_cgroup(const struct oci_config *c)
{
	for (size_t i = 0; i < c->mounts.n; i++) {
		const char *type = c->mounts.v[i].type;

		if (type && (strcmp(type, "cgroup") == 0 || strcmp(type, "cgroup2") == 0))
			return true;
	}
	return false;
}

/* The parts do not know each other: what cgroup says is put into the words of fs. */
static int cgroups_of(const struct making *m, const struct plan *p, const struct fs_cgroups **out, struct err *e)
{
	struct cgroup_mounts from;
	struct fs_cgroups *to;
	struct fs_cgroup *v;
	struct fs_cgroup_link *links;

	if (!mounts_cgroup(m->c))
		return 0;
	if (cgroup_mounts(&from, &p->cgroup, m->c, m->host, m->a, e) < 0)
		return -1;
	to = ARENA_NEW(m->a, struct fs_cgroups);
	v = ARENA_ARRAY(m->a, struct fs_cgroup, from.n + 1u);
	links = ARENA_ARRAY(m->a, struct fs_cgroup_link, from.n_links + 1u);
	for (size_t i = 0; i < from.n; i++)
		v[i] = (struct fs_cgroup){
			.name = from.v[i].name, .type = from.v[i].type,
			.options = from.v[i].options, .source = from.v[i].source,
		};
	for (size_t i = 0; i < from.n_links; i++)
		links[i] = (struct fs_cgroup_link){ .name = from.link[i].name, .target = from.link[i].target };
	*to = (struct fs_cgroups){
		.is_v2 = from.is_v2, .own_namespace = from.own_namespace, .n = from.n, .n_links = from.n_links,
		.v = v, .links = links,
	};
	*out = to;
	return 0;
}

/* The directory of the notification socket is one more bind mount, after those of the config. */
static void add_notify_mount(struct oci_config *c, const struct notify_plan *n, struct arena *scratch)
{
	static const char *const words[] = { "bind", "ro", "nosuid", "nodev", "noexec", "private" };
	const char **options;
	struct oci_mount *v;

	if (!n->host)
		return;
	v = ARENA_ARRAY(scratch, struct oci_mount, c->mounts.n + 1);
	options = ARENA_ARRAY(scratch, const char *, ARRAY_SIZE(words));
	memcpy(options, words, sizeof(words));
	if (c->mounts.n)
		memcpy(v, c->mounts.v, c->mounts.n * sizeof(*v));
	v[c->mounts.n] = (struct oci_mount){
		.destination = NOTIFY_INSIDE, .type = "bind", .source = n->dir,
		.options = { .n = ARRAY_SIZE(words), .v = options },
	};
	c->mounts.v = v;
	c->mounts.n++;
}

static int place(struct plan *p, const struct making *m, struct err *e)
{
	const bool user_ns = (m->ns.made | m->ns.joined) & CLONE_NEWUSER;
	struct fs_facts facts = {
		.bundle = m->rq->bundle, .no_pivot = m->rq->no_pivot, .ns_made = m->ns.made,
		.ns_joined = m->ns.joined, .user_ns_path = m->ns.user_path,
	};

	if (cgroups_of(m, p, &facts.cgroups, e) < 0 ||
	    rootfs_plan(&p->rootfs, m->c, &facts, m->host, m->a, e) < 0 ||
	    mounts_plan(&p->mounts, m->c, &facts, &p->rootfs, m->host, m->a, e) < 0 ||
	    devices_plan(&p->devices, m->c, user_ns, m->host, m->a, e) < 0 ||
	    shield_plan(&p->shield, m->c, &facts, m->host, m->a, e) < 0)
		return -1;
	return 0;
}

/* ---- namespaces and what belongs to them --------------------------------------------- */

/* Asked first: the maps say what the process may be, the groups what a mount of type cgroup shows. */
static int confine(struct plan *p, const struct making *m, struct err *e)
{
	const struct cgroup_request cg = { .id = p->id, .manager = m->rq->manager };

	if (ns_plan(&p->ns, m->c, m->host, m->a, e) < 0 ||
	    idmap_plan(&p->idmap, m->c, m->host, m->a, e) < 0 ||
	    cgroup_plan(&p->cgroup, m->c, &cg, m->host, m->a, e) < 0)
		return -1;
	return 0;
}

static int settings(struct plan *p, const struct making *m, struct err *e)
{
	const struct oci_linux *l = m->c->linux_;

	if (net_plan(&p->net, l, m->ns.made & CLONE_NEWNET, m->ns.own & CLONE_NEWNET, m->host, m->a, e) < 0 ||
	    rdt_plan(&p->rdt, l ? l->intel_rdt : NULL, p->id, m->host, m->a, e) < 0 ||
	    memory_plan(&p->memory, l ? l->memory_policy : NULL, m->host, m->a, e) < 0 ||
	    kernel_plan(&p->kernel, m->c, m->ns.own, m->host, m->a, e) < 0)
		return -1;
	return 0;
}

/* ---- the process --------------------------------------------------------------------- */

static int process(struct plan *p, const struct making *m, struct err *e)
{
	const struct oci_process *proc = m->c->process;
	const struct process_request rq = {
		.process = proc, .seccomp = m->c->linux_ ? m->c->linux_->seccomp : NULL,
		.activation = &m->rq->activation, .notify = p->notify.socket, .preserve_fds = m->rq->preserve_fds,
		.own_userns = (m->ns.made | m->ns.joined) & CLONE_NEWUSER,
		.denies_setgroups = p->idmap.denies_setgroups, .keeps_groups = plan_keeps_groups(m->c),
	};

	if (process_plan(p, &rq, m->host, m->a, e) < 0)
		return -1;
	return keyring_plan(&p->keyring, p->id, m->rq->no_new_keyring, false, proc ? proc->selinux_label : NULL,
			    rq.own_userns, m->host, m->a, e);
}

int plan_create(const struct plan **out, const struct oci_config *config, const struct create_request *rq,
		const struct host *host, struct arena *a, struct err *e)
{
	TRACE("plan");
	AUTO(arena) scratch = ARENA_NONE;       /* the plan's own arena holds nothing that points elsewhere */
	struct oci_config c = *config;
	struct making m = { .c = &c, .rq = rq, .host = host, .a = a };
	struct plan *p = ARENA_NEW(a, struct plan);
	const char *state;

	p->id = arena_strdup(a, rq->id);
	p->bundle = arena_strdup(a, rq->bundle);
	state = arena_printf(a, "%s/%s", rq->root ? rq->root : "", rq->id);
	if (check_namespaces(&c, &m.ns, e) < 0 || check_create(&c, rq, &m.ns, host, e) < 0 ||
	    notify_plan(&p->notify, rq->activation.notify_socket, state, a, e) < 0)
		return -1;
	add_notify_mount(&c, &p->notify, &scratch);
	if (confine(p, &m, e) < 0 || place(p, &m, e) < 0 || process(p, &m, e) < 0 ||
	    hooks_plan(&p->hooks, c.hooks, c.oci_version, p->id, p->bundle, &c.annotations, a, e) < 0 ||
	    settings(p, &m, e) < 0)
		return -1;
	*out = p;
	return 0;
}
