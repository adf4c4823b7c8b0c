/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An error is a value on the caller's stack: no allocation, no owner, and it crosses the
 * socket between init and husk as it is.  Functions return 0 or something non-negative, or
 * -1 with *e filled; never -errno as well.
 */
#pragma once

#include <stddef.h>

enum err_kind {
	ERR_NONE,
	ERR_SYSTEM,             /* the kernel refused; num is its errno */
	ERR_SPEC,               /* config.json (or a process.json) is wrong */
	ERR_USAGE,              /* the command line is wrong */
	ERR_STATE,              /* the container is not in a state that allows it */
	ERR_UNSUPPORTED,        /* asked for, but this host or this husk cannot */
	ERR_TIMEOUT,            /* it took longer than the caller allowed */
	ERR_PEER,               /* the other side of a conversation died or misbehaved */
	ERR_BUG,
	ERR_COMMAND,            /* the command line names no command, or one that does not exist; never said by init */
};

/* Of fixed size and without pointers: it crosses the socket between init and husk, and that of `start`, as it is. */
struct err {
	enum err_kind kind;
	int num;                /* errno, 0 when there is none */
	char msg[1000];
	/* What the message says too, for programs; each empty (or 0) when it is not known. */
	char stage[32];         /* of init (spawn/stages.h) */
	char path[256];         /* in the document, like mounts[3].options[2] */
	char file[200];         /* which document, with the place of PATH in it */
	unsigned line, column;
	char hint[200];         /* the cure, when there is one; never part of msg */
};

/* All return -1, so that one can write  return err_sys(e, "open \"%s\"", path);  */

/* What failed on what; ": " and the text of errno are appended. */
int err_sys(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int err_set(struct err *, enum err_kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Prepends "where: " to the message that is there. */
int err_in(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds the cure to an error that is there: one sentence without full stop. */
int err_hint(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* In which stage of init it happened; the first one that says so is right. */
void err_stage(struct err *, const char *stage);
/* What the error is about: PATH (LEN bytes) in the document FILE; LINE and COLUMN 0 when they are not known. */
void err_place(struct err *, const char *file, const char *path, size_t len, unsigned line, unsigned column);
/* An error from another process: whatever came, its texts end within their bounds. */
void err_received(struct err *);
/* Appends "; and then WHAT" for a second failure while the first one is undone. */
int err_and(struct err *, const struct err *second);
