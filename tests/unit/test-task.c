/* SPDX-License-Identifier: Apache-2.0 */
/* The planners of parts/task that give more than yes or no: environment, masks, scheduler numbers, terminal size. */
#include <linux/ioprio.h>
#include <string.h>

#include "base/own.h"
#include "parts/task/environment.h"
#include "parts/task/kernel.h"
#include "parts/task/limits.h"
#include "parts/task/memory.h"
#include "parts/task/schedule.h"
#include "parts/task/stdio.h"
#include "parts/task/user.h"
#include "unit/tap.h"

#define WORDS(...) { sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *), (const char *[]){ __VA_ARGS__ } }

static const char *joined(const struct environment_plan *p, struct arena *a)
{
	char *all = arena_strdup(a, "");

	for (size_t i = 0; i < p->n; i++)
		all = arena_printf(a, "%s%s%s", all, i ? " " : "", p->env[i]);
	return p->env[p->n] ? "(no NULL at the end)" : all;
}

static void environment(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct environment_plan p;
	struct err e = { 0 };
	str_list env = WORDS("A=1", "HOME=/a", "B=", "A=2", "AB=3", "B=4");
	const char *const set[] = { "A=5", "NEW=1" };
	struct environment_extra extra = { .set = set, .n = 2 };

	OK(environment_plan(&p, &env, NULL, "process.env", &a, &e) == 0, "env is planned");
	SAME(joined(&p, &a), "HOME=/a A=2 AB=3 B=4", "of doubles the last one stays, in its place");
	OK(!p.wants_home, "HOME is given");
	OK(environment_plan(&p, &env, &extra, "process.env", &a, &e) == 0, "with --env");
	SAME(joined(&p, &a), "HOME=/a AB=3 B=4 A=5 NEW=1", "--env overrides and adds");

	env = (str_list)WORDS("HOME=");
	OK(environment_plan(&p, &env, NULL, "process.env", &a, &e) == 0 && p.wants_home, "an empty HOME is looked up");
	OK(environment_plan(&p, NULL, NULL, "process.env", &a, &e) == 0 && p.n == 0 && p.wants_home && !p.env[0],
	   "no env at all is an empty one, but for HOME");

	extra = (struct environment_extra){ .listen_fds = 2, .listen_names = "a:b" };
	env = (str_list)WORDS("HOME=/", "A=1");
	environment_plan(&p, &env, &extra, "process.env", &a, &e);
	SAME(joined(&p, &a), "HOME=/ A=1 LISTEN_FDS=2 LISTEN_FDNAMES=a:b", "socket activation adds its variables");
	OK(p.wants_listen_pid, "LISTEN_PID is for init to say");
	env = (str_list)WORDS("HOME=/", "LISTEN_FDS=1", "LISTEN_PID=1");
	environment_plan(&p, &env, &extra, "process.env", &a, &e);
	SAME(joined(&p, &a), "HOME=/ LISTEN_FDS=1 LISTEN_PID=1", "an engine that does it itself is not interfered with");
	OK(!p.wants_listen_pid, "not in LISTEN_PID either");

	const char *const bad[] = { "A=1", "X" };

	extra = (struct environment_extra){ .set = bad, .n = 2 };
	OK(environment_plan(&p, &env, &extra, "process.env", &a, &e) < 0 && e.kind == ERR_USAGE, "--env X is a usage error");
	SAME(e.msg, "--env[1]: \"X\" is not NAME=VALUE", "that names it");
	SAME(environment_value((char *const[]){ "AB=1", "A=2", NULL }, "A"), "2", "a name is compared whole");
	OK(!environment_value((char *const[]){ "AB=1", NULL }, "A"), "a prefix is no name");
}

static void many(void)
{
	AUTO(arena) a = ARENA_NONE;
	const size_t n = 20000;
	str_list env = { n, ARENA_ARRAY(&a, const char *, n) };
	struct environment_plan p;
	struct err e = { 0 };

	for (size_t i = 0; i < n; i++)
		env.v[i] = arena_printf(&a, "N%zu=%zu", i % 10000, i);
	OK(environment_plan(&p, &env, NULL, "process.env", &a, &e) == 0 && p.n == 10000, "20,000 entries, half of them doubles");
	SAME(p.env[0], "N0=10000", "the later half stays");
}

