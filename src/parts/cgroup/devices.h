/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.resources.devices: which device nodes the container may read, write and make.
 *
 * The rules are applied in their order, each overriding the ones before it, on top of a refusal of
 * everything; last come the devices that every container has (null, zero, full, tty, random, urandom,
 * console, ptmx, pts, tun, and mknod of anything), as in runc and crun.  A rule of type "a" that names numbers
 * or less than "rwm" stands for a "b" and a "c" rule: the kernel's own "a" would ignore the rest of it.
 *
 * v1: writes to devices.deny and devices.allow.  v2: a BPF program that gives, per requested bit, the
 * verdict of the last rule that speaks of it.
 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config-linux.h"

#define DEVICES_ANY 0xffffffffu         /* major or minor: every one */

/* Bits as the kernel has them: BPF_DEVCG_ACC_MKNOD 1, _READ 2, _WRITE 4. */
struct device_rule {
	bool allow;
	char type;                      /* 'b', 'c'; 'a' only as the total one: any numbers, all access */
	uint8_t access;
	uint32_t major, minor;
};

struct device_rules { struct device_rule *v; size_t n; };

/* The rules of the config, checked, and the default ones, in order. The first is always a total one. */
int devices_rules(struct device_rules *, const struct oci_resources *, struct arena *, struct err *);

/* Do they allow everything? Then no program is needed. */
bool devices_allow_all(const struct device_rules *);

struct device_program { struct bpf_insn *v; size_t n; };

void devices_program(struct device_program *, const struct device_rules *, struct arena *);

/* "c 1:3 rwm", "a *:* rwm" */
const char *devices_text(const struct device_rule *, struct arena *);
