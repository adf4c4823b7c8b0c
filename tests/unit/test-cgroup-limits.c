/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources to writes, every member on v1 and on v2: golden lists and golden refusals. */
#include "base/arena.h"
#include "base/own.h"
#include "base/str.h"
#include "oci-spec/config.h"
#include "parts/cgroup/limits.h"
#include "unit/tap.h"

static const struct cgroup_where v1 = { 11, {
	{ "cpu,cpuacct", false }, { "cpuset", false }, { "memory", false }, { "devices", false }, { "blkio", false },
	{ "pids", false }, { "hugetlb", false }, { "net_cls,net_prio", false }, { "rdma", false },
	{ "freezer", false }, { "name=systemd", false },
} };
static const struct cgroup_where v2 = { 1, { { "cpuset cpu io memory hugetlb pids rdma misc", true } } };
static const struct cgroup_where hybrid = { 3, { { "memory", false }, { "cpu", false }, { "hugetlb", true } } };
static const struct cgroup_where nothing = { 0, {} };

static void print(struct text *t, const struct cgroup_writes *w)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct cgroup_write *x = &w->v[i];

		text_addf(t, "%s%s=%s", i ? "; " : "", x->file, x->text);
		if (x->flags & WRITE_OPTIONAL)
			text_add(t, " ?");
		if (x->flags & WRITE_PAIR)
			text_add(t, " &");
		if (x->flags & WRITE_ELSE)
			text_add(t, " |");
		if (x->flags & WRITE_LATE)
			text_add(t, " late");
		if (x->flags & WRITE_NO_LESS)
			text_add(t, " no-less");
		if (x->flags & WRITE_KEYED)
			text_addf(t, " (%s)", x->undo);
	}
}

/* The list as text, or the message. */
static void check(const char *json, const struct cgroup_where *where, const char *want, const char *name)
{
	AUTO(arena) a = ARENA_NONE;
	struct spec_error fault;
	struct cgroup_writes w;
	char buf[4096];
	struct text t = TEXT(buf);
	void *r = NULL;
	struct err e;

	buf[0] = '\0';
	if (spec_decode(&oci_resources_type, json, strlen(json), &a, &r, &fault) < 0)
		text_addf(&t, "decoder: %s: %s", fault.path, fault.message);
	else if (cgroup_limits(&w, r, where, false, &a, &e) < 0)
		text_add(&t, e.msg);
	else
		print(&t, &w);
	SAME(buf, want, "%s", name);
}

