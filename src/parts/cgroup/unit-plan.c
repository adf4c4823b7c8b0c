/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What systemd is asked for: the scope's name, its cgroup, its properties.  Pure; in husk, while planning, and the
 * properties of limits once more in `update`.
 */
#include "parts/cgroup/unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "parts/cgroup/limits.h"

#define PATH            "linux.cgroupsPath"
#define ANNOTATION      "org.systemd.property."
#define NAME_MOST       255             /* UNIT_NAME_MAX */
#define INFINITE        UINT64_MAX

/* ---- words ---------------------------------------------------------------------------- */

static void push(struct unit_words *w, const char *word)
{
	if (w->n == w->room) {
		const char **more = ARENA_ARRAY(w->arena, const char *, 2 * w->room + 16);

		if (w->n)
			memcpy(more, w->v, w->n * sizeof(*more));
		w->v = more;
		w->room = 2 * w->room + 16;
	}
	w->v[w->n++] = word;
}

static const char *print(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *s;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	s = arena_alloc(a, (size_t)(len < 0 ? 0 : len) + 1);
	(void)vsnprintf(s, (size_t)(len < 0 ? 0 : len) + 1, fmt, ap);
	return s;
}

void unit_word(struct unit_words *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	push(w, print(w->arena, fmt, ap));
	va_end(ap);
}

void unit_add(struct unit_words *w, const char *name, const char *signature, const char *fmt, ...)
{
	va_list ap;

	push(w, arena_strdup(w->arena, name));
	push(w, arena_strdup(w->arena, signature));
	va_start(ap, fmt);
	push(w, print(w->arena, fmt, ap));
	va_end(ap);
}

/* ---- limits --------------------------------------------------------------------------- */

static void add_u64(struct unit_words *w, const char *name, uint64_t v)
{
	unit_add(w, name, "t", "%llu", (unsigned long long)v);
}

static void add_limit(struct unit_words *w, const char *name, int64_t v)
{
	add_u64(w, name, v < 0 ? INFINITE : (uint64_t)v);
}

/* CPUQuotaPerSecUSec is kept in whole hundredths of a CPU: rounded up, or the files would be taken back below. */
static void add_quota(struct unit_words *w, int64_t quota, uint64_t period)
{
	uint64_t per_second;

	if (!period)
		period = 100000;
	per_second = quota > 0 ? (uint64_t)((double)quota / (double)period * 1000000) : INFINITE;
	if (quota > 0 && per_second % 10000)
		per_second += 10000 - per_second % 10000;
	add_u64(w, "CPUQuotaPerSecUSec", per_second);
	add_u64(w, "?CPUQuotaPeriodUSec", period);      /* 242 */
}

/* "0-3,5" as a bit mask of bytes, which is what systemd takes. False: no list of numbers, the file will tell. */
static bool add_set(struct unit_words *w, const char *name, const char *list)
{
	uint8_t bits[1024] = {};
	const char *word;
	size_t len, bytes = 0;

	while ((word = str_word(&list, ",", &len))) {
		size_t first = strspn(word, "0123456789");
		uint64_t from, to;

		if (!num_parse_n(word, first, 8 * sizeof(bits) - 1, &from))
			return false;
		to = from;
		if (first < len && (word[first] != '-' || !num_parse_n(word + first + 1, len - first - 1, 8 * sizeof(bits) - 1, &to)))
			return false;
		for (; from <= to; from++) {
			bits[from / 8] |= (uint8_t)(1u << from % 8);
			bytes = MAX(bytes, (size_t)(from / 8 + 1));
		}
	}
	unit_add(w, name, "ay", "%zu", bytes);
	for (size_t i = 0; i < bytes; i++)
		unit_word(w, "%u", bits[i]);
	return true;
}

static void add_memory(struct unit_words *w, const struct oci_memory *m, bool is_v2)
{
	if (m->limit.v)
		add_limit(w, is_v2 ? "MemoryMax" : "MemoryLimit", m->limit.v);
	if (is_v2 && m->reservation.v)
		add_limit(w, "MemoryLow", m->reservation.v);
	if (is_v2 && m->swap.v < 0)
		add_limit(w, "MemorySwapMax", -1);
	else if (is_v2 && m->swap.v && m->limit.v > 0 && m->swap.v >= m->limit.v)
		add_limit(w, "MemorySwapMax", m->swap.v - m->limit.v);
}

static void add_cpu(struct unit_words *w, const struct oci_cpu *c, bool is_v2)
{
	if (is_v2 && c->idle.v)
		add_u64(w, "?CPUWeight", 0);            /* 252 */
	else if (c->shares.v)
		add_u64(w, is_v2 ? "CPUWeight" : "CPUShares", is_v2 ? limits_weight_of_shares(c->shares.v) : c->shares.v);
	if (c->quota.v || c->period.v)
		add_quota(w, c->quota.v, c->period.v);
	if (is_v2 && c->cpus && *c->cpus)
		add_set(w, "?AllowedCPUs", c->cpus);    /* 244 */
	if (is_v2 && c->mems && *c->mems)
		add_set(w, "?AllowedMemoryNodes", c->mems);
}

