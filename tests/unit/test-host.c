/* SPDX-License-Identifier: Apache-2.0 */
/* What machine is this: compared with the kernel's own full tables, whatever the machine. */
#include <linux/magic.h>
#include <sched.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/host.h"
#include "sys/mountinfo.h"
#include "unit/tap.h"

static const char *slurp(const char *path, struct arena *a)
{
	FILE *f = fopen(path, "r");
	char *buf = arena_alloc(a, 1 << 20);

	if (f) {
		buf[fread(buf, 1, (1 << 20) - 1, f)] = '\0';
		fclose(f);
	}
	return buf;
}

static bool knows_v1(const struct host *h, const char *mount)
{
	for (int i = 0; i < h->v1_count; i++)
		if (!strcmp(h->v1[i].mount, mount))
			return true;
	return false;
}

static void test_cgroups(const struct host *h, struct arena *a)
{
	const char *text = slurp("/proc/self/mountinfo", a), *order[HOST_V1_MAX];
	struct mountinfo m;
	int v1 = 0, v2 = 0, known = 0;
	bool ordered = true;

	while (mountinfo_next(&text, &m, a)) {
		if (!str_starts(m.target, "/sys/fs/cgroup"))
			continue;
		if (str_eq(m.type, "cgroup")) {
			known += knows_v1(h, m.target);
			if (v1 < HOST_V1_MAX)
				order[v1++] = m.target;
		}
		if (str_eq(m.type, "cgroup2"))
			v2 += h->v2_mount && str_eq(h->v2_mount, m.target);
	}
	OK(known == v1 && h->v1_count == v1, "the %d v1 hierarchies are those of mountinfo", v1);
	for (int i = 0; i < v1 && i < h->v1_count; i++)
		ordered = ordered && !strcmp(order[i], h->v1[i].mount);
	OK(ordered, "in their order");
	OK(v2 == (h->v2_mount ? 1 : 0), "v2 is where it is mounted");
	switch (h->cgroups) {
	case HOST_CGROUP_NONE:
		OK(!v1 && !h->v2_mount, "no cgroups");
		break;
	case HOST_CGROUP_V1:
		OK(v1 && !h->v2_mount, "v1");
		break;
	case HOST_CGROUP_HYBRID:
		OK(v1 && h->v2_mount && strcmp(h->v2_mount, "/sys/fs/cgroup"), "hybrid");
		break;
	case HOST_CGROUP_V2:
		OK(!v1 && h->v2_mount, "v2");
		break;
	}
	for (int i = 0; i < h->v1_count; i++) {
		char path[1024];

		snprintf(path, sizeof(path), "%s%s/cgroup.procs", h->v1[i].mount, h->v1[i].own);
		OK(access(path, F_OK) == 0, "our cgroup of %s exists", h->v1[i].controllers);
		OK(host_v1_with(h, h->v1[i].controllers) == &h->v1[i], "and is found by its controllers");
	}
	OK(!host_v1_with(h, "nonsense"), "an unknown controller is nowhere");
}

static void test_mountinfo(struct arena *a)
{
	const char *text = "36 35 98:0 /a\\040b /mnt\\0111 rw,noatime master:1 x:2 - ext3 /dev/root rw,errors=c\n"
			   "\n"
			   "broken line\n"
			   "37 35 0:1 / / rw - tmpfs none\n"
			   "38 35 0:1 / /\\9 rw - - - rw,cpu,cpuacct\n"
			   "39 35 0:1 /../x /c rw - cgroup cgroup rw,name=systemd";
	struct mountinfo m;

	OK(mountinfo_next(&text, &m, a), "a line");
	SAME(m.root, "/a b", "its root");
	SAME(m.target, "/mnt\t1", "its target, unescaped");
	SAME(m.type, "ext3", "its type");
	SAME(m.options, "rw,errors=c", "the options of its instance");
	OK(mountinfo_next(&text, &m, a), "broken ones are passed over");
	SAME(m.target, "/\\9", "what is no escape stays");
	SAME(m.type, "-", "odd types too");
	OK(mountinfo_next(&text, &m, a) && !strcmp(m.options, "rw,name=systemd"), "a last line without an end");
	OK(!mountinfo_next(&text, &m, a), "and then none");
}

static void test_fuzz(struct arena *a)
{
	static const char alphabet[] = " -\\/0123456789,=\nabc";
	char buf[300];
	unsigned seed = 1;

	for (int i = 0; i < 3000; i++) {
		const char *text = buf;
		struct mountinfo m;

		for (size_t j = 0; j < sizeof(buf) - 1; j++) {
			seed = seed * 1103515245u + 12345u;
			buf[j] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		}
		buf[sizeof(buf) - 1] = '\0';
		while (mountinfo_next(&text, &m, a))
			if (!m.root || !m.target || !m.type || !m.options)
				OK(false, "a line that is not whole");
	}
	OK(true, "random texts");
}

int main(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct timespec t0, t1;
	struct err e = { 0 };
	struct host h;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	OK(host_look(&h, &a, &e) == 0, "the host is looked at: %s", e.msg);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	printf("# in %ld us\n", (t1.tv_sec - t0.tv_sec) * 1000000 + (t1.tv_nsec - t0.tv_nsec) / 1000);
	OK(host_is_at_least(&h, 5, 14) && !host_is_at_least(&h, 99, 0) &&
	   host_is_at_least(&h, h.kernel_major, h.kernel_minor), "kernel %u.%u", h.kernel_major, h.kernel_minor);
	OK(h.machine && *h.machine, "machine %s", h.machine);
	OK(h.uid == geteuid() && h.gid == getegid(), "who we are");
	OK(h.cpus == (unsigned)sysconf(_SC_NPROCESSORS_CONF), "%u cpus", h.cpus);
	OK(h.last_cap == (uint32_t)strtoul(slurp("/proc/sys/kernel/cap_last_cap", &a), NULL, 10), "last capability %u", h.last_cap);
	OK(h.ns_kinds & CLONE_NEWNS, "mount namespaces exist");
	test_cgroups(&h, &a);
	test_mountinfo(&a);
	test_fuzz(&a);
	return tap_done();
}
