/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo terminals of a devpts of their own. */
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "sys/terminal.h"
#include "unit/tap.h"

static int adopt(int slave)
{
	struct err e;
	char c = 0;

	if (terminal_adopt(slave, &e) < 0)
		return 1;
	if (getsid(0) != getpid() || tcgetpgrp(0) != getpid() || !isatty(0) || !isatty(1) || !isatty(2))
		return 2;
	if (fcntl(0, F_GETFD) || fcntl(1, F_GETFD) || fcntl(2, F_GETFD))
		return 3;
	return write(1, "hi", 2) == 2 && read(0, &c, 1) == 1 && c == 'y' ? 0 : 4;
}

static void test_pair(int pts)
{
	struct err e = { 0 };
	AUTO_FD int master = -EBADF, slave = -EBADF;
	struct winsize size = { 0 };
	struct termios old, now;
	char buf[4] = "";
	int status;
	pid_t pid;

	OK(terminal_make(pts, &master, &slave, &e) == 0, "a pair is made: %s", e.msg);
	if (master < 0)
		return;
	OK(fcntl(master, F_GETFD) == FD_CLOEXEC && fcntl(slave, F_GETFD) == FD_CLOEXEC, "closing on exec");
	OK(terminal_resize(master, 24, 80, &e) == 0 && ioctl(slave, TIOCGWINSZ, &size) == 0 && size.ws_row == 24 &&
	   size.ws_col == 80, "with a size");
	OK(terminal_copy_size(slave, master, &e) == 0, "that can be copied");
	OK(terminal_copy_size(pts, master, &e) < 0, "from a terminal alone");
	OK(terminal_raw(slave, &old, &e) == 0 && tcgetattr(slave, &now) == 0 && !(now.c_lflag & ICANON), "raw");
	OK(terminal_restore(slave, &old, &e) == 0 && tcgetattr(slave, &now) == 0 && now.c_lflag == old.c_lflag, "and back");
	terminal_raw(slave, &old, &e);
	pid = fork();
	if (!pid) {
		close(master);
		_exit(adopt(slave));
	}
	OK(read(master, buf, 2) == 2 && !strcmp(buf, "hi"), "what the adopter writes arrives");
	OK(write(master, "y", 1) == 1, "and the other way round");
	waitpid(pid, &status, 0);
	OK(status == 0, "it has a session, a terminal and three descriptors (%#x)", status);
}

int main(void)
{
	struct err e = { 0 };
	AUTO_FD int pts = -EBADF, fake = -EBADF;
	int master = -1, slave = -1;

	if (geteuid() != 0) {
		SKIP("needs root", "terminals");
		return tap_done();
	}
	pts = mountfd_new("devpts", NULL, "newinstance\0ptmxmode=0666\0mode=0620\0", 0, false, &e);
	OK(pts >= 0, "a devpts: %s", e.msg);
	test_pair(pts);
	fake = mountfd_new("tmpfs", NULL, NULL, 0, false, &e);
	OK(terminal_make(fake, &master, &slave, &e) < 0 && e.num == ENOENT, "no ptmx, no terminal");
	if (mknodat(fake, "ptmx", S_IFCHR | 0666, makedev(1, 3)) < 0)
		printf("# no mknod\n");
	OK(terminal_make(fake, &master, &slave, &e) < 0 && strstr(e.msg, "multiplexer"), "another device is none: %s", e.msg);
	unlinkat(fake, "ptmx", 0);
	if (symlinkat("/dev/pts/ptmx", fake, "ptmx") < 0)
		printf("# no link\n");
	OK(terminal_make(fake, &master, &slave, &e) < 0, "nor is a link to one");
	return tap_done();
}
