/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is refused before anything happens: every mistake is told with its path in config.json, and that
 * path can be found in the text.
 */
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "plan/hosts.h"
#include "plan/plan.h"
#include "unit/tap.h"

#define MOUNT_NS "\"namespaces\":[{\"type\":\"mount\"}]"
#define ALL_NS   "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}]"
#define USER_NS  "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"}]"
#define MAPS     "\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":10}]," \
		 "\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":10}]"

struct refusal {
	const char *want;               /* the message begins with it; NULL: accepted */
	const char *top;                /* further members of the top level, each preceded by a comma */
	const char *process;            /* members of process after args and cwd; "-": all of process is TOP's business */
	const char *linux_;             /* members of linux; NULL: a mount namespace */
	const char *host;               /* NULL: v2 */
};

static const struct refusal refusals[] = {
	/* the smallest of all */
	{ NULL, "", "" },
	{ NULL, "", "-" },

	/* ociVersion is tested on its own below */
	{ "process.cwd: \"tmp\" is not absolute", ",\"process\":{\"cwd\":\"tmp\",\"args\":[\"a\"]}", "-" },
	{ "process.cwd: \"\" is not absolute", ",\"process\":{\"cwd\":\"\",\"args\":[\"a\"]}", "-" },
	{ "process.args: has no entry", ",\"process\":{\"cwd\":\"/\",\"args\":[]}", "-" },
	{ "process.args: has no entry", ",\"process\":{\"cwd\":\"/\"}", "-" },
	{ "process.args[0]: is empty", ",\"process\":{\"cwd\":\"/\",\"args\":[\"\"]}", "-" },
	{ "process.terminal: a detached process", "", ",\"terminal\":true" },
	{ "process.env[1]: \"B\" is not NAME=VALUE", "", ",\"env\":[\"A=1\",\"B\"]" },
	{ "process.env[0]: \"=1\" is not NAME=VALUE", "", ",\"env\":[\"=1\"]" },
	{ NULL, "", ",\"env\":[\"A=\",\"A==\"]" },
	{ NULL, "", ",\"env\":null" },

	/* identity */
	{ "process.user.uid: 4294967295 is no user id", "", ",\"user\":{\"uid\":4294967295,\"gid\":0}" },
	{ "process.user.gid: 4294967295 is no group id", "", ",\"user\":{\"uid\":0,\"gid\":4294967295}" },
	{ "process.user.additionalGids[1]: 4294967295 is no group id", "",
	  ",\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[1,4294967295]}" },
	{ "process.user.umask: 512 is above", "", ",\"user\":{\"uid\":0,\"gid\":0,\"umask\":512}" },
	{ "process.user.uid: 10 is in none of linux.uidMappings", "", ",\"user\":{\"uid\":10,\"gid\":0}", USER_NS "," MAPS },
	{ "process.user.gid: 10 is in none of linux.gidMappings", "", ",\"user\":{\"uid\":9,\"gid\":10}", USER_NS "," MAPS },
	{ "process.user.additionalGids[0]: 77 is in none of", "",
	  ",\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[77]}", USER_NS "," MAPS },
	{ NULL, "", ",\"user\":{\"uid\":9,\"gid\":9}", USER_NS "," MAPS },

	/* limits */
	{ "process.rlimits[0].type: unknown limit \"RLIMIT_X\"", "",
	  ",\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]" },
	{ "process.rlimits[0].type: unknown limit \"NOFILE\"", "",
	  ",\"rlimits\":[{\"type\":\"NOFILE\",\"soft\":1,\"hard\":1}]" },
	{ "process.rlimits[1].type: \"RLIMIT_CORE\" is already set by process.rlimits[0]", "",
	  ",\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":1,\"hard\":1},{\"type\":\"RLIMIT_CORE\",\"soft\":1,\"hard\":1}]" },
	{ "process.rlimits[0].soft: 2 is above the hard limit 1", "",
	  ",\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":2,\"hard\":1}]" },
	{ "process.oomScoreAdj: 1001 is not in", "", ",\"oomScoreAdj\":1001" },
	{ "process.oomScoreAdj: -1001 is not in", "", ",\"oomScoreAdj\":-1001" },
	{ NULL, "", ",\"oomScoreAdj\":-1000" },

	/* scheduling */
	{ "process.scheduler.policy: no Linux kernel has SCHED_ISO", "", ",\"scheduler\":{\"policy\":\"SCHED_ISO\"}" },
	{ "process.scheduler.nice: 20 is not in", "", ",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}" },
	{ "process.scheduler.priority: SCHED_FIFO needs one", "", ",\"scheduler\":{\"policy\":\"SCHED_FIFO\"}" },
	{ "process.scheduler.priority: SCHED_RR needs one", "", ",\"scheduler\":{\"policy\":\"SCHED_RR\",\"priority\":100}" },
	{ "process.scheduler.priority: only for", "", ",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":1}" },
	{ "process.scheduler.runtime: only for SCHED_DEADLINE", "",
	  ",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"runtime\":1}" },
	{ "process.scheduler.runtime: less than 1024 ns", "", ",\"scheduler\":{\"policy\":\"SCHED_DEADLINE\"}" },
	{ "process.scheduler.deadline: less than the runtime", "",
	  ",\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"runtime\":2000,\"deadline\":1999}" },
	{ "process.scheduler.period: less than the deadline", "",
	  ",\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"runtime\":2000,\"deadline\":2000,\"period\":1}" },
	{ "process.scheduler.flags[0]: SCHED_FLAG_UTIL_CLAMP_MIN", "",
	  ",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"flags\":[\"SCHED_FLAG_UTIL_CLAMP_MIN\"]}" },
	{ "process.scheduler.flags[0]: SCHED_FLAG_RECLAIM is for", "",
	  ",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"flags\":[\"SCHED_FLAG_RECLAIM\"]}" },
	{ "process.ioPriority.priority: 8 is not in", "", ",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}" },
	{ "process.ioPriority.priority: -1 is not in", "", ",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":-1}" },
	{ "process.execCPUAffinity.initial: \"x\" is no list", "", ",\"execCPUAffinity\":{\"initial\":\"x\"}" },
	{ "process.execCPUAffinity.final: \"3-1\" is no list", "", ",\"execCPUAffinity\":{\"final\":\"3-1\"}" },
	{ "process.execCPUAffinity.final: this host has none", "", ",\"execCPUAffinity\":{\"final\":\"100\"}" },
	{ NULL, "", ",\"execCPUAffinity\":{\"initial\":\"0,2-3\",\"final\":\"\"}" },

	/* host name */
	{ "hostname: needs a uts namespace", ",\"hostname\":\"h\"", "" },
	{ "domainname: needs a uts namespace", ",\"domainname\":\"h\"", "" },
	{ "hostname: needs a uts namespace", ",\"hostname\":\"h\"", "",
	  "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"uts\",\"path\":\"/proc/self/ns/uts\"}]" },
	{ "hostname: longer than 64 bytes",
	  ",\"hostname\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", "", ALL_NS },
	{ NULL, ",\"hostname\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", "", ALL_NS },
	{ NULL, ",\"hostname\":\"\"", "" },

	/* hooks */
	{ "hooks.prestart[0].path: \"a\" is not absolute", ",\"hooks\":{\"prestart\":[{\"path\":\"a\"}]}", "" },
	{ "hooks.poststop[1].path: \"b\" is not absolute", ",\"hooks\":{\"poststop\":[{\"path\":\"/a\"},{\"path\":\"b\"}]}", "" },
	{ "hooks.createRuntime[0].timeout: 0 is not above 0", ",\"hooks\":{\"createRuntime\":[{\"path\":\"/a\",\"timeout\":0}]}", "" },
	{ "hooks.startContainer[0].timeout: -1 is not above 0",
	  ",\"hooks\":{\"startContainer\":[{\"path\":\"/a\",\"timeout\":-1}]}", "" },

	/* platforms */
	{ "vm: this husk cannot", ",\"vm\":{\"kernel\":{\"path\":\"/k\"}}", "" },

	/* namespaces */
	{ "linux.namespaces[1].type: \"mount\" is there twice", "", "", "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"mount\"}]" },
	{ "linux.namespaces[1].type: \"pid\" is there twice", "", "",
	  "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\",\"path\":\"/proc/1/ns/pid\"}]" },
	{ "linux.namespaces[0].path: \"x\" is not absolute", "", "", "\"namespaces\":[{\"type\":\"pid\",\"path\":\"x\"}]" },
	{ "linux.uidMappings: missing", "", "", USER_NS },
	{ "linux.gidMappings: missing", "", "", USER_NS ",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]" },
	{ "linux.uidMappings: needs a user namespace", "", "", MOUNT_NS "," MAPS },
	{ "linux.timeOffsets: needs a new time namespace", "", "", MOUNT_NS ",\"timeOffsets\":{\"monotonic\":{\"secs\":1}}" },
	{ "linux.namespaces: needs a user namespace when", "", "", MOUNT_NS, "rootless" },
	{ "linux.maskedPaths: needs a mount namespace", "", "", "\"maskedPaths\":[\"/proc/kcore\"]" },
	{ "linux.readonlyPaths: needs a mount namespace", "", "", "\"readonlyPaths\":[\"/proc/sys\"]" },
	{ "linux.mountLabel: SELinux is not enabled", "", "", MOUNT_NS ",\"mountLabel\":\"system_u:object_r:x_t:s0\"" },

	/* sysctl */
	{ "linux.sysctl[\"net.ipv4.ip_forward\"]: needs its own network namespace", "", "",
	  MOUNT_NS ",\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}" },
	{ "linux.sysctl[\"net.ipv4.ip_forward\"]: needs its own network namespace", "", "",
	  "\"namespaces\":[{\"type\":\"network\",\"path\":\"/proc/self/ns/net\"}],\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}" },
	{ NULL, "", "", ALL_NS ",\"sysctl\":{\"net.ipv4.conf.eth0/1.forwarding\":\"1\",\"net/ipv4/ip_forward\":\"1\"}" },
	{ "linux.sysctl[\"kernel.msgmax\"]: needs its own ipc namespace", "", "", MOUNT_NS ",\"sysctl\":{\"kernel.msgmax\":\"1\"}" },
	{ "linux.sysctl[\"fs.mqueue.msg_max\"]: needs its own ipc namespace", "", "",
	  MOUNT_NS ",\"sysctl\":{\"fs.mqueue.msg_max\":\"1\"}" },
	{ "linux.sysctl[\"kernel.hostname\"]: conflicts with hostname", "", "", ALL_NS ",\"sysctl\":{\"kernel.hostname\":\"x\"}" },
	{ "linux.sysctl[\"kernel.domainname\"]: conflicts with domainname", ",\"domainname\":\"d\"", "",
	  ALL_NS ",\"sysctl\":{\"kernel.domainname\":\"x\"}" },
	{ NULL, "", "", ALL_NS ",\"sysctl\":{\"kernel.domainname\":\"x\"}" },
	{ "linux.sysctl[\"kernel.core_pattern\"]: is not confined", "", "", ALL_NS ",\"sysctl\":{\"kernel.core_pattern\":\"|/x\"}" },
	{ "linux.sysctl[\"vm.swappiness\"]: is not confined", "", "", ALL_NS ",\"sysctl\":{\"vm.swappiness\":\"1\"}" },
	{ "linux.sysctl[\"kernel.msgmaxx\"]: is not confined", "", "", ALL_NS ",\"sysctl\":{\"kernel.msgmaxx\":\"1\"}" },
	{ "linux.sysctl[\"net/../kernel/core_pattern\"]: is no name", "", "",
	  ALL_NS ",\"sysctl\":{\"net/../kernel/core_pattern\":\"x\"}" },
	{ "linux.sysctl[\"net.//.kernel\"]: is no name", "", "", ALL_NS ",\"sysctl\":{\"net.//.kernel\":\"x\"}" },
	{ "linux.sysctl[\"/net/a\"]: is no name", "", "", ALL_NS ",\"sysctl\":{\"/net/a\":\"x\"}" },
	{ "linux.sysctl[\"net..a\"]: is no name", "", "", ALL_NS ",\"sysctl\":{\"net..a\":\"x\"}" },
	{ "linux.sysctl[\"net.\"]: is no name", "", "", ALL_NS ",\"sysctl\":{\"net.\":\"x\"}" },
	{ "linux.sysctl[\"net\"]: is not confined", "", "", ALL_NS ",\"sysctl\":{\"net\":\"x\"}" },
	{ "linux.sysctl[\"net/core/somaxconn\"]: the same as", "", "",
	  ALL_NS ",\"sysctl\":{\"net.core.somaxconn\":\"1\",\"net/core/somaxconn\":\"2\"}" },
	{ "linux.sysctl[\"user.max_user_namespaces\"]: needs its own user namespace", "", "",
	  ALL_NS ",\"sysctl\":{\"user.max_user_namespaces\":\"1\"}" },

	/* network devices */
	{ "linux.netDevices: needs a network namespace", "", "", MOUNT_NS ",\"netDevices\":{\"eth0\":{}}" },
	{ "linux.netDevices[\"lo\"]: the loopback device", "", "", ALL_NS ",\"netDevices\":{\"lo\":{}}" },
	{ "linux.netDevices[\"a/b\"]: is no name", "", "", ALL_NS ",\"netDevices\":{\"a/b\":{}}" },
	{ "linux.netDevices[\"aaaaaaaaaaaaaaaa\"]: is no name", "", "", ALL_NS ",\"netDevices\":{\"aaaaaaaaaaaaaaaa\":{}}" },
	{ "linux.netDevices[\"e0\"].name: \"a%s\" is no name", "", "", ALL_NS ",\"netDevices\":{\"e0\":{\"name\":\"a%s\"}}" },
	{ "linux.netDevices[\"e0\"].name: \"a%d%d\" is no name", "", "", ALL_NS ",\"netDevices\":{\"e0\":{\"name\":\"a%d%d\"}}" },
	{ "linux.netDevices[\"e1\"].name: \"x\" is taken by \"e0\"", "", "",
	  ALL_NS ",\"netDevices\":{\"e0\":{\"name\":\"x\"},\"e1\":{\"name\":\"x\"}}" },
	{ NULL, "", "", ALL_NS ",\"netDevices\":{\"e0\":{\"name\":\"x%d\"},\"e1\":{\"name\":\"x%d\"}}" },

	/* personality, memory policy */
	{ "linux.personality.flags[0]: unknown flag \"X\"", "", "",
	  MOUNT_NS ",\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"X\"]}" },
	{ "linux.memoryPolicy.nodes: MPOL_BIND needs at least one", "", "", MOUNT_NS ",\"memoryPolicy\":{\"mode\":\"MPOL_BIND\"}" },
	{ "linux.memoryPolicy.nodes: MPOL_DEFAULT takes none", "", "",
	  MOUNT_NS ",\"memoryPolicy\":{\"mode\":\"MPOL_DEFAULT\",\"nodes\":\"0\"}" },
	{ "linux.memoryPolicy.nodes: \"a\" is no list", "", "", MOUNT_NS ",\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"a\"}" },
	{ "linux.memoryPolicy.flags[0]: MPOL_F_NUMA_BALANCING does not go", "", "",
	  MOUNT_NS ",\"memoryPolicy\":{\"mode\":\"MPOL_INTERLEAVE\",\"nodes\":\"0\",\"flags\":[\"MPOL_F_NUMA_BALANCING\"]}" },
	{ "linux.memoryPolicy.flags[1]: MPOL_F_RELATIVE_NODES contradicts", "", "",
	  MOUNT_NS ",\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\","
	  "\"flags\":[\"MPOL_F_STATIC_NODES\",\"MPOL_F_RELATIVE_NODES\"]}" },
	{ "linux.memoryPolicy.flags[0]: MPOL_F_STATIC_NODES does not go", "", "",
	  MOUNT_NS ",\"memoryPolicy\":{\"mode\":\"MPOL_PREFERRED\",\"flags\":[\"MPOL_F_STATIC_NODES\"]}" },

	/* resctrl */
	{ "linux.intelRdt: resctrl is not mounted", "", "", MOUNT_NS ",\"intelRdt\":{\"closID\":\"a\"}" },
	{ "linux.intelRdt.closID: \"..\" is no name", "", "", MOUNT_NS ",\"intelRdt\":{\"closID\":\"..\"}" },
	{ "linux.intelRdt.closID: \"a/b\" is no name", "", "", MOUNT_NS ",\"intelRdt\":{\"closID\":\"a/b\"}" },
	{ "linux.intelRdt.memBwSchema: \"L3:0=f\" does not begin", "", "", MOUNT_NS ",\"intelRdt\":{\"memBwSchema\":\"L3:0=f\"}" },
	{ "linux.intelRdt.schemata[1]: holds a line end", "", "",
	  MOUNT_NS ",\"intelRdt\":{\"schemata\":[\"L3:0=f\",\"MB:0=1\\n\"]}" },
	{ NULL, "", "", MOUNT_NS ",\"intelRdt\":{\"closID\":\"/\"}", "hybrid" },
};

