/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts: what is mounted in the container, in the order of config.json.  Planned in husk, done in init
 * after the root is attached and before it is entered: every mount is made detached, by descriptors, and
 * put on an object that was resolved beneath the root (CVE-2021-30465 and its kin).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "parts/fs/rootfs.h"
#include "parts/fs/trees.h"
#include "sys/host.h"
#include "sys/root.h"

enum mount_op {
	MOUNT_NEW,                      /* a file system of TYPE */
	MOUNT_TREE,                     /* a bind mount */
	MOUNT_REMOUNT,                  /* changes what is mounted there */
	MOUNT_PROPAGATION,              /* changes only its propagation */
	MOUNT_LINK,                     /* a symbolic link in a mount of ours: SOURCE is its target */
};

/* One step; an entry of type "cgroup" becomes several. */
struct mount_plan {
	enum mount_op op;
	const char *where;              /* "mounts[3]" */
	cpath destination;              /* absolute */
	const char *type, *source;
	const char *data;               /* as in struct mount_words */
	const char *label;              /* its root directory's security.selinux, where DATA cannot say it; NULL */
	uint64_t set, clear, rec_set, rec_clear;        /* MOUNT_ATTR_* */
	unsigned long propagation;      /* MS_*; 0: private */
	bool propagation_recursive;
	bool on_directory_only;         /* the destination must be a real directory: proc, sysfs (CVE-2019-19921) */
	bool is_anchor;                 /* proc, sysfs: masked and read-only paths are looked up beneath this very mount */
	bool is_nest;                   /* a tmpfs in which others will lie: worth holding on to (sys/root.h). A hint, not printed */
	bool tmpcopyup;
	bool mode_of_covered;           /* tmpfs without "mode=": that of the directory it hides */
	bool copy_symlink, dest_nofollow, source_nofollow;
	bool may_cover_proc;            /* on the short list of what may be mounted beneath /proc */
	bool readonly_last;             /* MOUNT_ATTR_RDONLY of SET waits for mounts_finish_apply(): others come beneath */
	const struct tree_plan *tree;   /* of MOUNT_TREE; of MOUNT_NEW: NULL, or its user namespace */
	const struct tree_plan *fallback;       /* of MOUNT_NEW: bound when the kernel refuses the type (EPERM, EBUSY); NULL */
};

struct mounts_plan {
	size_t n;
	const struct mount_plan *v;
	bool copies;                    /* what lies beneath a mount is copied into it: "tmpcopyup" */
	size_t n_trees;                 /* those that husk opens; not 0: the step TREES is needed */
	const struct tree_plan *const *trees;
};

/* What an entry of type "cgroup" becomes: the same as struct cgroup_mounts of the cgroup part, which plan/ copies. */
struct fs_cgroup {
	const char *name;               /* "memory", "cpu,cpuacct", "systemd", "unified" */
	const char *type;               /* "cgroup", "cgroup2" */
	const char *options;            /* "memory", "none,name=systemd"; NULL: none */
	const char *source;             /* host directory of the container's own group */
};

struct fs_cgroup_link { const char *name, *target; };

struct fs_cgroups {
	bool is_v2;                     /* v[0] is mounted on the destination itself */
	bool own_namespace;             /* mount TYPE; otherwise bind SOURCE */
	size_t n, n_links;
	const struct fs_cgroup *v;
	const struct fs_cgroup_link *links;
};

int mounts_plan(struct mounts_plan *, const struct oci_config *, const struct fs_facts *, const struct rootfs_plan *,
		const struct host *, struct arena *, struct err *);

/* As the plan has a destination: absolute, without empty and "." components. */
cpath mounts_destination(const char *text, struct arena *);

#define ANCHORS_MAX     8
#define READONLY_MAX    32

/* Mounts that are kept in hand, to be found again whatever is renamed around them. */
struct anchors {
	int n, n_readonly;
	bool is_bare;                   /* the last anchor is a sysfs, and nothing was mounted since that could lie in it */
	struct anchor { cpath destination; int fd; } v[ANCHORS_MAX];    /* where shield_apply() looks its paths up */
	int readonly[READONLY_MAX];     /* what mounts_finish_apply() makes read-only */
	/* Every mount, so that it can go again: room for ATTACHED_MAX of them, not owned. NULL: nobody asks. */
	int *attached;
	int n_attached, attached_max;
};

#define ANCHORS_NONE ((struct anchors){ .n = 0 })

void anchors_undo(struct anchors *);

int mounts_apply(const struct mounts_plan *, const struct root *, struct trees *, struct anchors *, struct err *);

/* What can only be done once nothing more is put into the mounts: after devices, hooks and terminal. */
int mounts_finish_apply(struct anchors *, struct err *);

/* The plan as text, one step a line, for golden files. */
char *mounts_print(const struct mounts_plan *, struct arena *);
