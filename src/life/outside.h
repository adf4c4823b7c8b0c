/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a container is not its own, so that CRIU cannot put it into images but must be told by name: bind
 * mounts, masked files, namespaces that were joined, the streams of whoever created it.  `checkpoint` gives the
 * names, `restore` says what they mean then; both follow from the plan, so a config.json that names other sources
 * at the same places moves the container to them.  On the host.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "life/images.h"
#include "parts/criu/criu.h"
#include "plan/plan.h"

/* What cannot come back as it was: ERR_UNSUPPORTED. */
int outside_check(const struct plan *, struct err *);

/* checkpoint: of the running container whose init is RQ->pid. STREAMS: of its record (record/streams.h). D is filled. */
int outside_name(struct criu_request *rq, const struct plan *, const str_list *streams, struct oci_descriptors *d, struct arena *,
		 struct err *);

/*
 * restore: FDS gets what CRIU inherits, opened here, the caller's also when it fails; STREAMS: 0, 1 and 2 are the
 * container's.
 */
struct outside { int fds[NS_KINDS + 1]; int n; };
#define OUTSIDE_NONE ((struct outside){ .n = 0 })
void outside_undo(struct outside *);
int outside_find(struct criu_request *rq, struct outside *, const struct plan *, const struct oci_descriptors *d, struct arena *,
		 struct err *);
/* restore: the streams that are ours become the container's user's, who may open them anew. */
void outside_give_streams(const struct plan *, const struct oci_config *);

/* restore: where CRIU will mount something there must be something, as `create` makes it. ROOTFS: its directory. */
int outside_make_mount_points(const struct plan *, int rootfs, struct err *);
