/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts that are taken out of a container that runs: those that `mounts add` has put there and nothing else, so each is
 * known by its number.  Done in husk-init, in the container's mount namespace, while its processes rename what they like.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sys/procfs.h"
#include "sys/root.h"

struct unmount {
	const char *where;              /* "mounts[3]" */
	cpath destination;
	uint64_t number;                /* mountfd_id() */
};

struct unmounts_plan {
	size_t n;
	const struct unmount *v;
};

/* All are found before the first one goes. PROC: any procfs in which we have a number. */
int unmounts_apply(const struct unmounts_plan *, const struct root *, const struct procfs *proc, struct err *);

/* Those that were just attached go again, the last one first. All are tried. */
void unmounts_back_out(const int *fds, int n, const struct procfs *proc);
