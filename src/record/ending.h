/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a container's process ended: the file "ended" in the state directory.  Husk is seldom the parent, and whoever waits for
 * a process takes its end out of the kernel; so whichever command sees the end (`run`, `wait`, `stop`,
 * `events --all`) keeps it here, and `state`, `list` and `wait` tell it afterwards.  The file is written without the
 * container's lock: it is replaced as a whole, and every witness writes the same.  On the host.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "oci-spec/spec.h"
#include "record/record.h"
#include "sys/process.h"

#define ENDING_NAME "ended"

struct oci_ending {
	struct opt_u32 code;            /* as a shell says it: 128+N for signal N */
	uint32_t signal;                /* 0: it exited by itself */
	bool core;                      /* memory was dumped */
	bool oom;                       /* the OOM killer has killed in its cgroup */
	const char *time;               /* NULL: nobody was watching at that moment */
};

extern const struct spec_type oci_ending_type;

/* For a witness: END has just happened.  The cgroup must still be there for OOM to be told. */
void ending_witness(struct oci_ending *, const struct process_end *end, const struct record *, struct arena *);
/* The same with what the kernel tells of PIDFD, held since before the end. False: nobody knows. */
bool ending_witness_pidfd(struct oci_ending *, int pidfd, const struct record *, struct arena *);
/* Afterwards: what was kept, or what the kernel still tells. False: nobody knows. */
bool ending_find(struct oci_ending *, const struct record *, struct arena *);
/* A container that is gone meanwhile needs none: no error. */
void ending_keep(const struct oci_ending *, const struct record *);
