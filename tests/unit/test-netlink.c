/* SPDX-License-Identifier: Apache-2.0 */
/* Network devices change their namespace; all of it in namespaces of the test's own. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/calls.h"
#include "sys/netlink.h"
#include "unit/tap.h"

/* ip(8) makes what the product never makes; false when it cannot. */
static bool ip(const char *a, const char *b, const char *c, const char *d, const char *f, const char *g,
	       const char *h)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 2);
		execlp("ip", "ip", a, b, c, d, f, g, h, NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

static bool is_up(const char *name)
{
	struct ifaddrs *all, *i;
	bool up = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (i = all; i; i = i->ifa_next)
		up = up || (!strcmp(i->ifa_name, name) && (i->ifa_flags & IFF_UP));
	freeifaddrs(all);
	return up;
}

static bool has_address(const char *name, const char *want)
{
	struct ifaddrs *all, *i;
	char text[INET6_ADDRSTRLEN];
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (i = all; i; i = i->ifa_next) {
		const void *address;

		if (!i->ifa_addr || strcmp(i->ifa_name, name))
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			address = &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr;
		else if (i->ifa_addr->sa_family == AF_INET6)
			address = &((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr;
		else
			continue;
		inet_ntop(i->ifa_addr->sa_family, address, text, sizeof(text));
		found = found || !strcmp(text, want);
	}
	freeifaddrs(all);
	return found;
}

static void test_loopback(void)
{
	struct err e = { 0 };

	OK(!is_up("lo"), "a new namespace has \"lo\" down");
	OK(netlink_loopback_up(&e) == 0 && is_up("lo"), "it is brought up: %s", e.msg);
	OK(netlink_loopback_up(&e) == 0, "twice is no error");
}

static int open_netns(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static void test_move(void)
{
	struct err e = { 0 };
	AUTO_FD int here = open_netns();
	AUTO_FD int there = -EBADF;

	if (sys_unshare(CLONE_NEWNET) < 0)
		abort();
	there = open_netns();
	sys_setns(here, CLONE_NEWNET);
	if (!ip("link", "add", "ha", "type", "veth", "peer", "hb")) {
		SKIP("no veth or no ip(8)", "a link is moved");
		return;
	}
	ip("addr", "add", "10.9.8.7/24", "dev", "ha", NULL, NULL);
	ip("addr", "add", "10.9.8.8/24", "dev", "ha", NULL, NULL);
	ip("addr", "add", "fd00::7/64", "dev", "ha", "nodad", NULL);
	ip("link", "set", "ha", "up", NULL, NULL, NULL);
	OK(netlink_move_link("none", there, "x", &e) < 0 && e.num == ENODEV, "what is not there cannot be moved");
	OK(netlink_move_link("ha", there, "lo", &e) < 0 && e.kind == ERR_STATE, "nor onto a name that is taken: %s", e.msg);
	OK(is_up("ha"), "then it stays where it is");
	OK(netlink_move_link("ha", there, "a-name-that-is-too-long", &e) < 0 && e.kind == ERR_SPEC, "nor to a long name");
	OK(netlink_move_link("ha", there, "eth7", &e) == 0, "it is moved: %s", e.msg);
	OK(!has_address("ha", "10.9.8.7"), "and gone here");
	OK(netlink_move_link("hb", there, "h%d", &e) == 0, "the other one by a template: %s", e.msg);
	sys_setns(there, CLONE_NEWNET);
	OK(is_up("eth7"), "there it is up");
	OK(has_address("eth7", "10.9.8.7") && has_address("eth7", "10.9.8.8"), "with its addresses");
	OK(has_address("eth7", "fd00::7"), "also of IPv6");
	OK(is_up("h0"), "the template has become a name");
	ip("link", "del", "eth7", NULL, NULL, NULL, NULL);
	sys_setns(here, CLONE_NEWNET);
}

int main(void)
{
	if (geteuid() != 0 || sys_unshare(CLONE_NEWNET) < 0) {
		SKIP("needs root", "network devices");
		return tap_done();
	}
	test_loopback();
	test_move();
	return tap_done();
}
