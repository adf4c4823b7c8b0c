/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root file system as init builds it, in this order: attached, mounts, devices ... then hooks run, the
 * terminal is attached ... shielded, entered.  Runs in init, in the stages "root file system" to "enter root".
 */
#pragma once

#include <errno.h>

#include "base/err.h"
#include "parts/dev/devices.h"
#include "parts/fs/mounts.h"
#include "parts/fs/rootfs.h"
#include "parts/fs/shield.h"

struct rootfs_inputs {
	const struct rootfs_plan *rootfs;
	const struct mounts_plan *mounts;
	const struct devices_plan *devices;
	const struct shield_plan *shield;
	trees_ask *ask;                 /* the step TREES; only called when mounts->n_trees is not 0 */
	void *context;
};

/* What is built; root.fd is -EBADF before. */
struct rootfs {
	struct root root;               /* usable for console_attach() and hooks between build and enter */
	struct anchors anchors;
};

#define ROOTFS_NONE ((struct rootfs){ .root = { -EBADF, "rootfs" } })

void rootfs_undo(struct rootfs *);

/* Attaches the root, mounts, makes devices. */
int rootfs_build(struct rootfs *, const struct rootfs_inputs *, struct err *);
/* Mounts that become read-only at last, masked and read-only paths: after hooks and terminal, before rootfs_enter. */
int rootfs_shield(struct rootfs *, const struct rootfs_inputs *, struct err *);
/* Read-only root, pivot_root; closes all descriptors of *ROOTFS. */
int rootfs_enter(struct rootfs *, const struct rootfs_inputs *, struct err *);
