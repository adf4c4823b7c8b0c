/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.resources to a list of writes: what both versions of cgroups share, and the choice
 * between them, controller by controller, so that hybrid machines need no care of their own.
 * Pure; runs in husk while planning and for `update`.
 */
#include "parts/cgroup/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "parts/cgroup/devices.h"

int cgroup_where_is(const struct cgroup_where *where, const char *controller, bool v2)
{
	for (int i = 0; i < where->n; i++)
		if (where->dir[i].is_v2 == v2 && str_has_word(where->dir[i].controllers, ", ", controller, strlen(controller)))
			return i;
	return -1;
}

static int no_controller(struct limits *l, const char *path, const char *controller)
{
	return err_set(l->e, ERR_UNSUPPORTED, "%s: this host has no \"%s\" cgroup controller", path, controller);
}

static struct cgroup_write *new_write(struct limits *l)
{
	struct cgroup_writes *out = l->out;

	if (out->n == l->room) {
		struct cgroup_write *v = ARENA_ARRAY(l->arena, struct cgroup_write, l->room ? 2 * l->room : 32);

		if (out->n)
			memcpy(v, out->v, out->n * sizeof(*v));
		out->v = v;
		l->room = l->room ? 2 * l->room : 32;
	}
	return &out->v[out->n++];
}

int limits_add(struct limits *l, int dir, unsigned flags, const char *path, const char *file, const char *fmt, ...)
{
	struct cgroup_write *w;
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		return err_set(l->e, ERR_SPEC, "%s: too long", path);
	w = new_write(l);
	*w = (struct cgroup_write){
		.dir = (uint8_t)dir, .flags = (uint8_t)flags,
		.file = arena_strdup(l->arena, file),
		.text = arena_strdup(l->arena, text),
		.path = arena_strdup(l->arena, path),
	};
	return 0;
}

/* ---- sections -------------------------------------------------------------------- */

static bool memory_asks(const struct oci_memory *m)
{
	return m->limit.v || m->reservation.v || m->swap.v || m->kernel.v || m->kernel_tcp.v || m->swappiness.set ||
	       m->disable_oom_killer.v || m->use_hierarchy.set;
}

static int memory(struct limits *l, const struct oci_memory *m)
{
	int v1 = cgroup_where_is(l->where, "memory", false), v2 = cgroup_where_is(l->where, "memory", true);

	if (!m || !memory_asks(m))
		return 0;
	if (m->swap.v > 0 && m->limit.v > 0 && m->swap.v < m->limit.v)
		return err_set(l->e, ERR_SPEC, "linux.resources.memory.swap: memory and swap together "
			       "(%lld) are less than memory alone (%lld)", (long long)m->swap.v, (long long)m->limit.v);
	if (m->swappiness.set && m->swappiness.v > 100)
		return err_set(l->e, ERR_SPEC, "linux.resources.memory.swappiness: %llu is not within 0 to 100",
			       (unsigned long long)m->swappiness.v);
	if (v1 >= 0)
		return limits_v1_memory(l, v1, m);
	if (v2 >= 0)
		return limits_v2_memory(l, v2, m);
	return no_controller(l, "linux.resources.memory", "memory");
}

static bool cpu_asks(const struct oci_cpu *c)
{
	return c->shares.v || c->quota.v || c->burst.set || c->period.v || c->realtime_runtime.v || c->realtime_period.v ||
	       c->idle.set;
}

static int cpu(struct limits *l, const struct oci_cpu *c)
{
	int v1 = cgroup_where_is(l->where, "cpu", false), v2 = cgroup_where_is(l->where, "cpu", true);

	if (!c || !cpu_asks(c))
		return 0;
	if (c->quota.v > 0 && c->burst.set && c->burst.v > (uint64_t)c->quota.v)
		return err_set(l->e, ERR_SPEC, "linux.resources.cpu.burst: %llu is more than the quota of %lld",
			       (unsigned long long)c->burst.v, (long long)c->quota.v);
	if (c->idle.set && c->idle.v != 0 && c->idle.v != 1)
		return err_set(l->e, ERR_SPEC, "linux.resources.cpu.idle: %lld is neither 0 nor 1", (long long)c->idle.v);
	if (v1 >= 0)
		return limits_v1_cpu(l, v1, c);
	if (v2 >= 0)
		return limits_v2_cpu(l, v2, c);
	return no_controller(l, "linux.resources.cpu", "cpu");
}

