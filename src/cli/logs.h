/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of --log: a file, the journal by its native protocol, or syslog.  Opened at the start of a command, so that a
 * wrong name is an error before anything happens; one message is one write(2) or one datagram.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"

struct logs;
typedef void logs_format(const struct logs *, FILE *, enum log_level, const char *text);

struct logs {
	int fd;                         /* -1: none */
	bool is_json;                   /* in a file alone: the others have a form of their own */
	logs_format *format;
	const char *name;               /* who speaks, for journal and syslog */
};

#define LOGS_NONE { .fd = -1 }

/* TARGET: "FILE", "file:FILE" (appended to, never truncated), "journald:NAME", "syslog:NAME". */
int logs_open(struct logs *, const char *target, bool is_json, struct err *);
bool logs_is_file(const struct logs *);
/* False when it could not be written. */
bool logs_write(const struct logs *, enum log_level, const char *text);

const char *logs_level_word(enum log_level);
/* One record of a file, with its newline. TIME: RFC 3339. */
void logs_record(FILE *, bool is_json, enum log_level, const char *text, const char *time);
