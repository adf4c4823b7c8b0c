/* SPDX-License-Identifier: Apache-2.0 */
/*
 * count FILE COMMAND...: runs a command and everything that it starts, counts their system calls exactly, and
 * writes one line "<program> <number of the call> <times>" for each to FILE.  A program is named after what it
 * executed ("memfd:husk-init" too); what happens between fork and execve belongs to the program that forked.
 *
 * Ends with the command: what a container does after `create` has returned is no longer the command's, and the
 * kernel lets go of it.  Calls of husk-init between its last message and its wait at the gate may so be counted or not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS    512
#define PROGRAMS 32
#define TASKS    1024
#define OPTIONS  (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)

static struct program { char name[64]; unsigned long calls[CALLS]; } programs[PROGRAMS];
static struct task { pid_t pid; int program, is_new; } tasks[TASKS];
static int n_programs, n_tasks;

static int program_named(const char *name)
{
	for (int i = 0; i < n_programs; i++)
		if (strcmp(programs[i].name, name) == 0)
			return i;
	if (n_programs == PROGRAMS)
		return PROGRAMS - 1;
	(void)snprintf(programs[n_programs].name, sizeof(programs[0].name), "%s", name);
	return n_programs++;
}

/* The last component of what PID executes, without " (deleted)". */
static int program_of(pid_t pid)
{
	char link[64], path[4096], *end;
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return program_named("?");
	path[n] = '\0';
	end = strchr(path, ' ');
	if (end)
		*end = '\0';
	end = strrchr(path, '/');
	end = end ? end + 1 : path;
	return program_named(*end ? end : "?");
}

static struct task *task_of(pid_t pid)
{
	for (int i = 0; i < n_tasks; i++)
		if (tasks[i].pid == pid)
			return &tasks[i];
	if (n_tasks == TASKS) {
		(void)fprintf(stderr, "count: too many processes\n");
		exit(2);
	}
	/* Seen before its maker's event: it still has its maker's program. */
	tasks[n_tasks] = (struct task){ .pid = pid, .program = program_of(pid), .is_new = 1 };
	return &tasks[n_tasks++];
}

static void forget(pid_t pid)
{
	for (int i = 0; i < n_tasks; i++)
		if (tasks[i].pid == pid)
			tasks[i--] = tasks[--n_tasks];
}

static void count_call(struct task *t)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(info), &info) > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY &&
	    info.entry.nr < CALLS)
		programs[t->program].calls[info.entry.nr]++;
}

/* Handles one stop of a task, and lets it go on. */
static void handle(pid_t pid, int status)
{
	struct task *t = task_of(pid);
	int event = status >> 16, signal = WSTOPSIG(status), deliver = 0;

	if (signal == (SIGTRAP | 0x80))
		count_call(t);
	else if (event == PTRACE_EVENT_EXEC)
		t->program = program_of(pid);
	else if (event == PTRACE_EVENT_STOP && (signal == SIGSTOP || signal == SIGTSTP) && !t->is_new) {
		(void)ptrace(PTRACE_LISTEN, pid, 0, 0);
		return;
	} else if (!event)
		deliver = signal;
	t->is_new = 0;
	(void)ptrace(PTRACE_SYSCALL, pid, 0, deliver);
}

/* Each one that the caller ignores (make: 33, of posix_spawn(3)) is a call more, with which husk-init takes it back. */
static void heed_signals(void)
{
	static const unsigned long action[8];

	for (int sig = 1; sig <= 64; sig++)
		(void)syscall(SYS_rt_sigaction, sig, action, NULL, sizeof(action[0]));
}

static pid_t start(char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		heed_signals();
		(void)raise(SIGSTOP);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid || ptrace(PTRACE_SEIZE, pid, 0, OPTIONS) < 0)
		return -1;
	(void)kill(pid, SIGCONT);
	return pid;
}

static int write_counts(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return 2;
	for (int p = 0; p < n_programs; p++)
		for (int i = 0; i < CALLS; i++)
			if (programs[p].calls[i])
				(void)fprintf(f, "%s %d %lu\n", programs[p].name, i, programs[p].calls[i]);
	return fclose(f) == 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
	pid_t first, pid;
	int status, code = 2;

	if (argc < 3)
		return 2;
	first = start(argv + 2);
	if (first < 0) {
		perror("count");
		return 2;
	}
	/* The tracer leaves with the command: what waits behind it is let go by the kernel. */
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid > 0 && WIFSTOPPED(status)) {
			handle(pid, status);
			continue;
		}
		forget(pid);
		if (pid == first) {
			code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			break;
		}
	}
	return write_counts(argv[1]) ? 2 : code;
}
