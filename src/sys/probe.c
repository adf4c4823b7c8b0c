/* SPDX-License-Identifier: Apache-2.0 */
/* See probe.h. A call with arguments that no kernel accepts fails with ENOSYS only where there is no such call. */
#include "sys/probe.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"

static const struct call { const char *name; long number; long arguments[5]; } calls[] = {
	{ "clone3", SYS_clone3, { 0, 0 } },
	{ "close_range", SYS_close_range, { 1, 0, 0 } },
	{ "execveat", SYS_execveat, { -1, 0, 0, 0, -1 } },
	{ "fsconfig", SYS_fsconfig, { -1, -1, 0, 0, 0 } },
	{ "fsmount", SYS_fsmount, { -1, -1, -1 } },
	{ "fsopen", SYS_fsopen, { 0, -1 } },
	{ "memfd_create", SYS_memfd_create, { 0, -1 } },
	{ "mount_setattr", SYS_mount_setattr, { -1, 0, -1, 0, 0 } },
	{ "move_mount", SYS_move_mount, { -1, 0, -1, 0, -1 } },
	{ "open_tree", SYS_open_tree, { -1, 0, -1 } },
	{ "openat2", SYS_openat2, { -1, 0, 0, 0 } },
	{ "pidfd_open", SYS_pidfd_open, { -1, 0 } },
	{ "pidfd_send_signal", SYS_pidfd_send_signal, { -1, 0, 0, -1 } },
};

const char *probe_name(size_t i)
{
	return i < ARRAY_SIZE(calls) ? calls[i].name : NULL;
}

bool probe_has(size_t i)
{
	const struct call *c = &calls[i];
	const long *a = c->arguments;

	return syscall(c->number, a[0], a[1], a[2], a[3], a[4]) >= 0 || errno != ENOSYS;
}

bool probe_seccomp_action(unsigned action)
{
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}
