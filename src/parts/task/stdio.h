/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard streams: the caller's three descriptors as they are, or a terminal of the container; and which
 * further descriptors are passed on.
 *
 * The terminal is made by init out of the container's own devpts, through the descriptor of its root,
 * before pivot_root (create) or after joining (exec).  Init sends the master to husk with its next question;
 * husk passes it to --console-socket, or keeps it when it stays in the foreground.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/root.h"

struct stdio_plan {
	bool terminal;
	uint16_t rows, columns;         /* 0: leave the size */
	unsigned preserved;             /* descriptors 3 .. 2+preserved go to the payload */
	uid_t uid;                      /* who has to be able to open /dev/stdout again, the terminal's owner */
};

int stdio_plan(struct stdio_plan *, bool terminal, const struct oci_box *size, unsigned preserved, uid_t, struct err *);

/*
 * Without terminal: 0, 1, 2 are given to the user where they are pipes, sockets or files that allow it (as engines expect,
 * so that /dev/stderr can be opened again); refusals are no errors.  Before the change of user.
 */
int stdio_owner_apply(const struct stdio_plan *, struct err *);
/*
 * With terminal: a pair in ROOT's /dev/pts, sized and owned by the user; the slave becomes the controlling terminal of a
 * new session, and 0, 1, 2.  *MASTER and *SLAVE are the caller's; the latter is what /dev/console shows.
 * Without terminal: nothing, both untouched.
 */
int stdio_terminal_apply(const struct stdio_plan *, const struct root *, int *master, int *slave, struct err *);
/* Everything above 2+preserved closes on exec. The last thing but one before execve(2). */
int stdio_close_apply(const struct stdio_plan *, struct err *);
