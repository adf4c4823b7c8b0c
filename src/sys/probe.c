/* SPDX-License-Identifier: Apache-2.0 */
/* See probe.h. A call with arguments that no kernel accepts fails with ENOSYS only where there is no such call. */
#include "sys/probe.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"
#include "base/table.h"

struct call { char name[24]; long number; long arguments[5]; };

#define CALL(which, ...) { #which, SYS_##which + FITS(#which, struct call, name), { __VA_ARGS__ } }

static const struct call calls[] = {
	CALL(clone3, 0, 0),
	CALL(close_range, 1, 0, 0),
	CALL(execveat, -1, 0, 0, 0, -1),
	CALL(fsconfig, -1, -1, 0, 0, 0),
	CALL(fsmount, -1, -1, -1),
	CALL(fsopen, 0, -1),
	CALL(memfd_create, 0, -1),
	CALL(mount_setattr, -1, 0, -1, 0, 0),
	CALL(move_mount, -1, 0, -1, 0, -1),
	CALL(open_tree, -1, 0, -1),
	CALL(openat2, -1, 0, 0, 0),
	CALL(pidfd_open, -1, 0),
	CALL(pidfd_send_signal, -1, 0, 0, -1),
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
