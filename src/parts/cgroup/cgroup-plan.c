/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans the container's cgroups: where they lie, what is written to them, who will own them.  Pure:
 * looks at the config and at facts about the host; runs in husk before anything happens.
 */
#include "parts/cgroup/cgroup.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/table.h"

#define DELEGATED "annotations[\"run.oci.delegate-cgroup\"]"

static const struct name_value managers[] = {
	NAMED("cgroupfs", CGROUP_MANAGER_FS),
	NAMED("systemd",  CGROUP_MANAGER_SYSTEMD),
	NAMED("disabled", CGROUP_MANAGER_NONE),
	{}
};

const char *cgroup_manager_name(enum cgroup_manager m)
{
	return table_name(managers, m);
}

int cgroup_manager_value(const char *name, enum cgroup_manager *out, struct err *e)
{
	uint64_t v;

	if (!table_value(managers, name, &v))
		return err_set(e, ERR_USAGE, "cgroup manager \"%s\": neither cgroupfs, systemd nor disabled", name);
	*out = (enum cgroup_manager)v;
	return 0;
}

/* ---- paths ------------------------------------------------------------------------ */

#define PATH_MOST 3800                  /* with the mount point in front still less than PATH_MAX */

bool cgroup_is_path(const char *path)
{
	const char *word, *rest = path;
	size_t len;

	if (!*path || strlen(path) > PATH_MOST)
		return false;
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			return false;
	while ((word = str_word(&rest, "/", &len)))
		if (len == 0 || len > 255 || (len == 1 && word[0] == '.') || (len == 2 && word[0] == '.' && word[1] == '.'))
			return false;
	return true;
}

static int check_path(const char *path, struct err *e)
{
	bool is_absolute = path[0] == '/';

	if (!cgroup_is_path(path + is_absolute))
		return err_set(e, ERR_SPEC, "linux.cgroupsPath: \"%.200s\" has an empty, \".\", \"..\" or otherwise "
			       "unusable component", path);
	if (!is_absolute && strchr(path, ':'))
		return err_set(e, ERR_SPEC, "linux.cgroupsPath: \"%.200s\" is of the form slice:prefix:name, which "
			       "only the systemd cgroup manager understands", path);
	return 0;
}

/* Beneath OWN (or beside it); a cgroup outside of our cgroup namespace ("/../x") is as good as the root. */
static const char *beneath(const char *own, bool beside, const char *path, struct arena *a)
{
	const char *base = own && *own == '/' && !strstr(own, "/..") ? own + 1 : "";
	size_t len = strlen(base);

	if (beside) {
		const char *slash = strrchr(base, '/');

		len = slash ? (size_t)(slash - base) : 0;
	}
	return len ? arena_printf(a, "%.*s/%s", (int)len, base, path) : arena_strdup(a, path);
}

static int add_dir(struct cgroup_plan *out, const char *controllers, const char *mount, const char *own, bool is_v2,
		   bool beside, const char *path, struct arena *a, struct err *e)
{
	struct cgroup_plan_dir *d = &out->dir[out->n];

	if (out->n == CGROUP_DIRS)
		return err_set(e, ERR_UNSUPPORTED, "more than %d cgroup hierarchies", CGROUP_DIRS);
	d->controllers = arena_strdup(a, controllers);
	d->mount = arena_strdup(a, mount);
	d->path = *path == '/' ? arena_strdup(a, path + 1) : beneath(own, beside, path, a);
	d->full = arena_printf(a, "%s/%s", d->mount, d->path);
	d->is_v2 = is_v2;
	out->n++;
	return 0;
}

static int places(struct cgroup_plan *out, const char *path, const struct host *host, struct arena *a, struct err *e)
{
	for (int i = 0; i < host->v1_count; i++)
		if (add_dir(out, host->v1[i].controllers, host->v1[i].mount, host->v1[i].own, false, false, path, a, e) < 0)
			return -1;
	if (!host->v2_mount)
		return 0;
	out->v2_controllers = arena_strdup(a, host->v2_controllers ? host->v2_controllers : "");
	/* In the hybrid layout the unified hierarchy only groups processes, as v1 does. */
	return add_dir(out, "", host->v2_mount, host->v2_own, true, host->cgroups == HOST_CGROUP_V2, path, a, e);
}

