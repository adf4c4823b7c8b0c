/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves the devices of linux.netDevices into the container's network namespace: on the host, when
 * init asks PLACE, that is before prestart hooks look at the network.
 */
#include "parts/net/net.h"

#include "sys/netlink.h"

int net_serve(const struct net_plan *p, int netns, struct err *e)
{
	for (size_t i = 0; i < p->n; i++)
		if (netlink_move_link(p->devices[i].host_name, netns, p->devices[i].name, e) < 0)
			return err_in(e, "linux.netDevices[\"%s\"]", p->devices[i].host_name);
	return 0;
}
