/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors and files of the host, used all through a container's life, in both programs.
 * Names given here are trusted: nothing of the container may reach them.
 */
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/calls.h"

int fd_open_at(int dir, const char *name, int flags, mode_t mode, struct err *e)
{
	int fd;

	do
		fd = openat(dir, name, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? err_sys(e, "open \"%s\"", name) : fd;
}

int fd_open(const char *path, int flags, mode_t mode, struct err *e)
{
	return fd_open_at(AT_FDCWD, path, flags, mode, e);
}

int fd_open_null(int flags, struct err *e)
{
	AUTO_FD int fd = fd_open("/dev/null", flags | O_NOFOLLOW | O_NOCTTY, 0, e);

	if (fd < 0)
		return -1;
	if (!fd_is_device(fd, S_IFCHR, 1, 3))
		return err_set(e, ERR_SYSTEM, "\"/dev/null\" is not the null device");
	return TAKE_FD(fd);
}

int fd_write_all(int fd, const void *data, size_t n, struct err *e)
{
	const char *p = data;

	do {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_sys(e, "write");
		if (done == 0 && n)
			return err_set(e, ERR_SYSTEM, "write: nothing was taken");
		p += done;
		n -= (size_t)done;
	} while (n);
	return 0;
}

/* Less than half a page: seq_file(9) has had nothing more to say, whatever its records are. */
#define PIECE_MAX 2048

static ssize_t read_text(int fd, char *buf, size_t size, bool is_piece, struct err *e)
{
	size_t len = 0;

	while (len < size - 1) {
		ssize_t n = read(fd, buf + len, size - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			break;
		len += (size_t)n;
		if (is_piece && n < PIECE_MAX)
			break;
	}
	buf[len] = '\0';
	return (ssize_t)len;
}

ssize_t fd_read_text(int fd, char *buf, size_t size, struct err *e)
{
	return read_text(fd, buf, size, false, e);
}

ssize_t fd_read_made(int fd, char *buf, size_t size, struct err *e)
{
	return read_text(fd, buf, size, true, e);
}

char *fd_read_all(int fd, size_t max, struct arena *a, size_t *len, struct err *e)
{
	struct stat st;
	size_t size = 4096, used = 0, known = 0;
	char *buf;
	ssize_t n;

	if (fstat(fd, &st) < 0) {
		err_sys(e, "fstat");
		return NULL;
	}
	if (S_ISREG(st.st_mode) && st.st_size > 0) {
		known = (size_t)st.st_size;
		size = (uintmax_t)st.st_size > max ? max + 2 : known + 2;
	}
	buf = arena_alloc(a, size);
	/* A regular file that gives as much as its size says, and not the one byte more that was asked for, has ended. */
	n = known && known <= max ? read(fd, buf, size - 1) : 0;
	if (n > 0)
		used = (size_t)n;
	while (!known || used != known) {
		if (used == size - 1) {         /* a file without a size, or one that grew */
			char *larger = arena_alloc(a, size * 2);

			memcpy(larger, buf, used);
			buf = larger;
			size *= 2;
		}
		n = fd_read_text(fd, buf + used, size - used, e);
		if (n < 0)
			return NULL;
		used += (size_t)n;
		if (used > max) {
			err_set(e, ERR_SPEC, "larger than %zu bytes", max);
			return NULL;
		}
		if (used < size - 1)
			break;
	}
	buf[used] = '\0';
	if (len)
		*len = used;
	return buf;
}

int file_write_at(int dir, const char *name, const char *text, struct err *e)
{
	AUTO_FD int fd = fd_open_at(dir, name, O_WRONLY, 0, e);

	if (fd < 0)
		return -1;
	if (fd_write_all(fd, text, strlen(text), e) < 0)
		return err_in(e, "write \"%s\" to \"%s\"", text, name);
	return 0;
}

ssize_t file_read_at(int dir, const char *name, char *buf, size_t size, struct err *e)
{
	AUTO_FD int fd = fd_open_at(dir, name, O_RDONLY, 0, e);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = fd_read_made(fd, buf, size, e);
	return n < 0 ? err_in(e, "\"%s\"", name) : n;
}

/* A fresh file beside NAME, not readable by others before its mode is set. */
static int open_temporary(int dir, const char *name, char *temporary, size_t size, struct err *e)
{
	for (unsigned i = 0; i < 1000; i++) {
		const char *slash = strrchr(name, '/');
		int folder = slash ? (int)(slash + 1 - name) : 0;
		int fd, len;

		len = snprintf(temporary, size, "%.*s.%s.%ld-%u", folder, name, name + folder,
			       (long)getpid(), i);
		if (len < 0 || (size_t)len >= size)
			return err_set(e, ERR_USAGE, "replace \"%s\": the name is too long", name);
		fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || (errno != EEXIST && errno != EINTR))
			return fd < 0 ? err_sys(e, "create \"%s\"", temporary) : fd;
	}
	return err_set(e, ERR_SYSTEM, "replace \"%s\": no free name for a temporary file", name);
}

int file_replace_at(int dir, const char *name, const void *data, size_t n, mode_t mode, struct err *e)
{
	char temporary[PATH_MAX];
	AUTO_FD int fd = open_temporary(dir, name, temporary, sizeof(temporary), e);

	if (fd < 0)
		return -1;
	/* fchmod, since the caller's umask is not ours to change nor to obey; it takes nothing from 0600. */
	if ((n && fd_write_all(fd, data, n, e) < 0) ||
	    (mode != 0600 && fchmod(fd, mode) < 0 && err_sys(e, "chmod")) ||
	    (renameat(dir, temporary, dir, name) < 0 && err_sys(e, "rename"))) {
		(void)unlinkat(dir, temporary, 0);
		return err_in(e, "replace \"%s\"", name);
	}
	return 0;
}

int fd_dup(int fd, struct err *e)
{
	/* Not by musl's fcntl(3), which asks for the flag once more. */
	int copy = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? err_sys(e, "duplicate a descriptor") : copy;
}

static void sort(int v[], int n)
{
	for (int i = 1; i < n; i++)
		for (int j = i; j > 0 && v[j - 1] > v[j]; j--) {
			int t = v[j];

			v[j] = v[j - 1];
			v[j - 1] = t;
		}
}

void fd_close_all(int fds[], int n)
{
	int saved = errno, end;

	sort(fds, n);
	for (int i = 0; i < n; i = end) {
		for (end = i + 1; end < n && fds[end] == fds[end - 1] + 1;)
			end++;
		if (fds[i] < 0)
			end = i + 1;
		else if (end == i + 1)
			(void)close(fds[i]);
		else
			(void)sys_close_range((unsigned)fds[i], (unsigned)fds[end - 1], 0);
	}
	for (int i = 0; i < n; i++)
		fds[i] = -EBADF;
	errno = saved;
}

int fd_cloexec_from(int first, struct err *e)
{
	if (sys_close_range((unsigned)first, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return err_sys(e, "mark descriptors from %d as close-on-exec", first);
	return 0;
}

int fd_set_cloexec(int fd, bool on, struct err *e)
{
	if (fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0)
		return err_sys(e, "descriptor %d", fd);
	return 0;
}

/* One call, when all is well. */
static bool has_stdio(void)
{
	struct pollfd p[3] = { { .fd = STDIN_FILENO }, { .fd = STDOUT_FILENO }, { .fd = STDERR_FILENO } };

	return poll(p, 3, 0) >= 0 && !((p[0].revents | p[1].revents | p[2].revents) & POLLNVAL);
}

int fd_ensure_stdio(struct err *e)
{
	if (has_stdio())
		return 0;
	for (int want = STDIN_FILENO; want <= STDERR_FILENO; want++) {
		int fd;

		if (fcntl(want, F_GETFD) >= 0)
			continue;
		/* The lowest free number is the missing one, since those below it exist. */
		fd = fd_open_null(O_RDWR, e);
		if (fd < 0)
			return -1;
		if (fd != want) {
			close(fd);
			return err_set(e, ERR_BUG, "descriptor %d became %d", want, fd);
		}
		if (fd_set_cloexec(fd, false, e) < 0)
			return -1;
	}
	return 0;
}

bool fd_is_dir(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

bool fd_is_device(int fd, mode_t type, unsigned major_number, unsigned minor_number)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type &&
	       major(st.st_rdev) == major_number && minor(st.st_rdev) == minor_number;
}

bool fd_has_magic(int fd, long fs_magic)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && (uint32_t)st.f_type == (uint32_t)fs_magic;
}

bool fd_same(int a, int b)
{
	struct stat one, two;

	return fstat(a, &one) == 0 && fstat(b, &two) == 0 && one.st_dev == two.st_dev &&
	       one.st_ino == two.st_ino;
}

bool file_is_at(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int path_mode(const char *path, bool nofollow, mode_t *mode, struct err *e)
{
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, nofollow ? AT_SYMLINK_NOFOLLOW : 0) < 0)
		return err_sys(e, "\"%s\"", path);
	*mode = st.st_mode;
	return 0;
}

bool path_allows(const char *path, int how)
{
	return faccessat(AT_FDCWD, path, how, AT_EACCESS) == 0;
}

int path_make_dir(const char *path, mode_t mode, struct err *e)
{
	char part[4096];
	size_t n = 0;

	do {
		struct text t = TEXT(part);

		n += strspn(path + n, "/");
		n += strcspn(path + n, "/");
		text_addn(&t, path, n);
		if (t.cut)
			return err_set(e, ERR_USAGE, "\"%.100s...\": the path is too long", path);
		if (n && mkdir(part, path[n] ? 0755 : mode) < 0 && errno != EEXIST)
			return err_sys(e, "make directory \"%s\"", part);
	} while (path[n]);
	return 0;
}
