/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What husk says: warnings and the one error of a failed command, on stderr and in the log.  Silence
 * on success is part of the interface: engines show or parse whatever comes.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/log.h"
#include "cli/options.h"

/* Opens the log and sets the sink. IS_QUIET: no warnings on stderr. */
int output_open(const struct globals *, bool is_quiet, struct err *);
/* Standard output goes out at the end, or when BUFFER is full (NULL: libc's own), which the caller flushes before it goes. */
void output_is_whole(char *buffer, size_t size);
/* Everything printed has got out, now or when a buffer was full earlier. */
int output_finish(struct err *);
/* Once, at the end: on stderr, and as one record in the log. */
void output_failure(const struct err *);
