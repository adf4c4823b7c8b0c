/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnetlink(7): "lo" for husk-init, the devices of linux.netDevices for the host.  Requests are
 * small and answered at once by the kernel; nobody else can send to the socket.
 */
#include "sys/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/procfs.h"

#define NAME_MAX_LINK   16              /* IFNAMSIZ; <net/if.h> and <linux/if.h> exclude each other */
#define FLAG_UP         1u              /* IFF_UP */
#define LOOPBACK_INDEX  1               /* in every network namespace: LOOPBACK_IFINDEX */
#define ANSWER_SIZE     32768           /* the kernel's largest message of a dump */

struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
	} u;
	char room[512];
};

static int open_route(struct err *e)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? err_sys(e, "open a netlink socket") : fd;
}

static void begin(struct request *q, uint16_t type, uint16_t flags, size_t body)
{
	memset(q, 0, sizeof(*q));
	q->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
	q->head.nlmsg_type = type;
	q->head.nlmsg_flags = NLM_F_REQUEST | flags;
}

/* Everything that is added here is small and counted by the callers: it always fits. */
static void add(struct request *q, uint16_t type, const void *data, size_t n)
{
	struct rtattr *a = (struct rtattr *)((char *)q + NLMSG_ALIGN(q->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), data, n);
	q->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->head.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

/* NLMSG_OK, which compares signed and unsigned. */
static bool is_whole(const struct nlmsghdr *m, int left)
{
	return left >= (int)sizeof(*m) && m->nlmsg_len >= sizeof(*m) && m->nlmsg_len <= (unsigned)left;
}

typedef void answer_fn(void *arg, const struct nlmsghdr *);

/* One datagram of answers: 1 there may be more, 0 that was the end, -1 with errno. */
static int read_answers(int fd, answer_fn *fn, void *arg)
{
	char buf[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t got;
	int left;

	do
		got = recv(fd, buf, sizeof(buf), 0);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return -1;
	left = (int)got;
	for (const struct nlmsghdr *m = (void *)buf; is_whole(m, left); m = NLMSG_NEXT(m, left)) {
		if (m->nlmsg_type == NLMSG_DONE)
			return 0;
		if (m->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *error = NLMSG_DATA(m);

			errno = -error->error;
			return error->error ? -1 : 0;
		}
		if (fn)
			fn(arg, m);
	}
	return 1;
}

/* Sends and reads to the end; -1 with errno. */
static int talk(int fd, struct request *q, answer_fn *fn, void *arg)
{
	int ret;

	if ((q->head.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		q->head.nlmsg_flags |= NLM_F_ACK;
	if (send(fd, q, q->head.nlmsg_len, 0) < 0)
		return -1;
	do
		ret = read_answers(fd, fn, arg);
	while (ret > 0);
	return ret;
}

static int set_up(int fd, int index)
{
	struct request q;

	begin(&q, RTM_NEWLINK, 0, sizeof(q.u.link));
	q.u.link.ifi_index = index;
	q.u.link.ifi_flags = FLAG_UP;
	q.u.link.ifi_change = FLAG_UP;
	return talk(fd, &q, NULL, NULL);
}

int netlink_loopback_up(struct err *e)
{
	AUTO_FD int fd = open_route(e);

	if (fd < 0)
		return -1;
	if (set_up(fd, LOOPBACK_INDEX) < 0)
		return err_sys(e, "bring up \"lo\"");
	return 0;
}

/* ---- moving a link ------------------------------------------------------------------------ */

static void take_index(void *arg, const struct nlmsghdr *m)
{
	const struct ifinfomsg *link = NLMSG_DATA(m);

	if (m->nlmsg_type == RTM_NEWLINK)
		*(int *)arg = link->ifi_index;
}

/* The index of a link, -1 with errno ENODEV when there is none. */
static int index_of(int fd, const char *name)
{
	struct request q;
	int index = -1;

	begin(&q, RTM_GETLINK, 0, sizeof(q.u.link));
	add(&q, IFLA_IFNAME, name, strlen(name) + 1);
	return talk(fd, &q, take_index, &index) < 0 ? -1 : index;
}

#define INDEXES_MAX 1024

struct indexes {
	int at[INDEXES_MAX];
	int n;
};

static void take_each_index(void *arg, const struct nlmsghdr *m)
{
	struct indexes *all = arg;

	if (all->n < INDEXES_MAX) {
		all->at[all->n] = -1;
		take_index(&all->at[all->n++], m);
	}
}

static int all_indexes(int fd, struct indexes *all)
{
	struct request q;

	all->n = 0;
	begin(&q, RTM_GETLINK, NLM_F_DUMP, sizeof(q.u.link));
	return talk(fd, &q, take_each_index, all);
}

static bool has_index(const struct indexes *all, int index)
{
	for (int i = 0; i < all->n; i++)
		if (all->at[i] == index)
			return true;
	return false;
}

#define ADDRESSES_MAX 128

struct address {
	struct ifaddrmsg head;
	uint32_t flags;
	unsigned char local[16], peer[16], broadcast[4];
	size_t local_len, peer_len, broadcast_len;
};

struct addresses {
	int index;              /* of the link */
	int n;
	bool too_many;
	struct address at[ADDRESSES_MAX];
};

static void copy_attribute(const struct rtattr *a, void *to, size_t max, size_t *len)
{
	size_t n = RTA_PAYLOAD(a);

	if (n > max)
		return;
	memcpy(to, RTA_DATA(a), n);
	*len = n;
}

/* Permanent ones of global scope: the others belong to the namespace that the link leaves. */
static void take_address(void *arg, const struct nlmsghdr *m)
{
	const struct ifaddrmsg *head = NLMSG_DATA(m);
	struct addresses *all = arg;
	struct address found = { .head = *head, .flags = head->ifa_flags };
	int left = (int)IFA_PAYLOAD(m);
	size_t n = 0;

	if (m->nlmsg_type != RTM_NEWADDR || (int)head->ifa_index != all->index)
		return;
	for (const struct rtattr *a = IFA_RTA(head); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFA_LOCAL)
			copy_attribute(a, found.local, sizeof(found.local), &found.local_len);
		if (a->rta_type == IFA_ADDRESS)
			copy_attribute(a, found.peer, sizeof(found.peer), &found.peer_len);
		if (a->rta_type == IFA_BROADCAST)
			copy_attribute(a, found.broadcast, sizeof(found.broadcast), &found.broadcast_len);
		if (a->rta_type == IFA_FLAGS)
			copy_attribute(a, &found.flags, sizeof(found.flags), &n);
	}
	if (!(found.flags & IFA_F_PERMANENT) || head->ifa_scope != RT_SCOPE_UNIVERSE)
		return;
	if (all->n == ADDRESSES_MAX)
		all->too_many = true;
	else
		all->at[all->n++] = found;
}

static int read_addresses(int fd, struct addresses *all)
{
	struct request q;

	begin(&q, RTM_GETADDR, NLM_F_DUMP, sizeof(q.u.address));
	return talk(fd, &q, take_address, all);
}

static int add_address(int fd, int index, const struct address *a)
{
	const uint32_t keep = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE |
			      IFA_F_MCAUTOJOIN;
	uint32_t flags = a->flags & keep;
	struct request q;

	begin(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(q.u.address));
	q.u.address = a->head;
	q.u.address.ifa_flags = (unsigned char)flags;
	q.u.address.ifa_index = (unsigned)index;
	if (a->local_len)
		add(&q, IFA_LOCAL, a->local, a->local_len);
	if (a->peer_len)
		add(&q, IFA_ADDRESS, a->peer, a->peer_len);
	if (a->broadcast_len)
		add(&q, IFA_BROADCAST, a->broadcast, a->broadcast_len);
	add(&q, IFA_FLAGS, &flags, sizeof(flags));
	return talk(fd, &q, NULL, NULL);
}

static int move(int fd, int index, int netns_fd, const char *name)
{
	uint32_t ns = (uint32_t)netns_fd;
	struct request q;

	begin(&q, RTM_NEWLINK, 0, sizeof(q.u.link));
	q.u.link.ifi_index = index;
	add(&q, IFLA_NET_NS_FD, &ns, sizeof(ns));
	add(&q, IFLA_IFNAME, name, strlen(name) + 1);
	return talk(fd, &q, NULL, NULL);
}

/* A netlink socket stays in the namespace it was opened in: there and back again. */
static int open_route_in(int netns_fd, struct err *e)
{
	AUTO(procfs) proc = PROCFS_NONE;
	AUTO_FD int here = -EBADF;
	int fd;

	if (procfs_open_host(&proc, e) < 0)
		return -1;
	here = procfs_open_link(&proc, "self/ns/net", O_RDONLY, e);
	if (here < 0)
		return -1;
	if (sys_setns(netns_fd, CLONE_NEWNET) < 0)
		return err_sys(e, "enter the container's network namespace");
	fd = open_route(e);
	if (sys_setns(here, CLONE_NEWNET) < 0) {
		own_close(&fd);
		return err_sys(e, "return from the container's network namespace");
	}
	return fd;
}

/* The index that the link has now: by its name, or, when the kernel chose that, as the one that is new. */
static int moved_index(int there, const char *name, const struct indexes *before, struct err *e)
{
	struct indexes now;
	int index = -1;

	errno = ENODEV;
	if (!strchr(name, '%'))
		index = index_of(there, name);
	else if (all_indexes(there, &now) == 0)
		for (int i = 0; i < now.n && index < 0; i++)
			if (!has_index(before, now.at[i]))
				index = now.at[i];
	return index < 0 ? err_sys(e, "find link \"%s\" in the container", name) : index;
}

static int set_addresses(int there, int index, const struct addresses *all, struct err *e)
{
	for (int i = 0; i < all->n; i++)
		if (add_address(there, index, &all->at[i]) < 0)
			return err_sys(e, "restore address %d of %d", i + 1, all->n);
	return 0;
}

static int move_link(const char *host_name, int netns_fd, const char *name, struct err *e)
{
	AUTO_FD int here = open_route(e);
	AUTO_FD int there = open_route_in(netns_fd, e);
	struct addresses addresses = { .n = 0 };
	struct indexes before;
	int index;

	if (here < 0 || there < 0)
		return -1;
	addresses.index = index_of(here, host_name);
	if (addresses.index < 0)
		return err_sys(e, "find it");
	if (read_addresses(here, &addresses) < 0 || all_indexes(there, &before) < 0)
		return err_sys(e, "list addresses and links");
	if (addresses.too_many)
		return err_set(e, ERR_UNSUPPORTED, "it has more than %d addresses", ADDRESSES_MAX);
	/* First, because the kernel moves first and renames then: a failure would leave it half-way. */
	if (!strchr(name, '%') && index_of(there, name) >= 0)
		return err_set(e, ERR_STATE, "the container has a link \"%s\" already", name);
	if (move(here, addresses.index, netns_fd, name) < 0)
		return err_sys(e, "move it to the container as \"%s\"", name);
	index = moved_index(there, name, &before, e);
	if (index < 0 || set_addresses(there, index, &addresses, e) < 0)
		return -1;
	if (set_up(there, index) < 0)
		return err_sys(e, "bring it up in the container");
	return 0;
}

int netlink_move_link(const char *host_name, int netns_fd, const char *name, struct err *e)
{
	if (!*name || strlen(name) >= NAME_MAX_LINK || strlen(host_name) >= NAME_MAX_LINK)
		return err_set(e, ERR_SPEC, "link \"%s\" to \"%s\": a name has 1 to %d bytes", host_name, name,
			       NAME_MAX_LINK - 1);
	if (move_link(host_name, netns_fd, name, e) < 0)
		return err_in(e, "link \"%s\"", host_name);
	return 0;
}
