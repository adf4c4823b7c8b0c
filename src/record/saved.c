/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of saved.h. */
#include "record/saved.h"

SPEC_TYPE(saved_group, "cgroup",
	VALUE (saved_group, hierarchy, "hierarchy", REQUIRED),
	VALUE (saved_group, path,      "path", REQUIRED),
	VALUE (saved_group, made,      "made"),
	VALUE (saved_group, inode,     "inode"));

SPEC_TYPE(saved_mount, "mount",
	VALUE (saved_mount, destination, "destination", REQUIRED),
	VALUE (saved_mount, number,      "number", REQUIRED));

SPEC_TYPE(saved, "record",
	VALUE (saved, version,    "version", REQUIRED),
	VALUE (saved, id,         "id", REQUIRED),
	VALUE (saved, bundle,     "bundle", REQUIRED),
	VALUE (saved, rootfs,     "rootfs"),
	VALUE (saved, created,    "created", REQUIRED),
	VALUE (saved, owner,      "owner"),
	VALUE (saved, uid,        "uid"),
	VALUE (saved, pid,        "pid"),
	VALUE (saved, start_time, "startTime"),
	VALUE (saved, pidfs,      "pidfs"),
	VALUE (saved, complete,   "complete"),
	VALUE (saved, rootless,   "rootless"),
	VALUE (saved, own_pids,   "ownPids"),
	VALUE (saved, no_new_keyring, "noNewKeyring"),
	VALUE (saved, rdt_stays,  "rdtStays"),
	VALUE (saved, manager,    "manager"),
	VALUE (saved, scope,      "scope"),
	LIST_OBJECT (saved, groups, "groups", saved_group),
	LIST_OBJECT (saved, mounts, "mounts", saved_mount),
	VALUE (saved, notify,     "notifySocket"),
	VALUE (saved, annotations, "annotations"));