/* The same files with the same words on both versions. */
static int cpuset(struct limits *l, const struct oci_cpu *c)
{
	int dir = cgroup_where_is(l->where, "cpuset", false);
	bool cpus = c && c->cpus && *c->cpus, mems = c && c->mems && *c->mems;

	if (!cpus && !mems)
		return 0;
	if (dir < 0)
		dir = cgroup_where_is(l->where, "cpuset", true);
	if (dir < 0)
		return no_controller(l, cpus ? "linux.resources.cpu.cpus" : "linux.resources.cpu.mems", "cpuset");
	if (cpus && limits_add(l, dir, 0, "linux.resources.cpu.cpus", "cpuset.cpus", "%s", c->cpus) < 0)
		return -1;
	if (mems && limits_add(l, dir, 0, "linux.resources.cpu.mems", "cpuset.mems", "%s", c->mems) < 0)
		return -1;
	return 0;
}

static int pids(struct limits *l, const struct oci_pids *p)
{
	int dir = cgroup_where_is(l->where, "pids", false);

	if (!p || !p->limit.set)
		return 0;
	if (dir < 0)
		dir = cgroup_where_is(l->where, "pids", true);
	if (dir < 0)
		return p->limit.v < 0 ? 0 : no_controller(l, "linux.resources.pids.limit", "pids");
	if (p->limit.v < -1)
		return err_set(l->e, ERR_SPEC, "linux.resources.pids.limit: %lld is neither a number of tasks nor -1",
			       (long long)p->limit.v);
	if (p->limit.v < 0)
		return limits_add(l, dir, 0, "linux.resources.pids.limit", "pids.max", "max");
	/* With 0, clone3(2) into the group fails: only set when init is there. */
	return limits_add(l, dir, p->limit.v ? 0 : WRITE_LATE, "linux.resources.pids.limit", "pids.max", "%lld",
			  (long long)p->limit.v);
}

static bool block_io_asks(const struct oci_block_io *b)
{
	return b->weight.v || b->leaf_weight.v || b->weight_device.n || b->throttle_read_bps.n ||
	       b->throttle_write_bps.n || b->throttle_read_iops.n || b->throttle_write_iops.n;
}

static int check_weight(struct limits *l, const char *path, struct opt_u16 w)
{
	if (w.set && w.v && (w.v < 10 || w.v > 1000))
		return err_set(l->e, ERR_SPEC, "%s: %u is not within 10 to 1000", path, w.v);
	return 0;
}

static int block_io(struct limits *l, const struct oci_block_io *b)
{
	int v1 = cgroup_where_is(l->where, "blkio", false), v2 = cgroup_where_is(l->where, "io", true);
	char path[96];

	if (!b || !block_io_asks(b))
		return 0;
	if (check_weight(l, "linux.resources.blockIO.weight", b->weight) < 0 ||
	    check_weight(l, "linux.resources.blockIO.leafWeight", b->leaf_weight) < 0)
		return -1;
	for (size_t i = 0; i < b->weight_device.n; i++) {
		const struct oci_weight_device *d = &b->weight_device.v[i];

		snprintf(path, sizeof(path), "linux.resources.blockIO.weightDevice[%zu]", i);
		if (!d->weight.set && !d->leaf_weight.set)
			return err_set(l->e, ERR_SPEC, "%s: neither weight nor leafWeight", path);
		if (check_weight(l, path, d->weight) < 0 || check_weight(l, path, d->leaf_weight) < 0)
			return -1;
	}
	if (v1 >= 0)
		return limits_v1_block_io(l, v1, b);
	if (v2 >= 0)
		return limits_v2_block_io(l, v2, b);
	return no_controller(l, "linux.resources.blockIO", "io");
}

/* "2MB", "64KB", "1GB": digits, one of K M G, "B". It becomes part of a file's name. */
static bool is_page_size(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits > 0 && digits < 10 && s[digits] && strchr("KMG", s[digits]) && str_eq(s + digits + 1, "B");
}

/*
 * Reservations where the kernel (>= 5.7) counts them, and page faults, which all kernels count.  v1 and v2 differ
 * in the last WORD of the files' names.
 */
static int page_limit(struct limits *l, int dir, const char *path, const struct oci_hugepage_limit *h, const char *word)
{
	char file[64];

	snprintf(file, sizeof(file), "hugetlb.%s.%s", h->page_size, word);
	if (limits_add(l, dir, 0, path, file, "%llu", (unsigned long long)h->limit) < 0)
		return -1;
	snprintf(file, sizeof(file), "hugetlb.%s.rsvd.%s", h->page_size, word);
	return limits_add(l, dir, WRITE_OPTIONAL, path, file, "%llu", (unsigned long long)h->limit);
}

