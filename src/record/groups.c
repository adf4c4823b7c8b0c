/* SPDX-License-Identifier: Apache-2.0 */
/* Translates between the cgroup part's own list and the rows of record.json. */
#include "record/groups.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/trace.h"
#include "parts/cgroup/control.h"

void groups_save(struct record *r, const struct cgroup_paths *paths, struct arena *a)
{
	r->saved.manager = cgroup_manager_name(paths->manager);
	r->saved.scope = paths->scope;
	r->saved.groups.v = ARENA_ARRAY(a, struct oci_saved_group, paths->n + 1u);
	r->saved.groups.n = paths->n;
	for (size_t i = 0; i < paths->n; i++)
		r->saved.groups.v[i] = (struct oci_saved_group){
			.hierarchy = paths->v[i].controllers, .path = paths->v[i].path,
			.made = paths->v[i].made, .inode = paths->v[i].id,
		};
}

/* All groups, or the ONE alone. */
static int paths_of(struct cgroup_paths *paths, const struct record *r, const struct oci_saved_group *one, struct err *e)
{
	*paths = (struct cgroup_paths){ .manager = CGROUP_MANAGER_NONE };
	if (!r->is_readable)
		return 0;
	if (r->saved.manager && cgroup_manager_value(r->saved.manager, &paths->manager, e) < 0)
		return err_in(e, "record of \"%s\"", r->id);
	/* Without a process in the record: ours ends with init, which does not live longer than the create that was killed. */
	paths->is_intent = r->saved.pid == 0;
	paths->scope = r->saved.scope;
	paths->is_user = r->saved.rootless;
	for (size_t i = 0; i < MIN(r->saved.groups.n, (size_t)CGROUP_DIRS); i++)
		if (!one || one == &r->saved.groups.v[i])
			paths->v[paths->n++] = (struct cgroup_path){
				.controllers = r->saved.groups.v[i].hierarchy, .path = r->saved.groups.v[i].path,
				.made = r->saved.groups.v[i].made, .id = r->saved.groups.v[i].inode,
			};
	return 0;
}

static int open_those(struct cgroup *cg, const struct record *r, const struct oci_saved_group *one, struct err *e)
{
	TRACE("open cgroups");
	struct cgroup_paths paths;

	return paths_of(&paths, r, one, e) < 0 ? -1 : cgroup_open(cg, &paths, e);
}

bool groups_remove_empty(const struct record *r)
{
	struct cgroup_paths paths;
	struct err ignored;

	return paths_of(&paths, r, NULL, &ignored) == 0 && cgroup_remove_saved(&paths);
}

int groups_open(struct cgroup *cg, const struct record *r, struct err *e)
{
	return open_those(cg, r, NULL, e);
}

int groups_entries(const struct record *r, int fds[], int *n, struct err *e)
{
	TRACE("open cgroups");
	struct cgroup_paths paths;

	return paths_of(&paths, r, NULL, e) < 0 ? -1 : cgroup_entries_saved(&paths, fds, n, e);
}

static bool is_freezer_v1(const struct oci_saved_group *g)
{
	return g->inode && str_has_word(g->hierarchy, ",", "freezer", strlen("freezer"));
}

static bool is_unified(const struct oci_saved_group *g)
{
	return g->inode && !*g->hierarchy;
}

bool groups_are_v1(const struct record *r)
{
	for (size_t i = 0; i < r->saved.groups.n; i++)
		if (!*r->saved.groups.v[i].hierarchy)
			return false;
	return true;
}

/* v1's with the freezer, or else v2's. */
static const struct oci_saved_group *freezer_of(const struct record *r)
{
	const struct oci_saved_group *found = NULL;

	for (size_t i = 0; i < MIN(r->saved.groups.n, (size_t)CGROUP_DIRS); i++) {
		const struct oci_saved_group *g = &r->saved.groups.v[i];

		if (is_freezer_v1(g))
			return g;
		if (!found && is_unified(g))
			found = g;
	}
	return found;
}

int groups_open_freezer(struct cgroup *cg, const struct record *r, struct err *e)
{
	return open_those(cg, r, freezer_of(r), e);
}

bool groups_are_frozen(const struct record *r)
{
	const struct oci_saved_group *g = freezer_of(r);

	return g && cgroup_peek_frozen(r->near, g->path, g->inode, is_unified(g));
}

bool groups_may_keep_the_killed(const struct record *r)
{
	const struct oci_saved_group *g = freezer_of(r);

	return g && is_freezer_v1(g) && cgroup_peek_undying(g->path, g->inode);
}
