/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of mounts[].options (config.md "Linux mount options", and those of mount(8) and crun
 * that engines use): one table, from which the planner reads and `husk features` prints.
 * Pure, in husk, before anything happens.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"

/* What the options of one mount say together; of contradicting words the last one wins, as in mount(8). */
struct mount_words {
	uint64_t set, clear;            /* MOUNT_ATTR_*, for the mount itself */
	uint64_t rec_set, rec_clear;    /* the same for it and all mounts beneath it */
	unsigned long propagation;      /* MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE; 0: not said */
	bool propagation_recursive;
	bool bind, rbind, remount;
	bool tmpcopyup, copy_symlink, src_nofollow, dest_nofollow;
	bool idmap, ridmap;
	const char *idmap_text;         /* of "idmap=uids=0-1000-10;gids=..." (crun); NULL */
	/*
	 * What goes to the file system itself, words unknown to us and those of the superblock ("ro", "sync"):
	 * "key" or "key=value", each ended by a NUL, the list by an empty one; NULL: none.  A value may hold commas.
	 */
	const char *data;
	const char *unknown;            /* the first option that only a file system may know; NULL: none */
	size_t unknown_at;              /* its index */
};

/* WHERE: "mounts[3]", for the messages.  Data in the arena. Errors: ERR_SPEC "mounts[3].options[1]: ...". */
int options_parse(struct mount_words *, const struct oci_mount *, const char *where, struct arena *, struct err *);

/* The Nth known word in alphabetical order, NULL after the last one: for `husk features`. */
const char *options_known(size_t n);