static void where_of(struct cgroup_where *w, const struct cgroup_plan *p)
{
	w->n = p->n;
	for (int i = 0; i < p->n; i++)
		w->dir[i] = (struct cgroup_where_dir){
			p->dir[i].is_v2 ? p->v2_controllers : p->dir[i].controllers, p->dir[i].is_v2 };
}

/* ---- ownership -------------------------------------------------------------------- */

/* config-linux.md "Cgroup ownership": v2, a new cgroup namespace, and the file system mounted writable. */
static bool is_delegated(const struct oci_config *c, const struct host *host)
{
	const struct oci_namespace *ns = oci_namespace_of(c->linux_, OCI_NS_CGROUP);

	if (host->cgroups != HOST_CGROUP_V2 || !ns || ns->path || !c->process)
		return false;
	for (size_t i = 0; i < c->mounts.n; i++) {
		const struct oci_mount *m = &c->mounts.v[i];

		if (str_eq(m->source, "cgroup") && str_eq(m->destination, "/sys/fs/cgroup"))
			return !oci_mount_has(m, "ro");
	}
	return false;
}

/* False: the user has no number on the host; who plans the user says so. */
static bool host_uid(const struct oci_config *c, uid_t *out)
{
	uint32_t uid = c->process->user ? c->process->user->uid : 0;

	if (!c->linux_->uid_mappings.n) {
		*out = uid;
		/* The mappings of a joined user namespace are not known here. */
		return !oci_namespace_of(c->linux_, OCI_NS_USER);
	}
	for (size_t i = 0; i < c->linux_->uid_mappings.n; i++) {
		const struct oci_id_mapping *m = &c->linux_->uid_mappings.v[i];

		if (uid >= m->container_id && uid - m->container_id < m->size) {
			*out = m->host_id + (uid - m->container_id);
			return true;
		}
	}
	return false;
}

/* ------------------------------------------------------------------------------------ */

/* Whoever asks: a mistake is one.  Neither devices files nor BPF programs are for those who are not root of the host. */
static int plan_devices(struct cgroup_plan *out, const struct oci_resources *r, struct arena *a, struct err *e)
{
	struct device_rules rules;

	if (devices_rules(&rules, r, a, e) < 0)
		return -1;
	if (!out->is_rootless && !devices_allow_all(&rules))
		devices_program(&out->devices, &rules, a);
	return 0;
}

/* Whom the specification lets have the group, or who is told by an annotation that he gets one within it. */
static int plan_owner(struct cgroup_plan *out, const struct oci_config *config, const struct cgroup_request *rq,
		      const struct host *host, struct arena *a, struct err *e)
{
	bool is_known = config->process && config->linux_ && host_uid(config, &out->owner);

	if (!rq->delegated) {
		out->delegate = out->n && is_delegated(config, host) && is_known;
		return 0;
	}
	if (host->cgroups != HOST_CGROUP_V2 || !out->n)
		return err_set(e, ERR_UNSUPPORTED, DELEGATED ": \"%.200s\": only a cgroup of v2 can be delegated%s", rq->delegated,
			       out->n ? "" : ", and the container has none");
	if (!is_known)
		return err_set(e, ERR_UNSUPPORTED, DELEGATED ": \"%.200s\": which user of the host it would belong to is not known",
			       rq->delegated);
	out->inner = arena_strdup(a, rq->delegated);
	out->delegate = true;
	return 0;
}

/* "/system.slice/husk-x.scope" and, beneath it, the annotation's. */
static const char *unit_path(struct cgroup_unit *u, const char *subgroup, struct arena *a)
{
	u->is_divided = subgroup;
	return subgroup ? arena_printf(a, "%s/%s", u->cgroup, subgroup) : u->cgroup;
}

