/* SPDX-License-Identifier: Apache-2.0 */
/* Real groups, "husk-cg-test-<pid>", on whatever layout this machine has. Skipped without root. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/own.h"
#include "base/str.h"
#include "oci-spec/config.h"
#include "parts/cgroup/below.h"
#include "parts/cgroup/cgroup.h"
#include "parts/cgroup/control.h"
#include "parts/cgroup/merge.h"
#include "parts/cgroup/stats.h"
#include "parts/cgroup/update.h"
#include "sys/calls.h"
#include "sys/groupfs.h"
#include "unit/tap.h"

static struct host host;
static char top[64];

static int plan(struct cgroup_plan *p, const char *path, const char *resources, struct arena *a, struct err *e)
{
	char *json = arena_printf(a, "{\"ociVersion\":\"1.0.0\",\"linux\":{\"cgroupsPath\":\"%s\",\"resources\":%s}}", path, resources);
	struct spec_error fault;
	void *c = NULL;

	if (spec_decode(&oci_config_type, json, strlen(json), a, &c, &fault) < 0)
		return err_set(e, ERR_BUG, "%s: %s", fault.path, fault.message);
	return cgroup_plan(p, c, &(struct cgroup_request){ "id", CGROUP_MANAGER_FS }, &host, a, e);
}

static const struct oci_resources *resources(const char *json, struct arena *a)
{
	struct spec_error fault;
	void *r = NULL;

	if (spec_decode(&oci_resources_type, json, strlen(json), a, &r, &fault) < 0)
		printf("# %s: %s\n", fault.path, fault.message);
	return r;
}

static bool good(int r, const struct err *e, const char *what)
{
	OK(r >= 0, "%s", what);
	if (r < 0)
		printf("# %s\n", e->msg);
	return r >= 0;
}

/* FILE in the group that has it; look() gives its first line. */
static char *whole(const struct cgroup *cg, const char *file)
{
	static char text[4096];
	struct err ignored;

	for (int i = 0; i < cg->n; i++)
		if (groupfs_read(cg->dir[i].fd, file, text, sizeof(text), &ignored) >= 0)
			return text;
	return NULL;
}

static const char *look(const struct cgroup *cg, const char *file)
{
	char *text = whole(cg, file);

	if (text)
		text[strcspn(text, "\n")] = '\0';
	return text;
}

static bool exists(const char *name)
{
	struct stat st;
	char path[512];

	for (int i = 0; i < host.v1_count; i++) {
		snprintf(path, sizeof(path), "%s/%s", host.v1[i].mount, name);
		if (stat(path, &st) == 0)
			return true;
	}
	snprintf(path, sizeof(path), "%s/%s", host.v2_mount ? host.v2_mount : "/nowhere", name);
	return stat(path, &st) == 0;
}

