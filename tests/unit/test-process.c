/* SPDX-License-Identifier: Apache-2.0 */
/* Processes by descriptor, and signals by name. */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/calls.h"
#include "sys/process.h"
#include "sys/signals.h"
#include "unit/tap.h"

static pid_t child_that(void (*what)(void), int *pidfd)
{
	pid_t pid = fork();

	if (!pid) {
		what();
		_exit(0);
	}
	*pidfd = sys_pidfd_open(pid, 0);
	return pid;
}

static void waits(void)
{
	for (;;)
		pause();
}

static void exits(void)
{
	_exit(42);
}

static void test_life(void)
{
	struct process_end end = { 0 };
	struct err e = { 0 };
	AUTO_FD int fd = -EBADF;
	uint64_t ticks = 0, again = 1, own;
	pid_t pid = child_that(waits, &fd);

	OK(process_is_alive(fd), "a child lives");
	OK(process_start_time(pid, &ticks, &e) == 0 && ticks, "and has a start time: %s", e.msg);
	OK(process_start_time(pid, &again, &e) == 0 && again == ticks, "which stays the same");
	OK(process_start_time(getpid(), &own, &e) == 0 && own <= ticks, "and is not before its parent's");
	OK(process_wait_gone(fd, 20, &e) == 0, "waiting for it ends after a while");
	OK(process_signal(fd, 0, &e) == 0 && process_signal(fd, SIGKILL, &e) == 0, "it can be killed");
	OK(process_wait_gone(fd, 2000, &e) == 1, "then it is gone");
	OK(!process_is_alive(fd), "a zombie does not live");
	OK(process_wait(fd, &end, &e) == 0 && end.signaled && end.code == SIGKILL, "the signal is known");
	OK(process_signal(fd, SIGTERM, &e) < 0 && e.num == ESRCH, "a dead one gets no signal");
	SAME(e.msg, "send SIGTERM: no such process", "and the message says which");
	OK(process_start_time(pid, &ticks, &e) < 0 && e.num == ESRCH, "nor has it a start time");
	OK(process_wait(fd, &end, &e) < 0 && e.num == ECHILD, "it cannot be waited for twice");

	close(fd);
	child_that(exits, &fd);
	OK(process_wait(fd, &end, &e) == 0 && !end.signaled && end.code == 42, "an exit code is known");
	OK(process_pidfd_number(0) == 0, "what is no pidfd has no number");
}

static void odd_name(void)
{
	char c;
	int fds[2];

	if (pipe(fds) < 0)
		_exit(1);
	(void)!write(fds[1], "", 1);
	(void)!read(fds[0], &c, 1);
	waits();
}

static void test_odd_name(void)
{
	struct process_end end;
	struct err e = { 0 };
	uint64_t a = 0, b = 0;
	AUTO_FD int fd = -EBADF;
	pid_t pid = child_that(odd_name, &fd);
	char path[64];
	FILE *f;

	process_start_time(pid, &a, &e);
	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	f = fopen(path, "w");
	if (f) {
		fputs("a) S 1 (2 3", f);
		fclose(f);
	}
	OK(process_start_time(pid, &b, &e) == 0 && a == b, "a name of blanks and parentheses does not confuse");
	process_signal(fd, SIGKILL, &e);
	process_wait(fd, &end, &e);
}

static void test_names(void)
{
	char buf[16];
	bool same = true;

	OK(signal_number("KILL") == 9 && signal_number("SIGKILL") == 9 && signal_number("sigkill") == 9 &&
	   signal_number("9") == 9, "by every name");
	OK(signal_number("RTMIN") == 34 && signal_number("SIGRTMIN+3") == 37 && signal_number("RTMAX") == 64 &&
	   signal_number("RTMAX-1") == 63 && signal_number("64") == 64, "real-time ones");
	OK(signal_number("0") < 0 && signal_number("65") < 0 && signal_number("-9") < 0 && signal_number("") < 0 &&
	   signal_number("SIG") < 0 && signal_number("SIG9") < 0 && signal_number("RTMIN-1") < 0 &&
	   signal_number("RTMIN+31") < 0 && signal_number("KILLX") < 0 && signal_number("9 ") < 0, "not by others");
	for (int i = 1; i <= 64; i++)
		if (i != 32 && i != 33)
			same = same && signal_number(signal_name(i, buf)) == i;
	OK(same, "each name leads back to its number");
	SAME(signal_name(11, buf), "SIGSEGV", "a name");
	SAME(signal_name(32, buf), "signal 32", "one without");
}

static void check_reset(void)
{
	struct err e;
	char line[256];
	sigset_t all;
	FILE *f;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(40, SIG_IGN);
	/* As glibc's posix_spawn(3) leaves them. */
	for (int i = 32; i < 34; i++)
		syscall(SYS_rt_sigaction, i, &(struct { void (*handler)(int); unsigned long rest[3]; }){ SIG_IGN, { 0 } },
			NULL, 8);
	if (signals_reset(SIGNALS_ALL, &e) < 0)
		_exit(1);
	f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof(line), f))
		if ((!strncmp(line, "SigBlk:", 7) || !strncmp(line, "SigIgn:", 7)) && strcmp(line + 7, "\t0000000000000000\n"))
			_exit(2);
	_exit(f ? 0 : 3);
}

static void check_open(void)
{
	struct err e;
	sigset_t old, now;
	char info[128];
	int fd = signals_open(true, &old, &e);

	if (fd < 0 || sigismember(&old, SIGTERM))
		_exit(1);
	raise(SIGTERM);
	if (read(fd, info, sizeof(info)) != 128 || *(unsigned *)info != SIGTERM)
		_exit(2);
	if (read(fd, info, sizeof(info)) >= 0 || errno != EAGAIN)
		_exit(3);
	sigprocmask(SIG_SETMASK, &old, NULL);
	sigprocmask(SIG_BLOCK, NULL, &now);
	_exit(sigismember(&now, SIGTERM) ? 4 : 0);
}

static void test_signals(void)
{
	void (*const checks[])(void) = { check_reset, check_open };
	static const char *const says[] = { "reset leaves nothing ignored or blocked", "signals arrive at a descriptor" };

	for (int i = 0; i < 2; i++) {
		struct process_end end = { .code = -1 };
		struct err e = { 0 };
		AUTO_FD int fd = -EBADF;

		child_that(checks[i], &fd);
		OK(process_wait(fd, &end, &e) == 0 && !end.signaled && end.code == 0, "%s (%d)", says[i], end.code);
	}
}

int main(void)
{
	test_life();
	test_odd_name();
	test_names();
	test_signals();
	return tap_done();
}
