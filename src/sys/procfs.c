/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc without its name.  Opened by husk and by husk-init before either comes near a
 * container's files, and used until the payload runs: labels, id maps, sysctls, oom scores.
 */
#include "sys/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/calls.h"
#include "sys/fd.h"

#define PROC_ROOT_INODE 1       /* include/linux/proc_ns.h, since 2.6 */
#define NAME_SIZE       256

void procfs_undo(struct procfs *p)
{
	own_close(&p->fd);
}

int procfs_open_host(struct procfs *p, struct err *e)
{
	AUTO_FD int fd = fd_open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, e);
	struct stat st;

	if (fd < 0)
		return -1;
	if (!fd_has_magic(fd, PROC_SUPER_MAGIC) || fstat(fd, &st) < 0 || st.st_ino != PROC_ROOT_INODE)
		return err_set(e, ERR_SYSTEM, "\"/proc\" is not a proc file system");
	p->fd = TAKE_FD(fd);
	return 0;
}

/* -1 without a message where the kernel does not allow it: EPERM in a user namespace whose /proc is masked. */
static int make_private(void)
{
	AUTO_FD int fs = sys_fsopen("proc");

	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

int procfs_open(struct procfs *p, struct err *e)
{
	p->fd = make_private();
	return p->fd < 0 ? procfs_open_host(p, e) : 0;
}

/*
 * "self" is a link, and links are refused: its target, the pid as this procfs counts it, stands
 * in for it.  Not getpid(), which differs when the procfs is that of an outer PID namespace.
 */
static int real_name(const struct procfs *p, const char *name, char *buf, struct err *e)
{
	struct text t = { .s = buf, .size = NAME_SIZE };
	const char *rest = str_after(name, "self");
	char pid[32];

	if (rest && (*rest == '/' || !*rest)) {
		ssize_t n = readlinkat(p->fd, "self", pid, sizeof(pid));

		if (n <= 0)
			return err_sys(e, "\"/proc/self\"");
		text_addn(&t, pid, (size_t)n);
		text_add(&t, rest);
	} else {
		text_add(&t, name);
	}
	if (t.cut)
		return err_set(e, ERR_SPEC, "\"/proc/%s\": the name is too long", name);
	return 0;
}

static int open_strictly(int dir, const char *name, int oflags)
{
	/* openat2(2) takes no other flag beside O_PATH. */
	unsigned own = oflags & O_PATH ? O_CLOEXEC : O_CLOEXEC | O_NOCTTY;
	struct open_how how = {
		.flags = (unsigned)oflags | own,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return sys_openat2(dir, name, &how);
}

int procfs_open_file(const struct procfs *p, const char *name, int oflags, struct err *e)
{
	char real[NAME_SIZE];
	int fd;

	if (real_name(p, name, real, e) < 0)
		return -1;
	fd = open_strictly(p->fd, real, oflags);
	return fd < 0 ? err_sys(e, "open \"/proc/%s\"", name) : fd;
}

int procfs_write(const struct procfs *p, const char *name, const char *text, struct err *e)
{
	AUTO_FD int fd = procfs_open_file(p, name, O_WRONLY, e);

	if (fd < 0)
		return -1;
	if (fd_write_all(fd, text, strlen(text), e) < 0)
		return err_in(e, "\"/proc/%s\"", name);
	return 0;
}

ssize_t procfs_read(const struct procfs *p, const char *name, char *buf, size_t size, struct err *e)
{
	AUTO_FD int fd = procfs_open_file(p, name, O_RDONLY, e);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = fd_read_made(fd, buf, size, e);
	return n < 0 ? err_in(e, "\"/proc/%s\"", name) : n;
}

int procfs_open_own(const char *name, int oflags, struct err *e)
{
	struct open_how how = { .flags = (unsigned)oflags | O_CLOEXEC | O_NOCTTY, .resolve = RESOLVE_NO_MAGICLINKS };
	char path[NAME_SIZE];
	AUTO_FD int fd = -EBADF;

	(void)snprintf(path, sizeof(path), "/proc/self/%s", name);
	fd = sys_openat2(AT_FDCWD, path, &how);
	if (fd < 0)
		return err_sys(e, "open \"%s\"", path);
	if (!fd_has_magic(fd, PROC_SUPER_MAGIC))
		return err_set(e, ERR_SYSTEM, "\"%s\" is not in a proc file system", path);
	return TAKE_FD(fd);
}

ssize_t procfs_read_own(const char *name, char *buf, size_t size, struct err *e)
{
	AUTO_FD int fd = procfs_open_own(name, O_RDONLY, e);
	ssize_t n = fd < 0 ? -1 : fd_read_made(fd, buf, size, e);

	return fd >= 0 && n < 0 ? err_in(e, "\"/proc/self/%s\"", name) : n;
}

ssize_t procfs_read_host(pid_t pid, const char *name, char *buf, size_t size, struct err *e)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
	char path[NAME_SIZE];
	AUTO_FD int fd = -EBADF;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	fd = sys_openat2(AT_FDCWD, path, &how);
	if (fd < 0)
		return err_sys(e, "open \"%s\"", path);
	if (!fd_has_magic(fd, PROC_SUPER_MAGIC))
		return err_set(e, ERR_SYSTEM, "\"%s\" is not in a proc file system", path);
	n = fd_read_made(fd, buf, size, e);
	return n < 0 ? err_in(e, "\"%s\"", path) : n;
}

/* The directory that holds NAME, and where its last component begins. */
static int open_folder(const struct procfs *p, const char *name, const char **last, struct err *e)
{
	char folder[NAME_SIZE], real[NAME_SIZE];
	const char *slash = strrchr(name, '/');
	struct text t = TEXT(folder);
	int fd;

	if (!slash || !slash[1])
		return err_set(e, ERR_BUG, "\"/proc/%s\" is not a link of a process", name);
	text_addn(&t, name, (size_t)(slash - name));
	if (real_name(p, folder, real, e) < 0)
		return -1;
	*last = slash + 1;
	fd = open_strictly(p->fd, real, O_PATH | O_DIRECTORY);
	return fd < 0 ? err_sys(e, "open \"/proc/%s\"", folder) : fd;
}

int procfs_open_link(const struct procfs *p, const char *name, int oflags, struct err *e)
{
	const char *last = NULL;
	AUTO_FD int dir = open_folder(p, name, &last, e);
	int fd;

	if (dir < 0)
		return -1;
	do
		fd = openat(dir, last, oflags | O_CLOEXEC | O_NOCTTY);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? err_sys(e, "open \"/proc/%s\"", name) : fd;
}

ssize_t procfs_read_link(const struct procfs *p, const char *name, char *buf, size_t size, struct err *e)
{
	const char *last = NULL;
	AUTO_FD int dir = open_folder(p, name, &last, e);
	ssize_t n;

	if (dir < 0)
		return -1;
	n = readlinkat(dir, last, buf, size);
	if (n < 0)
		return err_sys(e, "read link \"/proc/%s\"", name);
	if ((size_t)n >= size)
		return err_set(e, ERR_SYSTEM, "read link \"/proc/%s\": longer than %zu bytes", name, size - 1);
	buf[n] = '\0';
	return n;
}