static void user(void)
{
	AUTO(arena) a = ARENA_NONE;
	const struct host host = { 0 };
	struct user_plan p;
	struct err e = { 0 };
	uint32_t gids[] = { 7, 7 };
	struct oci_user u = { .uid = 5, .gid = 7, .additional_gids = { 2, gids } };

	OK(user_plan(&p, NULL, false, false, "process.user", &host, &a, &e) == 0 && !p.uid && !p.gid && p.umask == 0022 &&
	   !p.ngroups && !p.keeps_groups, "no user is root without further groups, umask 022");
	OK(user_plan(&p, &u, false, false, "process.user", &host, &a, &e) == 0 && p.ngroups == 2, "groups are taken over");
	OK(user_plan(&p, &u, true, false, "process.user", &host, &a, &e) == 0 && p.keeps_groups,
	   "where setgroups is denied, the primary group may be repeated");
	gids[1] = 8;
	OK(user_plan(&p, &u, true, false, "process.user", &host, &a, &e) < 0, "but another one is refused");
	OK(user_plan(&p, &u, true, true, "process.user", &host, &a, &e) == 0 && p.keeps_groups && !p.ngroups,
	   "unless the caller's groups are kept");
	u.umask = (struct opt_u32){ true, 0 };
	OK(user_plan(&p, &u, false, false, "process.user", &host, &a, &e) == 0 && p.umask == 0, "umask 0 is a umask");
}

static void schedule(void)
{
	AUTO(arena) a = ARENA_NONE;
	const struct host host = { .cpus = 4 };
	struct schedule_plan p;
	struct err e = { 0 };
	struct oci_io_priority io = { OCI_IOPRIO_IDLE, 7 };
	struct oci_scheduler s = { .policy = OCI_SCHED_OTHER, .nice = -5 };
	struct oci_cpu_affinity cpus = { "1", NULL };
	struct oci_process proc = { .io_priority = &io, .scheduler = &s };

	OK(schedule_plan(&p, &proc, false, "process", &host, &a, &e) == 0, "scheduler and I/O priority");
	OK(p.has_io_priority && p.io_priority == IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 7), "I/O class and level");
	OK(p.has_scheduler && p.policy == 0 && p.nice == -5, "SCHED_OTHER is 0 for the kernel, and is set");
	OK(!p.initial && p.final && p.final[0] == ~0ul, "a new container may use all CPUs of its cgroup");
	OK(schedule_plan(&p, NULL, true, "process", &host, &a, &e) == 0 && p.final, "so may exec");
	proc.exec_cpu_affinity = &cpus;
	OK(schedule_plan(&p, &proc, true, "process", &host, &a, &e) == 0 && p.initial[0] == 2 && !p.final,
	   "execCPUAffinity without final leaves the last word to the kernel");
	OK(schedule_plan(&p, &proc, false, "process", &host, &a, &e) == 0 && !p.initial && p.final,
	   "and means nothing for a new container");
}

static void memory(void)
{
	AUTO(arena) a = ARENA_NONE;
	const struct host old = { .kernel_major = 5, .kernel_minor = 14 }, new = { .kernel_major = 6, .kernel_minor = 9 };
	struct memory_plan p;
	struct err e = { 0 };
	struct oci_memory_policy m = { .mode = OCI_MPOL_WEIGHTED_INTERLEAVE, .nodes = "0-1,64" };

	OK(memory_plan(&p, NULL, &old, &a, &e) == 0 && !p.is_set, "no policy is no policy");
	OK(memory_plan(&p, &m, &old, &a, &e) < 0 && e.kind == ERR_UNSUPPORTED, "a mode that the kernel lacks");
	SAME(e.msg, "linux.memoryPolicy.mode: MPOL_WEIGHTED_INTERLEAVE needs Linux 6.9", "is told with what it needs");
	OK(memory_plan(&p, &m, &new, &a, &e) == 0 && p.mode == 6 && p.nodes[0] == 3 && p.nodes[1] == 1, "nodes are a mask");
}

static void others(void)
{
	struct stdio_plan p;
	struct kernel_plan k;
	struct err e = { 0 };
	struct oci_box box = { .height = 25, .width = 80 }, none = { 0, 0 }, big = { .height = 70000, .width = 1 };
	struct oci_personality pers = { .domain = OCI_PERS_LINUX32 };
	struct oci_linux l = { .personality = &pers };

	OK(stdio_plan(&p, true, &box, 0, 0, &e) == 0 && p.rows == 25 && p.columns == 80, "rows are the height");
	OK(stdio_plan(&p, true, &none, 0, 0, &e) == 0 && !p.rows, "0 by 0 is no size");
	OK(stdio_plan(&p, false, &big, 0, 0, &e) == 0 && !p.rows, "without terminal the size is ignored");
	OK(stdio_plan(&p, true, &big, 0, 0, &e) < 0, "a terminal has 65535 rows at most");
	OK(kernel_plan_exec(&k, &l, &e) == 0 && k.has_personality && k.personality == 8, "LINUX32");
	pers.domain = OCI_PERS_LINUX;
	OK(kernel_plan_exec(&k, &l, &e) == 0 && k.has_personality && k.personality == 0, "LINUX is set as well");
	SAME(limits_name(7), "RLIMIT_NOFILE", "limits have names");
	OK(!limits_name(-1) && !limits_name(99), "numbers that are none have not");
}

int main(void)
{
	environment();
	many();
	user();
	schedule();
	memory();
	others();
	return tap_done();
}
