/* SPDX-License-Identifier: Apache-2.0 */
/* root and linux.rootfsPropagation, decided.  Pure, in husk, before anything happens. */
#include "parts/fs/rootfs.h"

#include <linux/mount.h>
#include <sched.h>

#include "base/str.h"

/*
 * What the host mounts beneath the root shows up in a "slave"; a "shared" one is a peer group of its own, so it
 * starts as a slave and becomes shared once it is "/" (pivot_root(2) refuses a shared one).
 */
static void propagation(struct rootfs_plan *out, int word)
{
	out->propagation = MS_SLAVE;
	switch ((enum oci_prop)word) {
	case OCI_PROP_SHARED:
	case OCI_PROP_RSHARED:
		out->propagation_last = MS_SHARED;
		out->propagation_last_recursive = word == OCI_PROP_RSHARED;
		break;
	case OCI_PROP_UNBINDABLE:
	case OCI_PROP_RUNBINDABLE:
		out->propagation = MS_PRIVATE;
		out->propagation_last = MS_UNBINDABLE;
		out->propagation_last_recursive = word == OCI_PROP_RUNBINDABLE;
		break;
	case OCI_PROP_PRIVATE:
	case OCI_PROP_RPRIVATE:
		out->propagation = MS_PRIVATE;
		break;
	case OCI_PROP_SLAVE:
	case OCI_PROP_RSLAVE:
		break;
	}
}

int rootfs_plan(struct rootfs_plan *out, const struct oci_config *c, const struct fs_facts *facts,
		const struct host *host, struct arena *a, struct err *e)
{
	const char *path;

	*out = (struct rootfs_plan){ .tree.number = -1 };
	if (!c->root)
		return err_set(e, ERR_SPEC, "root: missing");
	path = c->root->path;
	if (!path || !*path)
		return err_set(e, ERR_SPEC, "root.path: missing");

	out->tree.where = arena_strdup(a, "root.path");
	out->tree.source = path[0] == '/' ? arena_strdup(a, path) : arena_printf(a, "%s/%s", facts->bundle, path);
	out->tree.recursive = true;
	out->readonly = c->root->readonly;
	out->has_mount_ns = facts->ns_made & CLONE_NEWNS;
	if (!out->has_mount_ns)
		out->entry = ROOTFS_CHROOT;
	else
		out->entry = facts->no_pivot ? ROOTFS_COVER : ROOTFS_PIVOT;
	if (trees_are_by_husk(facts, host))
		out->tree.number = 0;
	propagation(out, c->linux_ ? (int)c->linux_->rootfs_propagation : 0);
	return 0;
}

bool trees_are_by_husk(const struct fs_facts *facts, const struct host *host)
{
	if (facts->trees_by_husk)
		return true;
	/* Who may not mount cannot clone on the host's side; init can, in the mounts of its own user namespace. */
	if (!(host->capabilities & 1ull << 21 /* CAP_SYS_ADMIN */))
		return false;
	return ((facts->ns_made | facts->ns_joined) & CLONE_NEWUSER) || (facts->ns_joined & CLONE_NEWNS);
}