static int hugetlb(struct limits *l, const struct oci_resources *r)
{
	int v1 = cgroup_where_is(l->where, "hugetlb", false), v2 = cgroup_where_is(l->where, "hugetlb", true);
	char path[64];

	for (size_t i = 0; i < r->hugepage_limits.n; i++) {
		const struct oci_hugepage_limit *h = &r->hugepage_limits.v[i];

		snprintf(path, sizeof(path), "linux.resources.hugepageLimits[%zu]", i);
		if (!is_page_size(h->page_size))
			return err_set(l->e, ERR_SPEC, "%s.pageSize: \"%s\" is not a size like \"2MB\"", path, h->page_size);
		if (v1 < 0 && v2 < 0)
			return no_controller(l, path, "hugetlb");
		if ((v1 >= 0 ? page_limit(l, v1, path, h, "limit_in_bytes") : page_limit(l, v2, path, h, "max")) < 0)
			return -1;
	}
	return 0;
}

/* Neither a line nor a word of its own may be smuggled in. */
static bool is_device_name(const char *s)
{
	return *s && !strpbrk(s, " \t\n\r/");
}

static int network(struct limits *l, const struct oci_network *n)
{
	int cls = cgroup_where_is(l->where, "net_cls", false), prio = cgroup_where_is(l->where, "net_prio", false);
	char path[64];

	if (!n)
		return 0;
	if (n->class_id.v) {
		if (cls < 0)
			return no_controller(l, "linux.resources.network.classID", "net_cls");
		if (limits_add(l, cls, 0, "linux.resources.network.classID", "net_cls.classid", "%u", n->class_id.v) < 0)
			return -1;
	}
	for (size_t i = 0; i < n->priorities.n; i++) {
		const struct oci_net_priority *p = &n->priorities.v[i];

		snprintf(path, sizeof(path), "linux.resources.network.priorities[%zu]", i);
		if (!is_device_name(p->name))
			return err_set(l->e, ERR_SPEC, "%s.name: \"%s\" is not the name of an interface", path, p->name);
		if (prio < 0)
			return no_controller(l, path, "net_prio");
		if (limits_add(l, prio, WRITE_KEYED, path, "net_prio.ifpriomap", "%s %u", p->name, p->priority) < 0)
			return -1;
		l->out->v[l->out->n - 1].undo = arena_printf(l->arena, "%s 0", p->name);
	}
	return 0;
}

static int rdma(struct limits *l, const struct oci_resources *r)
{
	int dir = cgroup_where_is(l->where, "rdma", false);
	char path[128];

	if (dir < 0)
		dir = cgroup_where_is(l->where, "rdma", true);
	for (size_t i = 0; i < r->rdma.n; i++) {
		const struct oci_rdma *d = &r->rdma.v[i];
		char text[128];
		struct text t = TEXT(text);

		snprintf(path, sizeof(path), "linux.resources.rdma[\"%.80s\"]", d->device);
		if (!is_device_name(d->device))
			return err_set(l->e, ERR_SPEC, "%s: not the name of a device", path);
		if (!d->hca_handles.set && !d->hca_objects.set)
			return err_set(l->e, ERR_SPEC, "%s: neither hcaHandles nor hcaObjects", path);
		if (dir < 0)
			return no_controller(l, path, "rdma");
		text_add(&t, d->device);
		if (d->hca_handles.set)
			text_addf(&t, " hca_handle=%u", d->hca_handles.v);
		if (d->hca_objects.set)
			text_addf(&t, " hca_object=%u", d->hca_objects.v);
		if (t.cut)
			return err_set(l->e, ERR_SPEC, "%s: too long", path);
		if (limits_add(l, dir, WRITE_KEYED, path, "rdma.max", "%s", text) < 0)
			return -1;
		l->out->v[l->out->n - 1].undo = arena_printf(l->arena, "%s hca_handle=max hca_object=max", d->device);
	}
	return 0;
}

int cgroup_limits(struct cgroup_writes *out, const struct oci_resources *r, const struct cgroup_where *where,
		  bool with_devices, struct arena *a, struct err *e)
{
	struct limits l = { .out = out, .where = where, .arena = a, .e = e };
	int devices = cgroup_where_is(where, "devices", false);

	*out = (struct cgroup_writes){};
	if (r) {
		if (memory(&l, r->memory) < 0 || cpu(&l, r->cpu) < 0 || cpuset(&l, r->cpu) < 0 || pids(&l, r->pids) < 0 ||
		    block_io(&l, r->block_io) < 0 || hugetlb(&l, r) < 0 || network(&l, r->network) < 0 ||
		    rdma(&l, r) < 0 || limits_v2_unified(&l, &r->unified) < 0)
			return -1;
	}
	if (with_devices && devices >= 0)
		return limits_v1_devices(&l, devices, r);
	return 0;
}
