/* SPDX-License-Identifier: Apache-2.0 */
/* linux.namespaces and linux.timeOffsets, read and checked; in husk, before anything happens. */
#include "parts/ns/namespaces.h"

#include <inttypes.h>
#include <sched.h>

#include "base/num.h"
#include "base/str.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define NSEC_MAX        999999999u

/* Those that a process cannot enter itself, only its children; or, user, in which the others must be made. */
#define FOR_CHILDREN    (CLONE_NEWPID | CLONE_NEWTIME | CLONE_NEWUSER)

static const uint64_t kinds[] = {
	[OCI_NS_PID]     = CLONE_NEWPID,
	[OCI_NS_NETWORK] = CLONE_NEWNET,
	[OCI_NS_MOUNT]   = CLONE_NEWNS,
	[OCI_NS_IPC]     = CLONE_NEWIPC,
	[OCI_NS_UTS]     = CLONE_NEWUTS,
	[OCI_NS_USER]    = CLONE_NEWUSER,
	[OCI_NS_CGROUP]  = CLONE_NEWCGROUP,
	[OCI_NS_TIME]    = CLONE_NEWTIME,
};

static bool has_path(const struct oci_namespace *n)
{
	/* Engines written in Go send "" for what they leave out. */
	return n->path && *n->path;
}

static int plan_one(struct ns_plan *p, const struct oci_namespace *n, size_t i, const struct host *host,
		    struct arena *a, struct err *e)
{
	const char *name = spec_enum_name(&oci_namespaces, (int)n->type);
	uint64_t kind;

	if ((size_t)n->type >= ARRAY_SIZE(kinds) || !kinds[n->type])
		return err_set(e, ERR_BUG, "linux.namespaces[%zu].type: number %d", i, (int)n->type);
	kind = kinds[n->type];
	if ((p->make | p->join) & kind)
		return err_set(e, ERR_SPEC, "linux.namespaces[%zu]: a second namespace of type \"%s\"", i, name);
	if (!(host->ns_kinds & kind))
		return err_set(e, ERR_UNSUPPORTED, "linux.namespaces[%zu].type: this kernel has no \"%s\" namespaces",
			       i, name);
	if (!has_path(n)) {
		p->make |= kind;
		return 0;
	}
	if (*n->path != '/')
		return err_set(e, ERR_SPEC, "linux.namespaces[%zu].path: \"%s\" is not an absolute path", i, n->path);
	p->join |= kind;
	p->joins[p->n_joins++] = (struct ns_join){
		.kind = kind,
		.path = arena_strdup(a, n->path),
		.where = arena_printf(a, "linux.namespaces[%zu].path", i),
	};
	return 0;
}

static int check_offset(const struct oci_time_offset *o, const char *clock, struct err *e)
{
	if (o && o->nanosecs > NSEC_MAX)
		return err_set(e, ERR_SPEC, "linux.timeOffsets.%s.nanosecs: %" PRIu32 " is more than %u", clock, o->nanosecs,
			       NSEC_MAX);
	return 0;
}

static int plan_time(struct ns_plan *p, const struct oci_time_offsets *t, struct arena *a, struct err *e)
{
	const struct oci_time_offset none = { 0 };
	const struct oci_time_offset *m = &none, *b = &none;

	if (!t || (!t->monotonic && !t->boottime))
		return 0;
	if (!(p->make & CLONE_NEWTIME))
		return err_set(e, ERR_SPEC, "linux.timeOffsets: only a new time namespace can have offsets");
	if (check_offset(t->monotonic, "monotonic", e) < 0 || check_offset(t->boottime, "boottime", e) < 0)
		return -1;
	if (t->monotonic)
		m = t->monotonic;
	if (t->boottime)
		b = t->boottime;
	p->time_offsets = arena_printf(a, "monotonic %" PRId64 " %" PRIu32 "\nboottime %" PRId64 " %" PRIu32 "\n",
				       m->secs, m->nanosecs, b->secs, b->nanosecs);
	return 0;
}

int ns_plan(struct ns_plan *p, const struct oci_config *c, const struct host *host, struct arena *a, struct err *e)
{
	const struct oci_linux *l = c->linux_;

	*p = (struct ns_plan){ .make = 0 };
	if (!l)
		return 0;
	for (size_t i = 0; i < l->namespaces.n; i++)
		if (plan_one(p, &l->namespaces.v[i], i, host, a, e) < 0)
			return -1;
	if (plan_time(p, l->time_offsets, a, e) < 0)
		return -1;
	p->needs_bridge = p->join & FOR_CHILDREN || p->make & (CLONE_NEWUSER | CLONE_NEWTIME);
	return 0;
}

void ns_plan_later(struct ns_plan *p)
{
	/* The bridge makes them in the order that user namespaces ask for. */
	if (!p->needs_bridge)
		p->later = p->make & (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
}

int ns_plan_exec(struct ns_plan *p, const struct oci_config *c, const struct host *host, struct arena *a,
		 struct err *e)
{
	struct ns_plan of_init;

	if (ns_plan(&of_init, c, host, a, e) < 0)
		return -1;
	*p = (struct ns_plan){ .join = of_init.make | of_init.join, .needs_bridge = true };
	return 0;
}
