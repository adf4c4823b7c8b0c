/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What annotations ask of seccomp beyond the specification: a finished program, and names that must be known.  Pure, in
 * husk, before anything happens.  The program is checked as the kernel will check it (kernel/seccomp.c, net/core/filter.c),
 * because the kernel is asked only when the container is about to run.
 */
#include "parts/guard/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#include "base/num.h"
#include "parts/guard/seccomp-names.h"

#define KEY "annotations[\"run.oci.seccomp_bpf_data\"]"

int seccomp_check_names(const struct oci_seccomp *p, struct err *e)
{
	for (size_t i = 0; i < p->syscalls.n; i++) {
		const str_list *names = &p->syscalls.v[i].names;

		for (size_t j = 0; j < names->n; j++)
			if (seccomp_name_find(names->v[j]) < 0)
				return err_set(e, ERR_SPEC, "linux.seccomp.syscalls[%zu].names[%zu]: no system call is named "
					       "\"%.100s\"", i, j, names->v[j]);
	}
	return 0;
}

static int sextet(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* RFC 4648, with its padding. The number of bytes, or -1. */
static long base64(const char *text, uint8_t *out)
{
	size_t len = strlen(text), n = 0, padding = 0;
	uint32_t bits = 0;

	if (len == 0 || len % 4)
		return -1;
	while (padding < 2 && text[len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < len - padding; i++) {
		int v = sextet(text[i]);

		if (v < 0)
			return -1;
		bits = bits << 6 | (uint32_t)v;
		if (i % 4)
			out[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	return (long)n;
}

static bool is_allowed(uint16_t code)
{
	static const uint16_t codes[] = {
		BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_W | BPF_LEN, BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM,
		BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM, BPF_ST, BPF_STX, BPF_RET | BPF_K, BPF_RET | BPF_A,
		BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA, BPF_JMP | BPF_JA,
		BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JEQ | BPF_X, BPF_JMP | BPF_JGE | BPF_K, BPF_JMP | BPF_JGE | BPF_X,
		BPF_JMP | BPF_JGT | BPF_K, BPF_JMP | BPF_JGT | BPF_X, BPF_JMP | BPF_JSET | BPF_K, BPF_JMP | BPF_JSET | BPF_X,
		BPF_ALU | BPF_ADD | BPF_K, BPF_ALU | BPF_ADD | BPF_X, BPF_ALU | BPF_SUB | BPF_K, BPF_ALU | BPF_SUB | BPF_X,
		BPF_ALU | BPF_MUL | BPF_K, BPF_ALU | BPF_MUL | BPF_X, BPF_ALU | BPF_DIV | BPF_K, BPF_ALU | BPF_DIV | BPF_X,
		BPF_ALU | BPF_AND | BPF_K, BPF_ALU | BPF_AND | BPF_X, BPF_ALU | BPF_OR | BPF_K, BPF_ALU | BPF_OR | BPF_X,
		BPF_ALU | BPF_XOR | BPF_K, BPF_ALU | BPF_XOR | BPF_X, BPF_ALU | BPF_LSH | BPF_K, BPF_ALU | BPF_LSH | BPF_X,
		BPF_ALU | BPF_RSH | BPF_K, BPF_ALU | BPF_RSH | BPF_X, BPF_ALU | BPF_NEG,
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* What is wrong with instruction I of N; NULL: nothing. */
static const char *fault(const struct sock_filter *f, size_t i, size_t n)
{
	size_t left = n - 1 - i;

	if (!is_allowed(f->code))
		return "is not one for seccomp";
	if (BPF_CLASS(f->code) == BPF_LD && BPF_MODE(f->code) == BPF_ABS && (f->k % 4 || f->k >= sizeof(struct seccomp_data)))
		return "loads from outside of what there is to see";
	if ((BPF_CLASS(f->code) == BPF_ST || BPF_CLASS(f->code) == BPF_STX ||
	     ((BPF_CLASS(f->code) == BPF_LD || BPF_CLASS(f->code) == BPF_LDX) && BPF_MODE(f->code) == BPF_MEM)) &&
	    f->k >= BPF_MEMWORDS)
		return "uses memory that there is not";
	if (f->code == (BPF_ALU | BPF_DIV | BPF_K) && f->k == 0)
		return "divides by zero";
	if ((f->code == (BPF_ALU | BPF_LSH | BPF_K) || f->code == (BPF_ALU | BPF_RSH | BPF_K)) && f->k >= 32)
		return "shifts by more than 31 bits";
	if (BPF_CLASS(f->code) == BPF_JMP &&
	    (BPF_OP(f->code) == BPF_JA ? f->k >= left : f->jt >= left || f->jf >= left))
		return "jumps beyond the end";
	return NULL;
}

int seccomp_plan_program(struct seccomp_plan *out, const char *text, const struct oci_seccomp *p, const struct host *host,
			 struct arena *a, struct err *e)
{
	static const struct oci_seccomp none;
	struct sock_filter *code = ARENA_ARRAY(a, struct sock_filter, strlen(text) / 8 + 1);
	long size = base64(text, (uint8_t *)code);
	size_t n = size > 0 ? (size_t)size / sizeof(*code) : 0;

	*out = (struct seccomp_plan){};
	if (size < 0)
		return err_set(e, ERR_SPEC, KEY ": not base64");
	if (!n || (size_t)size % sizeof(*code) || n > BPF_MAXINSNS)
		return err_set(e, ERR_SPEC, KEY ": %ld bytes are not 1 to %d instructions", size, BPF_MAXINSNS);
	if (!host->has_seccomp)
		return err_set(e, ERR_UNSUPPORTED, KEY ": the kernel lacks seccomp filters");
	for (size_t i = 0; i < n; i++) {
		const char *why = fault(&code[i], i, n);

		if (why)
			return err_set(e, ERR_SPEC, KEY ": instruction %zu %s", i, why);
	}
	if (BPF_CLASS(code[n - 1].code) != BPF_RET)
		return err_set(e, ERR_SPEC, KEY ": the last instruction does not return");
	out->code = code;
	out->len = (uint16_t)n;
	return seccomp_read_flags(out, p ? p : &none, host, e);
}
