/* SPDX-License-Identifier: Apache-2.0 */
/* linux.netDevices checked, and whether "lo" has to be brought up. Pure, in husk. */
#include "parts/net/net.h"

#include <net/if.h>
#include <string.h>

/* dev_valid_name() of the kernel, with one "%d" where a template is allowed. */
static bool is_device_name(const char *name, bool may_be_template)
{
	const char *percent = strchr(name, '%');

	if (!*name || strlen(name) >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (const char *c = name; *c; c++)
		if (*c == '/' || *c == ':' || (unsigned char)*c <= ' ')
			return false;
	if (!percent)
		return true;
	return may_be_template && percent[1] == 'd' && !strchr(percent + 1, '%');
}

static int device(struct net_device *out, const struct oci_net_device *d, struct arena *a, struct err *e)
{
	const char *name = d->name && *d->name ? d->name : d->host_name;

	if (!is_device_name(d->host_name, false))
		return err_set(e, ERR_SPEC, "linux.netDevices[\"%.100s\"]: is no name of a network device", d->host_name);
	if (!is_device_name(name, true))
		return err_set(e, ERR_SPEC, "linux.netDevices[\"%s\"].name: \"%.100s\" is no name of a network device",
			       d->host_name, name);
	/* "lo" of a namespace cannot leave it. */
	if (strcmp(d->host_name, "lo") == 0)
		return err_set(e, ERR_SPEC, "linux.netDevices[\"lo\"]: the loopback device cannot be moved");
	out->host_name = arena_strdup(a, d->host_name);
	out->name = arena_strdup(a, name);
	return 0;
}

int net_plan(struct net_plan *p, const struct oci_linux *l, bool made, bool own, const struct host *host,
	     struct arena *a, struct err *e)
{
	struct net_device *v;

	*p = (struct net_plan){ .has_loopback = made };
	if (!l || !l->net_devices.n)
		return 0;
	if (!own)
		return err_set(e, ERR_SPEC, "linux.netDevices: needs a network namespace of the container's own");
	v = ARENA_ARRAY(a, struct net_device, l->net_devices.n);
	for (size_t i = 0; i < l->net_devices.n; i++) {
		if (device(&v[i], &l->net_devices.v[i], a, e) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (strcmp(v[k].name, v[i].name) == 0 && !strchr(v[i].name, '%'))
				return err_set(e, ERR_SPEC, "linux.netDevices[\"%s\"].name: \"%s\" is taken by \"%s\"",
					       v[i].host_name, v[i].name, v[k].host_name);
	}
	if (host->is_rootless)
		return err_set(e, ERR_UNSUPPORTED, "linux.netDevices: moving devices needs root of the host");
	p->devices = v;
	p->n = l->net_devices.n;
	return 0;
}
