/* SPDX-License-Identifier: Apache-2.0 */
/* Translates between the cgroup part's own list and the rows of record.json. */
#include "record/groups.h"

#include "base/num.h"
#include "base/str.h"
#include "base/trace.h"

void groups_save(struct record *r, const struct cgroup_paths *paths, struct arena *a)
{
	r->saved.manager = cgroup_manager_name(paths->manager);
	r->saved.groups.v = ARENA_ARRAY(a, struct oci_saved_group, paths->n + 1u);
	r->saved.groups.n = paths->n;
	for (size_t i = 0; i < paths->n; i++)
		r->saved.groups.v[i] = (struct oci_saved_group){
			.hierarchy = paths->v[i].controllers, .path = paths->v[i].path,
			.made = paths->v[i].made, .inode = paths->v[i].id,
		};
}

int groups_open(struct cgroup *cg, const struct record *r, struct err *e)
{
	TRACE("open cgroups");
	struct cgroup_paths paths = { .manager = CGROUP_MANAGER_NONE };

	if (!r->is_readable)
		return 0;
	if (r->saved.manager && cgroup_manager_value(r->saved.manager, &paths.manager, e) < 0)
		return err_in(e, "record of \"%s\"", r->id);
	for (size_t i = 0; i < MIN(r->saved.groups.n, (size_t)CGROUP_DIRS); i++)
		paths.v[paths.n++] = (struct cgroup_path){
			.controllers = r->saved.groups.v[i].hierarchy, .path = r->saved.groups.v[i].path,
			.made = r->saved.groups.v[i].made, .id = r->saved.groups.v[i].inode,
		};
	return cgroup_open(cg, &paths, e);
}
