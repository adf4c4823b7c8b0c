/* SPDX-License-Identifier: Apache-2.0 */
/* Resources over resources; see merge.h. Pure, in husk. */
#include "parts/cgroup/merge.h"

#include <string.h>

#include "base/str.h"

#define IF_SET(m)       do { if (asked->m.set) to->m = asked->m; } while (0)
/* Engines fill members in that nobody asked for: 0 is "not set" where limits.h says so. */
#define IF_NOT_0(m)     do { if (asked->m.set && asked->m.v) to->m = asked->m; } while (0)
#define IF_TEXT(m)      do { if (asked->m && *asked->m) to->m = asked->m; } while (0)

static void memory(struct oci_memory *to, const struct oci_memory *asked)
{
	/* Unlimited memory takes swap along (limits.h). */
	if (asked->limit.v < 0 && to->swap.v)
		to->swap.v = -1;
	IF_NOT_0(limit);
	IF_NOT_0(reservation);
	IF_NOT_0(swap);
	IF_NOT_0(kernel);
	IF_NOT_0(kernel_tcp);
	IF_SET(swappiness);
	IF_SET(disable_oom_killer);
	IF_SET(use_hierarchy);
	IF_SET(check_before_update);
}

static void cpu(struct oci_cpu *to, const struct oci_cpu *asked)
{
	IF_NOT_0(shares);
	IF_NOT_0(quota);
	IF_SET(burst);
	IF_NOT_0(period);
	IF_NOT_0(realtime_runtime);
	IF_NOT_0(realtime_period);
	IF_TEXT(cpus);
	IF_TEXT(mems);
	IF_SET(idle);
}

/* What two entries of a list must agree in to be about the same thing. */
static bool same_weight(const void *a, const void *b)
{
	const struct oci_weight_device *x = a, *y = b;

	return x->major == y->major && x->minor == y->minor;
}

static bool same_throttle(const void *a, const void *b)
{
	const struct oci_throttle_device *x = a, *y = b;

	return x->major == y->major && x->minor == y->minor;
}

static bool same_page(const void *a, const void *b)
{
	return str_eq(((const struct oci_hugepage_limit *)a)->page_size, ((const struct oci_hugepage_limit *)b)->page_size);
}

static bool same_interface(const void *a, const void *b)
{
	return str_eq(((const struct oci_net_priority *)a)->name, ((const struct oci_net_priority *)b)->name);
}

static bool same_rdma(const void *a, const void *b)
{
	return str_eq(((const struct oci_rdma *)a)->device, ((const struct oci_rdma *)b)->device);
}

static bool same_key(const void *a, const void *b)
{
	return str_eq(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

typedef bool same_fn(const void *, const void *);

/* OLD with the elements of MORE in the place of the same ones, or behind. SIZE of an element. */
static void *joined(size_t *n, const void *old, size_t n_old, const void *more, size_t n_more, size_t size, same_fn *same,
		    struct arena *a)
{
	char *v = ARENA_ARRAY(a, char, (n_old + n_more + 1) * size);

	if (n_old)
		memcpy(v, old, n_old * size);
	*n = n_old;
	for (size_t i = 0; i < n_more; i++) {
		const char *x = (const char *)more + i * size;
		size_t at = 0;

		while (at < *n && !same(v + at * size, x))
			at++;
		memcpy(v + at * size, x, size);
		*n += at == *n;
	}
	return v;
}

#define JOIN(list, same) do { \
	if (asked->list.n) \
		to->list.v = joined(&to->list.n, to->list.v, to->list.n, asked->list.v, asked->list.n, \
				    sizeof(*asked->list.v), (same), a); \
} while (0)

static void block_io(struct oci_block_io *to, const struct oci_block_io *asked, struct arena *a)
{
	IF_NOT_0(weight);
	IF_NOT_0(leaf_weight);
	JOIN(weight_device, same_weight);
	JOIN(throttle_read_bps, same_throttle);
	JOIN(throttle_write_bps, same_throttle);
	JOIN(throttle_read_iops, same_throttle);
	JOIN(throttle_write_iops, same_throttle);
}

static void network(struct oci_network *to, const struct oci_network *asked, struct arena *a)
{
	IF_NOT_0(class_id);
	JOIN(priorities, same_interface);
}

/* A copy of the section as it is, or an empty one, to be changed. */
#define SECTION(m) (out->m = now && now->m ? arena_dup(a, now->m, sizeof(*now->m)) : arena_alloc(a, sizeof(*out->m)))

void cgroup_merge(struct oci_resources *out, const struct oci_resources *now, const struct oci_resources *asked,
		  struct arena *a)
{
	struct oci_resources *to = out;

	*out = now ? *now : (struct oci_resources){};
	if (asked->devices.n)
		out->devices = asked->devices;
	if (asked->memory)
		memory(SECTION(memory), asked->memory);
	if (asked->cpu)
		cpu(SECTION(cpu), asked->cpu);
	if (asked->pids && asked->pids->limit.set)
		out->pids = asked->pids;
	if (asked->block_io)
		block_io(SECTION(block_io), asked->block_io, a);
	if (asked->network)
		network(SECTION(network), asked->network, a);
	JOIN(hugepage_limits, same_page);
	JOIN(rdma, same_rdma);
	JOIN(unified, same_key);
}

/* ---- device rules ----------------------------------------------------------------- */

/* Is X one of those that Y names? -1 and absent: all. */
static bool within(struct opt_i64 x, struct opt_i64 y)
{
	return !y.set || y.v == -1 || (x.set && x.v == y.v);
}

/* Does Y decide all that X is about? */
static bool decides(const struct oci_device_rule *y, const struct oci_device_rule *x)
{
	const char *type = y->type && *y->type ? y->type : "a";
	const char *access = x->access && *x->access ? x->access : "rwm", *all = y->access && *y->access ? y->access : "rwm";

	if (!str_eq(type, "a") && !str_eq(type, x->type))
		return false;
	if (!within(x->major, y->major) || !within(x->minor, y->minor))
		return false;
	return strspn(access, all) == strlen(access);
}

void cgroup_add_rules(oci_device_rule_list *out, const oci_device_rule_list *rules, const oci_device_rule_list *more,
		      struct arena *a)
{
	struct oci_device_rule *v = ARENA_ARRAY(a, struct oci_device_rule, rules->n + more->n + 1);
	size_t n = 0;

	for (size_t i = 0; i < rules->n; i++) {
		bool is_decided = false;

		for (size_t j = 0; j < more->n; j++)
			is_decided |= decides(&more->v[j], &rules->v[i]);
		if (!is_decided)
			v[n++] = rules->v[i];
	}
	for (size_t j = 0; j < more->n; j++)
		v[n++] = more->v[j];
	out->v = v;
	out->n = n;
}