static char *config_text(const struct refusal *r, struct arena *a)
{
	bool own = strcmp(r->process, "-") != 0;

	return arena_printf(a, "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\"}%s%s%s%s,\"linux\":{%s}}",
			    own ? ",\"process\":{\"cwd\":\"/\",\"args\":[\"/bin/true\"]" : "", own ? r->process : "",
			    own ? "}" : "", r->top, r->linux_ ? r->linux_ : MOUNT_NS);
}

static int plan_text(const char *text, const char *host_name, struct arena *a, struct err *e)
{
	const struct host host = host_named(host_name ? host_name : "v2");
	const struct create_request rq = {
		.id = "x", .bundle = "/bundle", .root = "/run/husk", .detach = true,
		.manager = str_eq(host_name, "rootless") ? CGROUP_MANAGER_NONE : CGROUP_MANAGER_FS,
	};
	const struct plan *plan;
	struct spec_error fault;
	void *config;

	if (spec_decode(&oci_config_type, text, strlen(text), a, &config, &fault) < 0)
		return spec_fail(e, "config.json", &fault);
	return plan_create(&plan, config, &rq, &host, a, e);
}

static void check(const struct refusal *r)
{
	AUTO(arena) a = ARENA_NONE;
	char *text = config_text(r, &a);
	struct err e = { 0 };
	unsigned line = 0, column = 0;
	int got = plan_text(text, r->host, &a, &e);

	if (!r->want) {
		if (!OK(got == 0, "accepted: %s%s%s", r->top, r->process, r->linux_ ? r->linux_ : ""))
			printf("# %s\n", e.msg);
		return;
	}
	if (!OK(got < 0 && str_starts(e.msg, r->want), "%s", r->want))
		printf("#  got: %s\n# want: %s\n", got < 0 ? e.msg : "(accepted)", r->want);
	OK(e.kind == ERR_SPEC || e.kind == ERR_UNSUPPORTED || e.kind == ERR_USAGE, "  is the user's mistake");
	/* What is missing altogether has no place; its object has. */
	OK(spec_locate(text, strlen(text), e.msg, &line, &column) && column > 0, "  stands in the text");
}

