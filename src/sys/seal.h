/* SPDX-License-Identifier: Apache-2.0 */
/* husk-init in a sealed memfd (CVE-2019-5736): the only file of ours that a container's /proc can show. */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* A memfd with these bytes, sealed against write, grow, shrink, more seals; executable. O_CLOEXEC. */
int seal_program(const void *bytes, size_t n, const char *name, struct err *);

/* The bytes of husk-init, linked into husk (assembled with .incbin). */
extern const char husk_init_start[], husk_init_end[];
/* Of husk-bus (src/bus), which never enters a container; none when husk was built without libsystemd. */
extern const char husk_bus_start[], husk_bus_end[];