/* As spawn and init do it: cloned into the unified group, then "0" into the v1 ones; forks CHILDREN more; sleeps. */
static pid_t start(const struct cgroup *cg, int children)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	int fds[CGROUP_DIRS], n, ready[2];
	struct err e;
	char byte = 0;
	pid_t pid;

	if (cgroup_entries(cg, NULL, fds, &n, &e) < 0 || pipe(ready) < 0) {
		printf("# %s\n", e.msg);
		return -1;
	}
	if (cgroup_into_fd(cg) >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_into_fd(cg);
	}
	pid = (pid_t)sys_clone3(&args, sizeof(args));
	if (pid == 0) {
		for (int i = 0; i < n; i++)
			if (write(fds[i], "0", 1) != 1)
				_exit(1);
		for (int i = 0; i < children; i++)
			if (fork() == 0)
				for (;;)
					pause();
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	for (int i = 0; i < n; i++)
		close(fds[i]);
	close(ready[1]);
	if (pid > 0 && read(ready[0], &byte, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static void life(void)
{
	AUTO(arena) a = ARENA_NONE;
	AUTO(cgroup) cg = CGROUP_NONE;
	AUTO(cgroup) again = CGROUP_NONE;
	struct cgroup_paths paths;
	struct cgroup_stats stats;
	struct cgroup_plan p;
	struct err e = {};
	pid_t pid, *pids;
	size_t n;
	char path[128];

	snprintf(path, sizeof(path), "/%s/a/b", top);
	if (!good(plan(&p, path, "{\"memory\":{\"limit\":67108864},\"pids\":{\"limit\":50},\"cpu\":{\"shares\":512,\"quota\":50000,"
		       "\"period\":100000},\"devices\":[{\"allow\":false}]}", &a, &e), &e, "plan") ||
	    !good(cgroup_make(&cg, &p, &e), &e, "make"))
		return;
	SAME(look(&cg, "pids.max"), "50", "pids.max is written");
	if (host.cgroups == HOST_CGROUP_V2) {
		SAME(look(&cg, "memory.max"), "67108864", "memory.max is written");
		SAME(look(&cg, "cpu.max"), "50000 100000", "cpu.max is written");
		SAME(look(&cg, "cpu.weight"), "59", "cpu.weight is written");
	} else {
		SAME(look(&cg, "memory.limit_in_bytes"), "67108864", "memory limit is written");
		SAME(look(&cg, "cpu.cfs_quota_us"), "50000", "quota is written");
		SAME(look(&cg, "devices.list"), "c *:* m", "device rules are written");
	}
	OK(cgroup_is_empty(&cg, &e) == 1 && cgroup_is_frozen(&cg, &e) == 0, "nobody is in it");
	pid = start(&cg, 3);
	OK(pid > 0, "a process enters by itself");
	OK(cgroup_pids(&cg, &pids, &n, &a, &e) == 0 && n == 4 && pids[0] == pid, "it and its children are listed");
	OK(cgroup_finish(&cg, &p, &e) == 0, "finish");

	{
		AUTO(cgroup) other = CGROUP_NONE;

		OK(cgroup_make(&other, &p, &e) < 0 && e.kind == ERR_STATE, "a populated group is refused");
		printf("# %s\n", e.msg);
	}
	OK(cgroup_is_empty(&cg, &e) == 0, "and untouched");

	cgroup_paths_of(&paths, &cg);
	cgroup_keep(&cg);
	good(cgroup_open(&again, &paths, &e), &e, "reopen");
	OK(again.n == cg.n, "all of them");
	good(cgroup_freeze(&again, &e), &e, "freeze");
	OK(cgroup_is_frozen(&again, &e) == 1, "is frozen");
	good(cgroup_thaw(&again, &e), &e, "thaw");
	OK(cgroup_is_frozen(&again, &e) == 0, "is thawed");
	good(cgroup_signal_all(&again, SIGCONT, &e), &e, "a harmless signal for all");
	OK(cgroup_is_frozen(&again, &e) == 0, "is still thawed");
	good(cgroup_stats(&again, &stats, &a, &e), &e, "stats");
	OK(stats.pids.current == 4 && stats.pids.limit == 50, "4 of 50 tasks");
	OK(stats.memory.usage.limit == 67108864 && stats.memory.usage.usage > 0 && stats.memory.raw.n > 5, "memory in use");
	printf("# %.300s\n", cgroup_stats_json(&stats, &a));

	good(cgroup_freeze(&again, &e), &e, "freeze again");
	good(cgroup_kill(&again, &e), &e, "kill while frozen");
	OK(waitpid(pid, NULL, 0) == pid, "it dies");
	good(cgroup_remove(&again, &e), &e, "remove, waiting for the orphans");
	OK(!exists(top), "parents that were made are gone too");
	good(cgroup_remove(&again, &e), &e, "removing twice is fine");
	{
		AUTO(cgroup) gone = CGROUP_NONE;

		OK(cgroup_open(&gone, &paths, &e) == 0 && gone.n == 0, "reopening finds nothing");
	}
}

static void undo(void)
{
	AUTO(arena) a = ARENA_NONE;
	AUTO(cgroup) cg = CGROUP_NONE;
	struct cgroup_plan p;
	struct err e = {};
	char path[128];

	snprintf(path, sizeof(path), "/%s/x", top);
	if (!good(plan(&p, path, "{\"cpu\":{\"quota\":1}}", &a, &e), &e, "plan a quota that the kernel refuses"))
		return;
	OK(cgroup_make(&cg, &p, &e) < 0 && str_starts(e.msg, "linux.resources.cpu.quota: "), "the error names it");
	printf("# %s\n", e.msg);
	OK(!exists(top), "and nothing is left");
}

/* As life/update.c does it, without a record. */
static int change(const struct cgroup *cg, const struct oci_resources **now, const char *json, struct arena *a, struct err *e)
{
	struct oci_resources *then = ARENA_NEW(a, struct oci_resources);
	const struct oci_resources *asked = resources(json, a);
	struct cgroup_update u;

	cgroup_merge(then, *now, asked, a);
	if (cgroup_update_plan(&u, cg, *now, asked, then, a, e) < 0 || cgroup_update_apply(cg, &u, a, e) < 0)
		return -1;
	*now = then;
	return 0;
}

static void update(void)
{
	AUTO(arena) a = ARENA_NONE;
	AUTO(cgroup) cg = CGROUP_NONE;
	bool v2 = host.cgroups == HOST_CGROUP_V2;
	const char *mem = v2 ? "memory.max" : "memory.limit_in_bytes", *json;
	const struct oci_resources *now;
	struct cgroup_plan p;
	struct err e = {};
	char path[128];

	snprintf(path, sizeof(path), "/%s/u", top);
	json = "{\"memory\":{\"limit\":67108864,\"swap\":67108864},\"pids\":{\"limit\":50}}";
	now = resources(json, &a);
	if (!good(plan(&p, path, json, &a, &e), &e, "plan") || !good(cgroup_make(&cg, &p, &e), &e, "make"))
		return;
	good(change(&cg, &now, "{\"memory\":{\"limit\":134217728,\"swap\":134217728}}", &a, &e), &e, "raise memory and swap together");
	SAME(look(&cg, mem), "134217728", "raised");
	good(change(&cg, &now, "{\"memory\":{\"limit\":33554432,\"swap\":33554432}}", &a, &e), &e, "lower both");
	SAME(look(&cg, mem), "33554432", "lowered");
	OK(change(&cg, &now, "{\"memory\":{\"limit\":67108864}}", &a, &e) < 0 && strstr(e.msg, "linux.resources.memory."),
	   "memory alone beyond memory and swap");
	printf("# %s\n", e.msg);
	OK(change(&cg, &now, "{\"memory\":{\"limit\":67108864,\"swap\":67108864},\"pids\":{\"limit\":60},"
			     "\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":9999,\"minor\":1,\"rate\":1}]}}", &a, &e) < 0,
	   "an update that cannot be done as a whole");
	printf("# %s\n", e.msg);
	SAME(look(&cg, mem), "33554432", "leaves memory as it was");
	SAME(look(&cg, "pids.max"), "50", "and pids");
	good(change(&cg, &now, "{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":9,\"minor\":9}]}", &a, &e), &e,
	     "devices can be updated");
	if (!v2)
		OK(whole(&cg, "devices.list") && strstr(whole(&cg, "devices.list"), "c 9:9 rwm\n"), "the device is allowed");
	good(change(&cg, &now, "{\"memory\":{\"limit\":0},\"cpu\":{\"shares\":0}}", &a, &e), &e, "zeros change nothing");
	good(change(&cg, &now, "{\"cpu\":{\"quota\":50000}}", &a, &e), &e, "quota");
	good(change(&cg, &now, "{\"cpu\":{\"period\":200000}}", &a, &e), &e, "period");
	if (v2)
		SAME(look(&cg, "cpu.max"), "50000 200000", "the quota stays");
	good(change(&cg, &now, "{\"cpu\":{\"quota\":20000,\"burst\":20000,\"period\":40000}}", &a, &e), &e, "quota, period and burst");
	good(change(&cg, &now, "{\"cpu\":{\"quota\":10000,\"burst\":10000,\"period\":20000}}", &a, &e), &e, "all lower");
	good(change(&cg, &now, "{\"memory\":{\"limit\":-1}}", &a, &e), &e, "no limit any more");
	OK(now->memory->limit.v == -1 && now->memory->swap.v == -1 && now->pids->limit.v == 50 && now->cpu->period.v == 20000,
	   "what the record would keep");
}

/* v1 alone: the group of a command with a timeout lies in the freezer. */
static void below(void)
{
	AUTO(arena) a = ARENA_NONE;
	AUTO(cgroup) cg = CGROUP_NONE;
	AUTO(below) b = BELOW_NONE;
	struct cgroup_plan p;
	struct err e = {};
	char path[128];
	int fds[CGROUP_DIRS], n = 0, status = 0;
	pid_t pid;

	snprintf(path, sizeof(path), "/%s/b", top);
	if (!good(plan(&p, path, "{}", &a, &e), &e, "plan") || !good(cgroup_make(&cg, &p, &e), &e, "make"))
		return;
	if (host.cgroups != HOST_CGROUP_V2 && cg.dir[cg.n - 1].is_v2) {
		cg.n--;
		good(below_make(&b, &cg, &e), &e, "a group below, in the freezer");
		snprintf(path, sizeof(path), "%s/b/%s", top, b.name);
		OK(exists(path), "it is there");
		good(cgroup_entries(&cg, NULL, fds, &n, &e), &e, "its way in");
		pid = fork();
		if (pid == 0) {
			for (int i = 0; i < n; i++)
				if (write(fds[i], "0", 1) != 1)
					_exit(1);
			for (fork();;)
				pause();
		}
		for (int i = 0; i < n; i++)
			close(fds[i]);
		while (cgroup_is_empty(&b.cgroup, &e) == 1)
			usleep(1000);
		good(cgroup_kill(&b.cgroup, &e), &e, "all in it are killed");
		OK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "by SIGKILL");
		while (cgroup_is_empty(&b.cgroup, &e) == 0)
			usleep(1000);
		below_undo(&b);
		OK(!exists(path), "and it is removed");
		cg.n++;
	}
	cgroup_undo(&cg);
}

static void nested(void)
{
	AUTO(arena) a = ARENA_NONE;
	AUTO(cgroup) cg = CGROUP_NONE;
	AUTO(cgroup) sub = CGROUP_NONE;
	struct cgroup_paths paths;
	struct cgroup_plan p;
	struct err e = {};
	pid_t pid, inner, *pids;
	size_t n;
	char path[128];

	snprintf(path, sizeof(path), "/%s", top);
	if (!good(plan(&p, path, "{}", &a, &e), &e, "plan") || !good(cgroup_make(&cg, &p, &e), &e, "make"))
		return;
	for (int i = 0; i < cg.n; i++) {
		int fd = cg.dir[i].fd;

		OK(groupfs_make(fd, "one", &e) == 1 && groupfs_make(fd, "two", &e) == 1, "children in hierarchy %d", i);
		fd = groupfs_find(fd, "one", &e);
		groupfs_make(fd, "deep", &e);
		close(fd);
	}
	cgroup_paths_of(&paths, &cg);
	good(cgroup_open(&sub, &paths, &e), &e, "open");
	OK(cgroup_descend(&sub, (const char *const[]){ "../x" }, 1, &e) < 0, "descending upwards is refused");
	OK(cgroup_descend(&sub, (const char *const[]){ "nope" }, 1, &e) < 0, "and to what is not there");
	good(cgroup_descend(&sub, (const char *const[]){ "/one/deep" }, 1, &e), &e, "descend");
	pid = start(&cg, 0);
	if (host.cgroups != HOST_CGROUP_V2) {
		/* v1 cpusets below ours have no CPUs yet. */
		for (int i = 0; i < sub.n; i++)
			if (strstr(sub.dir[i].controllers, "cpuset"))
				sub.dir[i] = sub.dir[--sub.n];
	}
	inner = start(&sub, 1);
	OK(pid > 0 && inner > 0, "processes in both");
	OK(cgroup_pids(&cg, &pids, &n, &a, &e) == 0 && n == 3, "all are listed");
	good(cgroup_kill(&cg, &e), &e, "kill");
	OK(waitpid(pid, NULL, 0) == pid && waitpid(inner, NULL, 0) == inner, "both die");
	good(cgroup_remove(&cg, &e), &e, "remove with everything beneath");
	OK(!exists(top), "nothing is left");
}

static void replaced(void)
{
	AUTO(arena) a = ARENA_NONE;
	AUTO(cgroup) mine = CGROUP_NONE;
	AUTO(cgroup) theirs = CGROUP_NONE;
	AUTO(cgroup) open = CGROUP_NONE;
	struct cgroup_paths paths;
	struct cgroup_plan p;
	struct err e = {};
	char path[128];

	snprintf(path, sizeof(path), "/%s", top);
	if (!good(plan(&p, path, "{}", &a, &e), &e, "plan") || !good(cgroup_make(&mine, &p, &e), &e, "make"))
		return;
	cgroup_paths_of(&paths, &mine);
	good(cgroup_remove(&mine, &e), &e, "removed behind our back");
	good(cgroup_make(&theirs, &p, &e), &e, "and made by somebody else");
	OK(cgroup_open(&open, &paths, &e) == 0 && open.n == 0, "another group of the same name is not ours");
	cgroup_keep(&mine);
}

int main(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct err e = {};

	if (geteuid() != 0) {
		SKIP("needs root", "real cgroups");
		return tap_done();
	}
	if (host_look(&host, &a, &e) < 0 || host.cgroups == HOST_CGROUP_NONE) {
		SKIP("no cgroups here", "real cgroups");
		return tap_done();
	}
	snprintf(top, sizeof(top), "husk-cg-test-%d", (int)getpid());
	printf("# layout %d\n", (int)host.cgroups);
	life();
	undo();
	update();
	below();
	OK(!exists(top), "undone at the end of its scope");
	nested();
	replaced();
	OK(!exists(top), "nothing of ours is left");
	return tap_done();
}
