/* SPDX-License-Identifier: Apache-2.0 */
/* A /proc of our own: what is mounted over the host's cannot catch us. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/procfs.h"
#include "unit/tap.h"

static void test_names(const struct procfs *p, const char *kind)
{
	struct err e = { 0 };
	char buf[4096], mine[64];
	AUTO_FD int fd = -EBADF;
	int p2[2];

	snprintf(mine, sizeof(mine), "Pid:\t%ld\n", (long)getpid());
	OK(procfs_read(p, "self/status", buf, sizeof(buf), &e) > 0 && strstr(buf, mine), "%s: self is us", kind);
	OK(procfs_read(p, "sys/kernel/ostype", buf, sizeof(buf), &e) == 6 && !strcmp(buf, "Linux\n"), "%s: sys", kind);
	OK(procfs_write(p, "self/comm", "husk-test", &e) == 0 &&
	   procfs_read(p, "self/comm", buf, sizeof(buf), &e) > 0 && !strcmp(buf, "husk-test\n"), "%s: writing", kind);
	OK(procfs_read(p, "self/none", buf, sizeof(buf), &e) < 0 && e.num == ENOENT, "%s: what is not there", kind);
	SAME(e.msg, "open \"/proc/self/none\": no such file or directory", "%s: with its name", kind);
	OK(procfs_open_file(p, "self/../../etc", O_PATH, &e) < 0, "%s: no way out by ..", kind);
	OK(procfs_open_file(p, "/etc/passwd", O_PATH, &e) < 0, "%s: nor by an absolute name", kind);
	OK(procfs_open_file(p, "self/root", O_PATH, &e) < 0 && e.num == ELOOP, "%s: nor by a magic link", kind);
	OK(procfs_open_file(p, "mounts", O_PATH, &e) < 0 && e.num == ELOOP, "%s: nor by any link", kind);
	OK(procfs_open_file(p, "selfish", O_PATH, &e) < 0 && e.num == ENOENT, "%s: \"selfish\" is not self", kind);
	if (pipe2(p2, O_CLOEXEC) < 0)
		abort();
	snprintf(buf, sizeof(buf), "self/fd/%d", p2[1]);
	fd = procfs_open_link(p, buf, O_WRONLY, &e);
	OK(fd >= 0 && fd_same(fd, p2[0]) && fcntl(fd, F_GETFD) == FD_CLOEXEC, "%s: a magic link on purpose", kind);
	close(p2[0]);
	close(p2[1]);
	OK(procfs_read_link(p, "self/ns/user", buf, sizeof(buf), &e) > 0 && !strncmp(buf, "user:[", 6),
	   "%s: the text of one", kind);
	OK(procfs_read_link(p, "self/ns/user", buf, 4, &e) < 0, "%s: which must fit", kind);
	OK(procfs_open_link(p, "self", O_PATH, &e) < 0, "%s: self itself is none", kind);
}

/* In a mount namespace of its own. */
static int overmounted(void)
{
	AUTO(procfs) p = PROCFS_NONE;
	struct err e = { 0 };
	char buf[64];

	if (sys_unshare(CLONE_NEWNS) < 0 || sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 1;
	if (sys_mount("none", "/proc/sys", "tmpfs", 0, NULL) < 0 || mkdir("/proc/sys/kernel", 0755) < 0 ||
	    close(open("/proc/sys/kernel/ostype", O_CREAT | O_WRONLY, 0644)) < 0)
		return 2;
	if (procfs_open(&p, &e) < 0 || procfs_read(&p, "sys/kernel/ostype", buf, sizeof(buf), &e) != 6)
		return 3;
	procfs_undo(&p);
	if (procfs_open_host(&p, &e) < 0)
		return 4;
	if (procfs_read(&p, "sys/kernel/ostype", buf, sizeof(buf), &e) >= 0 || e.num != EXDEV)
		return 5;
	procfs_undo(&p);
	if (sys_mount("none", "/proc", "tmpfs", 0, NULL) < 0)
		return 6;
	if (procfs_open_host(&p, &e) == 0)
		return 7;
	if (procfs_open(&p, &e) < 0 || procfs_read(&p, "sys/kernel/ostype", buf, sizeof(buf), &e) != 6)
		return 8;
	return 0;
}

static void price(void)
{
	struct timespec t0, t1;
	struct err e;
	long usec[2];

	for (int kind = 0; kind < 2; kind++) {
		clock_gettime(CLOCK_MONOTONIC, &t0);
		for (int i = 0; i < 50; i++) {
			AUTO(procfs) p = PROCFS_NONE;

			(void)(kind ? procfs_open_host(&p, &e) : procfs_open(&p, &e));
		}
		clock_gettime(CLOCK_MONOTONIC, &t1);
		usec[kind] = ((t1.tv_sec - t0.tv_sec) * 1000000 + (t1.tv_nsec - t0.tv_nsec) / 1000) / 50;
	}
	printf("# price: %ld us of our own, %ld us the host's\n", usec[0], usec[1]);
}

int main(void)
{
	AUTO(procfs) p = PROCFS_NONE;
	struct err e = { 0 };

	OK(procfs_open_host(&p, &e) == 0, "the host's /proc is verified: %s", e.msg);
	test_names(&p, "host");
	procfs_undo(&p);
	OK(procfs_open(&p, &e) == 0, "one of our own, or the host's: %s", e.msg);
	test_names(&p, "own");
	price();
	if (geteuid() == 0) {
		int status;
		pid_t pid = fork();

		if (!pid)
			_exit(overmounted());
		waitpid(pid, &status, 0);
		OK(status == 0, "mounts over /proc are not used (%#x)", status);
	} else {
		SKIP("needs root", "mounts over /proc are not used");
	}
	return tap_done();
}
