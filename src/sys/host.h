/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about this host, looked up once per command and only as far as asked: pure planners read them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

enum host_cgroups { HOST_CGROUP_NONE, HOST_CGROUP_V1, HOST_CGROUP_HYBRID, HOST_CGROUP_V2 };

#define HOST_V1_MAX 20

/* One v1 hierarchy as mounted. */
struct host_v1 {
	const char *mount;              /* "/sys/fs/cgroup/cpu,cpuacct" */
	const char *controllers;        /* "cpu,cpuacct", "name=systemd" */
	const char *own;                /* the cgroup of this process, seen from the mount: "/a/b" */
};

struct host {
	unsigned kernel_major, kernel_minor;
	const char *machine;            /* uname -m */
	uid_t uid; gid_t gid;           /* effective */
	bool is_rootless;               /* uid != 0, or uid 0 of a user namespace that is not the initial one */
	bool in_userns;                 /* the caller is not in the initial user namespace */
	bool can_mount_proc;            /* not in_userns: always true */
	enum host_cgroups cgroups;
	const char *v2_mount;           /* "/sys/fs/cgroup", hybrid: "/sys/fs/cgroup/unified"; NULL */
	const char *v2_own;             /* the cgroup of this process, seen from the mount */
	const char *v2_controllers;     /* text of cgroup.controllers at the mount: "cpu io memory pids" */
	struct host_v1 v1[HOST_V1_MAX]; /* in the order in which they were mounted first */
	int v1_count;
	bool has_selinux, has_apparmor; /* enabled and enforcing policy loaded */
	bool has_seccomp;
	uint32_t last_cap;              /* /proc/sys/kernel/cap_last_cap */
	uint64_t capabilities;          /* our permitted set */
	bool has_session_keyring_quota_left;
	uint64_t ns_kinds;              /* CLONE_NEW* bits that this kernel has */
	bool has_rdt;
	const char *rdt_mount;          /* of resctrl, NULL when not mounted */
	uint64_t ignored_signals;       /* by us, and so by who is born of us: bit N-1 is signal N; all, when not known */
	bool has_pidfs;                 /* kernel >= 6.9 */
	bool has_idmap;                 /* idmapped mounts (5.12 and more) */
	unsigned cpus;                  /* possible CPUs: width of cpu lists */
};

/* What not everybody has to know, each for some system calls. */
enum host_facts {
	HOST_CGROUPS = 1,               /* cgroups, v1*, v2* */
	HOST_GUARDS = 2,                /* has_selinux, has_apparmor, has_seccomp; false when not asked for */
	HOST_RDT = 4,                   /* has_rdt, rdt_mount */
	HOST_CPUS = 8,                  /* cpus; 0 when not asked for: not known */
	HOST_NAMESPACES = 16,           /* ns_kinds; all when not asked for: clone3(2) will tell */
	HOST_ALL = 31,
};

/* Reads what is in FACTS and all else; a fact that cannot be read counts as lacking, except that kernels < 5.14 are an error. */
int host_look_for(struct host *, unsigned facts, struct arena *, struct err *);
int host_look(struct host *, struct arena *, struct err *);             /* HOST_ALL */

/* Hierarchies of v1 are usual here, and v2 has none that is: for a guess before anybody looks at the host. */
bool host_has_v1_alone(void);

bool host_is_at_least(const struct host *, unsigned major, unsigned minor);
/* The v1 hierarchy that has this controller ("memory"), NULL when none. */
const struct host_v1 *host_v1_with(const struct host *, const char *controller);
