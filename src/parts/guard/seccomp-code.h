/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes classic BPF for seccomp.  Used while planning, in husk.
 *
 * Code is written from its end to its beginning, so that every jump goes to something that is
 * there already and its distance is known: conditional jumps reach 255 instructions, forward only.
 */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

#define SECCOMP_CODE_MAX 4096           /* BPF_MAXINSNS, the kernel's limit */

/* "Argument ARG compares by OP (OCI_CMP_*)", all 64 bits. */
struct seccomp_cond {
	uint8_t arg, op;
	uint64_t value, two;            /* MASKED_EQ: (argument & value) == two */
};

/* ACTION when all N conditions hold. */
struct seccomp_case {
	const struct seccomp_case *before;      /* is tried first; NULL: this is the first */
	uint32_t action;                /* SECCOMP_RET_*, with data */
	unsigned n;
	const struct seccomp_cond *conds;
};

/* System calls from START to the next range: the cases, and ACTION when none applies. */
struct seccomp_range {
	uint32_t start;
	uint32_t action;
	const struct seccomp_case *last;
};

struct seccomp_code {
	struct sock_filter insn[SECCOMP_CODE_MAX];
	unsigned top;                   /* the first instruction written so far */
	bool is_full;                   /* more than fits: what was written is worthless */
	struct { uint32_t action; unsigned at; } returns[16];
	unsigned returns_count;
};

void code_start(struct seccomp_code *);
/* All of them return where the written code begins. */
unsigned code_return(struct seccomp_code *, uint32_t action);
/* A search tree over seccomp_data.nr; the first range must start at 0. */
unsigned code_ranges(struct seccomp_code *, const struct seccomp_range *, unsigned n);
/* To SECTION when seccomp_data.arch is AUDIT, else to OTHER; call code_load_arch() after the last. */
unsigned code_arch(struct seccomp_code *, uint32_t audit, unsigned section, unsigned other);
unsigned code_load_arch(struct seccomp_code *);
