/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers out of the files of a container's groups; see stats.h.  Which file means what: the kernel's
 * Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst.  Read-only, on the host.
 */
#include "parts/cgroup/stats.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "parts/cgroup/control.h"
#include "sys/groupfs.h"

#define NONE UINT64_MAX

struct reader { const struct cgroup *cg; struct arena *a; char text[65536]; };

static const struct cgroup_dir *v1_dir(const struct cgroup *cg, const char *controller)
{
	for (int i = 0; i < cg->n; i++)
		if (!cg->dir[i].is_v2 && str_has_word(cg->dir[i].controllers, ",", controller, strlen(controller)))
			return &cg->dir[i];
	return NULL;
}

static const struct cgroup_dir *v2_dir(const struct cgroup *cg)
{
	for (int i = 0; i < cg->n; i++)
		if (cg->dir[i].is_v2)
			return &cg->dir[i];
	return NULL;
}

/* The file's text, "" when there is none. */
static const char *slurp(struct reader *r, const struct cgroup_dir *d, const char *file)
{
	struct err ignored;

	if (!d || groupfs_read(d->fd, file, r->text, sizeof(r->text), &ignored) < 0)
		r->text[0] = '\0';
	return r->text;
}

/* A number at the start of S; "max" and what is beyond 2^63 less a page (v1's way to say it) are NONE. */
static uint64_t number(const char *s)
{
	uint64_t v = 0;

	if (str_starts(s, "max"))
		return NONE;
	if (!num_parse_n(s, strspn(s, "0123456789"), UINT64_MAX, &v))
		return 0;
	return v >= 0x7ffffffffffff000ull - 0xffff ? NONE : v;
}

static uint64_t number_in(struct reader *r, const struct cgroup_dir *d, const char *file)
{
	return number(slurp(r, d, file));
}

/* The value of "NAME value" in TEXT, a line of its own. */
static uint64_t value_of(const char *text, const char *name)
{
	const char *line, *after;
	size_t len;

	while ((line = str_word(&text, "\n", &len))) {
		after = str_after(line, name);
		if (after && *after == ' ')
			return number(after + 1);
	}
	return 0;
}

