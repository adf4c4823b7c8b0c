/* SPDX-License-Identifier: Apache-2.0 */
/* bpf(2) for device cgroups on v2. */
#pragma once

#include <linux/bpf.h>
#include <stddef.h>

#include "base/err.h"

/* Loads a BPF_PROG_TYPE_CGROUP_DEVICE program; the verifier's log ends up in the error. */
int bpf_load_device_program(const struct bpf_insn *, size_t n, struct err *);
/* Attaches PROG to the cgroup; what was attached before is replaced atomically (BPF_F_REPLACE) or detached after. */
int bpf_attach_device_program(int cgroup, int prog, struct err *);
