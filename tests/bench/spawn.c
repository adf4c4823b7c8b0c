/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn FD COMMAND...: runs a command with vfork and execve, and writes
 * "<wall us> <processor us> <peak KiB> <minor page faults> <exit code>" to FD.  Small and static, so that neither
 * its own memory (which exec hands on as a peak) nor the cost of forking a large program shows in what it measures.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long micros(struct timeval t)
{
	return t.tv_sec * 1000000L + t.tv_usec;
}

int main(int argc, char **argv, char **envp)
{
	struct timespec a, b;
	struct rusage use;
	pid_t pid;
	int fd, status;

	if (argc < 3)
		return 2;
	fd = (int)strtol(argv[1], NULL, 10);
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	pid = vfork();
	if (pid == 0) {
		(void)close(fd);
		(void)execve(argv[2], argv + 2, envp);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &use) < 0)
		return 2;
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	(void)dprintf(fd, "%ld %ld %ld %ld %d\n", (b.tv_sec - a.tv_sec) * 1000000L + (b.tv_nsec - a.tv_nsec) / 1000,
		      micros(use.ru_utime) + micros(use.ru_stime), use.ru_maxrss, use.ru_minflt,
		      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
