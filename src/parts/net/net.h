/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network: "lo" of a new network namespace is brought up by init; devices of the host that
 * linux.netDevices names are moved into the namespace by the host, when init asks PLACE.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/host.h"

struct net_device { const char *host_name, *name; };    /* name: inside; may hold one "%d" */

struct net_plan {
	bool has_loopback;              /* a network namespace is made: bring "lo" up */
	const struct net_device *devices;
	size_t n;
};

/* L may be NULL. MADE: a network namespace is made; OWN: one is made or joined that is not the host's. */
int net_plan(struct net_plan *, const struct oci_linux *l, bool made, bool own, const struct host *, struct arena *,
	     struct err *);
/* Init, inside. */
int net_apply(const struct net_plan *, struct err *);
/* Host: NETNS is /proc/PID/ns/net of init. */
int net_serve(const struct net_plan *, int netns, struct err *);