static void memory_tests(void)
{
#define M "linux.resources.memory."
	check("{\"memory\":{\"limit\":67108864,\"reservation\":33554432,\"swap\":134217728,\"disableOOMKiller\":false}}", &v1,
	      "memory.limit_in_bytes=67108864 &; memory.memsw.limit_in_bytes=134217728; "
	      "memory.soft_limit_in_bytes=33554432", "v1: what docker -m sends");
	check("{\"memory\":{\"limit\":67108864,\"reservation\":33554432,\"swap\":134217728,\"disableOOMKiller\":false}}", &v2,
	      "memory.swap.max=67108864; memory.max=67108864; memory.low=33554432", "v2: swap is what is beyond memory");
	check("{\"memory\":{\"limit\":1000,\"swap\":1000}}", &v2, "memory.swap.max=0 ?; memory.max=1000", "v2: no swap");
	check("{\"memory\":{\"limit\":1000,\"swap\":-1}}", &v2, "memory.swap.max=max ?; memory.max=1000", "v2: any swap");
	check("{\"memory\":{\"limit\":-1}}", &v2, "memory.swap.max=max ?; memory.max=max", "v2: unlimited takes swap along");
	check("{\"memory\":{\"limit\":-1}}", &v1, "memory.limit_in_bytes=-1 &; memory.memsw.limit_in_bytes=-1 ?",
	      "v1: unlimited takes swap along");
	check("{\"memory\":{\"swap\":1000}}", &v2, M "swap: needs a memory limit to be converted for cgroup v2",
	      "v2: swap without memory cannot be converted");
	check("{\"memory\":{\"limit\":1000,\"swap\":999}}", &v1,
	      M "swap: memory and swap together (999) are less than memory alone (1000)", "swap below memory");
	check("{\"memory\":{\"limit\":0,\"reservation\":0,\"kernel\":0}}", &v2, "", "0 is not set: docker update");
	check("{\"memory\":{\"limit\":0,\"reservation\":0,\"kernel\":0}}", &nothing, "", "0 needs no controller");
	check("{\"memory\":{\"limit\":1}}", &nothing, "linux.resources.memory: this host has no \"memory\" cgroup controller",
	      "a missing controller is named");
	check("{\"memory\":{\"kernel\":5,\"kernelTCP\":6}}", &v1,
	      "memory.kmem.limit_in_bytes=5; memory.kmem.tcp.limit_in_bytes=6", "v1: kernel memory");
	check("{\"memory\":{\"kernel\":-1}}", &v1, "memory.kmem.limit_in_bytes=-1 ?", "v1: unlimited kernel memory");
	check("{\"memory\":{\"kernel\":5}}", &v2, M "kernel: cgroup v2 has no such thing", "v2: kernel memory");
	check("{\"memory\":{\"kernel\":-1}}", &v2, "", "v2: unlimited kernel memory");
	check("{\"memory\":{\"kernelTCP\":5}}", &v2, M "kernelTCP: cgroup v2 has no such thing", "v2: TCP memory");
	check("{\"memory\":{\"swappiness\":0}}", &v1, "memory.swappiness=0", "v1: swappiness 0 is a value");
	check("{\"memory\":{\"swappiness\":60}}", &v2, M "swappiness: cgroup v2 has no such thing", "v2: swappiness");
	check("{\"memory\":{\"swappiness\":101}}", &v1, M "swappiness: 101 is not within 0 to 100", "swappiness is bounded");
	check("{\"memory\":{\"disableOOMKiller\":true}}", &v1, "memory.oom_control=1", "v1: OOM killer off");
	check("{\"memory\":{\"disableOOMKiller\":true}}", &v2, M "disableOOMKiller: cgroup v2 has no such thing", "v2: OOM killer");
	check("{\"memory\":{\"useHierarchy\":true}}", &v1, "memory.use_hierarchy=1 ?", "v1: hierarchy");
	check("{\"memory\":{\"useHierarchy\":true}}", &v2, "", "v2: is hierarchical anyway");
	check("{\"memory\":{\"useHierarchy\":false}}", &v2, M "useHierarchy: cgroup v2 has no such thing", "v2: always hierarchical");
	check("{\"memory\":{\"limit\":5,\"checkBeforeUpdate\":true}}", &v2, "memory.max=5 no-less", "checkBeforeUpdate");
}

static void cpu_tests(void)
{
#define C "linux.resources.cpu."
	check("{\"cpu\":{\"shares\":512,\"quota\":50000,\"period\":100000,\"burst\":10,\"cpus\":\"0-1\",\"mems\":\"0\"}}", &v1,
	      "cpu.shares=512; cpu.cfs_period_us=100000 &; cpu.cfs_quota_us=50000 &; cpu.cfs_burst_us=10; "
	      "cpuset.cpus=0-1; cpuset.mems=0", "v1: cpu");
	check("{\"cpu\":{\"shares\":512,\"quota\":50000,\"period\":100000,\"burst\":10,\"cpus\":\"0-1\",\"mems\":\"0\"}}", &v2,
	      "cpu.weight=59; cpu.max=50000 100000 &; cpu.max.burst=10; cpuset.cpus=0-1; cpuset.mems=0", "v2: cpu");
	check("{\"cpu\":{\"shares\":0,\"quota\":0,\"period\":0,\"realtimePeriod\":0,\"cpus\":\"\"}}", &v2, "", "0 is not set");
	check("{\"cpu\":{\"quota\":-1}}", &v2, "cpu.max=max", "v2: no quota");
	check("{\"cpu\":{\"quota\":-1}}", &v1, "cpu.cfs_quota_us=-1", "v1: no quota");
	check("{\"cpu\":{\"quota\":5000}}", &v2, "cpu.max=5000", "v2: quota, the period stays");
	check("{\"cpu\":{\"quota\":5000,\"burst\":0}}", &v2, "cpu.max=5000 &; cpu.max.burst=0 ?", "v2: a burst of before may be in the way");
	check("{\"cpu\":{\"period\":5000}}", &v2, "cpu.max=max 5000", "v2: period alone");
	check("{\"cpu\":{\"realtimeRuntime\":5,\"realtimePeriod\":10}}", &v1, "cpu.rt_period_us=10 &; cpu.rt_runtime_us=5", "v1: rt");
	check("{\"cpu\":{\"realtimeRuntime\":5}}", &v2, C "realtimeRuntime: cgroup v2 has no such thing", "v2: rt runtime");
	check("{\"cpu\":{\"realtimePeriod\":5}}", &v2, C "realtimePeriod: cgroup v2 has no such thing", "v2: rt period");
	check("{\"cpu\":{\"idle\":1,\"shares\":512}}", &v2, "cpu.idle=1", "v2: idle has no weight");
	check("{\"cpu\":{\"idle\":0,\"shares\":1024}}", &v2, "cpu.idle=0 ?; cpu.weight=100", "v2: not idle");
	check("{\"cpu\":{\"idle\":1,\"shares\":512}}", &v1, "cpu.idle=1", "v1: idle");
	check("{\"cpu\":{\"idle\":0,\"shares\":512}}", &v1, "cpu.idle=0 ?; cpu.shares=512", "v1: not idle");
	check("{\"cpu\":{\"idle\":2}}", &v1, C "idle: 2 is neither 0 nor 1", "idle is bounded");
	check("{\"cpu\":{\"quota\":5,\"burst\":6}}", &v1, C "burst: 6 is more than the quota of 5", "burst beyond quota");
	check("{\"cpu\":{\"cpus\":\"0\"}}", &hybrid, C "cpus: this host has no \"cpuset\" cgroup controller", "no cpuset");
}

