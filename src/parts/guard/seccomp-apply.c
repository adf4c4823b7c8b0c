/* SPDX-License-Identifier: Apache-2.0 */
/* Hands the planned filter to the kernel, in husk-init. */
#include "parts/guard/seccomp.h"

#include "sys/credentials.h"

int seccomp_apply(const struct seccomp_plan *p, int *listener, struct err *e)
{
	int fd;

	if (!p->code)
		return 0;
	fd = sys_seccomp_filter(p->flags, p->code, p->len);
	if (fd < 0)
		return err_sys(e, "load the seccomp filter");
	if (p->has_listener)
		*listener = fd;
	return 0;
}