static void list_of(struct reader *r, struct stat_list *out, const char *text)
{
	const char *rest = text, *line;
	size_t len, n = 0;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	out->v = ARENA_ARRAY(r->a, struct stat_value, n + 1);
	while ((line = str_word(&rest, "\n", &len))) {
		const char *blank = memchr(line, ' ', len);

		if (blank && out->n <= n)
			out->v[out->n++] = (struct stat_value){
				arena_strndup(r->a, line, (size_t)(blank - line)), number(blank + 1) };
	}
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static void pressure(struct reader *r, struct stat_psi *out, const struct cgroup_dir *d, const char *file)
{
	const char *rest = slurp(r, d, file), *line;
	size_t len;

	while ((line = str_word(&rest, "\n", &len))) {
		struct stat_pressure *p = str_starts(line, "some ") ? &out->some : str_starts(line, "full ") ? &out->full : NULL;
		const char *word, *words = line, *v;
		size_t n;

		if (!p)
			continue;
		p->set = true;
		while ((word = str_word(&words, " \n", &n)) && word < line + len) {
			if ((v = str_after(word, "avg10=")))
				p->avg10 = strtod(v, NULL);
			else if ((v = str_after(word, "avg60=")))
				p->avg60 = strtod(v, NULL);
			else if ((v = str_after(word, "avg300=")))
				p->avg300 = strtod(v, NULL);
			else if ((v = str_after(word, "total=")))
				p->total = number(v);
		}
	}
}

/* ---- cpu ------------------------------------------------------------------------------ */

static void percpu(struct reader *r, struct cgroup_stats *s, const struct cgroup_dir *d)
{
	const char *rest = slurp(r, d, "cpuacct.usage_percpu"), *word;
	size_t len, room = 0;

	for (const char *p = rest; *p; p++)
		room += *p == ' ';
	s->cpu.percpu = ARENA_ARRAY(r->a, uint64_t, room + 1);
	while ((word = str_word(&rest, " \n", &len)))
		if (len && s->cpu.cpus <= room)
			s->cpu.percpu[s->cpu.cpus++] = number(word);
}

static void cpu(struct reader *r, struct cgroup_stats *s)
{
	const struct cgroup_dir *v1 = v1_dir(r->cg, "cpu"), *acct = v1_dir(r->cg, "cpuacct"), *v2 = v2_dir(r->cg);
	const char *text;

	if (acct) {
		uint64_t tick = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);

		s->cpu.total = number_in(r, acct, "cpuacct.usage");
		s->cpu.user = number_in(r, acct, "cpuacct.usage_user");
		s->cpu.kernel = number_in(r, acct, "cpuacct.usage_sys");
		text = slurp(r, acct, "cpuacct.stat");
		if (!s->cpu.user && !s->cpu.kernel) {
			s->cpu.user = value_of(text, "user") * tick;
			s->cpu.kernel = value_of(text, "system") * tick;
		}
		percpu(r, s, acct);
	} else if (v2) {
		text = slurp(r, v2, "cpu.stat");
		s->cpu.total = value_of(text, "usage_usec") * 1000;
		s->cpu.user = value_of(text, "user_usec") * 1000;
		s->cpu.kernel = value_of(text, "system_usec") * 1000;
	}
	text = slurp(r, v1 ? v1 : v2, "cpu.stat");
	s->cpu.periods = value_of(text, "nr_periods");
	s->cpu.throttled_periods = value_of(text, "nr_throttled");
	s->cpu.throttled_time = v1 ? value_of(text, "throttled_time") : value_of(text, "throttled_usec") * 1000;
	pressure(r, &s->cpu.psi, v2, "cpu.pressure");
}

static void cpuset_flags(struct reader *r, struct cgroup_stats *s, const struct cgroup_dir *d)
{
	const char *level;

	s->cpuset.cpu_exclusive = number_in(r, d, "cpuset.cpu_exclusive");
	s->cpuset.mem_hardwall = number_in(r, d, "cpuset.mem_hardwall");
	s->cpuset.mem_exclusive = number_in(r, d, "cpuset.mem_exclusive");
	s->cpuset.memory_migrate = number_in(r, d, "cpuset.memory_migrate");
	s->cpuset.spread_page = number_in(r, d, "cpuset.memory_spread_page");
	s->cpuset.spread_slab = number_in(r, d, "cpuset.memory_spread_slab");
	s->cpuset.pressure = number_in(r, d, "cpuset.memory_pressure");
	s->cpuset.load_balance = number_in(r, d, "cpuset.sched_load_balance");
	level = slurp(r, d, "cpuset.sched_relax_domain_level");
	s->cpuset.relax_domain_level = *level == '-' ? -(int64_t)number(level + 1) : (int64_t)number(level);
}

static void cpuset(struct reader *r, struct cgroup_stats *s)
{
	const struct cgroup_dir *v1 = v1_dir(r->cg, "cpuset"), *v2 = v2_dir(r->cg);
	const char *text = slurp(r, v1 ? v1 : v2, v1 ? "cpuset.cpus" : "cpuset.cpus.effective");

	if (*text)
		s->cpuset.cpus = arena_strndup(r->a, text, strcspn(text, "\n"));
	text = slurp(r, v1 ? v1 : v2, v1 ? "cpuset.mems" : "cpuset.mems.effective");
	if (*text)
		s->cpuset.mems = arena_strndup(r->a, text, strcspn(text, "\n"));
	if (v1)
		cpuset_flags(r, s, v1);
}

/* ---- memory --------------------------------------------------------------------------- */

static struct stat_memory memory_v1(struct reader *r, const struct cgroup_dir *d, const char *prefix)
{
	struct stat_memory m;

