/* SPDX-License-Identifier: Apache-2.0 */
/* A program in sealed memory runs, and nobody can change it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/seal.h"
#include "unit/tap.h"

static int run(int fd)
{
	char *const argv[] = { "sealed", "-c", "exit 42", NULL }, *const envp[] = { NULL };
	int status;
	pid_t pid = fork();

	if (!pid) {
		sys_execveat(fd, "", argv, envp, 0x1000 /* AT_EMPTY_PATH */);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct err e = { 0 };
	size_t n = 0;
	AUTO_FD int sh = fd_open("/bin/sh", O_RDONLY, 0, &e);
	const char *bytes = fd_read_all(sh, 64 << 20, &a, &n, &e);
	AUTO_FD int fd = bytes ? seal_program(bytes, n, "program", &e) : -1;
	char path[32];
	AUTO_FD int again = -EBADF;

	OK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC, "a program is sealed: %s", e.msg);
	OK(fcntl(fd, F_GET_SEALS) == (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL), "against everything");
	OK(write(fd, "x", 1) < 0 && errno == EPERM && ftruncate(fd, 0) < 0, "it cannot be written");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	OK(again < 0 || (write(again, "x", 1) < 0 && errno == EPERM), "not either when opened again (CVE-2019-5736)");
	own_close(&again);
	OK(open(path, O_WRONLY | O_TRUNC | O_CLOEXEC) < 0, "nor truncated");
	OK(run(fd) == 42, "it runs");
	return tap_done();
}
