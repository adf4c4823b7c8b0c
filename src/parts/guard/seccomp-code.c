/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code writer of seccomp filters.  What it writes is proven by tests/unit/test-seccomp.c,
 * which interprets it next to libseccomp's program for the same profile.
 */
#include "parts/guard/seccomp-code.h"

#include <stddef.h>

#include "base/num.h"
#include "oci-spec/config.h"

/* Conditional jumps reach 255; some room for the jumps and returns that near() itself puts in between. */
#define REACH 250

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW(arg)  (offsetof(struct seccomp_data, args) + 8 * (arg))
#define HIGH(arg) (LOW(arg) + 4)
#else
#define HIGH(arg) (offsetof(struct seccomp_data, args) + 8 * (arg))
#define LOW(arg)  (HIGH(arg) + 4)
#endif

void code_start(struct seccomp_code *c)
{
	c->top = SECCOMP_CODE_MAX;
	c->is_full = false;
	c->returns_count = 0;
}

static unsigned put(struct seccomp_code *c, struct sock_filter insn)
{
	if (c->top == 0) {
		c->is_full = true;
		return 0;
	}
	c->insn[--c->top] = insn;
	return c->top;
}

static unsigned load(struct seccomp_code *c, size_t offset)
{
	return put(c, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

unsigned code_return(struct seccomp_code *c, uint32_t action)
{
	unsigned i, at;

	for (i = 0; i < c->returns_count; i++) {
		if (c->returns[i].action == action) {
			if (c->returns[i].at - c->top <= REACH)
				return c->returns[i].at;
			break;
		}
	}
	at = put(c, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
	if (i == ARRAY_SIZE(c->returns))
		i = at % ARRAY_SIZE(c->returns);        /* any: the cache only saves space */
	else if (i == c->returns_count)
		c->returns_count++;
	c->returns[i].action = action;
	c->returns[i].at = at;
	return at;
}

/* TARGET, or a stand-in for it that a jump written next can reach. */
static unsigned near(struct seccomp_code *c, unsigned target)
{
	if (c->is_full || target - c->top <= REACH)
		return target;
	if (c->insn[target].code == (BPF_RET | BPF_K))
		return code_return(c, c->insn[target].k);
	return put(c, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, target - c->top));
}

/* TEST: BPF_JEQ, BPF_JGE, BPF_JGT on the accumulator. */
static unsigned jump(struct seccomp_code *c, uint16_t test, uint32_t k, unsigned yes, unsigned no)
{
	unsigned here;

	yes = near(c, yes);
	no = near(c, no);
	if (c->top == 0) {
		c->is_full = true;
		return 0;
	}
	here = c->top - 1;
	return put(c, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | test, k, (uint8_t)(yes - here - 1),
						   (uint8_t)(no - here - 1)));
}

static unsigned equal(struct seccomp_code *c, const struct seccomp_cond *cond, unsigned yes, unsigned no)
{
	unsigned low;

	jump(c, BPF_JEQ, (uint32_t)cond->value, yes, no);
	low = load(c, LOW(cond->arg));
	jump(c, BPF_JEQ, (uint32_t)(cond->value >> 32), low, no);
	return load(c, HIGH(cond->arg));
}

/* TEST is BPF_JGT or BPF_JGE. */
static unsigned greater(struct seccomp_code *c, const struct seccomp_cond *cond, uint16_t test, unsigned yes,
			unsigned no)
{
	uint32_t high = (uint32_t)(cond->value >> 32);
	unsigned low, same;

	jump(c, test, (uint32_t)cond->value, yes, no);
	low = load(c, LOW(cond->arg));
	same = jump(c, BPF_JEQ, high, low, no);
	jump(c, BPF_JGT, high, yes, same);
	return load(c, HIGH(cond->arg));
}

static unsigned masked_half(struct seccomp_code *c, size_t offset, uint32_t mask, uint32_t value, unsigned yes,
			    unsigned no)
{
	if (mask == 0 && value == 0)
		return yes;
	jump(c, BPF_JEQ, value, yes, no);
	if (mask != UINT32_MAX)
		put(c, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
	return load(c, offset);
}

static unsigned masked(struct seccomp_code *c, const struct seccomp_cond *cond, unsigned yes, unsigned no)
{
	unsigned low = masked_half(c, LOW(cond->arg), (uint32_t)cond->value, (uint32_t)cond->two, yes, no);

	return masked_half(c, HIGH(cond->arg), (uint32_t)(cond->value >> 32), (uint32_t)(cond->two >> 32), low, no);
}

static unsigned compare(struct seccomp_code *c, const struct seccomp_cond *cond, unsigned yes, unsigned no)
{
	switch (cond->op) {
	case OCI_CMP_EQ:
		return equal(c, cond, yes, no);
	case OCI_CMP_NE:
		return equal(c, cond, no, yes);
	case OCI_CMP_GT:
		return greater(c, cond, BPF_JGT, yes, no);
	case OCI_CMP_GE:
		return greater(c, cond, BPF_JGE, yes, no);
	case OCI_CMP_LT:
		return greater(c, cond, BPF_JGE, no, yes);
	case OCI_CMP_LE:
		return greater(c, cond, BPF_JGT, no, yes);
	case OCI_CMP_MASKED_EQ:
		return masked(c, cond, yes, no);
	}
	return no;      /* not reached: the planner has checked the operators */
}

/* What happens to the calls of one range. */
static unsigned outcome(struct seccomp_code *c, const struct seccomp_range *range)
{
	const struct seccomp_case *k;
	unsigned next = code_return(c, range->action), i;

	for (k = range->last; k; k = k->before) {
		unsigned yes = code_return(c, k->action);

		for (i = k->n; i-- > 0; )
			yes = compare(c, &k->conds[i], yes, next);
		next = yes;
	}
	return next;
}

/* Recursion is as deep as the logarithm of the number of ranges. */
static unsigned tree(struct seccomp_code *c, const struct seccomp_range *ranges, unsigned first, unsigned last)
{
	unsigned middle, above, below;

	if (first == last)
		return outcome(c, &ranges[first]);
	middle = (first + last + 1) / 2;
	above = tree(c, ranges, middle, last);
	below = tree(c, ranges, first, middle - 1);
	return jump(c, BPF_JGE, ranges[middle].start, above, below);
}

/* Whether instruction AT is the first of its code and nothing else may be fallen into by a load. */
static unsigned enter(struct seccomp_code *c, unsigned at)
{
	if (c->is_full || at == c->top)
		return at;
	return put(c, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, at - c->top));
}

unsigned code_ranges(struct seccomp_code *c, const struct seccomp_range *ranges, unsigned n)
{
	enter(c, tree(c, ranges, 0, n - 1));
	return load(c, offsetof(struct seccomp_data, nr));
}

unsigned code_arch(struct seccomp_code *c, uint32_t audit, unsigned section, unsigned other)
{
	return jump(c, BPF_JEQ, audit, section, other);
}

unsigned code_load_arch(struct seccomp_code *c)
{
	return load(c, offsetof(struct seccomp_data, arch));
}