	m.usage = number_in(r, d, arena_printf(r->a, "%s.usage_in_bytes", prefix));
	m.max = number_in(r, d, arena_printf(r->a, "%s.max_usage_in_bytes", prefix));
	m.failcnt = number_in(r, d, arena_printf(r->a, "%s.failcnt", prefix));
	m.limit = number_in(r, d, arena_printf(r->a, "%s.limit_in_bytes", prefix));
	return m;
}

/* v1 counts memory and swap together; so do the numbers here. */
static void memory_v2(struct reader *r, struct cgroup_stats *s, const struct cgroup_dir *d)
{
	uint64_t swap = number_in(r, d, "memory.swap.current"), limit = number_in(r, d, "memory.swap.max");

	s->memory.usage.usage = number_in(r, d, "memory.current");
	s->memory.usage.max = number_in(r, d, "memory.peak");
	s->memory.usage.limit = number_in(r, d, "memory.max");
	s->memory.usage.failcnt = value_of(slurp(r, d, "memory.events"), "max");
	s->memory.swap.usage = s->memory.usage.usage + swap;
	s->memory.swap.limit = limit == NONE || s->memory.usage.limit == NONE ? NONE : limit + s->memory.usage.limit;
	s->memory.cache = value_of(slurp(r, d, "memory.stat"), "file");
	list_of(r, &s->memory.raw, r->text);
}

static void memory(struct reader *r, struct cgroup_stats *s)
{
	const struct cgroup_dir *v1 = v1_dir(r->cg, "memory"), *v2 = v2_dir(r->cg);

	if (v1) {
		s->memory.usage = memory_v1(r, v1, "memory");
		s->memory.swap = memory_v1(r, v1, "memory.memsw");
		s->memory.kernel = memory_v1(r, v1, "memory.kmem");
		s->memory.kernel_tcp = memory_v1(r, v1, "memory.kmem.tcp");
		s->memory.cache = value_of(slurp(r, v1, "memory.stat"), "cache");
		list_of(r, &s->memory.raw, r->text);
	} else if (v2) {
		memory_v2(r, s, v2);
	}
	s->memory.oom_kills = cgroup_oom_kills(r->cg);
	pressure(r, &s->memory.psi, v2, "memory.pressure");
}

/* ---- I/O ------------------------------------------------------------------------------ */

static void add_io(struct reader *r, struct stat_ios *out, uint64_t major, uint64_t minor, const char *op,
		   size_t op_len, uint64_t value)
{
	if ((out->n & (out->n - 1)) == 0) {
		struct stat_io *v = ARENA_ARRAY(r->a, struct stat_io, out->n ? 2 * out->n : 1);

		if (out->n)
			memcpy(v, out->v, out->n * sizeof(*v));
		out->v = v;
	}
	out->v[out->n++] = (struct stat_io){ major, minor, arena_strndup(r->a, op, op_len), value };
}

/* "8:0 " at the start of a line: the rest of it, or NULL. */
static const char *device(const char *line, uint64_t *major, uint64_t *minor)
{
	size_t n = strspn(line, "0123456789"), m;

	if (line[n] != ':' || !num_parse_n(line, n, UINT32_MAX, major))
		return NULL;
	m = strspn(line + n + 1, "0123456789");
	if (line[n + 1 + m] != ' ' || !num_parse_n(line + n + 1, m, UINT32_MAX, minor))
		return NULL;
	return line + n + m + 2;
}

/* v1: "8:0 Read 4096"; files without an operation: "8:0 4096" */
static void ios_v1(struct reader *r, struct stat_ios *out, const struct cgroup_dir *d, const char *file,
		   const char *instead)
{
	const char *rest = slurp(r, d, file), *line, *p;
	uint64_t major, minor;
	size_t len;

	if (!*rest)
		rest = slurp(r, d, instead);
	while ((line = str_word(&rest, "\n", &len))) {
		size_t op;

		if (!(p = device(line, &major, &minor)))
			continue;
		op = *p >= '0' && *p <= '9' ? 0 : strcspn(p, " \n");
		add_io(r, out, major, minor, p, op, number(p + op + (op > 0)));
	}
}

