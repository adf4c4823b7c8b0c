/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals: as a descriptor for the host side's loops, and the clean state that hooks and the
 * payload start with, whatever the caller of husk ignored or blocked.
 */
#include "sys/signals.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KERNEL_NSIG 64

int signals_open(bool children, sigset_t *old, struct err *e)
{
	sigset_t all;
	int fd;

	sigfillset(&all);
	/* A crash of our own must stay one. */
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGTRAP);
	sigdelset(&all, SIGSYS);
	if (!children)
		sigdelset(&all, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &all, old) < 0)
		return err_sys(e, "block signals");
	fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0) {
		err_sys(e, "signalfd");
		sigprocmask(SIG_SETMASK, old, NULL);
		return -1;
	}
	return fd;
}

/*
 * By the raw calls: libc refuses the two or three signals that it keeps for threads, and it was libc
 * that left them ignored, when the caller started us by glibc's posix_spawn(3) (make, Python).
 */
int signals_reset(uint64_t which, struct err *e)
{
	/* All zero is SIG_DFL with no flags and an empty mask, whatever the order of the members. */
	static const uint64_t none, action[8];

	for (int sig = 1; sig <= KERNEL_NSIG; sig++)
		if (which >> (sig - 1) & 1 && sig != SIGKILL && sig != SIGSTOP &&
		    syscall(SYS_rt_sigaction, sig, action, NULL, sizeof(none)) < 0)
			return err_sys(e, "reset signal %d", sig);
	if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none)) < 0)
		return err_sys(e, "unblock signals");
	return 0;
}
