/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of the system calls and their numbers, for the architectures that this machine can
 * run.  A table of our own, so that neither libseccomp's start-up nor its look-ups are paid by
 * every create, and so that system calls younger than the installed libseccomp are known; the
 * unit test compares it with libseccomp.  Used while planning, in husk.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)
#define SECCOMP_ARCHS 3
#elif defined(__aarch64__) || (defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) || defined(__s390x__)
#define SECCOMP_ARCHS 2
#else
#define SECCOMP_ARCHS 1
#endif

struct seccomp_arch {
	int word;               /* OCI_ARCH_* */
	uint32_t audit;         /* AUDIT_ARCH_*: seccomp_data.arch */
	uint32_t base;          /* in every number: 0x40000000 for x32 */
	bool is_multiplexed;    /* has socketcall(2) and ipc(2) */
};

/* [0] is the native one; all zero where husk has no table for this machine. */
extern const struct seccomp_arch seccomp_archs[SECCOMP_ARCHS];

struct seccomp_name {
	char name[30];
	uint8_t mux;            /* 100 + N: socketcall N; 200 + N: ipc N; 0: neither */
	int16_t nr[SECCOMP_ARCHS];
};

extern const struct seccomp_name seccomp_names[];       /* sorted by name */
extern const unsigned seccomp_names_count;

#define SECCOMP_NAMES_MAX 600

/* The row of NAME, or -1. */
int seccomp_name_find(const char *name);
/* The same for who goes through many names, most of them sorted: AT is the last row found, 0 at first. */
int seccomp_name_next(const char *name, unsigned *at);
/* The number as the kernel shows it in seccomp_data.nr, or -1 where the architecture lacks the call. */
int64_t seccomp_number(unsigned row, unsigned arch);
