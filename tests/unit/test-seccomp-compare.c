/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp filter that husk writes, against the one that libseccomp writes for the same
 * profile: both are interpreted for many system calls, and must say the same.
 */
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "parts/guard/seccomp-names.h"
#include "unit/seccomp.h"

/* ---- libseccomp as runc uses it ---------------------------------------------------- */

static uint32_t scmp_action(int word, struct opt_u32 ret)
{
	uint32_t value = ret.set ? ret.v : EPERM;

	switch (word) {
	case OCI_ACT_KILL_PROCESS:
		return SCMP_ACT_KILL_PROCESS;
	case OCI_ACT_TRAP:
		return SCMP_ACT_TRAP;
	case OCI_ACT_ERRNO:
		return SCMP_ACT_ERRNO(value);
	case OCI_ACT_TRACE:
		return SCMP_ACT_TRACE(value);
	case OCI_ACT_ALLOW:
		return SCMP_ACT_ALLOW;
	case OCI_ACT_LOG:
		return SCMP_ACT_LOG;
	case OCI_ACT_NOTIFY:
		return SCMP_ACT_NOTIFY;
	}
	return SCMP_ACT_KILL_THREAD;
}

static uint32_t scmp_arch(int word)
{
	return word == OCI_ARCH_X86 ? SCMP_ARCH_X86 : word == OCI_ARCH_X32 ? SCMP_ARCH_X32 : SCMP_ARCH_X86_64;
}

