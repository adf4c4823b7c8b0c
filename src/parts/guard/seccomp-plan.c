/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.seccomp to BPF.  What a profile means is taken from config-linux.md and, where it is
 * silent, from what runc and libseccomp make of it:
 *
 *   - a rule whose action is the default action says nothing and is left out;
 *   - for one system call the first rule without arguments wins; else the first rule that matches;
 *   - conditions of a rule must all hold, but when a rule names an argument twice, each of its
 *     conditions becomes a rule of its own;
 *   - names that do not exist on an architecture are left out there;
 *   - system calls younger than all that the profile names give ENOSYS instead of a refusing
 *     default action, so that programs fall back (moby#42680);
 *   - architectures that are not listed (the native one always is) are killed.
 *
 * Nothing is kept from one run to the next.  Podman's profile (434 names, three architectures) takes 0.07 ms, 1.5 % of
 * a run, where libseccomp takes 17 ms; of the text of the profile the filter is the smaller part, too: it is decoded in
 * any case.  A file of filters would have to be opened, checked and read, its key would be a digest of those 10 KB, which
 * together is no faster, and it would be one more thing on disk that decides what containers may do.
 * tests/bench (names0, names400, podmanfirst) shows first runs and later ones.
 */
#include "parts/guard/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"
#include "parts/guard/seccomp-code.h"
#include "parts/guard/seccomp-names.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV  /* kernel 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define ERRNO_MAX 4095          /* MAX_ERRNO: the kernel cuts what is above */
#define BAD_ARCH  SECCOMP_RET_KILL_THREAD       /* as libseccomp */
#define ENOSYS_ACTION (SECCOMP_RET_ERRNO | ENOSYS)

/* What the profile says about one row of the table of names. */
struct verdict {
	bool is_named;          /* even if by rules that say nothing */
	bool is_settled;        /* by a rule without arguments */
	uint32_t action;
	const struct seccomp_case *last;
};

struct profile {
	const struct oci_seccomp *spec;
	uint32_t default_action;
	bool has_enosys;        /* younger system calls give ENOSYS */
	bool has_notify;
	bool uses[SECCOMP_ARCHS];
	unsigned at;            /* in the table of names */
	struct verdict verdicts[SECCOMP_NAMES_MAX];
};

/* Ranges of one AUDIT_ARCH: two ABIs at most share one, each name may begin and end a range. */
struct ranges {
	unsigned n;
	struct seccomp_range v[4 * SECCOMP_NAMES_MAX];
};

/* All that is needed in between, in one piece: the kernel is asked for it once. */
struct work {
	struct profile profile;
	struct ranges ranges;
	struct seccomp_code code;
};

/* PATH: "linux.seccomp.syscalls[3].errnoRet" and so on, for the message. */
static int action_of(uint32_t *out, int word, struct opt_u32 ret, const char *path, struct err *e)
{
	bool takes_errno = word == OCI_ACT_ERRNO || word == OCI_ACT_TRACE;
	uint32_t most = word == OCI_ACT_TRACE ? SECCOMP_RET_DATA : ERRNO_MAX;
	uint32_t value = ret.set ? ret.v : EPERM;

	if (ret.set && !takes_errno)
		return err_set(e, ERR_SPEC, "%s: the action takes no errno", path);
	if (takes_errno && value > most)
		return err_set(e, ERR_SPEC, "%s: %u is too large, %u at most", path, value, most);
	switch (word) {
	case OCI_ACT_KILL:
	case OCI_ACT_KILL_THREAD:
		*out = SECCOMP_RET_KILL_THREAD;
		return 0;
	case OCI_ACT_KILL_PROCESS:
		*out = SECCOMP_RET_KILL_PROCESS;
		return 0;
	case OCI_ACT_TRAP:
		*out = SECCOMP_RET_TRAP;
		return 0;
	case OCI_ACT_ERRNO:
		*out = SECCOMP_RET_ERRNO | value;
		return 0;
	case OCI_ACT_TRACE:
		*out = SECCOMP_RET_TRACE | value;
		return 0;
	case OCI_ACT_ALLOW:
		*out = SECCOMP_RET_ALLOW;
		return 0;
	case OCI_ACT_LOG:
		*out = SECCOMP_RET_LOG;
		return 0;
	case OCI_ACT_NOTIFY:
		*out = SECCOMP_RET_USER_NOTIF;
		return 0;
	}
	return err_set(e, ERR_SPEC, "%s: no known seccomp action", path);
}

/* How many conditions, or -1. Those that always hold are left out: a rule of such alone is one without arguments. */
static int read_conds(struct seccomp_cond *out, const struct oci_seccomp_rule *rule, size_t index, bool *is_split,
		      struct err *e)
{
	unsigned seen = 0;
	int n = 0;

	*is_split = false;
	for (size_t i = 0; i < rule->args.n; i++) {
		const struct oci_seccomp_arg *arg = &rule->args.v[i];

		if (arg->index > 5)
			return err_set(e, ERR_SPEC,
				       "linux.seccomp.syscalls[%zu].args[%zu].index: a system call has arguments 0 to 5, "
				       "not %u", index, i, arg->index);
		if (arg->op < OCI_CMP_NE || arg->op > OCI_CMP_MASKED_EQ)
			return err_set(e, ERR_SPEC, "linux.seccomp.syscalls[%zu].args[%zu].op: no known operator",
				       index, i);
		*is_split = *is_split || (seen & 1u << arg->index);
		seen |= 1u << arg->index;
		if (arg->op == OCI_CMP_MASKED_EQ && arg->value == 0 && arg->value_two == 0)
			continue;
		out[n++] = (struct seccomp_cond){
			.arg = (uint8_t)arg->index, .op = (uint8_t)arg->op,
			.value = arg->value, .two = arg->value_two,
		};
	}
	if (*is_split && n < (int)rule->args.n)
		return 0;       /* one of the alternatives always holds */
	return n;
}

static void add_case(struct verdict *v, uint32_t action, const struct seccomp_cond *conds, size_t n, struct arena *a)
{
	struct seccomp_case *k = ARENA_NEW(a, struct seccomp_case);

	*k = (struct seccomp_case){ .before = v->last, .action = action, .n = (unsigned)n, .conds = conds };
	v->last = k;
}

static void add_rule(struct verdict *v, uint32_t action, const struct seccomp_cond *conds, size_t n, bool is_split,
		     struct arena *a)
{
	if (v->is_settled)
		return;
	if (n == 0) {
		v->is_settled = true;
		v->action = action;
		return;
	}
	if (!is_split) {
		add_case(v, action, conds, n, a);
		return;
	}
	for (size_t i = 0; i < n; i++)
		add_case(v, action, &conds[i], 1, a);
}

/* A is scratch memory that lives as long as PROFILE. */
static int read_rule(struct profile *profile, size_t index, struct arena *a, struct err *e)
{
	const struct oci_seccomp_rule *rule = &profile->spec->syscalls.v[index];
	struct seccomp_cond *conds = ARENA_ARRAY(a, struct seccomp_cond, rule->args.n);
	char path[64];
	struct text t = TEXT(path);
	uint32_t action;
	bool is_split;
	int n;

	text_addf(&t, "linux.seccomp.syscalls[%zu].%s", index, rule->errno_ret.set ? "errnoRet" : "action");
	if (action_of(&action, rule->action, rule->errno_ret, path, e) < 0)
		return -1;
	n = read_conds(conds, rule, index, &is_split, e);
	if (n < 0)
		return -1;
	if (rule->names.n == 0)
		return err_set(e, ERR_SPEC, "linux.seccomp.syscalls[%zu].names: must have at least one entry", index);
	for (size_t i = 0; i < rule->names.n; i++) {
		const char *name = rule->names.v[i];
		int row = seccomp_name_next(name, &profile->at);

		/* Init hands the listener over by sendmsg(2): it would wait for an answer that nobody can give. */
		if (rule->action == OCI_ACT_NOTIFY && str_eq(name, "sendmsg"))
			return err_set(e, ERR_SPEC,
				       "linux.seccomp.syscalls[%zu].names[%zu]: SCMP_ACT_NOTIFY cannot be used for "
				       "\"sendmsg\"", index, i);
		if (row < 0) {
			log_debug("linux.seccomp.syscalls[%zu].names[%zu]: no system call is named \"%s\" here",
				  index, i, name);
			continue;
		}
		profile->verdicts[row].is_named = true;
		if (action != profile->default_action)
			add_rule(&profile->verdicts[row], action, conds, (size_t)n, is_split, a);
	}
	profile->has_notify = profile->has_notify || rule->action == OCI_ACT_NOTIFY;
	return 0;
}

static void read_archs(struct profile *profile)
{
	const struct oci_seccomp *spec = profile->spec;

	profile->uses[0] = true;
	for (size_t i = 0; i < spec->architectures.n; i++) {
		unsigned k;

		for (k = 0; k < SECCOMP_ARCHS && seccomp_archs[k].word != (int)spec->architectures.v[i]; k++)
			;
		if (k < SECCOMP_ARCHS)
			profile->uses[k] = true;
		else
			log_debug("linux.seccomp.architectures[%zu]: this machine cannot run it", i);
	}
}

static int read_profile(struct profile *profile, struct arena *scratch, struct err *e)
{
	const struct oci_seccomp *spec = profile->spec;
	const char *path = spec->default_errno_ret.set ? "linux.seccomp.defaultErrnoRet" : "linux.seccomp.defaultAction";

	if (action_of(&profile->default_action, spec->default_action, spec->default_errno_ret, path, e) < 0)
		return -1;
	if (spec->default_action == OCI_ACT_NOTIFY)
		return err_set(e, ERR_SPEC, "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be the default action");
	if (spec->listener_metadata && !spec->listener_path)
		return err_set(e, ERR_SPEC, "linux.seccomp.listenerMetadata: must not be set without listenerPath");
	profile->has_enosys = spec->default_action != OCI_ACT_ALLOW && spec->default_action != OCI_ACT_LOG &&
			      profile->default_action != ENOSYS_ACTION;
	read_archs(profile);
	for (size_t i = 0; i < spec->syscalls.n; i++) {
		if (read_rule(profile, i, scratch, e) < 0)
			return -1;
	}
	if (profile->has_notify && !spec->listener_path)
		return err_set(e, ERR_SPEC, "linux.seccomp.listenerPath: required by SCMP_ACT_NOTIFY");
	return 0;
}

static void add_range(struct ranges *r, uint32_t start, uint32_t action, const struct seccomp_case *last)
{
	struct seccomp_range *before = r->n ? &r->v[r->n - 1] : NULL;

	if (before && before->action == action && !before->last && !last)
		return;
	r->v[r->n++] = (struct seccomp_range){ .start = start, .action = action, .last = last };
}

/* The cases up to LAST, in their order, with WHICH in the place of conditions on argument 0. */
static void add_without_first(struct verdict *v, const struct seccomp_case *last, const struct seccomp_cond *which,
			      struct arena *a)
{
	const struct seccomp_case **cases, *k;
	unsigned count = 0, i;

	for (k = last; k; k = k->before)
		count++;
	cases = ARENA_ARRAY(a, const struct seccomp_case *, count + 1);
	for (k = last, i = count; k; k = k->before)
		cases[--i] = k;
	for (i = 0; i < count; i++) {
		struct seccomp_cond *conds = ARENA_ARRAY(a, struct seccomp_cond, cases[i]->n + 1);
		unsigned n = 1;

		conds[0] = *which;
		for (unsigned j = 0; j < cases[i]->n; j++) {
			if (cases[i]->conds[j].arg != 0)
				conds[n++] = cases[i]->conds[j];
		}
		add_case(v, cases[i]->action, conds, n, a);
	}
}

/*
 * socketcall(2), KIND 1, and ipc(2), KIND 2, do under one number what other system calls do: N stands in argument 0.
 * Rules of "socket" must hold for socketcall 1 as well; a condition on socket's own first argument
 * cannot be seen from here and is given up, as in libseccomp.
 */
static void add_multiplexed(const struct profile *profile, struct verdict *v, unsigned kind, struct arena *a)
{
	if (v->is_settled)
		return;
	for (unsigned i = 0; i < seccomp_names_count; i++) {
		const struct verdict *part = &profile->verdicts[i];
		/* The upper half of ipc's number is a version; neither looks at more than an int. */
		struct seccomp_cond which = {
			.arg = 0, .op = OCI_CMP_MASKED_EQ, .value = kind == 2 ? 0xffff : UINT32_MAX,
			.two = seccomp_names[i].mux % 100,
		};

		if (seccomp_names[i].mux / 100 != kind)
			continue;
		if (part->is_settled) {
			add_case(v, part->action, arena_dup(a, &which, sizeof(which)), 1, a);
			continue;
		}
		add_without_first(v, part->last, &which, a);
	}
}

struct numbered { uint32_t number; unsigned row; };

/* The rows that ARCH has, in the order of their numbers. */
static unsigned sort_rows(struct numbered out[SECCOMP_NAMES_MAX], unsigned arch)
{
	uint16_t row_of[1024] = { 0 };
	unsigned n = 0, above = 0, end = 0;
	struct numbered large[16];

	for (unsigned row = 0; row < seccomp_names_count; row++) {
		int64_t nr = seccomp_number(row, arch);
		uint32_t number = (uint32_t)nr & ~seccomp_archs[arch].base;
		unsigned i;

		if (nr < 0)
			continue;
		if (number < ARRAY_SIZE(row_of)) {
			row_of[number] = (uint16_t)(row + 1);
			end = MAX(end, number + 1);
			continue;
		}
		if (above == ARRAY_SIZE(large))
			break;
		for (i = above++; i > 0 && large[i - 1].number > number; i--)
			large[i] = large[i - 1];
		large[i] = (struct numbered){ number, row };
	}
	for (unsigned i = 0; i < end; i++) {
		if (row_of[i])
			out[n++] = (struct numbered){ i, row_of[i] - 1u };
	}
	for (unsigned i = 0; i < above; i++)
		out[n++] = large[i];
	return n;
}

static void add_arch(struct ranges *r, const struct profile *profile, unsigned arch, struct arena *a)
{
	uint32_t base = seccomp_archs[arch].base, end = 0;
	struct numbered rows[SECCOMP_NAMES_MAX];
	unsigned n = sort_rows(rows, arch);
	int socketcall = -1, ipc = -1;

	if (seccomp_archs[arch].is_multiplexed) {
		socketcall = seccomp_name_find("socketcall");
		ipc = seccomp_name_find("ipc");
	}
	add_range(r, base, profile->default_action, NULL);
	for (unsigned i = 0; i < n; i++) {
		struct verdict v = profile->verdicts[rows[i].row];

		if (v.is_named)
			end = rows[i].number + 1;
		if ((int)rows[i].row == socketcall || (int)rows[i].row == ipc)
			add_multiplexed(profile, &v, (int)rows[i].row == ipc ? 2 : 1, a);
		if (!v.is_settled)
			v.action = profile->default_action;
		else
			v.last = NULL;
		add_range(r, base | rows[i].number, v.action, v.last);
		if (i + 1 == n || rows[i + 1].number != rows[i].number + 1)
			add_range(r, base | (rows[i].number + 1), profile->default_action, NULL);
	}
	if (profile->has_enosys && end > 0) {
		while (r->n > 0 && r->v[r->n - 1].start >= (base | end))
			r->n--;
		add_range(r, base | end, ENOSYS_ACTION, NULL);
	}
}

/* All ABIs that share one AUDIT_ARCH with FIRST, which has the lowest numbers. */
static void add_audit(struct ranges *r, const struct profile *profile, unsigned first, struct arena *a)
{
	add_arch(r, profile, first, a);
	for (unsigned k = 0; k < SECCOMP_ARCHS; k++) {
		if (k == first || seccomp_archs[k].audit != seccomp_archs[first].audit)
			continue;
		if (profile->uses[k])
			add_arch(r, profile, k, a);
		else if (!profile->has_enosys)
			add_range(r, seccomp_archs[k].base, BAD_ARCH, NULL);
	}
}

static void write_code(struct work *w, struct arena *scratch)
{
	const struct profile *profile = &w->profile;
	struct seccomp_code *code = &w->code;
	struct ranges *r = &w->ranges;
	unsigned other;

	code_start(code);
	other = code_return(code, BAD_ARCH);
	/* The native architecture, [0], is written last and asked for first. */
	for (unsigned k = SECCOMP_ARCHS; k-- > 0; ) {
		unsigned section;

		if (!profile->uses[k] || seccomp_archs[k].base)
			continue;
		r->n = 0;
		add_audit(r, profile, k, scratch);
		section = code_ranges(code, r->v, r->n);
		other = code_arch(code, seccomp_archs[k].audit, section, other);
	}
	code_load_arch(code);
}

int seccomp_read_flags(struct seccomp_plan *out, const struct oci_seccomp *p, const struct host *host, struct err *e)
{
	/* No list at all: SPEC_ALLOW, as runc; an empty list: no flags. */
	if (!p->flags.v)
		out->flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	for (size_t i = 0; i < p->flags.n; i++) {
		switch ((enum oci_seccomp_flag)p->flags.v[i]) {
		case OCI_SECCOMP_TSYNC:         /* init has one thread: nothing to synchronise */
			break;
		case OCI_SECCOMP_LOG:
			out->flags |= SECCOMP_FILTER_FLAG_LOG;
			break;
		case OCI_SECCOMP_SPEC_ALLOW:
			out->flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
			break;
		case OCI_SECCOMP_WAIT_KILLABLE_RECV:
			if (!host_is_at_least(host, 5, 19))
				return err_set(e, ERR_UNSUPPORTED,
					       "linux.seccomp.flags[%zu]: needs Linux 5.19 or later", i);
			/* The kernel refuses it without a listener, for which alone it has a meaning. */
			if (out->has_listener)
				out->flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
			break;
		}
	}
	if (out->has_listener)
		out->flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return 0;
}

int seccomp_plan(struct seccomp_plan *out, const struct oci_seccomp *p, const struct host *host, struct arena *a,
		 struct err *e)
{
	TRACE("plan seccomp");
	AUTO(arena) scratch = ARENA_NONE;
	const struct seccomp_code *code;
	struct work *w;

	*out = (struct seccomp_plan){};
	if (!p)
		return 0;
	if (!host->has_seccomp)
		return err_set(e, ERR_UNSUPPORTED, "linux.seccomp: the kernel lacks seccomp filters");
	if (!seccomp_archs[0].word)
		return err_set(e, ERR_UNSUPPORTED, "linux.seccomp: husk does not know the system calls of %s",
			       host->machine);
	w = ARENA_NEW(&scratch, struct work);
	w->profile.spec = p;
	if (read_profile(&w->profile, &scratch, e) < 0)
		return -1;
	out->has_listener = w->profile.has_notify;
	if (seccomp_read_flags(out, p, host, e) < 0)
		return -1;

	write_code(w, &scratch);
	code = &w->code;
	if (code->is_full)
		return err_set(e, ERR_SPEC, "linux.seccomp.syscalls: the filter needs more than the %d instructions "
			       "that the kernel takes", SECCOMP_CODE_MAX);
	out->len = (uint16_t)(SECCOMP_CODE_MAX - code->top);
	out->code = arena_dup(a, &code->insn[code->top], out->len * sizeof(code->insn[0]));
	if (out->has_listener) {
		out->listener_path = arena_strdup(a, p->listener_path);
		out->listener_metadata = arena_strdup(a, p->listener_metadata);
	}
	return 0;
}
