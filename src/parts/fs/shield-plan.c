/* SPDX-License-Identifier: Apache-2.0 */
/* linux.maskedPaths, linux.readonlyPaths, checked.  Pure, in husk, before anything happens. */
#include "parts/fs/shield.h"

#include <sched.h>
#include <string.h>

#include "parts/fs/mounts.h"

static int paths(const struct shield_path **out, size_t *n, const str_list *list, const char *name, struct arena *a,
		 struct err *e)
{
	struct shield_path *v = ARENA_ARRAY(a, struct shield_path, list->n ? list->n : 1);

	for (size_t i = 0; i < list->n; i++) {
		const char *path = list->v[i];

		if (path[0] != '/')
			return err_set(e, ERR_SPEC, "linux.%s[%zu]: not an absolute path: \"%s\"", name, i, path);
		v[i].path = mounts_destination(path, a);
		v[i].where = arena_printf(a, "linux.%s[%zu]", name, i);
	}
	*out = v;
	*n = list->n;
	return 0;
}

int shield_plan(struct shield_plan *out, const struct oci_config *c, const struct fs_facts *facts,
		const struct host *host, struct arena *a, struct err *e)
{
	const struct oci_linux *l = c->linux_;

	*out = (struct shield_plan){ 0 };
	if (!l)
		return 0;
	if (paths(&out->masked, &out->n_masked, &l->masked_paths, "maskedPaths", a, e) < 0 ||
	    paths(&out->readonly, &out->n_readonly, &l->readonly_paths, "readonlyPaths", a, e) < 0)
		return -1;
	if ((out->n_masked || out->n_readonly) && !((facts->ns_made | facts->ns_joined) & CLONE_NEWNS))
		return err_set(e, ERR_SPEC, "linux.%s: needs a mount namespace, or the host would be changed",
			       out->n_masked ? "maskedPaths" : "readonlyPaths");
	if (l->mount_label && *l->mount_label && host->has_selinux) {
		/* The list ends with an empty word: arena memory is zeroed. */
		size_t len = strlen(l->mount_label) + sizeof("context=");
		char *data = arena_alloc(a, len + 1);

		memcpy(data, "context=", 8);
		memcpy(data + 8, l->mount_label, strlen(l->mount_label));
		out->data = data;
	}
	return 0;
}