static const enum scmp_compare scmp_ops[] = {
	[OCI_CMP_NE] = SCMP_CMP_NE, [OCI_CMP_LT] = SCMP_CMP_LT, [OCI_CMP_LE] = SCMP_CMP_LE,
	[OCI_CMP_EQ] = SCMP_CMP_EQ, [OCI_CMP_GE] = SCMP_CMP_GE, [OCI_CMP_GT] = SCMP_CMP_GT,
	[OCI_CMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
};

static int oracle_rule(scmp_filter_ctx ctx, const struct oci_seccomp_rule *rule, int nr, uint32_t action)
{
	struct scmp_arg_cmp cmp[64];
	unsigned seen = 0;
	bool split = false;

	for (size_t i = 0; i < rule->args.n; i++) {
		const struct oci_seccomp_arg *a = &rule->args.v[i];

		cmp[i] = (struct scmp_arg_cmp){ a->index, scmp_ops[a->op], a->value, a->value_two };
		split = split || (seen & 1u << a->index);
		seen |= 1u << a->index;
	}
	if (!split)
		return seccomp_rule_add_array(ctx, action, nr, (unsigned)rule->args.n, cmp);
	for (size_t i = 0; i < rule->args.n; i++) {
		int rc = seccomp_rule_add_array(ctx, action, nr, 1, &cmp[i]);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static bool oracle(struct program *out, const struct oci_seccomp *p)
{
	uint32_t def = scmp_action(p->default_action, p->default_errno_ret);
	scmp_filter_ctx ctx = seccomp_init(def);
	int fd = memfd_create("bpf", 0);
	ssize_t n = 0;
	bool good = ctx && fd >= 0;

	for (size_t i = 0; good && i < p->architectures.n; i++) {
		int rc = seccomp_arch_add(ctx, scmp_arch(p->architectures.v[i]));

		good = rc == 0 || rc == -EEXIST;
	}
	for (size_t i = 0; good && i < p->syscalls.n; i++) {
		const struct oci_seccomp_rule *rule = &p->syscalls.v[i];
		uint32_t action = scmp_action(rule->action, rule->errno_ret);

		for (size_t k = 0; good && k < rule->names.n && action != def; k++) {
			int nr = seccomp_syscall_resolve_name(rule->names.v[k]);

			if (nr != __NR_SCMP_ERROR)
				good = oracle_rule(ctx, rule, nr, action) == 0;
		}
	}
	if (good && seccomp_export_bpf(ctx, fd) == 0)
		n = pread(fd, out->insn, sizeof(out->insn), 0);
	out->len = (unsigned)((size_t)n / sizeof(out->insn[0]));
	seccomp_release(ctx);
	close(fd);
	return out->len > 0;
}

/* The program that runc puts before libseccomp's: the highest number named, per architecture. */
static int64_t last_named(const struct oci_seccomp *p, unsigned arch)
{
	int64_t last = -1;

	for (size_t i = 0; i < p->syscalls.n; i++) {
		for (size_t k = 0; k < p->syscalls.v[i].names.n; k++) {
			int row = seccomp_name_find(p->syscalls.v[i].names.v[k]);

			if (row >= 0)
				last = MAX(last, seccomp_number((unsigned)row, arch));
		}
	}
	return last;
}

static bool has_arch(const struct oci_seccomp *p, int word)
{
	for (size_t i = 0; i < p->architectures.n; i++) {
		if ((int)p->architectures.v[i] == word)
			return true;
	}
	return false;
}

struct lasts { int64_t x86_64, x86, x32; bool stub; };

static struct lasts lasts_of(const struct oci_seccomp *p)
{
	uint32_t def = scmp_action(p->default_action, p->default_errno_ret);
	struct lasts l = { last_named(p, 0), -1, -1,
			   def != SCMP_ACT_ALLOW && def != SCMP_ACT_LOG && def != SCMP_ACT_ERRNO(ENOSYS) };

	if (has_arch(p, OCI_ARCH_X86))
		l.x86 = last_named(p, 1);
	if (has_arch(p, OCI_ARCH_X32))
		l.x32 = last_named(p, 2);
	return l;
}

static bool is_stubbed(const struct lasts *l, uint32_t arch, uint32_t nr)
{
	if (!l->stub)
		return false;
	if (arch == AUDIT_ARCH_I386)
		return l->x86 >= 0 && nr > l->x86;
	if (arch != AUDIT_ARCH_X86_64)
		return false;
	if (nr >= 0x40000000 && l->x32 >= 0)
		return nr > l->x32;
	return l->x86_64 >= 0 && nr > l->x86_64;
}

/* ---- what the profile says, read word by word ---------------------------------------- */

static bool holds(const struct oci_seccomp_arg *c, const uint64_t args[6])
{
	uint64_t v = args[c->index];

	switch ((enum oci_cmp)c->op) {
	case OCI_CMP_NE:
		return v != c->value;
	case OCI_CMP_LT:
		return v < c->value;
	case OCI_CMP_LE:
		return v <= c->value;
	case OCI_CMP_EQ:
		return v == c->value;
	case OCI_CMP_GE:
		return v >= c->value;
	case OCI_CMP_GT:
		return v > c->value;
	case OCI_CMP_MASKED_EQ:
		return (v & c->value) == c->value_two;
	}
	return false;
}

static bool matches(const struct oci_seccomp_rule *rule, const uint64_t args[6])
{
	unsigned seen = 0, good = 0;
	bool any = false;

	for (size_t i = 0; i < rule->args.n; i++) {
		any = any || (seen & 1u << rule->args.v[i].index);
		seen |= 1u << rule->args.v[i].index;
		good += holds(&rule->args.v[i], args);
	}
	return any ? good > 0 : good == rule->args.n;
}

static bool is_always(const struct oci_seccomp_rule *rule)
{
	size_t trivial = 0;
	unsigned seen = 0;
	bool any = false;

	for (size_t i = 0; i < rule->args.n; i++) {
		const struct oci_seccomp_arg *c = &rule->args.v[i];

		any = any || (seen & 1u << c->index);
		seen |= 1u << c->index;
		trivial += c->op == OCI_CMP_MASKED_EQ && c->value == 0 && c->value_two == 0;
	}
	return trivial == rule->args.n || (any && trivial > 0);
}

/* For calls that no multiplexer hides: not socketcall and ipc of x86. */
static uint32_t reading(const struct oci_seccomp *p, const char *name, const uint64_t args[6])
{
	uint32_t def = scmp_action(p->default_action, p->default_errno_ret);

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < p->syscalls.n; i++) {
			const struct oci_seccomp_rule *rule = &p->syscalls.v[i];
			uint32_t action = scmp_action(rule->action, rule->errno_ret);

			if (action == def || (pass == 0 ? !is_always(rule) : !matches(rule, args)))
				continue;
			for (size_t k = 0; k < rule->names.n; k++) {
				if (strcmp(rule->names.v[k], name) == 0)
					return action;
			}
		}
	}
	return def;
}

/* ---- comparing --------------------------------------------------------------------- */

static uint64_t seed = 88172645463325252ull;

static uint64_t rnd(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static const uint64_t values[] = {
	0, 1, 2, 5, 8, 0x1f, 0x20, 0xff, 0x100, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
	0x100000000, 0x100000001, 0x100000005, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffff00000000,
	0xfffffffffffffffe, 0xffffffffffffffff,
};

static uint64_t some_value(bool is_wide)
{
	return values[rnd(is_wide ? ARRAY_SIZE(values) : 13)];
}

static unsigned complaints, mistakes;

/* NULL: no such call, or a multiplexer. */
static const char *name_of(uint32_t arch, uint32_t nr)
{
	unsigned k = arch == AUDIT_ARCH_I386 ? 1 : nr >= 0x40000000 ? 2 : 0;

	for (unsigned i = 0; i < seccomp_names_count; i++) {
		if (seccomp_number(i, k) == nr && !(k == 1 && (nr == 102 || nr == 117)))
			return seccomp_names[i].name;
	}
	return NULL;
}


static unsigned differences(const struct seccomp_plan *plan, const struct program *want, const struct oci_seccomp *p,
			    const struct lasts *lasts, uint32_t arch, uint32_t nr, bool is_wide, unsigned tries)
{

	unsigned found = 0;

	for (unsigned i = 0; i < tries; i++) {
		struct seccomp_data data = { .nr = (int)nr, .arch = arch };
		uint64_t args[6];
		const char *name;
		uint32_t got, expect;

		for (unsigned k = 0; k < 6; k++)
			args[k] = some_value(is_wide && arch == AUDIT_ARCH_X86_64 && nr < 0x40000000);
		if (arch == AUDIT_ARCH_I386 && (nr == 102 || nr == 117))
			args[0] = rnd(30);
		memcpy(data.args, args, sizeof(args));
		got = interpret(plan->code, plan->len, &data, NULL);
		expect = is_stubbed(lasts, arch, nr) ? SECCOMP_RET_ERRNO | ENOSYS :
			 interpret(want->insn, want->len, &data, NULL);
		if (got == expect)
			continue;
		name = name_of(arch, nr);
		if (name && got == reading(p, name, args)) {
			mistakes++;     /* libseccomp's: overlapping conditions of several rules */
			continue;
		}
		if (found++ == 0 && complaints++ < 10)
			printf("# arch %x nr %u (%x): got %x, libseccomp %x; args %llx %llx %llx\n", arch, nr, nr, got,
			       expect, (unsigned long long)data.args[0], (unsigned long long)data.args[1],
			       (unsigned long long)data.args[2]);
	}
	return found;
}

static const uint32_t odd_numbers[] = {
	600, 1023, 1024, 5000, 0x3fffffff, 0x40000000, 0x40000001, 0x40000200, 0x40000220, 0x40000300, 0x7fffffff,
	0x80000000, 0xfffffffe,
};

static unsigned compare(const struct seccomp_plan *plan, const struct program *want, const struct oci_seccomp *p,
			bool is_wide, unsigned tries)
{
	static const uint32_t archs[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_AARCH64, 0 };
	struct lasts lasts = lasts_of(p);
	unsigned found = 0;

	for (unsigned a = 0; a < ARRAY_SIZE(archs); a++) {
		for (uint32_t nr = 0; nr < 560; nr++) {
			found += differences(plan, want, p, &lasts, archs[a], nr, is_wide, tries);
			if (archs[a] == AUDIT_ARCH_X86_64)
				found += differences(plan, want, p, &lasts, archs[a], nr | 0x40000000, is_wide, tries);
		}
		for (unsigned i = 0; i < ARRAY_SIZE(odd_numbers); i++)
			found += differences(plan, want, p, &lasts, archs[a], odd_numbers[i], is_wide, 1);
	}
	return found;
}

/* ---- profiles ---------------------------------------------------------------------- */

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void test_captured(const char *name)
{
	static struct program want;
	AUTO(arena) a = ARENA_NONE;
	AUTO_FREE char *text = NULL;
	struct seccomp_plan plan;
	struct oci_seccomp *p;
	unsigned steps = 0;
	struct seccomp_data data = { .nr = SCMP_SYS(read), .arch = AUDIT_ARCH_X86_64 };
	double best = 1e9;
	struct err e = {};
	size_t len;

	text = slurp(name, &len);
	p = whole(text, len, &a);
	for (int i = 0; i < 20; i++) {
		double start = now_ms();

		if (seccomp_plan(&plan, p, &host, &a, &e) < 0)
			break;
		best = MIN(best, now_ms() - start);
	}
	if (!OK(e.kind == ERR_NONE, "%s: planned %s", name, e.msg))
		return;
	OK(oracle(&want, p), "%s: libseccomp takes it", name);
	OK(compare(&plan, &want, p, false, 40) == 0, "%s: the same answers as libseccomp's filter", name);
	interpret(plan.code, plan.len, &data, &steps);
	printf("# %s: %.3f ms, %u instructions (libseccomp %u), read(2) takes %u steps\n", name, best, plan.len, want.len,
	       steps);
	OK(plan.flags == SECCOMP_FILTER_FLAG_SPEC_ALLOW, "%s: flags default to SPEC_ALLOW", name);
}

/* The name of the row, or of one that follows it, which libseccomp knows as well. */
static const char *known(unsigned row)
{
	while (seccomp_syscall_resolve_name(seccomp_names[row].name) == __NR_SCMP_ERROR)
		row = (row + 1) % seccomp_names_count;
	return seccomp_names[row].name;
}

/* The program against the words of the profile, for the calls that it names. */
static unsigned misreadings(const struct seccomp_plan *plan, const struct oci_seccomp *p)
{
	struct lasts lasts = lasts_of(p);
	unsigned found = 0;

	for (size_t i = 0; i < p->syscalls.n; i++) {
		const char *name = p->syscalls.v[i].names.v[0];
		int64_t nr = seccomp_number((unsigned)seccomp_name_find(name), 0);

		for (int k = 0; k < 30 && nr >= 0; k++) {
			uint64_t args[6];

			for (int j = 0; j < 6; j++)
				args[j] = some_value(true);
			found += run(plan, AUDIT_ARCH_X86_64, (uint32_t)nr, args) !=
				 (is_stubbed(&lasts, AUDIT_ARCH_X86_64, (uint32_t)nr) ?
				  SECCOMP_RET_ERRNO | ENOSYS : reading(p, name, args));
		}
	}
	return found;
}

static void test_random(unsigned rounds, bool is_wide)
{
	static struct program want;
	unsigned compared = 0, refused = 0, found = 0;

	for (unsigned r = 0; r < rounds; r++) {
		AUTO(arena) a = ARENA_NONE;
		int archs[] = { OCI_ARCH_X86_64, OCI_ARCH_X86, OCI_ARCH_X32 };
		struct oci_seccomp p = { .default_action = (int)(1 + rnd(8)) };
		size_t n = 1 + rnd(30);
		uint32_t actions[SECCOMP_NAMES_MAX];
		struct seccomp_plan plan;
		struct err e = {};

		p.architectures.v = (void *)archs;
		p.architectures.n = is_wide ? 1 : 1 + rnd(3);
		p.syscalls.n = n;
		p.syscalls.v = (void *)ARENA_ARRAY(&a, struct oci_seccomp_rule, n);
		/* Rules of one call that overlap: which one libseccomp takes is not defined, so they agree. */
		for (unsigned i = 0; i < SECCOMP_NAMES_MAX; i++)
			actions[i] = (uint32_t)(1 + rnd(8));
		for (size_t i = 0; i < n; i++) {
			struct oci_seccomp_rule *rule = &p.syscalls.v[i];
			unsigned row = (unsigned)rnd(seccomp_names_count), count = rnd(3) ? (unsigned)rnd(4) : 0;

			rule->names.n = count ? 1 : 1 + rnd(40);
			rule->names.v = (void *)ARENA_ARRAY(&a, const char *, rule->names.n);
			for (size_t k = 0; k < rule->names.n; k++)
				rule->names.v[k] = known(k ? (unsigned)rnd(seccomp_names_count) : row);
			rule->action = (int)actions[row];
			if (rnd(2) && (rule->action == OCI_ACT_ERRNO || rule->action == OCI_ACT_TRACE))
				rule->errno_ret = (struct opt_u32){ true, 10 + row % 5 };
			rule->args.n = count;
			rule->args.v = (void *)ARENA_ARRAY(&a, struct oci_seccomp_arg, count);
			for (size_t k = 0; k < count; k++) {
				struct oci_seccomp_arg *arg = &rule->args.v[k];

				arg->index = (uint32_t)rnd(4);
				arg->op = (int)(1 + rnd(7));
				arg->value = some_value(is_wide);
				arg->value_two = some_value(is_wide);
				if (arg->op == OCI_CMP_MASKED_EQ)
					arg->value_two &= arg->value;
			}
		}
		if (!oracle(&want, &p)) {       /* contradicting rules: it refuses, husk takes the first */
			refused++;
			continue;
		}
		if (seccomp_plan(&plan, &p, &host, &a, &e) < 0) {
			printf("# %s\n", e.msg);
			found++;
			continue;
		}
		found += compare(&plan, &want, &p, is_wide, 6) > 0;
		found += misreadings(&plan, &p) > 0;
		compared++;
	}
	printf("# %u compared, %u refused by libseccomp, %u answers of it are not what the profile says\n", compared,
	       refused, mistakes);
	OK(found == 0 && compared > rounds / 2, "random profiles, %s: the same answers as libseccomp's filter",
	   is_wide ? "64-bit values" : "three architectures");
}

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libseccomp\n";     /* it loses memory when it refuses a rule */
}

int main(void)
{
	test_captured("docker20-default.json");
	test_captured("podman4-default.json");
	test_captured("ctr16-seccomp.json");
	test_random(60, true);
	test_random(60, false);
	return tap_done();
}