static uint64_t number_of(const char *text)
{
	uint64_t v;

	/* What v1 shows for no limit is LONG_MAX in whole pages. */
	return num_parse(text, UINT64_MAX, &v) && v < INT64_MAX - 65535 ? v : INFINITE;
}

/* The files that systemd would set otherwise. */
void unit_file(struct unit_words *w, const char *file, const char *text)
{
	static const struct { const char *file, *property; } same[] = {
		{ "cpu.weight", "CPUWeight" }, { "memory.min", "MemoryMin" }, { "memory.low", "MemoryLow" },
		{ "memory.high", "MemoryHigh" }, { "memory.max", "MemoryMax" }, { "memory.swap.max", "MemorySwapMax" },
		{ "pids.max", "TasksMax" },
		/* v1 */
		{ "cpu.shares", "CPUShares" }, { "memory.limit_in_bytes", "MemoryLimit" }, { "blkio.weight", "BlockIOWeight" },
	};
	uint64_t quota, period = 100000;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		if (str_eq(file, same[i].file))
			add_u64(w, same[i].property, number_of(text));
	if (str_eq(file, "cpuset.cpus"))
		add_set(w, "?AllowedCPUs", text);
	if (str_eq(file, "cpuset.mems"))
		add_set(w, "?AllowedMemoryNodes", text);
	if (str_eq(file, "cpu.max")) {
		len = strcspn(text, " ");
		if (text[len] && !num_parse(text + len + 1, UINT64_MAX, &period))
			return;
		add_quota(w, num_parse_n(text, len, INT64_MAX, &quota) ? (int64_t)quota : -1, period);
	}
}

void unit_limits(struct unit_words *w, const struct oci_resources *r, bool is_v2)
{
	if (!r)
		return;
	if (r->memory)
		add_memory(w, r->memory, is_v2);
	if (r->cpu)
		add_cpu(w, r->cpu, is_v2);
	if (r->block_io && r->block_io->weight.v)
		add_u64(w, is_v2 ? "IOWeight" : "BlockIOWeight",
			is_v2 ? limits_io_weight(r->block_io->weight.v) : r->block_io->weight.v);
	if (r->pids && r->pids->limit.set)
		/* systemd takes no 0; the file does */
		add_limit(w, "TasksMax", r->pids->limit.v ? r->pids->limit.v : 1);
	for (size_t i = 0; is_v2 && i < r->unified.n; i++)
		unit_file(w, r->unified.v[i].key, r->unified.v[i].value);
}

/* ---- the way back --------------------------------------------------------------------- */

/* Of what is said here: "t" and "ay" alone. */
static size_t property_words(const struct unit_words *w, size_t i)
{
	uint64_t bytes = 0;

	if (str_eq(w->v[i + 1], "ay"))
		(void)num_parse(w->v[i + 2], UINT64_MAX, &bytes);
	return 3 + (size_t)bytes;
}

/* Where the property begins, w->n: nowhere. */
static size_t find_property(const struct unit_words *w, const char *name)
{
	size_t i = 0;

	name += *name == '?';
	while (i < w->n && !str_eq(w->v[i] + (w->v[i][0] == '?'), name))
		i += property_words(w, i);
	return i;
}

static void add_nothing(struct unit_words *w, const char *name, const char *signature)
{
	bool is_protection = str_eq(name, "MemoryLow") || str_eq(name, "MemoryMin");

	if (str_eq(signature, "ay"))
		unit_add(w, name, signature, "0");
	else
		add_u64(w, name, is_protection ? 0 : INFINITE);
}

void unit_back(struct unit_words *now, const struct unit_words *then, const struct unit_words *files)
{
	for (size_t i = 0; i < then->n; i += property_words(then, i)) {
		size_t at = find_property(files, then->v[i]);

		if (find_property(now, then->v[i]) < now->n)
			continue;
		if (at == files->n)
			add_nothing(now, then->v[i], then->v[i + 1]);
		for (size_t k = 0; at < files->n && k < property_words(files, at); k++)
			push(now, files->v[at + k]);
	}
}

/* ---- where ---------------------------------------------------------------------------- */

static bool is_unit_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@", s[i]) || !s[i])
			return false;
	return n > 0 && n <= NAME_MOST && s[0] != '.';
}

/* "a-b.slice" lies in "a.slice" (systemd.slice(5)); "-.slice" is the root. */
static const char *expand_slice(const char *slice, struct arena *a, struct err *e)
{
	size_t len = strlen(slice), n = len > 6 ? len - 6 : 0;
	const char *path = "";

	if (!str_ends(slice, ".slice") || !is_unit_name(slice, len))
		return err_set(e, ERR_SPEC, PATH ": \"%.200s\" is not the name of a slice", slice), NULL;
	if (str_eq(slice, "-.slice"))
		return path;
	if (slice[0] == '-' || slice[n - 1] == '-' || strstr(slice, "--"))
		return err_set(e, ERR_SPEC, PATH ": \"%.200s\" is not the name of a slice", slice), NULL;
	for (size_t i = 1; i <= n; i++)
		if (i == n || slice[i] == '-')
			path = arena_printf(a, "%s/%.*s.slice", path, (int)i, slice);
	return path;
}

