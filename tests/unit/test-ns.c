/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces, time offsets and id maps as planned from config.json. */
#include <linux/capability.h>
#include <sched.h>

#include "parts/ns/idmap.h"
#include "parts/ns/namespaces.h"
#include "unit/tap.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static struct arena arena = ARENA_NONE;
static struct err e;

#define BOTH_IDS (1ull << CAP_SETUID | 1ull << CAP_SETGID)

static const struct host root_host = { .ns_kinds = ~0ull, .capabilities = BOTH_IDS };
static const struct host user_host = { .ns_kinds = ~0ull, .is_rootless = true, .uid = 1000, .gid = 1001 };

static int plan_ns(struct ns_plan *p, struct oci_namespace *v, size_t n, struct oci_time_offsets *t,
		   const struct host *host)
{
	struct oci_linux l = { .namespaces = { .n = n, .v = v }, .time_offsets = t };
	struct oci_config c = { .linux_ = &l };

	e = (struct err){ .kind = ERR_NONE };
	return ns_plan(p, &c, host, &arena, &e);
}

static void check_namespaces(void)
{
	struct oci_namespace plain[] = { { OCI_NS_PID, NULL }, { OCI_NS_MOUNT, "" }, { OCI_NS_CGROUP, NULL } };
	struct oci_namespace joined[] = { { OCI_NS_NETWORK, "/run/netns/a" }, { OCI_NS_PID, "/proc/7/ns/pid" } };
	struct oci_namespace user[] = { { OCI_NS_USER, NULL } };
	struct oci_namespace twice[] = { { OCI_NS_IPC, NULL }, { OCI_NS_IPC, "/x" } };
	struct oci_namespace relative[] = { { OCI_NS_UTS, "ns/uts" } };
	struct host old = root_host;
	struct oci_config none = { .linux_ = NULL };
	struct ns_plan p;

	OK(ns_plan(&p, &none, &root_host, &arena, &e) == 0 && !p.make && !p.join, "without linux there is nothing to do");
	OK(plan_ns(&p, plain, 3, NULL, &root_host) == 0 && p.make == (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWCGROUP) &&
	   !p.join && !p.needs_bridge, "new ones are made by the clone; an empty path is none");
	ns_plan_later(&p);
	OK(p.later == CLONE_NEWNS, "or later by init itself, those that a process need not be born in and that no cgroup changes");
	OK(plan_ns(&p, joined, 2, NULL, &root_host) == 0 && p.join == (CLONE_NEWNET | CLONE_NEWPID) && p.n_joins == 2 &&
	   p.needs_bridge, "a joined PID namespace needs the bridge");
	SAME(p.joins[1].where, "linux.namespaces[1].path", "and knows where it was said");
	OK(plan_ns(&p, joined, 1, NULL, &root_host) == 0 && !p.needs_bridge, "a joined network namespace does not");
	OK(plan_ns(&p, user, 1, NULL, &root_host) == 0 && p.needs_bridge, "a new user namespace does");
	ns_plan_later(&p);
	OK(!p.later, "and then init makes none by itself");
	OK(plan_ns(&p, twice, 2, NULL, &root_host) < 0 && e.kind == ERR_SPEC, "a type can be there once");
	SAME(e.msg, "linux.namespaces[1]: a second namespace of type \"ipc\"", "with its path");
	OK(plan_ns(&p, relative, 1, NULL, &root_host) < 0 && e.kind == ERR_SPEC, "paths are absolute");
	old.ns_kinds &= ~(uint64_t)CLONE_NEWPID;
	OK(plan_ns(&p, plain, 1, NULL, &old) < 0 && e.kind == ERR_UNSUPPORTED, "what the kernel lacks is told");
}

static void check_exec(void)
{
	struct oci_namespace v[] = { { OCI_NS_PID, NULL }, { OCI_NS_NETWORK, "/run/netns/a" }, { OCI_NS_USER, NULL } };
	struct oci_linux l = { .namespaces = { .n = 3, .v = v } };
	struct oci_config c = { .linux_ = &l };
	struct ns_plan p;

	OK(ns_plan_exec(&p, &c, &root_host, &arena, &e) == 0 && !p.make && !p.n_joins && p.needs_bridge &&
	   p.join == (CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUSER), "exec joins what create made and joined");
}

static void check_time(void)
{
	struct oci_namespace v[] = { { OCI_NS_TIME, NULL } };
	struct oci_time_offset day = { .secs = 86400 }, back = { .secs = -1, .nanosecs = 999999999 };
	struct oci_time_offset bad = { .nanosecs = 1000000000 };
	struct oci_time_offsets t = { .boottime = &day, .monotonic = &back };
	struct ns_plan p;

	OK(plan_ns(&p, v, 1, &t, &root_host) == 0 && p.needs_bridge, "a new time namespace needs the bridge");
	SAME(p.time_offsets, "monotonic -1 999999999\nboottime 86400 0\n", "its offsets are ready to be written");
	OK(plan_ns(&p, v, 0, &t, &root_host) < 0 && e.kind == ERR_SPEC, "offsets need a new time namespace");
	t.boottime = &bad;
	OK(plan_ns(&p, v, 1, &t, &root_host) < 0 && strstr(e.msg, "linux.timeOffsets.boottime.nanosecs") == e.msg,
	   "a second has so many nanoseconds");
}

