/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.devices and the default devices: nodes and links in the container's /dev.  Planned in husk, applied in
 * init after all mounts, before the root is entered.  Nothing in the image's /dev is trusted: what exists is used
 * when it is the very device, refused otherwise.  A /dev that is a bind mount belongs to somebody else:
 * nothing is made in it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/host.h"
#include "sys/root.h"

struct device_node {
	const char *where;              /* "linux.devices[2]", or "default device" */
	cpath path;                     /* absolute */
	const char *host_path;          /* what is bound where nodes cannot be made */
	mode_t mode;                    /* type and permissions */
	dev_t dev;
	uid_t uid; gid_t gid;           /* of the container */
	bool must_exist;                /* below a foreign /dev: only checked */
};

struct device_link { cpath path; const char *target; };

struct devices_plan {
	bool by_bind;                   /* mknod(2) is not allowed in a user namespace: bind the host's nodes */
	size_t n_nodes, n_links;
	const struct device_node *nodes;
	const struct device_link *links;
};

/* HAS_USER_NS: init is in a user namespace that is not the caller's. */
int devices_plan(struct devices_plan *, const struct oci_config *, bool has_user_ns, const struct host *,
		 struct arena *, struct err *);
int devices_apply(const struct devices_plan *, const struct root *, struct err *);

/* process.terminal: /dev/console becomes the terminal's slave (its descriptor, TIOCGPTPEER). In init, before the root is entered. */
int console_attach(const struct root *, int slave, struct err *);

char *devices_print(const struct devices_plan *, struct arena *);
