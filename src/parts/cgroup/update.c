/* SPDX-License-Identifier: Apache-2.0 */
/* Changes limits as a whole; see update.h. */
#include "parts/cgroup/update.h"

#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "base/trace.h"
#include "parts/cgroup/devices-v1.h"
#include "parts/cgroup/write.h"
#include "sys/groupfs.h"

struct planner {
	const struct cgroup *cg;
	struct cgroup_where where;
	struct cgroup_update *out;
	struct arena *arena;
	struct err *e;
};

static void look_where(struct planner *p)
{
	struct err ignored;
	char text[1024];

	p->where.n = p->cg->n;
	for (int i = 0; i < p->cg->n; i++) {
		const struct cgroup_dir *d = &p->cg->dir[i];

		p->where.dir[i] = (struct cgroup_where_dir){ d->controllers, d->is_v2 };
		if (!d->is_v2)
			continue;
		if (groupfs_read(d->fd, "cgroup.controllers", text, sizeof(text), &ignored) < 0)
			text[0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		p->where.dir[i].controllers = arena_strdup(p->arena, text);
	}
}

/* False also for "max". */
static bool read_number(const struct planner *p, int dir, const char *file, int64_t *out)
{
	struct err ignored;
	char text[64];
	uint64_t v;

	if (groupfs_read(p->cg->dir[dir].fd, file, text, sizeof(text), &ignored) < 0 ||
	    !num_parse_n(text, strcspn(text, " \n"), INT64_MAX, &v))
		return false;
	*out = (int64_t)v;
	return true;
}

/* ---- what is not asked for but needed to say what is ---------------------------------- */

static int complete_cpu(struct planner *p, struct oci_cpu *c, const struct oci_cpu *now)
{
	int v2 = cgroup_where_is(&p->where, "cpu", true);

	/* One file of v2 is two of v1. */
	if (v2 >= 0 && c->period.v && !c->quota.v)
		c->quota.set = read_number(p, v2, "cpu.max", &c->quota.v);
	/* The kernel forgets the weight of a group that becomes idle. */
	if (now && c->idle.set && !c->idle.v && !c->shares.v && now->idle.v)
		c->shares = now->shares;
	return 0;
}

/* What the kernel shows for no limit at all, and what it makes of a greater one: LONG_MAX in whole pages. */
#define V1_NO_LIMIT (INT64_MAX - 4095)

static int check_memory_v1(struct planner *p, int dir, const struct oci_memory *m)
{
	int64_t memory, both;

	if (m->limit.v > 0 && !m->swap.v && read_number(p, dir, "memory.memsw.limit_in_bytes", &both) && m->limit.v > both &&
	    both < V1_NO_LIMIT) {
		err_set(p->e, ERR_STATE, "linux.resources.memory.limit: %lld is more than memory and swap together may be now (%lld)",
			(long long)m->limit.v, (long long)both);
		return err_hint(p->e, "set the limit of both (memory.swap, --memory-swap) at the same time");
	}
	if (m->swap.v > 0 && !m->limit.v && read_number(p, dir, "memory.limit_in_bytes", &memory) && m->swap.v < memory) {
		err_set(p->e, ERR_STATE, "linux.resources.memory.swap: %lld is less than the limit of memory alone is now (%lld)",
			(long long)m->swap.v, (long long)memory);
		return err_hint(p->e, "set that (memory.limit, --memory) at the same time");
	}
	return 0;
}

static int complete_memory(struct planner *p, struct oci_memory *m, const struct oci_memory *now)
{
	int v1 = cgroup_where_is(&p->where, "memory", false), v2 = cgroup_where_is(&p->where, "memory", true);

	if (now && !m->check_before_update.set)
		m->check_before_update = now->check_before_update;
	if (v1 >= 0)
		return check_memory_v1(p, v1, m);
	/* v2's limit of swap is the difference of these two: who sets one of them means the other to stay. */
	if (v2 >= 0 && m->swap.v > 0 && !m->limit.v)
		m->limit.set = read_number(p, v2, "memory.max", &m->limit.v);
	if (v2 >= 0 && m->limit.v > 0 && !m->swap.v && now && now->swap.v > 0)
		m->swap = now->swap;
	return 0;
}

static int complete(struct planner *p, struct oci_resources *r, const struct oci_resources *now)
{
	if (r->cpu) {
		r->cpu = arena_dup(p->arena, r->cpu, sizeof(*r->cpu));
		if (complete_cpu(p, r->cpu, now ? now->cpu : NULL) < 0)
			return -1;
	}
	if (r->memory) {
		r->memory = arena_dup(p->arena, r->memory, sizeof(*r->memory));
		return complete_memory(p, r->memory, now ? now->memory : NULL);
	}
	return 0;
}

/* ---- the way back ---------------------------------------------------------------------- */

static void add_put(struct planner *p, int dir, const char *file, const char *text)
{
	struct cgroup_puts *b = &p->out->before;

	b->v[b->n++] = (struct cgroup_put){ p->cg->dir[dir].controllers, file, text };
}

/* The line of KEY ("8:0 ") in a keyed file, or NULL. */
static const char *line_of(const char *text, const char *write, size_t *len)
{
	size_t key = strcspn(write, " ") + 1;
	const char *line;

	while ((line = str_word(&text, "\n", len)))
		if (*len > key && memcmp(line, write, key) == 0)
			return line;
	return NULL;
}

/* What W's file has to be written to be as it is now; NULL: it is not there, or cannot be read. */
static const char *text_before(struct planner *p, const struct cgroup_write *w)
{
	struct err ignored;
	char text[16384];
	const char *line = text, *value;
	size_t len;

	if (groupfs_read(p->cg->dir[w->dir].fd, w->file, text, sizeof(text), &ignored) < 0)
		return NULL;
	if (w->flags & WRITE_KEYED) {
		line = line_of(text, w->text, &len);
		return line ? arena_strndup(p->arena, line, len) : w->undo;
	}
	/* "oom_kill_disable 0" is read, "0" is written. */
	value = str_after(text, "oom_kill_disable ");
	if (value)
		line = value;
	len = strcspn(line, "\n");
	/* An empty cpuset.cpus of v2 means "the parent's"; write(2) needs a byte to say so. */
	return len ? arena_strndup(p->arena, line, len) : "\n";
}

static void look_before(struct planner *p)
{
	const struct cgroup_writes *list = &p->out->writes;

	for (size_t i = list->n; i-- > 0;) {
		const struct cgroup_write *w = &list->v[i];
		const char *text = text_before(p, w);

		if (text)
			add_put(p, w->dir, w->file, text);
		/* The kernel forgets the weight of a group that becomes idle. */
		if (text && str_eq(w->file, "cpu.idle")) {
			const char *weight = p->cg->dir[w->dir].is_v2 ? "cpu.weight" : "cpu.shares";

			text = text_before(p, &(struct cgroup_write){ .dir = w->dir, .file = weight });
			if (text)
				add_put(p, w->dir, weight, text);
		}
	}
}

/* ---- device rules ------------------------------------------------------------------------ */

static bool same_rules(const struct device_rules *a, const struct device_rules *b)
{
	for (size_t i = 0; i < a->n && a->n == b->n; i++) {
		const struct device_rule *x = &a->v[i], *y = &b->v[i];

		if (x->allow != y->allow || x->type != y->type || x->access != y->access || x->major != y->major ||
		    x->minor != y->minor)
			return false;
	}
	return a->n == b->n;
}

static const char *device_file(const struct device_rule *r)
{
	return r->allow ? "devices.allow" : "devices.deny";
}

static const char *device_word(const struct device_rule *r, struct arena *a)
{
	return r->type == 'a' ? "a" : devices_text(r, a);
}

static int plan_devices_v1(struct planner *p, int dir, const struct device_rules *now, const struct device_rules *then)
{
	struct limits l = { .out = &p->out->writes, .room = p->out->writes.n, .where = &p->where, .arena = p->arena, .e = p->e };
	struct device_state given, is, wanted;
	struct device_rules moves;
	struct err ignored;
	char text[16384];

	if (devices_v1_state(&wanted, then, p->arena, p->e) < 0)
		return -1;
	if (groupfs_read(p->cg->dir[dir].fd, "devices.list", text, sizeof(text), p->e) < 0)
		return err_in(p->e, "linux.resources.devices");
	devices_v1_parse(&is, text, p->arena);
	/* What the kernel does not show is as it was given. */
	if (is.allows && devices_v1_state(&given, now, p->arena, &ignored) == 0 && given.allows)
		is = given;
	devices_v1_moves(&moves, &wanted, &is, p->arena);
	p->out->before.v = ARENA_ARRAY(p->arena, struct cgroup_put, moves.n + 2 * p->out->writes.n + 1);
	for (size_t i = 0; i < moves.n; i++)
		add_put(p, dir, device_file(&moves.v[i]), device_word(&moves.v[i], p->arena));
	p->out->m_devices = moves.n;
	look_before(p);
	devices_v1_moves(&moves, &is, &wanted, p->arena);
	p->out->n_devices = moves.n;
	for (size_t i = 0; i < moves.n; i++)
		if (limits_add(&l, dir, 0, "linux.resources.devices", device_file(&moves.v[i]), "%s",
			       device_word(&moves.v[i], p->arena)) < 0)
			return -1;
	return 0;
}

static const struct cgroup_dir *unified(const struct cgroup *cg)
{
	for (int i = 0; i < cg->n; i++)
		if (cg->dir[i].is_v2)
			return &cg->dir[i];
	return NULL;
}

static struct device_rules *rules_of(const struct oci_resources *r, struct arena *a, struct err *e)
{
	struct device_rules *rules = ARENA_NEW(a, struct device_rules);

	return devices_rules(rules, r, a, e) < 0 ? NULL : rules;
}

/* Device rules that stay the same are left alone: others may have added to them (hooks for GPUs do). */
static int plan_devices(struct planner *p, const struct oci_resources *now, const struct oci_resources *then)
{
	const struct device_rules *old = rules_of(now, p->arena, p->e), *new = rules_of(then, p->arena, p->e);
	int v1 = cgroup_where_is(&p->where, "devices", false);

	if (!old || !new)
		return -1;
	p->out->before.v = ARENA_ARRAY(p->arena, struct cgroup_put, 2 * p->out->writes.n + 1);
	if (v1 >= 0 && !same_rules(old, new))
		return plan_devices_v1(p, v1, old, new);
	look_before(p);
	if (same_rules(old, new))
		return 0;
	if (!unified(p->cg))
		return err_set(p->e, ERR_UNSUPPORTED, "linux.resources.devices: the container has no cgroup for device rules");
	p->out->rules = new;
	p->out->old_rules = old;
	return 0;
}

/* Does systemd speak of this container's limits in the words of v2? */
static bool has_v2_limits(const struct cgroup_where *w)
{
	return cgroup_where_is(w, "memory", false) < 0 && cgroup_where_is(w, "cpu", false) < 0;
}

/* What systemd has been told, and what it has to be told to forget what THEN says more. */
static void properties_before(const struct planner *p, struct unit_words *out, const struct oci_resources *now,
			      const struct unit_words *then, const struct cgroup_puts *before)
{
	struct unit_words files = { .arena = p->arena };

	for (size_t i = 0; i < before->n; i++)
		unit_file(&files, before->v[i].file, before->v[i].text);
	unit_limits(out, now, has_v2_limits(&p->where));
	unit_back(out, then, &files);
}

/* ---- the three of them -------------------------------------------------------------------- */

int cgroup_update_plan(struct cgroup_update *out, const struct cgroup *cg, const struct oci_resources *now,
		       const struct oci_resources *asked, const struct oci_resources *then, struct arena *a, struct err *e)
{
	struct planner p = { .cg = cg, .out = out, .arena = a, .e = e };
	struct oci_resources r = *asked;

	*out = (struct cgroup_update){ .properties.arena = a, .old_properties.arena = a };
	look_where(&p);
	if (complete(&p, &r, now) < 0 || cgroup_limits(&out->writes, &r, &p.where, false, a, e) < 0)
		return -1;
	/* `create` leaves the OOM killer alone when it is not to be switched off; here it may have to be switched on. */
	if (r.memory && r.memory->disable_oom_killer.set && !r.memory->disable_oom_killer.v && now && now->memory &&
	    now->memory->disable_oom_killer.v) {
		struct limits l = { .out = &out->writes, .room = out->writes.n, .where = &p.where, .arena = a, .e = e };
		int dir = cgroup_where_is(&p.where, "memory", false);

		if (dir >= 0 && limits_add(&l, dir, 0, "linux.resources.memory.disableOOMKiller", "memory.oom_control", "0") < 0)
			return -1;
	}
	if (plan_devices(&p, now, then) < 0)
		return -1;
	if (cg->scope) {
		unit_limits(&out->properties, then, has_v2_limits(&p.where));
		properties_before(&p, &out->old_properties, now, &out->properties, &out->before);
	}
	return 0;
}

static int dir_of(const struct cgroup *cg, const char *controllers)
{
	for (int i = 0; i < cg->n; i++)
		if (str_eq(cg->dir[i].controllers, controllers))
			return i;
	return -1;
}

/* One may have to wait for another (memory for memory and swap together): as long as it goes on, again. */
static void put_all(const struct cgroup *cg, const struct cgroup_puts *puts, struct arena *a)
{
	bool *is_done = ARENA_ARRAY(a, bool, puts->n + 1), goes_on = true;
	struct err ignored;

	while (goes_on) {
		goes_on = false;
		for (size_t i = 0; i < puts->n; i++) {
			int dir = is_done[i] ? -1 : dir_of(cg, puts->v[i].controllers);

			if (dir < 0 || groupfs_write(cg->dir[dir].fd, puts->v[i].file, puts->v[i].text, &ignored) < 0)
				continue;
			is_done[i] = goes_on = true;
		}
	}
}

/* What systemd thinks the limits are. Properties are taken or refused as a whole. */
static void properties_back(const struct cgroup *cg, const struct unit_words *old)
{
	struct err e;

	if (cg->scope && unit_set(cg->scope, cg->is_user, old, &e) < 0)
		log_warning("%s", e.msg);
}

int cgroup_update_apply(const struct cgroup *cg, const struct cgroup_update *u, struct arena *a, struct err *e)
{
	TRACE("change limits");
	const struct cgroup_writes limits = { u->writes.v, u->writes.n - u->n_devices };
	const struct cgroup_writes devices = { u->writes.v + limits.n, u->n_devices };
	struct cgroup_puts back = u->before;

	if (write_limits(cg, &limits, false, e) < 0 || write_limits(cg, &limits, true, e) < 0 ||
	    (cg->scope && unit_set(cg->scope, cg->is_user, &u->properties, e) < 0)) {
		/* Writing device rules again could refuse all of them for a moment: not when none was changed. */
		back.v += u->m_devices;
		back.n -= u->m_devices;
	} else if (write_limits(cg, &devices, false, e) == 0 &&
		   /* The program is replaced in one step, and that is the last one. */
		   (!u->rules || cgroup_set_devices(unified(cg), u->rules, a, e) == 0)) {
		return 0;
	}
	properties_back(cg, &u->old_properties);
	put_all(cg, &back, a);
	return -1;
}

void cgroup_update_undo(const struct cgroup *cg, const struct cgroup_update *u, struct arena *a)
{
	struct err ignored;

	if (u->rules)
		(void)cgroup_set_devices(unified(cg), u->old_rules, a, &ignored);
	properties_back(cg, &u->old_properties);
	put_all(cg, &u->before, a);
}

void cgroup_put_back(const struct cgroup *cg, const struct cgroup_puts *before, const struct oci_resources *now,
		     const struct oci_resources *then, struct arena *a)
{
	struct err ignored;
	const struct device_rules *old = rules_of(now, a, &ignored), *new = rules_of(then, a, &ignored);
	struct unit_words properties = { .arena = a }, half = { .arena = a };
	struct planner p = { .cg = cg, .arena = a };

	look_where(&p);
	if (cg->scope) {
		unit_limits(&half, then, has_v2_limits(&p.where));
		properties_before(&p, &properties, now, &half, before);
		properties_back(cg, &properties);
	}
	put_all(cg, before, a);
	if (old && new && !same_rules(old, new) && cgroup_where_is(&p.where, "devices", false) < 0 && unified(cg))
		(void)cgroup_set_devices(unified(cg), old, a, &ignored);
}
