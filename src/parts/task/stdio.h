/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard streams: the caller's three descriptors as they are, or a terminal of the container; and which
 * further descriptors are passed on.
 *
 * The terminal is made by init out of the container's own devpts, through the descriptor of its root,
 * before pivot_root (create) or after joining (exec).  The master goes over the console socket, which
 * husk connected (engines), or which is one end of husk's own socket pair (foreground).
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
 * With terminal: a pair in ROOT's /dev/pts, sized and owned, the master sent over CONSOLE in one message, a new session
 * with it as controlling terminal and as 0, 1, 2.  *SLAVE (owned by the caller) is for the bind on /dev/console.
 * Without: nothing, *SLAVE untouched.
 */
int stdio_terminal_apply(const struct stdio_plan *, const struct root *, int console, int *slave, struct err *);
/* Puts what SLAVE names on ROOT's /dev/console. */
int stdio_console_apply(const struct stdio_plan *, const struct root *, int slave, struct err *);
/* Everything above 2+preserved closes on exec. The last thing but one before execve(2). */
int stdio_close_apply(const struct stdio_plan *, struct err *);