static void versions(void)
{
	static const struct { const char *version; bool good; } list[] = {
		{ "1.0.0", true }, { "1.0.0-rc5", true }, { "1.0.2-dev", true }, { "1.1.0+dev", true }, { "1.3.0", true },
		{ "1.99.0", true }, { "1.2.0-rc.1+build.5", true },
		{ "", false }, { "1", false }, { "1.0", false }, { "1.0.", false }, { "1.0.0.0", false }, { "01.0.0", false },
		{ "1.00.0", false }, { "2.0.0", false }, { "0.2.0", false }, { "9.banana", false }, { "1.0.0-", false },
		{ "1.0.0+", false }, { "1.0.0-a..b", false }, { " 1.0.0", false }, { "1.0.0 ", false }, { "v1.0.0", false },
		{ "10.0.0", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		AUTO(arena) a = ARENA_NONE;
		struct err e = { 0 };
		char *text = arena_printf(&a, "{\"ociVersion\":\"%s\",\"root\":{\"path\":\"r\"},\"linux\":{%s}}",
					  list[i].version, MOUNT_NS);

		OK((plan_text(text, NULL, &a, &e) == 0) == list[i].good, "ociVersion \"%s\" is %s", list[i].version,
		   list[i].good ? "accepted" : "refused");
		if (!list[i].good)
			OK(str_starts(e.msg, "ociVersion: "), "  by its name");
	}
}

static void missing(void)
{
	static const struct { const char *text, *want; } list[] = {
		{ "{\"ociVersion\":\"1.0.0\"}", "root: missing" },
		{ "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"\"}}", "root.path: is empty" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		AUTO(arena) a = ARENA_NONE;
		struct err e = { 0 };

		OK(plan_text(list[i].text, NULL, &a, &e) < 0, "refused: %s", list[i].text);
		SAME(e.msg, list[i].want, "  by its name");
	}
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		check(&refusals[i]);
	versions();
	missing();
	return tap_done();
}