static void block_io_tests(void)
{
#define B "linux.resources.blockIO."
	const char *all = "{\"blockIO\":{\"weight\":500,\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":10}],"
			  "\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1}],"
			  "\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":2}],"
			  "\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":3}],"
			  "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":16,\"rate\":0}]}}";

	check(all, &v1, "blkio.weight=500 |; blkio.bfq.weight=500; blkio.weight_device=8:0 10 | (8:0 0); "
	      "blkio.bfq.weight_device=8:0 10 (8:0 0); blkio.throttle.read_bps_device=8:0 1 (8:0 0); "
	      "blkio.throttle.write_bps_device=8:0 2 (8:0 0); blkio.throttle.read_iops_device=8:0 3 (8:0 0); "
	      "blkio.throttle.write_iops_device=8:16 0 (8:16 0)", "v1: block I/O");
	check(all, &v2, "io.bfq.weight=500 |; io.weight=4950; io.bfq.weight=8:0 10 | (8:0 default); "
	      "io.weight=8:0 1 (8:0 default); io.max=8:0 rbps=1 (8:0 rbps=max); io.max=8:0 wbps=2 (8:0 wbps=max); "
	      "io.max=8:0 riops=3 (8:0 riops=max); io.max=8:16 wiops=max (8:16 wiops=max)", "v2: block I/O");
	check("{\"blockIO\":{\"weight\":0}}", &nothing, "", "weight 0 is not set: docker");
	check("{\"blockIO\":{\"weight\":9}}", &v2, B "weight: 9 is not within 10 to 1000", "weight is bounded");
	check("{\"blockIO\":{\"leafWeight\":10}}", &v1, "blkio.leaf_weight=10", "v1: leaf weight");
	check("{\"blockIO\":{\"leafWeight\":10}}", &v2, B "leafWeight: cgroup v2 has no such thing", "v2: leaf weight");
	check("{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0}]}}", &v2,
	      B "weightDevice[0]: neither weight nor leafWeight", "an entry without a weight");
	check("{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"leafWeight\":10}]}}", &v2,
	      B "weightDevice[0].leafWeight: cgroup v2 has no such thing", "v2: leaf weight of a device");
}

