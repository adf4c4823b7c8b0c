/* SPDX-License-Identifier: Apache-2.0 */
/* mounts[].uidMappings, gidMappings and the options idmap, ridmap: whose user namespace a mount borrows. Pure, in husk. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "parts/fs/options.h"
#include "parts/fs/rootfs.h"

/* *OUT: NULL when the mount is not idmapped. */
int idmap_words(const struct userns_plan **out, const struct oci_mount *, const struct mount_words *,
		const struct oci_config *, const struct fs_facts *, const char *where, struct arena *, struct err *);
