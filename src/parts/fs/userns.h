/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces that nobody lives in: they lend their mappings to idmapped mounts. On the host. */
#pragma once

#include "base/err.h"
#include "parts/fs/trees.h"

/* A descriptor of the namespace, the caller's. Needs CAP_SETUID and CAP_SETGID here for anything but one's own ids. */
int userns_open(const struct userns_plan *, struct err *);
bool userns_same(const struct userns_plan *, const struct userns_plan *);