static void other_tests(void)
{
#define R "linux.resources."
	check("{\"pids\":{\"limit\":100}}", &v1, "pids.max=100", "v1: pids");
	check("{\"pids\":{\"limit\":-1}}", &v2, "pids.max=max", "v2: pids unlimited");
	check("{\"pids\":{\"limit\":0}}", &v2, "pids.max=0 late", "0 pids is a limit, set when init is there");
	check("{\"pids\":{\"limit\":-2}}", &v2, R "pids.limit: -2 is neither a number of tasks nor -1", "pids -2");
	check("{\"pids\":{\"limit\":-1}}", &nothing, "", "unlimited needs no controller");
	check("{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":5}]}", &v1,
	      "hugetlb.2MB.limit_in_bytes=5; hugetlb.2MB.rsvd.limit_in_bytes=5 ?", "v1: huge pages");
	check("{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":5}]}", &hybrid,
	      "hugetlb.1GB.max=5; hugetlb.1GB.rsvd.max=5 ?", "hybrid: huge pages live in v2");
	check("{\"hugepageLimits\":[{\"pageSize\":\"2MB/../../x\",\"limit\":5}]}", &v2,
	      R "hugepageLimits[0].pageSize: \"2MB/../../x\" is not a size like \"2MB\"", "a page size is no path");
	check("{\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"eth0\",\"priority\":5}]}}", &v1,
	      "net_cls.classid=1048577; net_prio.ifpriomap=eth0 5 (eth0 0)", "v1: network");
	check("{\"network\":{\"classID\":1}}", &v2, R "network.classID: this host has no \"net_cls\" cgroup controller", "v2: classID");
	check("{\"network\":{\"priorities\":[{\"name\":\"e\\n0 1\",\"priority\":5}]}}", &v1,
	      R "network.priorities[0].name: \"e?0 1\" is not the name of an interface", "no second line in a name");
	check("{\"network\":{\"classID\":0}}", &v2, "", "classID 0 is not set");
	check("{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000}}}", &v2,
	      "rdma.max=mlx5_1 hca_handle=3 hca_object=10000 (mlx5_1 hca_handle=max hca_object=max)", "v2: rdma");
	check("{\"rdma\":{\"rxe3\":{\"hcaObjects\":1}}}", &v1,
	      "rdma.max=rxe3 hca_object=1 (rxe3 hca_handle=max hca_object=max)", "v1: rdma");
	check("{\"rdma\":{\"rxe3\":{}}}", &v1, R "rdma[\"rxe3\"]: neither hcaHandles nor hcaObjects", "rdma without a limit");
	check("{\"unified\":{\"memory.high\":\"5\",\"misc.max\":\"a 1\",\"cgroup.max.depth\":\"3\"}}", &v2,
	      "memory.high=5; misc.max=a 1 (a max); cgroup.max.depth=3", "unified in the order of the file");
	check("{\"unified\":{\"memory.high\":\"5\"}}", &v1,
	      R "unified[\"memory.high\"]: no such controller in the cgroup v2 hierarchy of this host", "v1: unified");
	check("{\"unified\":{\"dmem.max\":\"5\"}}", &v2,
	      R "unified[\"dmem.max\"]: no such controller in the cgroup v2 hierarchy of this host", "unified: no controller");
	const char *bad[] = { "../x", "cgroup.procs", "a/b", "memory/../x.y", "cgroup.kill", "cgroup.freeze",
			      "cgroup.subtree_control", ".", "..", "memory", ".hidden.x", "memory.max\\nx" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		AUTO(arena) a = ARENA_NONE;
		char *json = arena_printf(&a, "{\"unified\":{\"%s\":\"1\"}}", bad[i]);
		struct spec_error fault;
		struct cgroup_writes w;
		void *r = NULL;
		struct err e = {};

		OK(spec_decode(&oci_resources_type, json, strlen(json), &a, &r, &fault) == 0 &&
		   cgroup_limits(&w, r, &v2, false, &a, &e) < 0 && e.kind == ERR_SPEC, "unified \"%s\" is refused", bad[i]);
	}
}

int main(void)
{
	memory_tests();
	cpu_tests();
	block_io_tests();
	other_tests();
	OK(limits_weight_of_shares(2) == 1 && limits_weight_of_shares(1024) == 100 && limits_weight_of_shares(262144) == 10000,
	   "shares: the ends and the default meet");
	OK(limits_weight_of_shares(0) == 1 && limits_weight_of_shares(1000000) == 10000, "shares are clamped as v1 does");
	OK(limits_weight_of_shares(256) == 35 && limits_weight_of_shares(2048) == 174 && limits_weight_of_shares(3) == 2,
	   "shares: some points of the curve");
	bool grows = true;
	for (unsigned s = 2, last = 0; s < 262144; s += 7) {
		unsigned w = limits_weight_of_shares(s);

		grows = grows && w >= last && w >= 1 && w <= 10000;
		last = w;
	}
	OK(grows, "shares: the curve never falls");
	OK(limits_io_weight(10) == 1 && limits_io_weight(1000) == 10000, "io.weight: the ends meet");
	return tap_done();
}
