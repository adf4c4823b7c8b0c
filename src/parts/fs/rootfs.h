/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root, linux.rootfsPropagation: the directory of the bundle that becomes "/".  Planned in husk; applied in
 * init, in two steps: first attached (mounts and devices are then put on it), last entered.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "parts/fs/trees.h"
#include "sys/host.h"
#include "sys/root.h"

/* What plan/ knows beyond config.json and the host. */
struct fs_facts {
	const char *bundle;             /* absolute path */
	bool no_pivot;                  /* --no-pivot */
	uint64_t ns_made, ns_joined;    /* CLONE_NEW* bits: new ones, and existing ones by path */
	const char *user_ns_path;       /* when CLONE_NEWUSER is joined: where it is */
	const char *context_type;       /* option that linux.mountLabel is given in; NULL: "context" */
	const char *systemd_v1;         /* what is mounted here becomes the v1 hierarchy name=systemd; NULL: nothing */
	bool trees_by_husk;             /* for tests: all trees the long way round */
	const struct fs_cgroups *cgroups;       /* what a mount of type "cgroup" becomes; NULL: refused */
};

enum rootfs_entry {
	ROOTFS_PIVOT,                   /* pivot_root(2); the old root goes away */
	ROOTFS_COVER,                   /* --no-pivot, initramfs: attached over "/", then chroot(2) */
	ROOTFS_CHROOT,                  /* the mount namespace is not ours alone: chroot(2), nothing of others changes */
};

struct rootfs_plan {
	struct tree_plan tree;
	enum rootfs_entry entry;
	bool readonly;
	bool has_mount_ns;              /* a new one: the propagation of everything in it is ours to change */
	unsigned long propagation;      /* MS_SLAVE or MS_PRIVATE, before anything is mounted on it; recursive */
	unsigned long propagation_last; /* MS_SHARED, MS_UNBINDABLE once it is "/"; 0: none */
	bool propagation_last_recursive;
};

/* Whether husk opens all trees because init could not. */
bool trees_are_by_husk(const struct fs_facts *, const struct host *);

int rootfs_plan(struct rootfs_plan *, const struct oci_config *, const struct fs_facts *, const struct host *,
		struct arena *, struct err *);

/*
 * Makes the propagation of the mount namespace ours, clones the tree and attaches it where it lies. *FD becomes the
 * root's descriptor, the caller's.
 */
int rootfs_attach_apply(const struct rootfs_plan *, struct trees *, int *fd, struct err *);
/*
 * Read-only if so planned, then becomes "/" of this process, which is its working directory too; nothing of
 * the host's mounts is reachable afterwards (ROOTFS_CHROOT: by path).  FD stays open and the caller's.
 */
int rootfs_enter_apply(const struct rootfs_plan *, int fd, struct err *);
