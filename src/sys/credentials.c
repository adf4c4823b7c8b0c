/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/credentials.h"

#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

int sys_capget(struct cap_sets *out)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct half[2] = {};

	if (syscall(SYS_capget, &header, half) < 0)
		return -1;
	out->effective = half[0].effective | (uint64_t)half[1].effective << 32;
	out->permitted = half[0].permitted | (uint64_t)half[1].permitted << 32;
	out->inheritable = half[0].inheritable | (uint64_t)half[1].inheritable << 32;
	return 0;
}

int sys_capset(const struct cap_sets *sets)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct half[2] = {
		{ (uint32_t)sets->effective, (uint32_t)sets->permitted, (uint32_t)sets->inheritable },
		{ (uint32_t)(sets->effective >> 32), (uint32_t)(sets->permitted >> 32),
		  (uint32_t)(sets->inheritable >> 32) },
	};

	return (int)syscall(SYS_capset, &header, half);
}

/* Where there are two, the plain name takes 16 bits only (i386, 32-bit arm). */
#ifdef SYS_setresuid32
#define NUMBER(name) SYS_##name##32
#else
#define NUMBER(name) SYS_##name
#endif

int sys_setgroups(size_t n, const gid_t *groups)
{
	return (int)syscall(NUMBER(setgroups), n, groups);
}

int sys_setresgid(gid_t gid)
{
	return (int)syscall(NUMBER(setresgid), gid, gid, gid);
}

int sys_setresuid(uid_t uid)
{
	return (int)syscall(NUMBER(setresuid), uid, uid, uid);
}

int sys_seccomp_filter(unsigned flags, const struct sock_filter *code, uint16_t len)
{
	struct sock_fprog program = { .len = len, .filter = (struct sock_filter *)code };

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

int32_t sys_join_session_keyring(const char *name)
{
	return (int32_t)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
}

int sys_key_set_permissions(int32_t key, uint32_t permissions)
{
	return (int)syscall(SYS_keyctl, KEYCTL_SETPERM, key, permissions);
}
