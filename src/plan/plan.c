/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the plan of a new container: asks each part in the order of the specification.  In husk, within create,
 * before the first side effect.  exec.c does the same for one more process.  `check` walks through the same steps, but
 * does not end at the first error (survey.c).
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
	struct arena *a;
	struct annotations notes;       /* of the first step */
	struct check_ns ns;             /* of the second one */
	const struct fs_cgroups *cgroups;       /* NULL: none are mounted */
};

/* ---- the root file system ----------------------------------------------------------- */

static bool mounts_cgroup(const struct oci_config *c, const struct annotations *notes)
{
	if (notes->systemd_v1)
		return true;
	for (size_t i = 0; i < c->mounts.n; i++) {
		const char *type = c->mounts.v[i].type;

		if (type && (strcmp(type, "cgroup") == 0 || strcmp(type, "cgroup2") == 0))
			return true;
	}
	return false;
}

/* The parts do not know each other: what cgroup says is put into the words of fs. */
static int cgroups(struct plan *p, struct making *m, struct err *e)
{
	struct cgroup_mounts from;
	struct fs_cgroups *to;
	struct fs_cgroup *v;
	struct fs_cgroup_link *links;

	m->cgroups = NULL;
	if (!mounts_cgroup(m->c, &m->notes))
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
	m->cgroups = to;
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

static struct fs_facts facts_of(const struct making *m)
{
	return (struct fs_facts){
		.bundle = m->rq->bundle, .no_pivot = m->rq->no_pivot, .ns_made = m->ns.made,
		.ns_joined = m->ns.joined, .user_ns_path = m->ns.user_path, .cgroups = m->cgroups,
		.context_type = m->notes.context_type, .systemd_v1 = m->notes.systemd_v1,
	};
}

static int rootfs(struct plan *p, struct making *m, struct err *e)
{
	struct fs_facts facts = facts_of(m);

	return rootfs_plan(&p->rootfs, m->c, &facts, m->host, m->a, e);
}

static int mounts(struct plan *p, struct making *m, struct err *e)
{
	struct fs_facts facts = facts_of(m);

	return mounts_plan(&p->mounts, m->c, &facts, &p->rootfs, m->host, m->a, e);
}

static int devices(struct plan *p, struct making *m, struct err *e)
{
	const bool user_ns = (m->ns.made | m->ns.joined) & CLONE_NEWUSER;

	return devices_plan(&p->devices, m->c, user_ns, m->host, m->a, e);
}

static int shield(struct plan *p, struct making *m, struct err *e)
{
	struct fs_facts facts = facts_of(m);

	return shield_plan(&p->shield, m->c, &facts, m->host, m->a, e);
}

/* ---- namespaces and what belongs to them --------------------------------------------- */

static int namespaces(struct plan *p, struct making *m, struct err *e)
{
	return ns_plan(&p->ns, m->c, m->host, m->a, e);
}

static int idmap(struct plan *p, struct making *m, struct err *e)
{
	return idmap_plan(&p->idmap, m->c, m->host, m->a, e);
}

static int cgroup(struct plan *p, struct making *m, struct err *e)
{
	const struct cgroup_request cg = { .id = p->id, .manager = m->rq->manager, .subgroup = m->notes.subgroup,
					   .delegated = m->notes.delegated };

	if (cgroup_plan(&p->cgroup, m->c, &cg, m->host, m->a, e) < 0)
		return -1;
	/* Two processors are at work then, with what takes the longest of all: the groups of v1, and a network namespace. */
	if (cgroup_can_come_later(&p->cgroup))
		ns_plan_later(&p->ns);
	return 0;
}

static int net(struct plan *p, struct making *m, struct err *e)
{
	return net_plan(&p->net, m->c->linux_, m->ns.made & CLONE_NEWNET, m->ns.own & CLONE_NEWNET, m->host, m->a, e);
}

static int rdt(struct plan *p, struct making *m, struct err *e)
{
	return rdt_plan(&p->rdt, m->c->linux_ ? m->c->linux_->intel_rdt : NULL, p->id, m->host, m->a, e);
}

static int memory(struct plan *p, struct making *m, struct err *e)
{
	return memory_plan(&p->memory, m->c->linux_ ? m->c->linux_->memory_policy : NULL, m->host, m->a, e);
}

static int kernel(struct plan *p, struct making *m, struct err *e)
{
	return kernel_plan(&p->kernel, m->c, m->ns.own, m->host, m->a, e);
}

/* ---- the process --------------------------------------------------------------------- */

static int process(struct plan *p, struct making *m, struct err *e)
{
	const struct oci_process *proc = m->c->process;
	const struct process_request rq = {
		.process = proc, .seccomp = m->c->linux_ ? m->c->linux_->seccomp : NULL,
		.activation = &m->rq->activation, .notify = p->notify.socket, .preserve_fds = m->rq->preserve_fds,
		.own_userns = (m->ns.made | m->ns.joined) & CLONE_NEWUSER,
		.denies_setgroups = p->idmap.denies_setgroups, .annotations = &m->notes,
	};

	if (process_plan(p, &rq, m->host, m->a, e) < 0)
		return -1;
	return keyring_plan(&p->keyring, p->id, m->rq->no_new_keyring, false, proc ? proc->selinux_label : NULL,
			    rq.own_userns, m->host, m->a, e);
}

static int hooks(struct plan *p, struct making *m, struct err *e)
{
	return hooks_plan(&p->hooks, m->c->hooks, m->c->oci_version, p->id, p->bundle, &m->c->annotations, m->a, e);
}

/* ---- all of it ----------------------------------------------------------------------- */

static int annotations(struct plan *p, struct making *m, struct err *e)
{
	if (annotations_read(&m->notes, &m->c->annotations, e) < 0)
		return -1;
	p->pidfd_receiver = m->notes.pidfd_receiver ? arena_strdup(m->a, m->notes.pidfd_receiver) : NULL;
	return 0;
}

static int own_namespaces(struct plan *p, struct making *m, struct err *e)
{
	(void)p;
	return check_namespaces(m->c, &m->ns, e);
}

static int contradictions(struct plan *p, struct making *m, struct err *e)
{
	(void)p;
	return check_create(m->c, m->rq, &m->ns, m->host, e);
}

static int notify(struct plan *p, struct making *m, struct err *e)
{
	const char *state = arena_printf(m->a, "%s/%s", m->rq->root ? m->rq->root : "", m->rq->id);

	return notify_plan(&p->notify, m->rq->activation.notify_socket, state, m->a, e);
}

enum { ANNOTATIONS, OWN_NAMESPACES, CONTRADICTIONS, NOTIFY, NAMESPACES, IDMAP, CGROUP, CGROUPS,
	ROOTFS, MOUNTS, DEVICES, SHIELD, PROCESS, HOOKS, NET, RDT, MEMORY, KERNEL };
#define AFTER(step) (1u << (step))

/*
 * In the order of the specification, but what others build on first: the maps say what the process may be, the groups
 * what a mount of type cgroup shows.  NEEDS: the steps whose result a step reads without asking whether there is one.
 */
static const struct step {
	int (*make)(struct plan *, struct making *, struct err *);
	unsigned needs;
} steps[] = {
	[ANNOTATIONS] = { annotations, 0 },
	[OWN_NAMESPACES] = { own_namespaces, 0 },
	[CONTRADICTIONS] = { contradictions, AFTER(OWN_NAMESPACES) },
	[NOTIFY] = { notify, 0 },
	[NAMESPACES] = { namespaces, 0 },
	[IDMAP] = { idmap, 0 },
	[CGROUP] = { cgroup, AFTER(ANNOTATIONS) },
	[CGROUPS] = { cgroups, AFTER(OWN_NAMESPACES) | AFTER(CGROUP) },
	[ROOTFS] = { rootfs, AFTER(OWN_NAMESPACES) },
	[MOUNTS] = { mounts, AFTER(OWN_NAMESPACES) | AFTER(CGROUPS) | AFTER(ROOTFS) },
	[DEVICES] = { devices, AFTER(OWN_NAMESPACES) },
	[SHIELD] = { shield, AFTER(OWN_NAMESPACES) },
	[PROCESS] = { process, AFTER(OWN_NAMESPACES) },
	[HOOKS] = { hooks, 0 },
	[NET] = { net, AFTER(OWN_NAMESPACES) },
	[RDT] = { rdt, 0 },
	[MEMORY] = { memory, 0 },
	[KERNEL] = { kernel, AFTER(OWN_NAMESPACES) },
};

/* CONFIG for the next step: a copy, since a mount may be added that lies in SCRATCH. */
static void look_at(struct making *m, struct oci_config *copy, const struct oci_config *config, const struct plan *p,
		    struct arena *scratch)
{
	*copy = *config;
	m->c = copy;
	add_notify_mount(copy, &p->notify, scratch);
}

static struct plan *begin(struct making *m)
{
	struct plan *p = ARENA_NEW(m->a, struct plan);

	p->id = arena_strdup(m->a, m->rq->id);
	p->bundle = arena_strdup(m->a, m->rq->bundle);
	return p;
}

int plan_create(const struct plan **out, const struct oci_config *config, const struct create_request *rq,
		const struct host *host, struct arena *a, struct err *e)
{
	TRACE("plan");
	AUTO(arena) scratch = ARENA_NONE;       /* the plan's own arena holds nothing that points elsewhere */
	struct making m = { .rq = rq, .host = host, .a = a };
	struct plan *p = begin(&m);
	struct oci_config c;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		look_at(&m, &c, config, p, &scratch);
		if (steps[i].make(p, &m, e) < 0)
			return -1;
	}
	*out = p;
	return 0;
}

const struct plan *plan_survey(plan_mend *mend, void *ctx, const struct create_request *rq, const struct host *host,
			       struct arena *a, bool *whole)
{
	AUTO(arena) scratch = ARENA_NONE;
	struct making m = { .rq = rq, .host = host, .a = a };
	struct plan *p = begin(&m);
	unsigned undone = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const struct oci_config *config = steps[i].needs & undone ? NULL : mend(ctx, NULL);
		struct oci_config c;
		struct err e;

		for (; config; config = mend(ctx, &e)) {
			look_at(&m, &c, config, p, &scratch);
			if (steps[i].make(p, &m, &e) == 0)
				break;
		}
		if (!config)
			undone |= 1u << i;
	}
	*whole = !undone;
	return p;
}
