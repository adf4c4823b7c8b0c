/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfork(2), not fork: husk-init has no copy of its memory to give away (it may run under a tight memory
 * limit), and husk's own is large.  The child shares our memory until execve(2), so it only makes system calls
 * and writes to one variable; the parent stands still meanwhile.  All signals are blocked around it, so
 * that no handler of ours runs in the child.
 */
#include "sys/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/calls.h"
#include "sys/signals.h"

#define OUTPUT_MAX      480             /* fits into an error message with what is around it */

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC     0x1u
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x8u            /* Linux 6.3; demanded where vm.memfd_noexec is 2 */
#endif

struct output { char text[OUTPUT_MAX + 1]; size_t len; };

static int input_file(const struct helper *h, struct err *e)
{
	AUTO_FD int fd = sys_memfd_create("input", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = sys_memfd_create("input", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "memfd_create for the standard input");
	for (int i = 0; i < h->pieces; i++) {
		const char *p = h->input[i].iov_base;
		size_t left = h->input[i].iov_len;

		while (left) {
			ssize_t n = write(fd, p, left);

			if (n < 0)
				return err_sys(e, "write the standard input");
			p += n;
			left -= (size_t)n;
		}
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "rewind the standard input");
	return TAKE_FD(fd);
}

/* In the child, with the parent's memory: system calls only. Returns when it failed. */
static void become(const struct helper *h, int in, int out)
{
	static char *const nothing[] = { NULL };
	char *const *envp = h->envp ? h->envp : nothing;
	struct err ignored;

	setsid();
	if (dup2(in, 0) < 0 || dup2(h->out > 0 ? h->out : out, 1) < 0 || dup2(h->err > 0 ? h->err : out, 2) < 0)
		return;
	if (h->fd > 0 ? sys_close_range(3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */) < 0 : sys_close_range(3, ~0u, 0) < 0)
		return;
	if (h->cwd && chdir(h->cwd) < 0)
		return;
	if (signals_reset(SIGNALS_ALL, &ignored) < 0)
		return;
	if (h->fd > 0)
		sys_execveat(h->fd, "", h->argv, envp, AT_EMPTY_PATH);
	else
		execve(h->path, h->argv, envp);
}

static pid_t start(const struct helper *h, int in, int out, int *why)
{
	volatile int failed = 0;
	sigset_t all, old;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = vfork();
	if (pid == 0) {
		become(h, in, out);
		failed = errno;
		_exit(127);
	}
	if (pid < 0)
		failed = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	*why = failed;
	return pid;
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* Keeps the last OUTPUT_MAX bytes, where the reason stands. False at the end, or when there is no more now. */
static bool drain(struct output *o, int fd)
{
	char buf[512];
	ssize_t n = read(fd, buf, sizeof(buf));
	size_t keep, add;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	add = (size_t)n < OUTPUT_MAX ? (size_t)n : OUTPUT_MAX;
	keep = o->len + add > OUTPUT_MAX ? OUTPUT_MAX - add : o->len;
	memmove(o->text, o->text + o->len - keep, keep);
	memcpy(o->text + keep, buf + n - add, add);
	o->len = keep + add;
	o->text[o->len] = '\0';
	return true;
}

/* One line, printable. */
static const char *tidy(struct output *o)
{
	while (o->len && (unsigned char)o->text[o->len - 1] <= ' ')
		o->text[--o->len] = '\0';
	for (size_t i = 0; i < o->len; i++)
		if ((unsigned char)o->text[i] < ' ' || o->text[i] == 0x7f)
			o->text[i] = ' ';
	return o->text;
}

enum { TIME_IS_OVER, ENDED, PURPOSE_IS_GONE };

static int watch(const struct helper *h, int pidfd, int out, struct output *o, struct err *e)
{
	long long end = h->timeout ? now_ms() + h->timeout * 1000ll : 0;
	struct pollfd p[3] = { { pidfd, POLLIN, 0 }, { out, POLLIN, 0 }, { h->purpose > 0 ? h->purpose : -1, POLLIN, 0 } };

	for (;;) {
		long long left = h->timeout ? end - now_ms() : -1;
		int n;

		if (h->timeout && left <= 0)
			return TIME_IS_OVER;
		n = poll(p, 3, left > 60000 ? 60000 : (int)left);
		if (n < 0 && errno != EINTR)
			return err_sys(e, "poll");
		if (n <= 0)
			continue;
		if (p[1].revents && !drain(o, out))
			p[1].fd = -1;   /* it closed its output and goes on */
		if (p[0].revents)
			return ENDED;
		if (p[2].revents)
			return PURPOSE_IS_GONE;
	}
}

static int not_started(int why, struct err *e)
{
	/* "no such file or directory" and "permission denied" would make engines blame the container's command. */
	if (why == ENOENT || why == ENOTDIR)
		err_set(e, ERR_SYSTEM, "cannot be started: there is no such program, or its interpreter is missing");
	else if (why == EACCES)
		err_set(e, ERR_SYSTEM, "cannot be started: it may not be executed");
	else {
		errno = why;
		err_sys(e, "cannot be started");
	}
	e->num = why;
	return -1;
}

static int verdict(int status, struct output *o, struct err *e)
{
	const char *said = tidy(o);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return err_set(e, ERR_SYSTEM, "was killed by signal %d%s%s", WTERMSIG(status), *said ? ": " : "", said);
	return err_set(e, ERR_SYSTEM, "exited with %d%s%s", WEXITSTATUS(status), *said ? ": " : "", said);
}

int helper_run(const struct helper *h, struct err *e)
{
	AUTO_FD int in = input_file(h, e), read_end = -EBADF, write_end = -EBADF, pidfd = -EBADF;
	struct output o = { .len = 0 };
	int ends[2], status = 0, why, done;
	pid_t pid;

	if (in < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	read_end = ends[0];
	write_end = ends[1];
	if (fcntl(read_end, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "make a pipe non-blocking");
	pid = start(h, in, write_end, &why);
	if (pid < 0 || why) {
		while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return not_started(why, e);
	}
	own_close(&write_end);
	pidfd = sys_pidfd_open(pid, 0);         /* ours and not waited for yet: the number cannot be another's */
	done = pidfd < 0 ? err_sys(e, "pidfd_open") : watch(h, pidfd, read_end, &o, e);
	if (done != ENDED)
		kill(-pid, SIGKILL);            /* the session it leads, so all of it that did not leave */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (done < 0)
		return -1;
	if (done == PURPOSE_IS_GONE) {
		err_set(e, ERR_PEER, "was killed, as the process that it was for has ended");
		e->num = ESRCH;
		return -1;
	}
	if (done == TIME_IS_OVER)
		return err_set(e, ERR_SYSTEM, "did not end within %u second%s", h->timeout, h->timeout == 1 ? "" : "s");
	while (drain(&o, read_end))
		;
	return verdict(status, &o, e);
}
