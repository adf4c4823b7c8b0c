/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the plan of `mounts add` and `mounts remove`.  In husk, from the config that create saved: a mount that is added
 * later means what it would have meant there.
 */
#include "plan/plan.h"

#include <sched.h>

#include "base/num.h"
#include "base/str.h"
#include "plan/check.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/*
 * Everything but the PID namespace: nobody inside can see or signal init then.  Only a procfs shows the PID namespace of who
 * mounts it; which takes a child.
 */
static int join(struct plan *p, const struct oci_config *c, const struct check_ns *ns, bool has_proc,
		const struct host *host, struct arena *a, struct err *e)
{
	const uint64_t for_children = CLONE_NEWPID | CLONE_NEWTIME;
	struct idmap_plan maps;

	if (!(ns->made & CLONE_NEWNS))
		return err_set(e, ERR_UNSUPPORTED, "the container has no mount namespace of its own");
	if (ns_plan_exec(&p->ns, c, host, a, e) < 0 || idmap_plan(&maps, c, host, a, e) < 0)
		return -1;
	p->ns.join &= has_proc ? ~(uint64_t)CLONE_NEWTIME : ~for_children;
	p->ns.needs_bridge = p->ns.join & CLONE_NEWPID;
	p->idmap = (struct idmap_plan){
		.denies_setgroups = maps.denies_setgroups, .has_root = maps.has_root,
		.root_uid = maps.root_uid, .root_gid = maps.root_gid, .work_uid = maps.work_uid, .work_gid = maps.work_gid,
	};
	return 0;
}

/* What comes must be able to go again. */
static int check_step(const struct mount_plan *m, struct err *e)
{
	switch (m->op) {
	case MOUNT_NEW:
	case MOUNT_TREE:
		if (m->copy_symlink)
			return err_set(e, ERR_SPEC, "%s.options: \"copy-symlink\" mounts nothing", m->where);
		break;
	case MOUNT_LINK:                /* in a mount of ours */
		return 0;
	case MOUNT_REMOUNT:
	case MOUNT_PROPAGATION:
		return err_set(e, ERR_SPEC, "%s.options: changes what is mounted, and adds nothing", m->where);
	}
	if (str_eq(m->destination.s, "/"))
		return err_set(e, ERR_SPEC, "%s.destination: the root of a container cannot be mounted over", m->where);
	return 0;
}

static int check_types(const oci_mount_list *mounts, bool *has_proc, struct err *e)
{
	*has_proc = false;
	for (size_t i = 0; i < mounts->n; i++) {
		const char *type = mounts->v[i].type;

		*has_proc |= str_eq(type, "proc");
		if (str_eq(type, "cgroup"))
			return err_set(e, ERR_SPEC, "mounts[%zu].type: \"cgroup\" is mounted when a container is created, not "
				       "later", i);
	}
	return 0;
}

int plan_mounts_add(const struct plan **out, const struct oci_config *config, const oci_mount_list *mounts,
		    const char *id, const char *bundle, const struct host *host, struct arena *a, struct err *e)
{
	struct plan *p = ARENA_NEW(a, struct plan);
	struct oci_config c = *config;
	struct rootfs_plan root;
	struct check_ns ns;
	bool has_proc;

	p->is_exec = p->only_mounts = true;
	p->id = arena_strdup(a, id);
	if (check_namespaces(&c, &ns, e) < 0 || check_types(mounts, &has_proc, e) < 0 ||
	    join(p, &c, &ns, has_proc, host, a, e) < 0)
		return -1;

	/* Init has joined the container's mounts, so what lies on the host is opened by husk, all of it. */
	struct fs_facts facts = {
		.bundle = bundle, .ns_made = ns.made, .ns_joined = ns.joined, .user_ns_path = ns.user_path,
		.trees_by_husk = true,
	};

	c.mounts = *mounts;
	if (rootfs_plan(&root, &c, &facts, host, a, e) < 0 || mounts_plan(&p->mounts, &c, &facts, &root, host, a, e) < 0)
		return -1;
	if (p->mounts.n > HOTPLUG_MAX)
		return err_set(e, ERR_UNSUPPORTED, "mounts[%d]: more than %d mounts at a time", HOTPLUG_MAX, HOTPLUG_MAX);
	for (size_t i = 0; i < p->mounts.n; i++)
		if (check_step(&p->mounts.v[i], e) < 0)
			return -1;
	*out = p;
	return 0;
}

int plan_mounts_remove(const struct plan **out, const struct oci_config *config, const struct unmount *v, size_t n,
		       const char *id, const struct host *host, struct arena *a, struct err *e)
{
	struct plan *p = ARENA_NEW(a, struct plan);
	struct unmount *copy = ARENA_ARRAY(a, struct unmount, n + 1);
	struct check_ns ns;

	p->is_exec = p->only_mounts = true;
	p->id = arena_strdup(a, id);
	for (size_t i = 0; i < n; i++)
		copy[i] = (struct unmount){
			.where = arena_strdup(a, v[i].where), .number = v[i].number,
			.destination = CPATH(arena_strdup(a, v[i].destination.s)),
		};
	p->unmounts = (struct unmounts_plan){ .n = n, .v = copy };
	if (check_namespaces(config, &ns, e) < 0 || join(p, config, &ns, false, host, a, e) < 0)
		return -1;
	*out = p;
	return 0;
}
