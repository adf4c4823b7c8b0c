/* SPDX-License-Identifier: Apache-2.0 */
/* What a process may: system calls that libc lacks. They return what the kernel returns (-1 and errno). In both programs. */
#pragma once

#include <linux/capability.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cap_sets { uint64_t effective, permitted, inheritable; };

/* Of the calling thread. */
int sys_capget(struct cap_sets *);
int sys_capset(const struct cap_sets *);
/* Of the only thread of the process: libc's stop all others first, which is ten system calls for one. */
int sys_setgroups(size_t n, const gid_t *);
int sys_setresgid(gid_t);       /* real, effective and saved */
int sys_setresuid(uid_t);
/* 0, or the listener with SECCOMP_FILTER_FLAG_NEW_LISTENER (close-on-exec). */
int sys_seccomp_filter(unsigned flags, const struct sock_filter *, uint16_t len);
/* keyctl(2): serial number of the keyring of that name, which becomes the session keyring. */
int32_t sys_join_session_keyring(const char *name);
int sys_key_set_permissions(int32_t key, uint32_t permissions);