/* v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" */
static void ios_v2(struct reader *r, struct cgroup_stats *s, const struct cgroup_dir *d)
{
	static const struct { const char *key, *op; bool bytes; } words[] = {
		{ "rbytes=", "Read", true }, { "wbytes=", "Write", true }, { "rios=", "Read", false }, { "wios=", "Write", false },
		{ "dbytes=", "Discard", true }, { "dios=", "Discard", false },
	};
	const char *rest = slurp(r, d, "io.stat"), *line, *p, *v;
	uint64_t major, minor;
	size_t len, n;

	while ((line = str_word(&rest, "\n", &len))) {
		if (!(p = device(line, &major, &minor)))
			continue;
		for (const char *word; p < line + len && (word = str_word(&p, " \n", &n)) && p;)
			for (size_t i = 0; i < ARRAY_SIZE(words); i++)
				if ((v = str_after(word, words[i].key)))
					add_io(r, words[i].bytes ? &s->blkio.service_bytes : &s->blkio.serviced, major, minor,
					       words[i].op, strlen(words[i].op), number(v));
	}
}

static void block_io(struct reader *r, struct cgroup_stats *s)
{
	const struct cgroup_dir *v1 = v1_dir(r->cg, "blkio"), *v2 = v2_dir(r->cg);

	if (v1) {
		/* BFQ counts what it schedules, the throttle layer everything. */
		ios_v1(r, &s->blkio.service_bytes, v1, "blkio.throttle.io_service_bytes_recursive",
		       "blkio.throttle.io_service_bytes");
		ios_v1(r, &s->blkio.serviced, v1, "blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced");
		ios_v1(r, &s->blkio.queued, v1, "blkio.bfq.io_queued_recursive", "blkio.io_queued_recursive");
		ios_v1(r, &s->blkio.service_time, v1, "blkio.bfq.io_service_time_recursive", "blkio.io_service_time_recursive");
		ios_v1(r, &s->blkio.wait_time, v1, "blkio.bfq.io_wait_time_recursive", "blkio.io_wait_time_recursive");
		ios_v1(r, &s->blkio.merged, v1, "blkio.bfq.io_merged_recursive", "blkio.io_merged_recursive");
		ios_v1(r, &s->blkio.time, v1, "blkio.bfq.time_recursive", "blkio.time_recursive");
		ios_v1(r, &s->blkio.sectors, v1, "blkio.bfq.sectors_recursive", "blkio.sectors_recursive");
	} else if (v2) {
		ios_v2(r, s, v2);
	}
	pressure(r, &s->blkio.psi, v2, "io.pressure");
}

/* ---- the others ------------------------------------------------------------------------ */

static void pids(struct reader *r, struct cgroup_stats *s)
{
	const struct cgroup_dir *d = v1_dir(r->cg, "pids");

	if (!d)
		d = v2_dir(r->cg);
	s->pids.current = number_in(r, d, "pids.current");
	s->pids.limit = number_in(r, d, "pids.max");
	if (s->pids.limit == NONE)
		s->pids.limit = 0;
}

