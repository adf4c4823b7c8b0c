/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.maskedPaths, linux.readonlyPaths.  Planned in husk, applied in init after all mounts and before the root
 * is entered: the host's /dev/null can still be cloned then, and nothing of the image's takes its place (CVE-2025-31133).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "parts/fs/mounts.h"
#include "sys/host.h"
#include "sys/root.h"

struct shield_path { cpath path; const char *where; };  /* "linux.maskedPaths[2]" */

struct shield_plan {
	size_t n_masked, n_readonly;
	const struct shield_path *masked, *readonly;
	const char *data;               /* of the empty tmpfs: its label, as in struct mount_words; NULL */
};

int shield_plan(struct shield_plan *, const struct oci_config *, const struct fs_facts *, const struct host *,
		struct arena *, struct err *);

/*
 * Paths below an anchor are looked up from its descriptor; before that, each anchor must still be what lies at its
 * destination.  A path that does not exist needs no shield.
 */
int shield_apply(const struct shield_plan *, const struct root *, const struct anchors *, struct err *);
