/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes by descriptor: a pidfd never names somebody else.  A pid number out of a record
 * does, sooner or later, hence the start time.  On the host, by every command; both programs.
 */
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/procfs.h"

#define PIDFS_MAGIC 0x50494446

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define START_TIME_FIELD 22

int process_start_time(pid_t pid, uint64_t *ticks, struct err *e)
{
	AUTO(procfs) proc = PROCFS_NONE;
	char name[32], text[1024];
	const char *word;
	size_t len;

	snprintf(name, sizeof(name), "%ld/stat", (long)pid);
	if (procfs_open_host(&proc, e) < 0)
		return -1;
	if (procfs_read(&proc, name, text, sizeof(text), e) < 0) {
		if (e->num == ENOENT)
			e->num = ESRCH;
		return -1;
	}
	/* The command's name may hold blanks and parentheses: what counts comes after the last one. */
	word = strrchr(text, ')');
	if (!word || word[1] != ' ')
		return err_set(e, ERR_SYSTEM, "\"/proc/%s\": no command", name);
	word += 2;
	for (int field = 3; field < START_TIME_FIELD && word; field++)
		str_word(&word, " ", &len);
	if (!word || !num_parse_n(word, strcspn(word, " \n"), UINT64_MAX, ticks))
		return err_set(e, ERR_SYSTEM, "\"/proc/%s\": no start time", name);
	return 0;
}

uint64_t process_pidfd_number(int pidfd)
{
	struct stat st;

	return fd_has_magic(pidfd, PIDFS_MAGIC) && fstat(pidfd, &st) == 0 ? st.st_ino : 0;
}

bool process_is_alive(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, 0);
	while (n < 0 && errno == EINTR);
	return n == 0;
}

int process_wait(int pidfd, struct process_end *end, struct err *e)
{
	siginfo_t info = { 0 };
	int ret;

	do
		ret = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED);
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return err_sys(e, "wait for a process");
	end->signaled = info.si_code != CLD_EXITED;
	end->core = info.si_code == CLD_DUMPED;
	end->code = info.si_status;
	return 0;
}

static int64_t now_msec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int process_wait_gone(int pidfd, int msec, struct err *e)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int64_t end = now_msec() + msec;

	for (;;) {
		int n = poll(&p, 1, msec);

		if (n > 0)
			return 1;
		if (n == 0)
			return 0;
		if (errno != EINTR)
			return err_sys(e, "wait for a process");
		if (msec >= 0)
			msec = (int)MAX(end - now_msec(), (int64_t)0);
	}
}

int process_signal(int pidfd, int sig, struct err *e)
{
	char name[16];

	if (sys_pidfd_send_signal(pidfd, sig) < 0)
		return err_sys(e, "send %s", signal_name(sig, name));
	return 0;
}

/* By the kernel's generic numbers, as <signal.h> has them for this architecture. */
static const struct { const char *name; int number; } signals[] = {
	{ "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT }, { "ILL", SIGILL },
	{ "TRAP", SIGTRAP }, { "ABRT", SIGABRT }, { "BUS", SIGBUS }, { "FPE", SIGFPE },
	{ "KILL", SIGKILL }, { "USR1", SIGUSR1 }, { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 },
	{ "PIPE", SIGPIPE }, { "ALRM", SIGALRM }, { "TERM", SIGTERM }, { "CHLD", SIGCHLD },
	{ "CONT", SIGCONT }, { "STOP", SIGSTOP }, { "TSTP", SIGTSTP }, { "TTIN", SIGTTIN },
	{ "TTOU", SIGTTOU }, { "URG", SIGURG }, { "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },
	{ "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH }, { "IO", SIGIO },
	{ "PWR", SIGPWR }, { "SYS", SIGSYS },
#ifdef SIGSTKFLT
	{ "STKFLT", SIGSTKFLT },
#endif
	/* Other names of the same; signal_name() finds the first. */
	{ "IOT", SIGABRT }, { "CLD", SIGCHLD }, { "POLL", SIGIO },
};

/* As glibc has them, which is what users of kill(1) know; musl's SIGRTMIN is another one. */
#define RTMIN 34
#define RTMAX 64

int signal_number(const char *text)
{
	bool from_end;
	uint64_t n;

	if (num_parse(text, RTMAX, &n))
		return n ? (int)n : -1;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (strcasecmp(text, signals[i].name) == 0)
			return signals[i].number;

	from_end = strncasecmp(text, "RTMAX", 5) == 0;
	if (!from_end && strncasecmp(text, "RTMIN", 5) != 0)
		return -1;
	text += 5;
	n = 0;
	if (*text && (*text != (from_end ? '-' : '+') || !num_parse(text + 1, RTMAX - RTMIN, &n)))
		return -1;
	return from_end ? RTMAX - (int)n : RTMIN + (int)n;
}

const char *signal_name(int number, char buf[16])
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (signals[i].number == number) {
			snprintf(buf, 16, "SIG%s", signals[i].name);
			return buf;
		}
	}
	if (number == RTMIN)
		snprintf(buf, 16, "SIGRTMIN");
	else if (number > RTMIN && number <= RTMAX)
		snprintf(buf, 16, "SIGRTMIN+%d", number - RTMIN);
	else
		snprintf(buf, 16, "signal %d", number);
	return buf;
}