int cgroup_plan(struct cgroup_plan *out, const struct oci_config *config, const struct cgroup_request *rq,
		const struct host *host, struct arena *a, struct err *e)
{
	const struct oci_linux *l = config->linux_;
	const struct oci_resources *r = l ? l->resources : NULL;
	const char *path = l && l->cgroups_path && *l->cgroups_path ? l->cgroups_path : NULL;
	struct cgroup_where where;

	*out = (struct cgroup_plan){ .manager = rq->manager, .is_rootless = host->is_rootless };
	switch (rq->manager) {
	case CGROUP_MANAGER_SYSTEMD:
		if (unit_plan(&out->unit, config, rq->id, host, a, e) < 0 ||
		    places(out, unit_path(&out->unit, rq->subgroup, a), host, a, e) < 0)
			return -1;
		break;
	case CGROUP_MANAGER_FS:
		if (path && check_path(path, e) < 0)
			return -1;
		if (places(out, path ? path : rq->id, host, a, e) < 0)
			return -1;
		break;
	case CGROUP_MANAGER_NONE:
		break;
	}
	where_of(&where, out);
	if (cgroup_limits(&out->writes, r, &where, !host->is_rootless, a, e) < 0)
		return -1;
	if (out->n && out->dir[out->n - 1].is_v2 && cgroup_where_is(&where, "devices", false) < 0 &&
	    plan_devices(out, r, a, e) < 0)
		return -1;
	return plan_owner(out, config, rq, host, a, e);
}

bool cgroup_can_come_later(const struct cgroup_plan *p)
{
	return p->manager == CGROUP_MANAGER_FS && p->n && !p->dir[p->n - 1].is_v2;
}

/* ---- mounts of type "cgroup" ------------------------------------------------------ */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *mount_options(const char *controllers, struct arena *a)
{
	if (str_starts(controllers, "name="))
		return arena_printf(a, "none,%s", controllers);
	return arena_strdup(a, controllers);
}

static void add_links(struct cgroup_mounts *out, const char *controllers, const char *name, struct arena *a)
{
	const char *word, *rest = controllers;
	size_t len;

	if (str_starts(controllers, "name="))
		return;
	while ((word = str_word(&rest, ",", &len))) {
		char *link = arena_strndup(a, word, len);

		if (!str_eq(link, name) && out->n_links < ARRAY_SIZE(out->link))
			out->link[out->n_links++] = (struct cgroup_link){ link, name };
	}
}

static void add_mount(struct cgroup_mounts *out, const char *controllers, const char *mount, const char *path,
		      bool is_v2, bool is_only, struct arena *a)
{
	struct cgroup_mount *m = &out->v[out->n];

	if (out->n == CGROUP_DIRS)
		return;
	out->n++;
	*m = (struct cgroup_mount){
		.name = arena_strdup(a, is_only ? "" : base_name(mount)),
		.type = arena_strdup(a, is_v2 ? "cgroup2" : "cgroup"),
		.options = is_v2 ? NULL : mount_options(controllers, a),
		.source = path ? arena_printf(a, "%s/%s", mount, path) : arena_strdup(a, mount),
	};
	if (!is_v2)
		add_links(out, controllers, m->name, a);
}

int cgroup_mounts(struct cgroup_mounts *out, const struct cgroup_plan *plan, const struct oci_config *config,
		  const struct host *host, struct arena *a, struct err *e)
{
	*out = (struct cgroup_mounts){
		.is_v2 = host->cgroups == HOST_CGROUP_V2,
		.own_namespace = oci_namespace_of(config->linux_, OCI_NS_CGROUP) != NULL,
	};
	for (int i = 0; i < plan->n; i++) {
		const struct cgroup_plan_dir *d = &plan->dir[i];

		add_mount(out, d->controllers, d->mount, d->path, d->is_v2, out->is_v2, a);
	}
	if (plan->n)
		return 0;
	for (int i = 0; i < host->v1_count; i++)
		add_mount(out, host->v1[i].controllers, host->v1[i].mount, NULL, false, false, a);
	if (host->v2_mount)
		add_mount(out, "", host->v2_mount, NULL, true, out->is_v2, a);
	if (!out->n)
		return err_set(e, ERR_UNSUPPORTED, "this host has no cgroups mounted");
	return 0;
}
