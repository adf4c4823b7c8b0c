/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order in which a root file system comes into being; each step is done by the part that planned it.
 * Runs in init, before the root is entered: the host's tree is still in sight.
 */
#include "init/rootfs.h"

#include "base/own.h"

void rootfs_undo(struct rootfs *r)
{
	anchors_undo(&r->anchors);
	own_close(&r->root.fd);
}

int rootfs_build(struct rootfs *r, const struct rootfs_inputs *in, struct err *e)
{
	AUTO(nests) nests = { .cwd = -1 };
	struct root root;
	AUTO(trees) trees = { .ask = in->mounts->n_trees ? in->ask : NULL, .context = in->context };

	if (rootfs_attach_apply(in->rootfs, &trees, &r->root.fd, e) < 0)
		return -1;
	/* In a mount namespace that we joined others may do in our file systems what they like; hooks do it in this one. */
	root = (struct root){ r->root.fd, r->root.name, in->rootfs->has_mount_ns ? &nests : NULL };
	if (mounts_apply(in->mounts, &root, &trees, &r->anchors, e) < 0)
		return -1;
	return devices_apply(in->devices, &root, e);
}

int rootfs_shield(struct rootfs *r, const struct rootfs_inputs *in, struct err *e)
{
	if (mounts_finish_apply(&r->anchors, e) < 0)
		return -1;
	return shield_apply(in->shield, &r->root, &r->anchors, e);
}

int rootfs_enter(struct rootfs *r, const struct rootfs_inputs *in, struct err *e)
{
	if (rootfs_enter_apply(in->rootfs, r->root.fd, e) < 0)
		return -1;
	rootfs_undo(r);
	return 0;
}
