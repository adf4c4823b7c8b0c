/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles and an interpreter for filters, for the tests of seccomp. */
#pragma once

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#include "base/own.h"
#include "oci-spec/config.h"
#include "parts/guard/seccomp.h"
#include "unit/tap.h"

static const struct host host = { .kernel_major = 6, .kernel_minor = 18, .machine = "x86_64", .has_seccomp = true };

/* What the kernel would return; 1 << 20 for what its checker refuses. */
#define REFUSED (1u << 20)

struct program { struct sock_filter insn[16384]; unsigned len; };

__attribute__((unused))
static uint32_t interpret(const struct sock_filter *p, unsigned len, const struct seccomp_data *data, unsigned *steps)
{
	uint32_t a = 0;

	for (unsigned pc = 0; pc < len; pc++) {
		const struct sock_filter *i = &p[pc];
		bool yes = false;

		if (steps)
			++*steps;
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k % 4 || i->k >= sizeof(*data))
				return REFUSED;
			memcpy(&a, (const char *)data + i->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_RET | BPF_K:
			return i->k;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= i->k;
			break;
		default:
			return REFUSED;
		}
		pc += yes ? i->jt : i->jf;
	}
	return REFUSED;
}

__attribute__((unused))
static uint32_t run(const struct seccomp_plan *p, uint32_t arch, uint32_t nr, const uint64_t args[6])
{
	struct seccomp_data data = { .nr = (int)nr, .arch = arch };

	if (args)
		memcpy(data.args, args, sizeof(data.args));
	return interpret(p->code, p->len, &data, NULL);
}

__attribute__((unused))
static char *slurp(const char *name, size_t *len)
{
	const char *dir = getenv("HUSK_SRCDIR");
	char path[4096], *text = calloc(1, 1 << 20);
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/bundles/%s", dir ? dir : ".", name);
	f = fopen(path, "r");
	if (!f || !text) {
		printf("Bail out! %s: %s\n", path, strerror(errno));
		exit(1);
	}
	*len = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return text;
}

__attribute__((unused))
static struct oci_seccomp *decode(const char *text, size_t len, struct arena *a)
{
	struct spec_error se;
	void *out = NULL;

	if (spec_decode(&oci_seccomp_type, text, len, a, &out, &se) < 0) {
		printf("Bail out! %s: %s\n", se.path, se.message);
		exit(1);
	}
	return out;
}

__attribute__((unused))
static struct oci_seccomp *whole(const char *text, size_t len, struct arena *a)
{
	struct spec_error se;
	void *out = NULL;

	if (spec_decode(&oci_config_type, text, len, a, &out, &se) < 0) {
		printf("Bail out! %s: %s\n", se.path, se.message);
		exit(1);
	}
	return ((struct oci_config *)out)->linux_->seccomp;
}
