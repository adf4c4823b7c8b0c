/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of the container's namespaces that the kernel keeps: linux.sysctl, hostname, domainname; and the
 * personality of the process.
 *
 * A sysctl is refused unless it belongs to a namespace that the container does not share with
 * the host.  Applied in husk-init, through a procfs of its own, before /proc/sys is shielded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/host.h"
#include "sys/procfs.h"

struct sysctl { const char *file, *value; };            /* "sys/net/ipv4/ip_forward" below proc */

struct kernel_plan {
	const struct sysctl *sysctls;
	size_t n;
	const char *hostname, *domainname;      /* NULL: leave it */
	bool has_personality;
	unsigned long personality;              /* PER_* */
};

/* C is the whole config; OWN_NS the CLONE_NEW* bits of namespaces that are not the host's. */
int kernel_plan(struct kernel_plan *, const struct oci_config *c, uint64_t own_ns, const struct host *, struct arena *,
		struct err *);
/* For exec: the personality alone. */
int kernel_plan_exec(struct kernel_plan *, const struct oci_linux *, struct err *);

/* In its namespaces, before shielding. PROC: of init's PID namespace. */
int sysctl_apply(const struct kernel_plan *, const struct procfs *, struct err *);
/* sethostname(2), setdomainname(2). */
int hostname_apply(const struct kernel_plan *, struct err *);
int personality_apply(const struct kernel_plan *, struct err *);
