/* SPDX-License-Identifier: Apache-2.0 */
/* The network inside, in husk-init: a new namespace has nothing but "lo", and that is down. */
#include "parts/net/net.h"

#include "sys/netlink.h"

int net_apply(const struct net_plan *p, struct err *e)
{
	if (!p->has_loopback)
		return 0;
	if (netlink_loopback_up(e) < 0)
		return err_in(e, "bring up \"lo\"");
	return 0;
}
