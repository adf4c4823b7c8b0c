/* SPDX-License-Identifier: Apache-2.0 */
/* The words behind `exec`'s options for the process; see process.h. */
#include "cli/process.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "parts/task/limits.h"

#define CPUS_MAX 8192
#define RESOURCES_MAX 32

static int bad(const char *option, const char *word, const char *want, struct err *e)
{
	return err_set(e, ERR_USAGE, "option --%s: \"%.200s\" is not %s", option, word, want);
}

/* PREFIX and the word in upper case, '-' as '_'; the whole name is understood, too. */
static char *upper(const char *prefix, const char *word, size_t len, struct arena *a)
{
	char *s = arena_printf(a, "%s%.*s", prefix, (int)len, word);
	size_t skip = strlen(prefix);

	for (char *c = s + skip; *c; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c == '-' ? '_' : *c;
	return str_starts(s + skip, prefix) ? s + skip : s;
}

/* ---- rlimits ----------------------------------------------------------------------- */

static bool is_limit(const char *type)
{
	for (int i = 0; i < RESOURCES_MAX; i++)
		if (str_eq(limits_name(i), type))
			return true;
	return false;
}

static bool limit(const char *text, size_t len, uint64_t *out)
{
	if ((len == 2 && memcmp(text, "-1", 2) == 0) || (len == 9 && memcmp(text, "unlimited", 9) == 0)) {
		*out = UINT64_MAX;
		return true;
	}
	return num_parse_n(text, len, UINT64_MAX, out);
}

static int rlimit(struct oci_rlimit *r, const char *word, struct arena *a, struct err *e)
{
	const char *equals = strchr(word, '='), *colon = equals ? strchr(equals, ':') : NULL;
	const char *want = "NAME=SOFT[:HARD], like nofile=1024:2048";

	if (!equals)
		return bad("rlimit", word, want, e);
	r->type = upper("RLIMIT_", word, (size_t)(equals - word), a);
	if (!is_limit(r->type))
		return bad("rlimit", r->type, "a limit that the kernel has", e);
	if (!limit(equals + 1, colon ? (size_t)(colon - equals - 1) : strlen(equals + 1), &r->soft))
		return bad("rlimit", word, want, e);
	r->hard = r->soft;
	if (colon && !limit(colon + 1, strlen(colon + 1), &r->hard))
		return bad("rlimit", word, want, e);
	if (r->soft > r->hard)
		return err_set(e, ERR_USAGE, "option --rlimit: \"%.200s\": the soft limit is above the hard one", word);
	return 0;
}

int process_rlimits(oci_rlimit_list *list, const struct words *w, struct arena *a, struct err *e)
{
	list->v = ARENA_ARRAY(a, struct oci_rlimit, w->n + 1);
	for (size_t i = 0; i < w->n; i++) {
		struct oci_rlimit r;
		size_t at = 0;

		if (rlimit(&r, w->v[i], a, e) < 0)
			return -1;
		/* Said twice, the last word counts. */
		while (at < list->n && !str_eq(list->v[at].type, r.type))
			at++;
		list->v[at] = r;
		list->n += at == list->n;
	}
	return 0;
}

/* ---- single ones -------------------------------------------------------------------- */

int process_umask(struct opt_u32 *out, const char *word, struct err *e)
{
	size_t len = strlen(word);

	if (!len || len > 4 || strspn(word, "01234567") != len || (len == 4 && word[0] != '0'))
		return bad("umask", word, "an octal number up to 0777, like 0027", e);
	*out = (struct opt_u32){ .set = true };
	for (const char *c = word; *c; c++)
		out->v = out->v << 3 | (uint32_t)(*c - '0');
	return 0;
}

int process_oom_score(struct opt_i32 *out, struct opt_i64 score, struct err *e)
{
	if (!score.set)
		return 0;
	if (score.v < -1000 || score.v > 1000)
		return err_set(e, ERR_USAGE, "option --oom-score-adj: %lld is not within -1000 to 1000", (long long)score.v);
	*out = (struct opt_i32){ .set = true, .v = (int32_t)score.v };
	return 0;
}

int process_cpu_affinity(struct oci_cpu_affinity **out, const char *word, struct arena *a, struct err *e)
{
	unsigned long mask[CPUS_MAX / (8 * sizeof(unsigned long))];
	const char *colon = strchr(word, ':');
	struct oci_cpu_affinity *c = ARENA_NEW(a, struct oci_cpu_affinity);

	c->initial = colon ? arena_strndup(a, word, (size_t)(colon - word)) : word;
	c->final = colon ? colon + 1 : word;
	if (!num_parse_list(c->initial, mask, CPUS_MAX) || !num_parse_list(c->final, mask, CPUS_MAX))
		return bad("cpu-affinity", word, "a list of CPUs, like 0-3,7", e);
	*out = c;
	return 0;
}

int process_io_priority(struct oci_io_priority **out, const char *word, struct arena *a, struct err *e)
{
	const char *colon = strchr(word, ':');
	size_t len = colon ? (size_t)(colon - word) : strlen(word);
	struct oci_io_priority *io = ARENA_NEW(a, struct oci_io_priority);
	int class = spec_enum_value(&oci_io_priority_classes, upper("IOPRIO_CLASS_", word, len, a));
	uint64_t n = 4;         /* what the kernel gives who says nothing */

	if (!class || (colon && !num_parse(colon + 1, 7, &n)))
		return bad("io-priority", word, "rt, be or idle, with a level from 0 to 7: be:3", e);
	io->class = (enum oci_ioprio)class;
	io->priority = (int32_t)n;
	*out = io;
	return 0;
}

/* ---- scheduler ------------------------------------------------------------------------ */

static bool signed_number(const char *text, int32_t *out)
{
	int64_t n;

	if (!num_parse_signed(text, INT32_MIN, INT32_MAX, &n))
		return false;
	*out = (int32_t)n;
	return true;
}

/* "priority=10" */
static bool scheduler_word(struct oci_scheduler *s, const char *word, size_t len, struct arena *a)
{
	const char *name = arena_strndup(a, word, len), *value = strchr(name, '=');
	int flag;

	if (!value)
		return false;
	value++;
	if (str_starts(name, "nice="))
		return signed_number(value, &s->nice);
	if (str_starts(name, "priority="))
		return signed_number(value, &s->priority);
	if (str_starts(name, "runtime="))
		return num_parse(value, UINT64_MAX, &s->runtime);
	if (str_starts(name, "deadline="))
		return num_parse(value, UINT64_MAX, &s->deadline);
	if (str_starts(name, "period="))
		return num_parse(value, UINT64_MAX, &s->period);
	flag = str_starts(name, "flag=") ? spec_enum_value(&oci_sched_flags, upper("SCHED_FLAG_", value, strlen(value), a)) : 0;
	if (flag)
		s->flags.v[s->flags.n++] = (enum oci_sched_flag)flag;
	return flag;
}

int process_scheduler(struct oci_scheduler **out, const char *word, struct arena *a, struct err *e)
{
	const char *colon = strchr(word, ':'), *rest = colon ? colon + 1 : NULL, *part;
	struct oci_scheduler *s = ARENA_NEW(a, struct oci_scheduler);
	size_t len = colon ? (size_t)(colon - word) : strlen(word);
	int policy = spec_enum_value(&oci_sched_policies, upper("SCHED_", word, len, a));

	if (!policy)
		return bad("scheduler", word, "a policy: other, batch, idle, fifo, rr or deadline", e);
	s->policy = (enum oci_sched)policy;
	s->flags.v = arena_alloc(a, (strlen(word) + 1) * sizeof(*s->flags.v));
	while (rest && (part = str_word(&rest, ",", &len)))
		if (!scheduler_word(s, part, len, a))
			return bad("scheduler", word, "POLICY[:NAME=N,...] with nice, priority, runtime, deadline, period or flag", e);
	*out = s;
	return 0;
}
