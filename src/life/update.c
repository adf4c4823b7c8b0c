/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `update` in four steps: decide, announce in the record with the way back, carry out, make it true in the record.  Whatever
 * fails takes the ones before back; a husk that is killed leaves the announcement, see update_settle().
 */
#include "life/update.h"

#include <string.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "life/locate.h"
#include "parts/cgroup/merge.h"
#include "parts/cgroup/update.h"
#include "parts/rdt/rdt.h"
#include "record/updated.h"
#include "record/words.h"
#include "sys/host.h"

struct updating {
	struct living *l;
	const struct oci_resources *now;        /* NULL: no limits were given */
	const struct oci_rdt *rdt_now;
	struct oci_resources then;
	struct cgroup_update groups;
	struct rdt_plan rdt;                    /* empty: no change */
	struct oci_updated announced;
};

/* The limits as they are: those of the last update, or of config.json. */
static int look_now(struct updating *u, struct err *e)
{
	struct living *l = u->l;
	struct oci_config *config;
	struct oci_updated *last;
	size_t len;
	char *text = record_load_config(&l->record, &l->mem, &len, e);

	if (!text || config_decode(&config, "config.json", text, len, &l->mem, e) < 0 ||
	    updated_load(&l->record, &last, &l->mem, e) < 0)
		return -1;
	u->now = config->linux_ ? config->linux_->resources : NULL;
	u->rdt_now = config->linux_ ? config->linux_->intel_rdt : NULL;
	if (last && last->resources)
		u->now = last->resources;
	if (last && last->rdt)
		u->rdt_now = last->rdt;
	return 0;
}

/* Several engines send one rule, "deny all", with every update and mean nothing by it. */
static bool is_habit(const oci_device_rule_list *rules)
{
	const struct oci_device_rule *r = rules->v;

	return rules->n == 1 && !r->allow && (!r->type || !*r->type || str_eq(r->type, "a")) &&
	       (!r->major.set || r->major.v == -1) && (!r->minor.set || r->minor.v == -1);
}

static void ask_devices(struct updating *u, struct oci_resources *asked, const struct update_request *rq)
{
	static const oci_device_rule_list none;
	const oci_device_rule_list *base = u->now ? &u->now->devices : &none;

	if (is_habit(&asked->devices))
		asked->devices = none;
	else if (asked->devices.n)
		base = &asked->devices;
	if (rq->rules.n)
		cgroup_add_rules(&asked->devices, base, &rq->rules, &u->l->mem);
}

static int decide_rdt(struct updating *u, const struct update_request *rq, struct err *e)
{
	struct oci_rdt *then, lines;
	struct host host;

	if (!rq->l3_cache_schema && !rq->mem_bw_schema)
		return 0;
	if (!u->rdt_now)
		return err_set(e, ERR_UNSUPPORTED, "linux.intelRdt: the container was created without, so it has no class of its own");
	then = arena_dup(&u->l->mem, u->rdt_now, sizeof(*then));
	if (rq->l3_cache_schema)
		then->l3_cache_schema = rq->l3_cache_schema;
	if (rq->mem_bw_schema)
		then->mem_bw_schema = rq->mem_bw_schema;
	u->announced.rdt = then;
	lines = (struct oci_rdt){ .clos_id = then->clos_id, .l3_cache_schema = rq->l3_cache_schema,
				  .mem_bw_schema = rq->mem_bw_schema };
	if (host_look_for(&host, HOST_RDT, &u->l->mem, e) < 0 ||
	    rdt_plan(&u->rdt, &lines, u->l->record.id, &host, &u->l->mem, e) < 0)
		return -1;
	return rdt_before(&u->rdt, &u->announced.schemata, &u->l->mem, e);
}

