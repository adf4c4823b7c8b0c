/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What husk says: warnings and the one error of a failed command, on stderr and in the file of --log.  Silence
 * on success is part of the interface: engines show or parse whatever comes.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "cli/options.h"

/* Opens the log file (append, never truncate) and sets the sink. IS_QUIET: no warnings on stderr. */
int output_open(const struct globals *, bool is_quiet, struct err *);
/* Of the log, -1 without one: what --preserve-fds means was open before it. */
int output_descriptor(void);
/* Once, at the end: on stderr, and as one record in the log. */
void output_failure(const struct err *);

/* One record as the log has it, with its newline. TIME: RFC 3339. */
void output_record(FILE *, bool is_json, enum log_level, const char *text, const char *time);
