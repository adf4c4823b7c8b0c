/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard streams in husk-init: a new terminal of the container's devpts, or the caller's three descriptors
 * given to the payload's user.  See stdio.h for when.
 */
#include "parts/task/stdio.h"

#include <errno.h>
#include <fcntl.h>


#include "base/own.h"
#include "sys/fd.h"
#include "sys/terminal.h"


int stdio_owner_apply(const struct stdio_plan *p, struct err *e)
{
	if (p->terminal)
		return 0;
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0)
			return err_sys(e, "fstat descriptor %d", fd);
		/* Devices are the host's: /dev/null must not become the container's, and a terminal stays the caller's. */
		if (st.st_uid == p->uid || S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			continue;
		/* The group stays: on the host it may mean something (tty, the log reader's). */
		if (root_chown(fd, p->uid, (gid_t)-1, e) < 0) {
			/* Foreign file systems, read-only ones, ids without mapping: the payload can still use what is open. */
			*e = (struct err){ 0 };
		}
	}
	return 0;
}

int stdio_terminal_apply(const struct stdio_plan *p, const struct root *root, int *master, int *slave, struct err *e)
{
	AUTO_FD int pts = -EBADF, m = -EBADF, s = -EBADF;

	if (!p->terminal)
		return 0;
	pts = root_open(root, CPATH("/dev/pts"), O_PATH | O_DIRECTORY, e);
	if (pts < 0 || terminal_make(pts, &m, &s, e) < 0)
		return err_in(e, "process.terminal");
	if (p->rows && p->columns && terminal_resize(s, p->rows, p->columns, e) < 0)
		return err_in(e, "process.consoleSize");
	if (root_chown(s, p->uid, (gid_t)-1, e) < 0)
		return err_in(e, "process.terminal");
	if (terminal_adopt(s, e) < 0)
		return err_in(e, "process.terminal");
	*master = TAKE_FD(m);
	*slave = TAKE_FD(s);
	return 0;
}

int stdio_close_apply(const struct stdio_plan *p, struct err *e)
{
	return fd_cloexec_from(3 + (int)p->preserved, e);
}
