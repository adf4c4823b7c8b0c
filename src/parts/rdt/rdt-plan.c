/* SPDX-License-Identifier: Apache-2.0 */
/* linux.intelRdt by the rules of config-linux.md "IntelRdt": which class, made or found, and its lines. Pure, in husk. */
#include "parts/rdt/rdt.h"

#include <string.h>

#include "base/str.h"

static int line(const char **to, const char *text, const char *prefix, const char *path, struct arena *a,
		struct err *e)
{
	if (strchr(text, '\n'))
		return err_set(e, ERR_SPEC, "%s: holds a line end", path);
	if (prefix && !str_starts(text, prefix))
		return err_set(e, ERR_SPEC, "%s: \"%.200s\" does not begin with \"%s\"", path, text, prefix);
	*to = arena_strdup(a, text);
	return 0;
}

/* One component: resctrl's directories do not nest. */
static bool is_group_name(const char *name)
{
	return *name && !strchr(name, '/') && !strchr(name, '\n') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && strcmp(name, "info") != 0 && strcmp(name, "mon_groups") != 0 &&
	       strcmp(name, "mon_data") != 0;
}

static int lines(struct rdt_plan *p, const struct oci_rdt *r, struct arena *a, struct err *e)
{
	const char **v = ARENA_ARRAY(a, const char *, r->schemata.n + 3);

	/* The order is prescribed: L3, MB, then the schemata. */
	if (r->l3_cache_schema && *r->l3_cache_schema &&
	    line(&v[p->n++], r->l3_cache_schema, NULL, "linux.intelRdt.l3CacheSchema", a, e) < 0)
		return -1;
	if (r->mem_bw_schema && *r->mem_bw_schema &&
	    line(&v[p->n++], r->mem_bw_schema, "MB:", "linux.intelRdt.memBwSchema", a, e) < 0)
		return -1;
	for (size_t i = 0; i < r->schemata.n; i++) {
		char path[64];
		struct text t = TEXT(path);

		text_addf(&t, "linux.intelRdt.schemata[%zu]", i);
		if (line(&v[p->n++], r->schemata.v[i], NULL, path, a, e) < 0)
			return -1;
	}
	p->schemata = v;
	return 0;
}

int rdt_plan(struct rdt_plan *p, const struct oci_rdt *r, const char *id, const struct host *host, struct arena *a,
	     struct err *e)
{
	*p = (struct rdt_plan){ 0 };
	if (!r)
		return 0;
	if (lines(p, r, a, e) < 0)
		return -1;
	p->is_ours = !r->clos_id || !*r->clos_id;
	if (p->is_ours)
		p->clos = arena_strdup(a, id);
	else if (strcmp(r->clos_id, "/") == 0)
		p->clos = arena_strdup(a, "");
	else if (is_group_name(r->clos_id))
		p->clos = arena_strdup(a, r->clos_id);
	else
		return err_set(e, ERR_SPEC, "linux.intelRdt.closID: \"%.200s\" is no name of a class", r->clos_id);
	if (!host->rdt_mount)
		return err_set(e, ERR_UNSUPPORTED, "linux.intelRdt: resctrl is not mounted on this host%s",
			       host->has_rdt ? "" : ", and its kernel or processor does not have it");
	p->mount = arena_strdup(a, host->rdt_mount);
	p->may_make = p->is_ours || p->n > 0;
	if (r->enable_monitoring)
		p->monitor = arena_strdup(a, id);
	p->is_set = true;
	return 0;
}
