/* SPDX-License-Identifier: Apache-2.0 */
/* The few rtnetlink(7) requests that network namespaces need. */
#pragma once

#include "base/err.h"

/* Brings "lo" up in the caller's network namespace (both programs). */
int netlink_loopback_up(struct err *);
/*
 * Moves link HOST_NAME of the caller's namespace into the one that NETNS_FD names, under NAME,
 * keeping its global addresses, and brings it up (runtime-spec, config-linux.md "netDevices").
 */
int netlink_move_link(const char *host_name, int netns_fd, const char *name, struct err *);
