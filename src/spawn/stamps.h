/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of husk-init that husk reads: in which stage init is, for post-mortems, and when it began each, for --trace.  Only
 * init has it mapped; after the execve(2) nobody but husk has it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "spawn/stages.h"

/* A stage ends when the next one begins. */
struct stamp {
	int stage;                      /* enum stage_id; STAGE_MAX: the last one has failed */
	uint64_t begin;                 /* trace_clock(); 0: the clock could not be asked any more */
};

struct crumb {
	volatile int stage;             /* enum stage_id */
	uint32_t n;                     /* written last */
	struct stamp stamp[STAGE_MAX + 1];
};

/* Init: one more stage began at BEGIN. */
void stamp_put(struct crumb *, int stage, uint64_t begin);

/* Whose stages they are. */
struct stamps_owner {
	pid_t bridge;                   /* 0: there was none; its last stage is FORK */
	pid_t init;
	uint64_t executed;              /* when husk saw the execve(2); 0: not (yet) */
	bool waits;                     /* it waits at its gate */
};

/* Host: the file of a new page, for init to map. */
int crumb_make(struct err *);
/* Host: what stands in it now; in none: all zero. False: nothing. */
bool crumb_read(struct crumb *, int fd);
/* Host: hands what init has stamped to the trace. */
void stamps_tell(const struct crumb *, const struct stamps_owner *);