/* The cgroup of the user's own systemd, told from where we are: .../user-1000.slice/... */
static const char *user_manager(const struct host *host, struct arena *a)
{
	const char *own = host->v2_own, *uid = NULL;
	size_t len = 0;

	for (int i = 0; !own && i < host->v1_count; i++)
		if (str_eq(host->v1[i].controllers, "name=systemd"))
			own = host->v1[i].own;
	uid = own ? str_after(own, "/user.slice/user-") : NULL;
	len = uid ? strspn(uid, "0123456789") : 0;
	if (len && str_starts(uid + len, ".slice"))
		return arena_printf(a, "/user.slice/user-%.*s.slice/user@%.*s.service", (int)len, uid, (int)len, uid);
	return arena_printf(a, "/user.slice/user-%u.slice/user@%u.service", (unsigned)host->uid, (unsigned)host->uid);
}

/* "slice:prefix:name"; SLICE and PREFIX may be empty. */
static int split(const char *path, const char *part[3], struct arena *a, struct err *e)
{
	const char *word, *rest = path;
	size_t len, n = 0;

	while ((word = str_word(&rest, ":", &len)) && n < 3)
		part[n++] = arena_strndup(a, word, len);
	if (word || n != 3 || !*part[2])
		return err_set(e, ERR_SPEC, PATH ": \"%.200s\" is not of the form slice:prefix:name, which the systemd cgroup "
			       "manager needs", path);
	return 0;
}

static int place(struct cgroup_unit *out, const char *path, const char **slice, const char *id, const struct host *host,
		 struct arena *a, struct err *e)
{
	const char *part[3] = { "", "husk", id }, *within;

	out->is_user = host->is_rootless;
	if (path && split(path, part, a, e) < 0)
		return -1;
	if (str_ends(part[2], ".slice"))
		return err_set(e, ERR_UNSUPPORTED, PATH ": a container is a scope, not a slice: \"%.200s\"", part[2]);
	out->name = *part[1] ? arena_printf(a, "%s-%s.scope", part[1], part[2]) : arena_printf(a, "%s.scope", part[2]);
	if (!is_unit_name(out->name, strlen(out->name)))
		return err_set(e, ERR_SPEC, PATH ": \"%.200s\" is not the name of a unit", out->name);
	*slice = *part[0] ? part[0] : out->is_user ? "user.slice" : "system.slice";
	within = expand_slice(*slice, a, e);
	if (!within)
		return -1;
	out->cgroup = arena_printf(a, "%s%s/%s", out->is_user ? user_manager(host, a) : "", within, out->name);
	return 0;
}

/* ------------------------------------------------------------------------------------------ */

static int annotated(struct unit_words *w, const str_map *annotations, struct err *e)
{
	char path[320];

	for (size_t i = 0; i < annotations->n; i++) {
		const char *name = str_after(annotations->v[i].key, ANNOTATION);

		if (!name)
			continue;
		(void)snprintf(path, sizeof(path), "annotations[\"%.250s\"]", annotations->v[i].key);
		if (unit_property(w, name, annotations->v[i].value, path, e) < 0)
			return -1;
	}
	return 0;
}

int unit_plan(struct cgroup_unit *out, const struct oci_config *c, const char *id, const struct host *host, struct arena *a,
	      struct err *e)
{
	const struct oci_linux *l = c->linux_;
	struct unit_words w = { .arena = a };
	bool is_v2 = host->cgroups == HOST_CGROUP_V2;
	const char *slice = "";

	*out = (struct cgroup_unit){};
	if (place(out, l && l->cgroups_path && *l->cgroups_path ? l->cgroups_path : NULL, &slice, id, host, a, e) < 0)
		return -1;
	unit_add(&w, "Description", "s", "husk container %s", id);
	unit_add(&w, "Slice", "s", "%s", slice);
	unit_add(&w, "Delegate", "b", "true");
	unit_add(&w, "DefaultDependencies", "b", "false");
	unit_add(&w, "?CollectMode", "s", "inactive-or-failed");        /* 236 */
	unit_add(&w, "?OOMPolicy", "s", "continue");    /* 253; one process killed does not end the container */
	unit_add(&w, "MemoryAccounting", "b", "true");
	unit_add(&w, "CPUAccounting", "b", "true");
	unit_add(&w, is_v2 ? "IOAccounting" : "BlockIOAccounting", "b", "true");
	unit_add(&w, "TasksAccounting", "b", "true");
	unit_limits(&w, l ? l->resources : NULL, is_v2);
	if (annotated(&w, &c->annotations, e) < 0)
		return -1;
	out->words = w.v;
	out->n = w.n;
	return 0;
}