/* The sizes that the kernel can have; those that this one has not have no files. */
static void hugetlb(struct reader *r, struct cgroup_stats *s)
{
	static const char *const sizes[] = { "64KB", "1MB", "2MB", "16MB", "32MB", "512MB", "1GB", "16GB" };
	const struct cgroup_dir *v1 = v1_dir(r->cg, "hugetlb"), *v2 = v2_dir(r->cg);

	s->hugetlb.v = ARENA_ARRAY(r->a, struct stat_huge, ARRAY_SIZE(sizes));
	for (size_t i = 0; i < ARRAY_SIZE(sizes) && (v1 || v2); i++) {
		const char *prefix = arena_printf(r->a, "hugetlb.%s", sizes[i]);
		struct stat_huge h = { .page_size = sizes[i] };

		if (v1) {
			if (!*slurp(r, v1, arena_printf(r->a, "%s.usage_in_bytes", prefix)))
				continue;
			h.m = memory_v1(r, v1, prefix);
		} else {
			const char *usage = slurp(r, v2, arena_printf(r->a, "%s.current", prefix));

			if (!*usage)
				continue;
			h.m.usage = number(usage);
			h.m.limit = number_in(r, v2, arena_printf(r->a, "%s.max", prefix));
			h.m.failcnt = value_of(slurp(r, v2, arena_printf(r->a, "%s.events", prefix)), "max");
		}
		s->hugetlb.v[s->hugetlb.n++] = h;
	}
}

static uint32_t rdma_number(const char *line, size_t len, const char *key)
{
	const char *p = memmem(line, len, key, strlen(key));
	uint64_t v = p ? number(p + strlen(key)) : 0;

	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static size_t rdma(struct reader *r, const struct cgroup_dir *d, const char *file, struct stat_rdma **out)
{
	const char *rest = slurp(r, d, file), *line;
	size_t len, n = 0, room = 1;

	for (const char *p = rest; *p; p++)
		room += *p == '\n';
	*out = ARENA_ARRAY(r->a, struct stat_rdma, room);
	while ((line = str_word(&rest, "\n", &len)))
		if (len && n < room)
			(*out)[n++] = (struct stat_rdma){
				arena_strndup(r->a, line, strcspn(line, " \n")),
				rdma_number(line, len, "hca_handle="), rdma_number(line, len, "hca_object=") };
	return n;
}

/* "  eth0: BYTES PACKETS ERRS DROP FIFO FRAME COMPRESSED MULTICAST BYTES PACKETS ERRS DROP ...", after two lines of heading */
void cgroup_stats_network(struct cgroup_stats *s, const char *text, struct arena *a)
{
	size_t len, room = 1;
	const char *line;

	for (const char *p = text; *p; p++)
		room += *p == '\n';
	s->network.v = ARENA_ARRAY(a, struct stat_net, room);
	s->network.n = 0;
	while ((line = str_word(&text, "\n", &len))) {
		const char *name = line + strspn(line, " "), *colon = memchr(line, ':', len), *p;
		struct stat_net *i = &s->network.v[s->network.n];
		uint64_t n[16];

		if (!colon || str_starts(name, "lo:"))
			continue;
		p = colon + 1;
		for (size_t k = 0; k < ARRAY_SIZE(n); k++) {
			p += strspn(p, " ");
			n[k] = number(p);
			p += strspn(p, "0123456789");
		}
		*i = (struct stat_net){ arena_strndup(a, name, (size_t)(colon - name)), n[0], n[1], n[2], n[3], n[8], n[9], n[10], n[11] };
		s->network.n++;
	}
}

int cgroup_stats(const struct cgroup *cg, struct cgroup_stats *s, struct arena *a, struct err *e)
{
	struct reader *r = ARENA_NEW(a, struct reader);
	const struct cgroup_dir *d = v1_dir(cg, "rdma");

	*s = (struct cgroup_stats){};
	if (!cg->n)
		return err_set(e, ERR_UNSUPPORTED, "this container has no cgroups, hence no statistics");
	r->cg = cg;
	r->a = a;
	cpu(r, s);
	cpuset(r, s);
	memory(r, s);
	pids(r, s);
	block_io(r, s);
	hugetlb(r, s);
	d = d ? d : v2_dir(cg);
	s->rdma_current.n = rdma(r, d, "rdma.current", &s->rdma_current.v);
	s->rdma_limit.n = rdma(r, d, "rdma.max", &s->rdma_limit.v);
	return 0;
}
