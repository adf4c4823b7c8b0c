/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts by descriptor; nothing is ever attached to the tree that the test was started in. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "unit/tap.h"

#ifndef TMPFS_MAGIC
#define TMPFS_MAGIC 0x01021994
#endif

/* ST_* of statfs(2); relatime is the kernel's default. */
static bool has_flags(int fd, long want)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && ((long)st.f_flags & 0x3fff & ~0x20) == want;
}

#define ST_ATIME_RELATIVE 0x1000
#define ST_ATIME_NEVER    0x0400

static void test_new(void)
{
	struct err e = { 0 };
	struct stat st;
	AUTO_FD int m = mountfd_new("tmpfs", "src", "mode=0750\0size=1m\0", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, false, &e);
	AUTO_FD int ro = -EBADF;

	OK(m >= 0 && fd_has_magic(m, TMPFS_MAGIC), "a tmpfs is made: %s", e.msg);
	OK(fstat(m, &st) == 0 && (st.st_mode & 07777) == 0750, "with its options");
	OK(has_flags(m, MS_NOSUID | MS_NODEV | ST_ATIME_RELATIVE), "and its attributes");
	OK(mountfd_is_mount(m, &e) == 1, "it is a mount");
	OK(mkdirat(m, "d", 0755) == 0, "it can be written");
	{
		AUTO_FD int d = openat(m, "d", O_PATH | O_CLOEXEC);
		AUTO_FD int again = openat(m, "d", O_PATH | O_CLOEXEC);

		OK(mountfd_is_mount(d, &e) == 0, "a folder in it is none");
		OK(mountfd_same(d, again, &e) == 1, "two descriptors of it are of the same file and mount");
		OK(mountfd_same(m, d, &e) == 0, "another file of that mount is not the same");
	}
	OK(mountfd_reconfigure(m, "size=2m\0", &e) == 0, "its size can be changed: %s", e.msg);
	OK(mountfd_reconfigure(m, "sizee=2m\0", &e) < 0, "not by a wrong option");
	ro = mountfd_new("tmpfs", NULL, NULL, 0, true, &e);
	OK(ro >= 0 && mkdirat(ro, "d", 0755) < 0 && errno == EROFS, "a read-only instance");

	OK(mountfd_new("tmpfs", NULL, "sizee=1m\0", 0, false, &e) < 0, "an unknown option is refused");
	SAME(e.msg, "file system \"tmpfs\": option \"sizee=1m\": tmpfs: Unknown parameter 'sizee': invalid argument",
	     "in the kernel's own words");
	OK(mountfd_new("nofs", NULL, NULL, 0, false, &e) < 0, "an unknown type too");
	SAME(e.msg, "file system \"nofs\": no such device", "with its name");
	{
		char data[400] = "mode=";

		memset(data + 5, '7', 300);
		OK(mountfd_new("tmpfs", NULL, data, 0, false, &e) < 0 && e.kind == ERR_UNSUPPORTED &&
		   strstr(e.msg, "longer than"), "a value that the kernel would not take says why");
	}
}

static void test_set(void)
{
	struct err e = { 0 };
	AUTO_FD int m = mountfd_new("tmpfs", NULL, NULL, 0, false, &e);
	AUTO_FD int c = -EBADF;

	OK(mountfd_set(-1, 0, 0, 0, false, &e) == 0, "nothing to set is no call");
	OK(mountfd_set(m, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME, 0, 0, false, &e) == 0 &&
	   has_flags(m, MS_RDONLY | ST_ATIME_NEVER), "set");
	OK(mountfd_set(m, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR_RDONLY, 0, true, &e) == 0 &&
	   has_flags(m, 0), "change and clear");
	OK(mountfd_set(m, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, MS_PRIVATE, false, &e) == 0 &&
	   has_flags(m, ST_ATIME_RELATIVE), "back to relatime");
	c = mountfd_clone(m, "", true, false, &e);
	OK(c >= 0 && fd_same(c, m), "a clone shows the same files: %s", e.msg);
	OK(mountfd_set(c, MOUNT_ATTR_RDONLY, 0, 0, false, &e) == 0 && mkdirat(c, "x", 0700) < 0 && mkdirat(m, "x", 0700) == 0,
	   "but has attributes of its own");
	OK(symlinkat("x", m, "l") == 0, "a link");
	{
		struct stat st;
		AUTO_FD int x = mountfd_clone(m, "l", false, false, &e), l = mountfd_clone(m, "l", false, true, &e);

		OK(x >= 0 && fd_is_dir(x), "a link is followed");
		OK(l >= 0 && fstat(l, &st) == 0 && S_ISLNK(st.st_mode), "or not");
	}
	OK(mountfd_clone(m, "none", false, false, &e) < 0 && e.num == ENOENT, "what is not there is not cloned");
}

/* In a mount namespace of its own. */
static int attach_and_detach(void)
{
	struct err e = { 0 };
	AUTO_FD int m = -EBADF, f = -EBADF, t = -EBADF, old = -EBADF, under = -EBADF;
	struct stat st;
	char cwd[256], again[256];

	if (sys_unshare(CLONE_NEWNS) < 0 || mountfd_propagation_of_root(MS_REC | MS_PRIVATE, &e) < 0)
		return 1;
	m = mountfd_new("tmpfs", NULL, NULL, 0, false, &e);
	t = open("/tmp", O_PATH | O_CLOEXEC);
	under = open("/tmp", O_PATH | O_CLOEXEC);
	if (!getcwd(cwd, sizeof(cwd)) || mountfd_attach(m, t, &e) < 0)
		return 2;
	old = open("/tmp", O_PATH | O_CLOEXEC);
	if (mountfd_same(old, under, &e) != 0 || mountfd_same(old, m, &e) != 1)
		return 3;
	if (mknodat(m, "file", S_IFREG | 0644, 0) < 0 || mknodat(m, "other", S_IFREG | 0600, 0) < 0)
		return 4;
	own_close(&t);
	t = openat(m, "file", O_PATH | O_CLOEXEC);
	f = mountfd_clone(m, "other", false, false, &e);
	if (f < 0 || mountfd_attach(f, t, &e) < 0 || stat("/tmp/file", &st) < 0 || st.st_mode != (S_IFREG | 0600))
		return 5;
	if (mountfd_detach(f, &e) < 0 || stat("/tmp/file", &st) < 0 || st.st_mode != (S_IFREG | 0644))
		return 6;
	if (mountfd_detach(m, &e) < 0)
		return 7;
	own_close(&old);
	old = open("/tmp", O_PATH | O_CLOEXEC);
	if (mountfd_same(old, under, &e) != 1)
		return 8;
	return !getcwd(again, sizeof(again)) || strcmp(cwd, again) ? 9 : 0;
}

int main(void)
{
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		SKIP("needs root", "mounts by descriptor");
		return tap_done();
	}
	test_new();
	test_set();
	pid = fork();
	if (!pid)
		_exit(attach_and_detach());
	waitpid(pid, &status, 0);
	OK(status == 0, "attach and detach, folders and files (%#x)", status);
	return tap_done();
}
