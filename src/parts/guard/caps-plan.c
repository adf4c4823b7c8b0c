/* SPDX-License-Identifier: Apache-2.0 */
/* process.capabilities to bit sets; in husk, before anything happens. */
#include "parts/guard/caps.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"

static const char *const names[] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
	"CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE",
	"CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT",
	"CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
	"CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
	"CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};
_Static_assert(ARRAY_SIZE(names) == CAP_CHECKPOINT_RESTORE + 1, "one name per capability, in the kernel's order");

#define BIT(n) (UINT64_C(1) << (n))

int caps_number(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

const char *caps_name(unsigned number)
{
	return number < ARRAY_SIZE(names) ? names[number] : NULL;
}

/* What can be granted at all: in a user namespace of our own everything the kernel has. */
static uint64_t grantable(bool own_userns, const struct host *host)
{
	uint64_t known = host->last_cap && host->last_cap < 63 ? BIT(host->last_cap + 1) - 1 :
			 BIT(ARRAY_SIZE(names)) - 1;

	return own_userns ? known : known & host->capabilities;
}

static uint64_t read_set(const str_list *list, const char *set, uint64_t may)
{
	uint64_t out = 0;

	for (size_t i = 0; i < list->n; i++) {
		int number = caps_number(list->v[i]);

		if (number < 0)
			log_warning("process.capabilities.%s[%zu]: unknown capability \"%s\" is left out", set, i,
				    list->v[i]);
		else if (!(may & BIT(number)))
			log_warning("process.capabilities.%s[%zu]: \"%s\" cannot be granted here and is left out", set,
				    i, list->v[i]);
		else
			out |= BIT(number);
	}
	return out;
}

/* SET shrinks to what WITHIN has; the kernel would refuse the rest. */
static void confine(uint64_t *set, uint64_t within, const char *name, const char *why)
{
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (*set & ~within & BIT(i))
			log_warning("process.capabilities.%s: \"%s\" is not in the %s set and is left out", name, names[i],
				    why);
	}
	*set &= within;
}

int caps_plan(struct caps_plan *out, const struct oci_capabilities *p, bool own_userns, bool loads_filter,
	      const struct host *host, struct arena *a, struct err *e)
{
	uint64_t may = grantable(own_userns, host);

	*out = (struct caps_plan){ .keep_admin = loads_filter && (may & BIT(CAP_SYS_ADMIN)) };
	if (!p)
		return 0;
	out->bounding = read_set(&p->bounding, "bounding", may);
	out->permitted = read_set(&p->permitted, "permitted", may);
	out->effective = read_set(&p->effective, "effective", may);
	out->inheritable = read_set(&p->inheritable, "inheritable", may);
	out->ambient = read_set(&p->ambient, "ambient", may);

	confine(&out->effective, out->permitted, "effective", "permitted");
	/* capset(2) raises nothing in the inheritable set that the bounding set lacks. */
	confine(&out->inheritable, out->bounding, "inheritable", "bounding");
	confine(&out->ambient, out->permitted, "ambient", "permitted");
	confine(&out->ambient, out->inheritable, "ambient", "inheritable");
	return 0;
}

int caps_plan_add(struct caps_plan *out, const char *const *add, size_t n, const char *path, bool own_userns,
		  const struct host *host, struct err *e)
{
	uint64_t may = grantable(own_userns, host);

	for (size_t i = 0; i < n; i++) {
		int number = caps_number(add[i]);

		if (number < 0)
			return err_set(e, ERR_USAGE, "%s: unknown capability \"%s\"", path, add[i]);
		if (!(may & BIT(number))) {
			log_warning("%s: \"%s\" cannot be granted here and is left out", path, add[i]);
			continue;
		}
		out->bounding |= BIT(number);
		out->permitted |= BIT(number);
		out->effective |= BIT(number);
		if (out->inheritable & BIT(number))
			out->ambient |= BIT(number);
	}
	return 0;
}
