/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pseudo terminals.  Init makes the pair in the container's devpts and adopts the slave; husk
 * puts the caller's own terminal into raw mode for `run` and `exec` in the foreground.
 */
#include "sys/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/calls.h"
#include "sys/fd.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

#define PTMX_MAJOR 5
#define PTMX_MINOR 2

int terminal_make(int pts, int *master, int *slave, struct err *e)
{
	struct open_how how = {
		.flags = O_RDWR | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};
	AUTO_FD int m = sys_openat2(pts, "ptmx", &how);
	AUTO_FD int s = -EBADF;
	int unlock = 0;

	if (m < 0)
		return err_sys(e, "open a terminal");
	/* Not a look-alike that somebody put there: the multiplexer itself, in a devpts. */
	if (!fd_has_magic(m, DEVPTS_SUPER_MAGIC) || !fd_is_device(m, S_IFCHR, PTMX_MAJOR, PTMX_MINOR))
		return err_set(e, ERR_SYSTEM, "open a terminal: \"ptmx\" is not the terminal multiplexer");
	if (ioctl(m, TIOCSPTLCK, &unlock) < 0)
		return err_sys(e, "unlock a terminal");
	/* By descriptor: /dev/pts/N may be something else by the time we open it (CVE-2025-52565). */
	s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s < 0)
		return err_sys(e, "open the other end of a terminal");
	*master = TAKE_FD(m);
	*slave = TAKE_FD(s);
	return 0;
}

int terminal_resize(int fd, uint16_t rows, uint16_t columns, struct err *e)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	if (ioctl(fd, TIOCSWINSZ, &size) < 0)
		return err_sys(e, "resize a terminal");
	return 0;
}

int terminal_copy_size(int from, int to, struct err *e)
{
	struct winsize size;

	if (ioctl(from, TIOCGWINSZ, &size) < 0 || ioctl(to, TIOCSWINSZ, &size) < 0)
		return err_sys(e, "resize a terminal");
	return 0;
}

int terminal_adopt(int slave, struct err *e)
{
	/* EPERM: we lead a session already, which may have no terminal yet. */
	if (setsid() < 0 && errno != EPERM)
		return err_sys(e, "setsid");
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return err_sys(e, "take a controlling terminal");
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fd == slave ? fd_set_cloexec(fd, false, e) < 0 : dup3(slave, fd, 0) < 0)
			return err_sys(e, "make descriptor %d the terminal", fd);
	}
	return 0;
}

int terminal_raw(int fd, struct termios *old, struct err *e)
{
	struct termios raw;

	if (tcgetattr(fd, old) < 0)
		return err_sys(e, "read the mode of a terminal");
	raw = *old;
	cfmakeraw(&raw);
	if (tcsetattr(fd, TCSANOW, &raw) < 0)
		return err_sys(e, "set the mode of a terminal");
	return 0;
}

int terminal_restore(int fd, const struct termios *old, struct err *e)
{
	if (tcsetattr(fd, TCSANOW, old) < 0)
		return err_sys(e, "set the mode of a terminal");
	return 0;
}
