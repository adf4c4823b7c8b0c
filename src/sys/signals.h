/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as descriptors, for the loops of `run` and `exec`; and a clean signal state for children. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Blocks what can be blocked and returns a signalfd; *old is the mask to give back.  CHILDREN: SIGCHLD too, for who may have
 * children that it knows nothing of (a subreaper); the end of a known one is told by its pidfd.
 */
int signals_open(bool children, sigset_t *old, struct err *);
/*
 * Default dispositions and an empty mask: what a payload and a hook start with.  WHICH: signals that may be ignored or
 * caught, bit N-1 is signal N.
 */
#define SIGNALS_ALL UINT64_MAX
int signals_reset(uint64_t which, struct err *);
