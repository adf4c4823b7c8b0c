/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that libc lacks, or that must not be called by name elsewhere.  They return what
 * the kernel returns (-1 and errno); interrupted calls are repeated.  Usable in both programs.
 */
#pragma once

#include <linux/mount.h>        /* MS_*, MOUNT_ATTR_*, struct mount_attr: instead of <sys/mount.h>, whose
				   macros clash with these under musl */
#include <linux/openat2.h>
#include <linux/sched.h>        /* struct clone_args */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* <sys/mount.h> has these, the kernel's header has not. */
#ifndef MNT_DETACH
#define MNT_DETACH      2
#define UMOUNT_NOFOLLOW 8
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE    0x8000
#endif

int sys_openat2(int dir, const char *path, const struct open_how *);
int sys_close_range(unsigned first, unsigned last, unsigned flags);
int sys_pidfd_open(pid_t, unsigned flags);
int sys_pidfd_send_signal(int pidfd, int sig);
long sys_clone3(struct clone_args *, size_t);
int sys_execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags);
/* getdents64(2): struct dirent64, as many as fit. */
ssize_t sys_getdents(int dir, void *buf, size_t);
/* The length with its NUL, -1: libc's getcwd(3) brings malloc(3) into husk-init. */
ssize_t sys_getcwd(char *buf, size_t);
int sys_memfd_create(const char *name, unsigned flags);
int sys_pivot_root(int new_root_fd);                    /* ".", "." after fchdir(new_root_fd) */
int sys_unshare(int flags);
int sys_setns(int fd, int flags);

int sys_fsopen(const char *type);
int sys_fspick(int dir, const char *path, unsigned flags);
int sys_fsconfig(int fs, unsigned cmd, const char *key, const void *value, int aux);
int sys_fsmount(int fs, unsigned attr);
int sys_open_tree(int dir, const char *path, unsigned flags);
int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags);
int sys_mount_setattr(int fd, const char *path, unsigned flags, const struct mount_attr *);
int sys_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int sys_umount(const char *target, int flags);

/* renameat2(2) within one directory, with RENAME_NOREPLACE: EEXIST when TO exists. */
int sys_rename_new(int dir, const char *from, const char *to);

/* chmod through any descriptor, O_PATH too. Kernel < 6.6: ENOSYS. */
/* As the kernel does it: musl goes on with the path "/proc/self/fd/N" when FD is an O_PATH one. */
int sys_fchmod(int fd, mode_t);
int sys_fchmodat2(int dir, const char *path, mode_t, int flags);

struct sys_mount_facts {
	uint64_t id;            /* of the mount, reused after it is gone */
	bool is_root;           /* the file is the root of that mount */
	uint64_t device, inode; /* of the file */
	uint32_t mode;          /* st_mode */
	dev_t special;          /* of a device: st_rdev */
};

/* statx(2): on which mount the file NAME of DIR lies, no link followed; "": that of the descriptor itself. */
int sys_mount_facts(int dir, const char *name, struct sys_mount_facts *);