/* The option that gave the value of which E complains; NULL: none. */
static const char *option_of(const struct update_request *rq, const struct err *e)
{
	const char *path = str_after(e->msg, "linux.resources.");

	for (size_t i = 0; path && i < rq->noptions; i++) {
		const struct update_option *o = &rq->options[i];
		const char *rest = str_after(path, o->path);

		uint64_t n = o->from;

		if (rest && *rest == '[')
			(void)num_parse_n(rest + 1, strcspn(rest + 1, "]"), UINT32_MAX, &n);
		if (rest && strchr(":.[", *rest) && n >= o->from)
			return o->option;
	}
	return NULL;
}

/* Whose mistake it is: that of the command line, or of the file, whose line is then named.  Returns -1. */
static int blame(const struct update_request *rq, struct err *e)
{
	const char *option = option_of(rq, e);

	if (option || !rq->text) {
		if (e->kind == ERR_SPEC)
			e->kind = ERR_USAGE;
		return option ? err_in(e, "option --%s", option) : -1;
	}
	return config_locate(e, "linux.resources.", rq->file, rq->text, rq->len);
}

static int decide(struct updating *u, const struct update_request *rq, struct err *e)
{
	struct oci_resources asked = *rq->resources;
	struct arena *a = &u->l->mem;

	if (look_now(u, e) < 0)
		return -1;
	ask_devices(u, &asked, rq);
	cgroup_merge(&u->then, u->now, &asked, a);
	u->announced = (struct oci_updated){ .resources = &u->then, .rdt = (struct oci_rdt *)u->rdt_now };
	if (cgroup_update_plan(&u->groups, &u->l->cgroup, u->now, &asked, &u->then, a, e) < 0)
		return blame(rq, e);
	updated_set_before(&u->announced, &u->groups.before, a);
	return decide_rdt(u, rq, e);
}

static int carry_out(struct updating *u, const struct update_request *rq, struct err *e)
{
	struct living *l = u->l;

	if (cgroup_update_apply(&l->cgroup, &u->groups, &l->mem, e) < 0)
		return blame(rq, e);
	if (rdt_update(&u->rdt, e) == 0 && updated_keep(&l->record, e) == 0)
		return 0;
	rdt_put_back(&u->rdt, &u->announced.schemata);
	cgroup_update_undo(&l->cgroup, &u->groups, &l->mem);
	return -1;
}

static int update(const struct target *target, const struct update_request *rq, struct err *e)
{
	AUTO(living) l = LIVING_NONE;
	struct updating u = { .l = &l };

	if (living_change(&l, target, false, e) < 0)
		return -1;
	if (!living_is_alive(l.status))
		return err_set(e, ERR_STATE, WORDS_NOT_RUNNING);
	if (!l.cgroup.n)
		return living_no_groups(e);
	if (decide(&u, rq, e) < 0 || updated_announce(&l.record, &u.announced, e) < 0)
		return -1;
	if (carry_out(&u, rq, e) == 0)
		return 0;
	updated_drop(&l.record);
	return -1;
}

int life_update(const struct target *target, const struct update_request *rq, struct err *e)
{
	return update(target, rq, e) < 0 ? err_in(e, "update \"%s\"", target->id) : 0;
}

/* ---- after a husk that was killed ---------------------------------------------------- */

static int take_back(struct living *l, const struct oci_updated *half, struct err *e)
{
	struct updating u = { .l = l };
	struct cgroup_puts before;
	struct host host;

	if (look_now(&u, e) < 0)
		return -1;
	updated_before(half, &before, &l->mem);
	cgroup_put_back(&l->cgroup, &before, u.now, half->resources, &l->mem);
	if (half->schemata.n && host_look_for(&host, HOST_RDT, &l->mem, e) == 0 &&
	    rdt_plan(&u.rdt, half->rdt, l->record.id, &host, &l->mem, e) == 0)
		rdt_put_back(&u.rdt, &half->schemata);
	return 0;
}

int update_settle(struct living *l, struct err *e)
{
	struct oci_updated *half;

	if (updated_load_pending(&l->record, &half, &l->mem, e) < 0)
		return -1;
	if (!half)
		return 0;
	if (living_is_alive(l->status) && take_back(l, half, e) < 0)
		return err_in(e, "take back an update that was interrupted");
	updated_drop(&l->record);
	return 0;
}
