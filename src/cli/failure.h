/* SPDX-License-Identifier: Apache-2.0 */
/* --error-fd: why a command failed, as one JSON object on a descriptor of the caller's. */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "cli/options.h"

/* Of the option; -1: not given, or not usable (which failure_check() says). */
int failure_fd(const struct globals *);
/* The descriptor must be open for writing: ERR_USAGE. */
int failure_check(const struct globals *, struct err *);
/* It must not be one of those that --preserve-fds passes on, 3 to N+2: ERR_USAGE. */
int failure_check_preserved(const struct globals *, unsigned n, struct err *);

/* The cure, where it lies with the caller and the kernel's text does not tell it. */
void failure_explain(struct err *);
/* Once, at the end of a command that failed with CODE. COMMAND: its name or NULL. */
void failure_report(const struct globals *, const struct err *, const char *command, int code);
/* The object itself, with its newline. */
void failure_print(FILE *, const struct err *, const char *command, int code);
