/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw system calls, for both programs: libc's wrappers are missing (musl, glibc < 2.36) or add
 * meanings of their own.  Nothing here decides anything.
 */
#include "sys/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>         /* struct statx; this file must not include <sys/stat.h> */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/* A signal must not turn into an error of a container's start. */
#define REPEAT(call) ({                                         \
	long ret_;                                              \
	do                                                      \
		ret_ = (call);                                  \
	while (ret_ < 0 && errno == EINTR);                     \
	ret_;                                                   \
})

int sys_openat2(int dir, const char *path, const struct open_how *how)
{
	return (int)REPEAT(syscall(SYS_openat2, dir, path, how, sizeof(*how)));
}

int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

int sys_pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

int sys_pidfd_send_signal(int pidfd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0u);
}

long sys_clone3(struct clone_args *args, size_t size)
{
	return syscall(SYS_clone3, args, size);
}

int sys_execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	return (int)syscall(SYS_execveat, fd, path, argv, envp, flags);
}

ssize_t sys_getdents(int dir, void *buf, size_t size)
{
	return syscall(SYS_getdents64, dir, buf, size);
}

ssize_t sys_getcwd(char *buf, size_t size)
{
	return syscall(SYS_getcwd, buf, size);
}

int sys_memfd_create(const char *name, unsigned flags)
{
	return (int)syscall(SYS_memfd_create, name, flags);
}

int sys_rename_new(int dir, const char *from, const char *to)
{
	return (int)syscall(SYS_renameat2, dir, from, dir, to, RENAME_NOREPLACE);
}

int sys_pivot_root(int new_root_fd)
{
	/* The old root is then stacked on the new one and goes by umount(".", MNT_DETACH): pivot_root(2). */
	if (fchdir(new_root_fd) < 0)
		return -1;
	return (int)syscall(SYS_pivot_root, ".", ".");
}

int sys_unshare(int flags)
{
	return (int)syscall(SYS_unshare, flags);
}

int sys_setns(int fd, int flags)
{
	return (int)syscall(SYS_setns, fd, flags);
}

int sys_fsopen(const char *type)
{
	return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

int sys_fspick(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_fspick, dir, path, flags);
}

int sys_fsconfig(int fs, unsigned cmd, const char *key, const void *value, int aux)
{
	return (int)REPEAT(syscall(SYS_fsconfig, fs, cmd, key, value, aux));
}

int sys_fsmount(int fs, unsigned attr)
{
	return (int)REPEAT(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr));
}

int sys_open_tree(int dir, const char *path, unsigned flags)
{
	return (int)REPEAT(syscall(SYS_open_tree, dir, path, flags));
}

int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
	return (int)REPEAT(syscall(SYS_move_mount, from, from_path, to, to_path, flags));
}

int sys_mount_setattr(int fd, const char *path, unsigned flags, const struct mount_attr *attr)
{
	return (int)REPEAT(syscall(SYS_mount_setattr, fd, path, flags, attr, sizeof(*attr)));
}

int sys_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
	return (int)REPEAT(syscall(SYS_mount, source, target, type, flags, data));
}

int sys_umount(const char *target, int flags)
{
	return (int)REPEAT(syscall(SYS_umount2, target, flags));
}

int sys_fchmod(int fd, mode_t mode)
{
	return (int)syscall(SYS_fchmod, fd, mode);
}

int sys_fchmodat2(int dir, const char *path, mode_t mode, int flags)
{
	return (int)syscall(SYS_fchmodat2, dir, path, mode, flags);
}

int sys_mount_facts(int dir, const char *name, struct sys_mount_facts *facts)
{
	int flags = *name ? AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT : AT_EMPTY_PATH;
	struct statx st;

	if (syscall(SYS_statx, dir, name, flags, STATX_MNT_ID | STATX_INO | STATX_TYPE, &st) < 0)
		return -1;
	facts->id = st.stx_mnt_id;
	facts->device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
	facts->inode = st.stx_ino;
	facts->mode = st.stx_mode;
	facts->special = makedev(st.stx_rdev_major, st.stx_rdev_minor);
	facts->is_root = st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return 0;
}