static int plan_maps(struct idmap_plan *p, struct oci_id_mapping *u, size_t nu, struct oci_id_mapping *g, size_t ng,
		     const char *path, bool user, const struct host *host)
{
	struct oci_namespace v[] = { { OCI_NS_USER, path } };
	struct oci_linux l = {
		.namespaces = { .n = user, .v = v }, .uid_mappings = { .n = nu, .v = u }, .gid_mappings = { .n = ng, .v = g },
	};
	struct oci_config c = { .linux_ = &l };

	e = (struct err){ .kind = ERR_NONE };
	return idmap_plan(p, &c, host, &arena, &e);
}

static void check_maps(void)
{
	struct oci_id_mapping two[] = { { 0, 100000, 1000 }, { 1000, 1000, 1 } };
	struct oci_id_mapping rootless[] = { { 0, 1000, 1 } }, group[] = { { 0, 1001, 1 } };
	struct oci_id_mapping no_root[] = { { 1000, 101000, 10 } };
	struct oci_id_mapping over[] = { { 0, 100000, 10 }, { 5, 200000, 10 } };
	struct oci_id_mapping outside[] = { { 0, 100000, 10 }, { 50, 100009, 10 } };
	struct oci_id_mapping large[] = { { 0, 4294967290u, 10 } };
	struct idmap_plan p;

	OK(plan_maps(&p, two, 2, two, 2, NULL, true, &root_host) == 0 && p.is_set && !p.by_helper && !p.denies_setgroups,
	   "root writes maps itself");
	SAME(p.uid_map, "0 100000 1000\n1000 1000 1\n", "line by line");
	OK(p.has_root && p.root_uid == 100000 && p.work_uid == 0, "0 is 100000 outside");
	OK(plan_maps(&p, two, 2, two, 2, "/proc/1/ns/user", true, &root_host) == 0 && !p.is_set,
	   "a joined user namespace has its maps");
	OK(plan_maps(&p, rootless, 1, group, 1, NULL, true, &user_host) == 0 && !p.by_helper && p.denies_setgroups,
	   "a user may map himself, without setgroups");
	OK(plan_maps(&p, two, 2, group, 1, NULL, true, &user_host) == 0 && p.by_helper && !p.denies_setgroups,
	   "more than himself takes the helpers");
	OK(plan_maps(&p, NULL, 0, NULL, 0, NULL, true, &user_host) == 0, "a user needs no mappings");
	SAME(p.gid_map, "0 1001 1\n", "he is root inside");
	OK(plan_maps(&p, no_root, 1, no_root, 1, NULL, true, &root_host) == 0 && !p.has_root && p.work_uid == 1000,
	   "without a 0 init works as the first id");
	OK(plan_maps(&p, NULL, 0, NULL, 0, NULL, true, &root_host) < 0 && e.kind == ERR_SPEC, "root has to say them");
	OK(plan_maps(&p, two, 2, two, 2, NULL, false, &root_host) < 0 && e.kind == ERR_SPEC,
	   "mappings without user namespace are a mistake");
	OK(plan_maps(&p, over, 2, two, 2, NULL, true, &root_host) < 0, "ranges do not overlap inside");
	SAME(e.msg, "linux.uidMappings[1]: overlaps with linux.uidMappings[0]", "which is told");
	OK(plan_maps(&p, outside, 2, two, 2, NULL, true, &root_host) < 0, "nor outside");
	OK(plan_maps(&p, two, 2, large, 1, NULL, true, &root_host) < 0 && strstr(e.msg, "linux.gidMappings[0].size") == e.msg,
	   "nor reach beyond the last id");
}

static void check_join_of_nothing(void)
{
	struct ns_plan p = { .make = 0 };
	int fds[NS_KINDS];

	OK(ns_open(&p, fds, &e) == 0, "nothing to open is no error");
	p.joins[0] = (struct ns_join){ CLONE_NEWNET, "/proc/self/ns/uts", "linux.namespaces[0].path" };
	p.n_joins = 1;
	OK(ns_open(&p, fds, &e) < 0 && e.kind == ERR_SPEC, "a namespace of another type is refused");
	p.joins[0].path = "/dev/null";
	OK(ns_open(&p, fds, &e) < 0 && e.kind == ERR_SPEC, "what is no namespace is refused");
	p.joins[0].path = "/proc/self/ns/net";
	OK(ns_open(&p, fds, &e) == 0 && fds[0] >= 0, "one of its type is opened");
}

int main(void)
{
	check_namespaces();
	check_exec();
	check_time();
	check_maps();
	check_join_of_nothing();
	arena_undo(&arena);
	return tap_done();
}
