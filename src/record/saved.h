/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What record.json holds: one object of the same kind as those of the specification, so that the
 * tables of oci-spec read and write it (their macros want the oci_ in its name).  Written by
 * `create` before the first side effect (an intent: with it alone `delete --force` can clean up),
 * once the process is known, and when the container is created; read by every later command.
 */
#pragma once

#include "base/arena.h"
#include "oci-spec/spec.h"

/* 1: cgroups are objects ("groups"), which is still read. */
#define SAVED_VERSION 2

/* One cgroup of the container: "" is the unified hierarchy, else the v1 controllers as mounted. */
struct oci_saved_group {
	const char *hierarchy;
	const char *path;               /* absolute directory on the host */
	uint32_t made;                  /* so many of its last components are ours to remove */
	uint64_t inode;                 /* 0: not known; another group has taken its place when it differs */
};

/* A mount that `mounts add` has put into the container. */
struct oci_saved_mount {
	const char *destination;        /* as in the mounts file, made absolute */
	uint64_t number;                /* of the mount, as statx(2) tells it: its own as long as it lives */
};

struct oci_saved {
	uint32_t version;
	const char *id, *bundle, *rootfs, *created, *owner;
	uint32_t uid;                   /* of the caller of create */
	int32_t pid;                    /* 0: not known yet */
	uint64_t start_time;            /* field 22 of /proc/PID/stat: tells a reused pid apart */
	uint64_t pidfs;                 /* inode number of its pidfd, 0 on kernels < 6.9 */
	bool complete;                  /* the container was created; before that: creating */
	bool plain;                     /* config.json has a process, neither hooks nor intelRdt: `start` and `delete` need not read it */
	bool rootless;
	bool own_pids;                  /* it has a PID namespace of its own: with init all of it ends */
	bool no_new_keyring;
	bool rdt_stays;                 /* the resctrl class of its name was there before it */
	const char *manager;            /* "cgroupfs", "systemd", "disabled" */
	const char *scope;              /* systemd's unit */
	LIST_OF(struct oci_saved_group) groups;
	str_list group_lines;           /* the groups as they stand in the file, each one string: most of it is about them */
	LIST_OF(struct oci_saved_mount) mounts;         /* in the order in which they were added */
	str_list streams;               /* what the descriptors 0, 1 and 2 are that it was given (streams.h); none: a terminal */
	const char *notify;             /* NOTIFY_SOCKET of the caller of create */
	str_map annotations;
};

extern const struct spec_type oci_saved_type;

/* The text of record.json, in the arena. */
char *saved_write(const struct oci_saved *, struct arena *);
/* And back; NULL with *WHY: it makes no sense, or is of a husk newer than this one. */
struct oci_saved *saved_read(const char *text, size_t len, struct arena *, struct spec_error *why);
