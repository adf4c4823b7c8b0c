/* SPDX-License-Identifier: Apache-2.0 */
/* linux.uidMappings and linux.gidMappings, read and checked; in husk, before anything happens. */
#include "parts/ns/idmap.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <stdint.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"

#define LINES_MAX       340     /* kernel: UID_GID_MAP_MAX_EXTENTS */
#define LINE_SIZE       33      /* three numbers of ten digits, two blanks, a newline */
#define ID_MAX          UINT32_MAX      /* the last id is "none" */

static bool overlap(uint32_t a, uint32_t an, uint32_t b, uint32_t bn)
{
	return (uint64_t)a < (uint64_t)b + bn && (uint64_t)b < (uint64_t)a + an;
}

static int check_range(const oci_id_mapping_list *l, size_t i, const char *where, struct err *e)
{
	const struct oci_id_mapping *m = &l->v[i];

	if (!m->size)
		return err_set(e, ERR_SPEC, "%s[%zu].size: a range of no ids", where, i);
	if ((uint64_t)m->container_id + m->size > ID_MAX || (uint64_t)m->host_id + m->size > ID_MAX)
		return err_set(e, ERR_SPEC, "%s[%zu].size: %" PRIu32 " ids reach beyond the largest one", where, i, m->size);
	for (size_t k = 0; k < i; k++)
		if (overlap(m->container_id, m->size, l->v[k].container_id, l->v[k].size) ||
		    overlap(m->host_id, m->size, l->v[k].host_id, l->v[k].size))
			return err_set(e, ERR_SPEC, "%s[%zu]: overlaps with %s[%zu]", where, i, where, k);
	return 0;
}

/* The text of the map; *ROOT what 0 is outside, when it is anything. */
static const char *map_text(const oci_id_mapping_list *l, const char *where, bool *has_root, uint32_t *root,
			    struct arena *a, struct err *e)
{
	struct text t = { .size = l->n * LINE_SIZE + 1 };

	*has_root = false;
	if (!l->n) {
		err_set(e, ERR_SPEC, "%s: a new user namespace needs mappings", where);
		return NULL;
	}
	if (l->n > LINES_MAX) {
		err_set(e, ERR_SPEC, "%s: more than %d mappings", where, LINES_MAX);
		return NULL;
	}
	t.s = arena_alloc(a, t.size);
	for (size_t i = 0; i < l->n; i++) {
		const struct oci_id_mapping *m = &l->v[i];

		if (check_range(l, i, where, e) < 0)
			return NULL;
		text_addf(&t, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", m->container_id, m->host_id, m->size);
		if (m->container_id == 0) {
			*has_root = true;
			*root = m->host_id;
		}
	}
	if (t.len >= (size_t)sysconf(_SC_PAGESIZE)) {
		err_set(e, ERR_UNSUPPORTED, "%s: more than the kernel takes in one write: %zu bytes", where, t.len);
		return NULL;
	}
	return t.s;
}

static bool is_own_alone(const oci_id_mapping_list *l, uint32_t own)
{
	return l->n == 1 && l->v[0].size == 1 && l->v[0].host_id == own;
}

static bool can(const struct host *h, int cap)
{
	return h->capabilities >> cap & 1;
}

/* Without mappings of its own, a user's container has its user as root: all that the kernel allows without helpers. */
static void own_user(const struct oci_linux *l, const struct host *host, struct oci_id_mapping own[2],
		     oci_id_mapping_list *uids, oci_id_mapping_list *gids)
{
	*uids = l->uid_mappings;
	*gids = l->gid_mappings;
	if (!host->is_rootless || uids->n || gids->n)
		return;
	own[0] = (struct oci_id_mapping){ 0, host->uid, 1 };
	own[1] = (struct oci_id_mapping){ 0, host->gid, 1 };
	uids->n = gids->n = 1;
	uids->v = &own[0];
	gids->v = &own[1];
}

int idmap_plan(struct idmap_plan *p, const struct oci_config *c, const struct host *host, struct arena *a,
	       struct err *e)
{
	const struct oci_linux *l = c->linux_;
	const struct oci_namespace *user;
	oci_id_mapping_list uids, gids;
	struct oci_id_mapping own[2];
	uint32_t root_uid = 0, root_gid = 0;
	bool uid_root, gid_root;

	*p = (struct idmap_plan){ .is_set = false };
	if (!l)
		return 0;
	user = oci_namespace_of(l, OCI_NS_USER);
	if (!user && (l->uid_mappings.n || l->gid_mappings.n))
		return err_set(e, ERR_SPEC, "linux.%s: mappings, but no user namespace",
			       l->uid_mappings.n ? "uidMappings" : "gidMappings");
	/*
	 * A joined one has its mappings; what is said about them is for idmapped mounts.  Engines written in Go send a path of ""
	 * for none.
	 */
	if (!user || (user->path && *user->path))
		return 0;
	own_user(l, host, own, &uids, &gids);
	p->uid_map = map_text(&uids, "linux.uidMappings", &uid_root, &root_uid, a, e);
	if (!p->uid_map)
		return -1;
	p->gid_map = map_text(&gids, "linux.gidMappings", &gid_root, &root_gid, a, e);
	if (!p->gid_map)
		return -1;
	p->is_set = true;
	p->has_root = uid_root && gid_root;
	p->root_uid = root_uid;
	p->root_gid = root_gid;
	p->work_uid = uid_root ? 0 : uids.v[0].container_id;
	p->work_gid = gid_root ? 0 : gids.v[0].container_id;
	if (can(host, CAP_SETUID) && can(host, CAP_SETGID))
		return 0;
	if (is_own_alone(&uids, host->uid) && is_own_alone(&gids, host->gid))
		p->denies_setgroups = true;
	else
		p->by_helper = true;
	return 0;
}
