/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `update` of a living container's groups: all or nothing.  First everything is decided and what is there is read,
 * so that the way back is known, and can be kept by the record, before the first write; device rules
 * come last.  On the host.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config-linux.h"
#include "parts/cgroup/cgroup.h"

/* One write of the way back. */
struct cgroup_put {
	const char *controllers;        /* of the group, as in cgroup_dir; "": v2 */
	const char *file, *text;
};

struct cgroup_puts { struct cgroup_put *v; size_t n; };

struct cgroup_update {
	struct cgroup_writes writes;    /* the last N_DEVICES of them are device rules of v1 */
	struct cgroup_puts before;      /* in the order in which to write them; the first M_DEVICES are device rules */
	size_t n_devices, m_devices;
	const struct device_rules *rules;       /* v2: the new device program, NULL: stays */
	const struct device_rules *old_rules;
	struct unit_words properties, old_properties;   /* of systemd's unit */
};

/*
 * Plans the way from NOW (the limits that the container has been given, NULL: none) to THEN, of which ASKED is
 * what was asked for: only that is written.  Changes nothing.
 */
int cgroup_update_plan(struct cgroup_update *, const struct cgroup *, const struct oci_resources *now,
		       const struct oci_resources *asked, const struct oci_resources *then, struct arena *, struct err *);
/* On failure everything is as before. */
int cgroup_update_apply(const struct cgroup *, const struct cgroup_update *, struct arena *, struct err *);
/* The way back after a success, when something else failed. */
void cgroup_update_undo(const struct cgroup *, const struct cgroup_update *, struct arena *);

/*
 * The way back of an update that was killed on its way to THEN: BEFORE as the record has it.  A file that is gone or refuses is
 * left alone.
 */
void cgroup_put_back(const struct cgroup *, const struct cgroup_puts *before, const struct oci_resources *now,
		     const struct oci_resources *then, struct arena *);
