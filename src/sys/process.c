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
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "base/table.h"
#include "base/trace.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/procfs.h"

#define PIDFS_MAGIC 0x50494446

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define STAT_MAX         1024
#define PARENT_FIELD     4
#define FLAGS_FIELD      9
#define START_TIME_FIELD 22
#define EXIT_CODE_FIELD  52

#define PF_EXITING       4u     /* <linux/sched.h> of the kernel */

/* <linux/pidfd.h> of Linux 6.15, which is newer than the headers that we build with. */
struct pidfd_facts {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;              /* as waitpid(2) has it */
};
#define PIDFD_GET_FACTS _IOWR(0xFF, 11, struct pidfd_facts)
#define PIDFD_FACT_EXIT (1u << 3)

/* The fields of /proc/PID/stat (proc(5)) from the third on, in TEXT. */
static const char *read_stat(pid_t pid, char text[STAT_MAX], struct err *e)
{
	const char *word;

	if (procfs_read_host(pid, "stat", text, STAT_MAX, e) < 0) {
		if (e->num == ENOENT)
			e->num = ESRCH;
		return NULL;
	}
	/* The command's name may hold blanks and parentheses: what counts comes after the last one. */
	word = strrchr(text, ')');
	if (!word || word[1] != ' ') {
		err_set(e, ERR_SYSTEM, "\"/proc/%ld/stat\": no command", (long)pid);
		return NULL;
	}
	return word + 2;
}

static bool stat_number(const char *fields, int which, uint64_t *out)
{
	size_t len;

	for (int field = 3; field < which && fields; field++)
		str_word(&fields, " ", &len);
	return fields && num_parse_n(fields, strcspn(fields, " \n"), UINT64_MAX, out);
}

static int read_number(pid_t pid, int which, const char *what, uint64_t *out, struct err *e)
{
	char text[STAT_MAX];
	const char *fields;

	fields = read_stat(pid, text, e);
	if (!fields)
		return -1;
	if (!stat_number(fields, which, out))
		return err_set(e, ERR_SYSTEM, "\"/proc/%ld/stat\": no %s", (long)pid, what);
	return 0;
}

int process_start_time(pid_t pid, uint64_t *ticks, struct err *e)
{
	return read_number(pid, START_TIME_FIELD, "start time", ticks, e);
}

pid_t process_parent(pid_t pid)
{
	struct err ignored;
	uint64_t parent;

	return read_number(pid, PARENT_FIELD, "parent", &parent, &ignored) < 0 ? 0 : (pid_t)parent;
}

bool process_is_ending(pid_t pid)
{
	struct err ignored;
	uint64_t flags;

	return read_number(pid, FLAGS_FIELD, "flags", &flags, &ignored) == 0 && flags & PF_EXITING;
}

uint64_t process_pidfd_number(int pidfd)
{
	struct stat st;

	return fd_has_magic(pidfd, PIDFS_MAGIC) && fstat(pidfd, &st) == 0 ? st.st_ino : 0;
}

bool process_pidfd_is(int pidfd, uint64_t number)
{
	struct stat st;

	return fstat(pidfd, &st) == 0 && st.st_ino == number;
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

static void decode_status(struct process_end *end, int status)
{
	end->signaled = WIFSIGNALED(status);
	end->core = end->signaled && WCOREDUMP(status);
	end->code = end->signaled ? WTERMSIG(status) : WEXITSTATUS(status);
}

/* Waited for already: the kernel keeps it for whoever has a pidfd from before. */
static bool end_of_reaped(int pidfd, struct process_end *end)
{
	struct pidfd_facts facts = { .mask = PIDFD_FACT_EXIT };

	if (ioctl(pidfd, PIDFD_GET_FACTS, &facts) < 0 || !(facts.mask & PIDFD_FACT_EXIT))
		return false;
	decode_status(end, facts.exit_code);
	return true;
}

/* To those who may not know the kernel says 0; they may not read this link either (both ask PTRACE_MODE_READ_FSCREDS). */
static bool may_know(const struct procfs *proc, pid_t pid)
{
	char name[32], target[64];
	struct err ignored;

	snprintf(name, sizeof(name), "%ld/ns/user", (long)pid);
	return procfs_read_link(proc, name, target, sizeof(target), &ignored) > 0;
}

static bool end_of_zombie(int pidfd, pid_t pid, struct process_end *end)
{
	AUTO(procfs) proc = PROCFS_NONE;
	char text[STAT_MAX];
	struct err ignored;
	const char *fields;
	uint64_t status;

	if (procfs_open_host(&proc, &ignored) < 0)
		return false;
	fields = read_stat(pid, text, &ignored);
	/* X: being waited for at this moment, and not yet known as waited for */
	if (!fields || (*fields != 'Z' && *fields != 'X') || !stat_number(fields, EXIT_CODE_FIELD, &status) || !may_know(&proc, pid))
		return false;
	/* Still there, so the number has been its own all the while. */
	if (sys_pidfd_send_signal(pidfd, 0) < 0)
		return false;
	decode_status(end, (int)status);
	return true;
}

int process_how_ended(int pidfd, pid_t pid, struct process_end *end)
{
	if (process_is_alive(pidfd))
		return 0;
	/* Again when somebody waits for it just between the two. */
	for (int tries = 0; tries < 3; tries++)
		if (end_of_reaped(pidfd, end) || end_of_zombie(pidfd, pid, end))
			return 1;
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
	TRACE("wait for the end");
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
static const struct name_value signals[] = {
	NAMED("HUP", SIGHUP), NAMED("INT", SIGINT), NAMED("QUIT", SIGQUIT), NAMED("ILL", SIGILL),
	NAMED("TRAP", SIGTRAP), NAMED("ABRT", SIGABRT), NAMED("BUS", SIGBUS), NAMED("FPE", SIGFPE),
	NAMED("KILL", SIGKILL), NAMED("USR1", SIGUSR1), NAMED("SEGV", SIGSEGV), NAMED("USR2", SIGUSR2),
	NAMED("PIPE", SIGPIPE), NAMED("ALRM", SIGALRM), NAMED("TERM", SIGTERM), NAMED("CHLD", SIGCHLD),
	NAMED("CONT", SIGCONT), NAMED("STOP", SIGSTOP), NAMED("TSTP", SIGTSTP), NAMED("TTIN", SIGTTIN),
	NAMED("TTOU", SIGTTOU), NAMED("URG", SIGURG), NAMED("XCPU", SIGXCPU), NAMED("XFSZ", SIGXFSZ),
	NAMED("VTALRM", SIGVTALRM), NAMED("PROF", SIGPROF), NAMED("WINCH", SIGWINCH), NAMED("IO", SIGIO),
	NAMED("PWR", SIGPWR), NAMED("SYS", SIGSYS),
#ifdef SIGSTKFLT
	NAMED("STKFLT", SIGSTKFLT),
#endif
	/* Other names of the same; signal_name() finds the first. */
	NAMED("IOT", SIGABRT), NAMED("CLD", SIGCHLD), NAMED("POLL", SIGIO),
	{}
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
	for (const struct name_value *s = signals; *s->name; s++)
		if (strcasecmp(text, s->name) == 0)
			return (int)s->value;

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
	const char *name = table_name(signals, (uint64_t)number);

	if (name)
		snprintf(buf, 16, "SIG%s", name);
	else if (number == RTMIN)
		snprintf(buf, 16, "SIGRTMIN");
	else if (number > RTMIN && number <= RTMAX)
		snprintf(buf, 16, "SIGRTMIN+%d", number - RTMIN);
	else
		snprintf(buf, 16, "signal %d", number);
	return buf;
}
