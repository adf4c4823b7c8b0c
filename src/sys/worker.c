/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As in helper.c the child shares our memory until execve(2), and we stand still meanwhile: so it can leave the
 * reason of a failure in our struct err.  It allocates nothing and calls nothing that could.
 */
#include "sys/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "sys/signals.h"

/* As `create` does it: what comes and goes on the host does so here, and never the other way round. */
static int make_view(const char *root, struct err *e)
{
	AUTO_FD int tree = -EBADF, where = -EBADF;

	if (sys_unshare(CLONE_NEWNS) < 0)
		return err_sys(e, "make a mount namespace");
	if (mountfd_propagation_of_root(MS_REC | MS_SLAVE, e) < 0)
		return -1;
	tree = mountfd_clone(AT_FDCWD, root, true, false, e);
	where = tree < 0 ? -1 : fd_open(root, O_PATH | O_DIRECTORY, 0, e);
	return where < 0 ? -1 : mountfd_attach(tree, where, e);
}

/* Through numbers that are nobody's target, since one may be another's source. */
static int place_fds(const struct worker *w, struct err *e)
{
	int high[WORKER_FDS];

	for (int i = 0; i < w->n_fds; i++) {
		high[i] = fcntl(w->fds[i], F_DUPFD_CLOEXEC, 3 + WORKER_FDS);
		if (high[i] < 0)
			return err_sys(e, "duplicate a descriptor");
	}
	for (int i = 0; i < w->n_fds; i++)
		if (dup2(high[i], 3 + i) < 0)
			return err_sys(e, "duplicate a descriptor");
	return fd_cloexec_from(3 + w->n_fds, e);
}

static int become(const struct worker *w, struct err *e)
{
	int program = fcntl(w->program, F_DUPFD_CLOEXEC, 3 + WORKER_FDS);

	if (program < 0)
		return err_sys(e, "duplicate a descriptor");
	if (w->own_session)
		(void)setsid();
	if ((w->root && make_view(w->root, e) < 0) || place_fds(w, e) < 0 || signals_reset(SIGNALS_ALL, e) < 0)
		return -1;
	sys_execveat(program, "", w->argv, w->envp, AT_EMPTY_PATH);
	return err_sys(e, "cannot be started");
}

int worker_start(const struct worker *w, pid_t *out, int *pidfd, struct err *e)
{
	volatile bool has_failed = false;
	sigset_t all, old;
	pid_t pid;

	/* No handler of ours may run in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = vfork();
	if (pid == 0) {
		(void)become(w, e);
		has_failed = true;
		_exit(127);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return err_sys(e, "vfork");
	if (!has_failed) {
		*out = pid;
		*pidfd = sys_pidfd_open(pid, 0);
		if (*pidfd >= 0)
			return 0;
		err_sys(e, "pidfd_open");
		kill(pid, SIGKILL);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return -1;
}
