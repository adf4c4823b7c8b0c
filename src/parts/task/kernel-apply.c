/* SPDX-License-Identifier: Apache-2.0 */
/* Writes kernel parameters, host name and personality, in husk-init; see kernel.h for when. */
#include "parts/task/kernel.h"

#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

int sysctl_apply(const struct kernel_plan *p, const struct procfs *proc, struct err *e)
{
	for (size_t i = 0; i < p->n; i++)
		if (procfs_write(proc, p->sysctls[i].file, p->sysctls[i].value, e) < 0)
			return err_in(e, "linux.sysctl");
	return 0;
}

int hostname_apply(const struct kernel_plan *p, struct err *e)
{
	if (p->hostname && sethostname(p->hostname, strlen(p->hostname)) < 0)
		return err_sys(e, "hostname: set \"%s\"", p->hostname);
	if (p->domainname && setdomainname(p->domainname, strlen(p->domainname)) < 0)
		return err_sys(e, "domainname: set \"%s\"", p->domainname);
	return 0;
}

int personality_apply(const struct kernel_plan *p, struct err *e)
{
	if (p->has_personality && personality(p->personality) < 0)
		return err_sys(e, "linux.personality: set %#lx", p->personality);
	return 0;
}
