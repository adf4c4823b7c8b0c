/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors and files of the host. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/fd.h"
#include "unit/tap.h"

static char work[] = "/tmp/husk-fd-XXXXXX";

static int count_entries(int dir)
{
	DIR *d = fdopendir(dup(dir));
	int n = 0;

	rewinddir(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void test_files(int dir)
{
	struct err e = { 0 };
	AUTO(arena) a = ARENA_NONE;
	char buf[8];
	size_t len;
	struct stat st;
	AUTO_FD int fd = -EBADF;

	umask(077);
	OK(file_replace_at(dir, "f", "hello", 5, 0644, &e) == 0, "a file is made");
	umask(022);
	OK(fstatat(dir, "f", &st, 0) == 0 && st.st_mode == (S_IFREG | 0644), "with its mode, whatever the umask");
	OK(file_replace_at(dir, "f", "second", 6, 0600, &e) == 0, "and replaced");
	OK(count_entries(dir) == 1, "nothing temporary stays");
	OK(file_read_at(dir, "f", buf, sizeof(buf), &e) == 6 && !strcmp(buf, "second"), "it is read");
	OK(file_read_at(dir, "f", buf, 4, &e) == 3 && !strcmp(buf, "sec"), "no more than fits");
	OK(file_write_at(dir, "f", "SE", &e) == 0 && file_read_at(dir, "f", buf, sizeof(buf), &e) == 6 &&
	   !strcmp(buf, "SEcond"), "and written");
	OK(file_write_at(dir, "none", "x", &e) < 0 && e.num == ENOENT, "but never made by a write");
	OK(file_replace_at(dir, "no/f", "", 0, 0600, &e) < 0 && e.num == ENOENT, "nor are its folders");
	OK(file_replace_at(dir, "f", "", 0, 0600, &e) == 0 && fstatat(dir, "f", &st, 0) == 0 && st.st_size == 0, "empty");
	mkdirat(dir, "d", 0700);
	OK(file_replace_at(dir, "d", "x", 1, 0600, &e) < 0, "a directory is not replaced");
	OK(count_entries(dir) == 2, "and nothing temporary stays");
	unlinkat(dir, "d", AT_REMOVEDIR);

	OK(file_replace_at(dir, "f", "0123456789", 10, 0600, &e) == 0, "ten bytes");
	fd = fd_open_at(dir, "f", O_RDONLY, 0, &e);
	OK(fcntl(fd, F_GETFD) == FD_CLOEXEC, "descriptors close on exec");
	SAME(fd_read_all(fd, 10, &a, &len, &e), "0123456789", "are read as a whole");
	OK(len == 10, "with their length");
	lseek(fd, 0, SEEK_SET);
	OK(!fd_read_all(fd, 9, &a, &len, &e) && e.kind == ERR_SPEC, "but not beyond the limit");
	unlinkat(dir, "f", 0);
	close(fd);
	fd = fd_open("/proc/self/status", O_RDONLY, 0, &e);
	OK(fd_read_all(fd, 1 << 20, &a, NULL, &e), "a file without a size too");
}

static void test_pipe(void)
{
	struct err e = { 0 };
	AUTO(arena) a = ARENA_NONE;
	size_t len;
	int p[2], status;
	char *big = calloc(1, 300000), *got;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		abort();
	memset(big, 'b', 300000);
	pid = fork();
	if (!pid) {
		close(p[0]);
		_exit(fd_write_all(p[1], big, 300000, &e) < 0);
	}
	close(p[1]);
	got = fd_read_all(p[0], 1 << 20, &a, &len, &e);
	OK(got && len == 300000 && !memcmp(got, big, len) && !got[len], "a large pipe is written and read whole");
	waitpid(pid, &status, 0);
	OK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "without an error for the writer");
	close(p[0]);
	free(big);
}

static void test_kinds(int dir)
{
	struct err e = { 0 };
	AUTO_FD int null = fd_open_null(O_RDWR, &e);
	AUTO_FD int again = fd_open("/dev/null", O_PATH, 0, &e);
	AUTO_FD int proc = fd_open("/proc", O_PATH, 0, &e);

	OK(null >= 0 && fd_is_device(null, S_IFCHR, 1, 3), "the null device is what it says");
	OK(!fd_is_device(null, S_IFBLK, 1, 3) && !fd_is_device(null, S_IFCHR, 1, 5) && !fd_is_device(dir, S_IFCHR, 0, 0),
	   "and nothing else is");
	OK(fd_is_dir(dir) && !fd_is_dir(null), "directories");
	OK(fd_has_magic(proc, PROC_SUPER_MAGIC) && !fd_has_magic(dir, PROC_SUPER_MAGIC), "file systems");
	OK(fd_same(null, again) && !fd_same(null, dir), "the same file");
	OK(!fd_is_dir(-1) && !fd_same(-1, null) && !fd_has_magic(-1, 1), "no descriptor is nothing");
}

static int in_child(void (*what)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		what();
		_exit(9);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void ensure_stdio(void)
{
	struct err e;

	close(0);
	close(2);
	if (fd_ensure_stdio(&e) < 0)
		_exit(1);
	if (!fd_is_device(0, S_IFCHR, 1, 3) || !fd_is_device(2, S_IFCHR, 1, 3) || fcntl(1, F_GETFD) < 0)
		_exit(2);
	_exit(fcntl(0, F_GETFD) | fcntl(2, F_GETFD));
}

static void mark_range(void)
{
	struct err e;
	int a = dup(0), b = fcntl(0, F_DUPFD, 500);

	if (fd_cloexec_from(b, &e) < 0 || fcntl(a, F_GETFD) != 0 || fcntl(b, F_GETFD) != FD_CLOEXEC)
		_exit(1);
	if (fd_set_cloexec(b, false, &e) < 0 || fcntl(b, F_GETFD) != 0)
		_exit(2);
	_exit(0);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Neighbours, strangers and none, in any order; and nothing else. */
static void close_many(void)
{
	struct err e;
	int fds[] = { 605, -EBADF, 601, 600, 602, 610 };

	for (int i = 598; i <= 612; i++)
		if (dup2(0, i) < 0)
			_exit(1);
	errno = ENOTTY;
	fd_close_all(fds, 6);
	if (errno != ENOTTY)
		_exit(2);
	for (int i = 598; i <= 612; i++)
		if (is_open(i) == (i == 600 || i == 601 || i == 602 || i == 605 || i == 610))
			_exit(3);
	for (int i = 0; i < 6; i++)
		if (fds[i] != -EBADF)
			_exit(4);
	fd_close_all(fds, 6);
	fds[0] = fd_dup(0, &e);
	if (fds[0] < 3 || fcntl(fds[0], F_GETFD) != FD_CLOEXEC || fd_dup(605, &e) >= 0 || e.num != EBADF)
		_exit(5);
	_exit(0);
}

int main(void)
{
	int dir;

	if (!mkdtemp(work))
		abort();
	dir = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_files(dir);
	test_pipe();
	test_kinds(dir);
	OK(in_child(ensure_stdio) == 0, "missing standard descriptors become /dev/null");
	OK(in_child(mark_range) == 0, "a range of descriptors is marked");
	OK(in_child(close_many) == 0, "many descriptors are closed, those and no others");
	close(dir);
	rmdir(work);
	return tap_done();
}
