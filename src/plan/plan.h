/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: everything that will be done for a new container, or for one more process in it, with every word
 * parsed, every default filled in and every conflict refused.
 *
 * Made in husk before the first side effect, const from then on; it lies with all that it points to in one
 * shared arena, which husk-init sees at the same address.  plan_create() asks each part in the order of the
 * specification; an error begins with the exact JSON path of its cause and is of kind ERR_SPEC.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "parts/cgroup/cgroup.h"
#include "parts/dev/devices.h"
#include "parts/fs/mounts.h"
#include "parts/fs/rootfs.h"
#include "parts/fs/shield.h"
#include "parts/fs/unmount.h"
#include "parts/guard/caps.h"
#include "parts/guard/keyring.h"
#include "parts/guard/lsm.h"
#include "parts/guard/seccomp.h"
#include "parts/hook/hooks.h"
#include "parts/net/net.h"
#include "parts/notify/notify.h"
#include "parts/ns/idmap.h"
#include "parts/ns/namespaces.h"
#include "parts/rdt/rdt.h"
#include "parts/task/environment.h"
#include "parts/task/kernel.h"
#include "parts/task/limits.h"
#include "parts/task/memory.h"
#include "parts/task/schedule.h"
#include "parts/task/stdio.h"
#include "parts/task/user.h"
#include "plan/request.h"
#include "sys/host.h"
#include "sys/root.h"

struct plan {
	bool groups_later;              /* exec: its groups come with the answer of INIT, and are opened while it is on its way */
	bool is_exec;                   /* joins what is there, makes nothing: one more process, or ... */
	bool only_mounts;               /* ... no process, but mounts that come (MOUNTS) or go (UNMOUNTS) */

	/* Where */
	struct ns_plan ns;
	struct idmap_plan idmap;
	struct rootfs_plan rootfs;
	struct mounts_plan mounts;
	struct unmounts_plan unmounts;
	struct shield_plan shield;
	struct devices_plan devices;
	struct cgroup_plan cgroup;
	struct net_plan net;
	struct rdt_plan rdt;
	struct kernel_plan kernel;

	/* Under which rules */
	struct caps_plan caps;
	struct seccomp_plan seccomp;
	struct lsm_plan lsm;
	struct keyring_plan keyring;
	bool no_new_privileges;

	/* Who and what */
	struct user_plan user;
	struct environment_plan environment;
	struct limits_plan limits;
	struct schedule_plan schedule;
	uint64_t signals;               /* what the caller has left ignored: bit N-1 is signal N */
	struct memory_plan memory;
	struct stdio_plan stdio;
	const char *const *args;        /* NULL at the end; NULL itself: no process was given, `start` fails */
	cpath cwd;                      /* absolute */

	/* Around it */
	struct hooks_plan hooks;
	struct notify_plan notify;
	const char *pidfd_receiver;     /* of the annotation, besides --pidfd-socket; NULL: none */
	const char *id, *bundle;        /* bundle: of the host, absolute */
};

/*
 * CONFIG as decoded. *OUT and everything it points to lies in the arena. Pure: looks at HOST alone.
 */
int plan_create(const struct plan **out, const struct oci_config *config, const struct create_request *,
		const struct host *, struct arena *, struct err *);

/*
 * The same for who wants to know of all errors.  MEND is asked for the config before each step (E is NULL), and again
 * after the step failed with E: it gives one in which the cause of E is gone, or NULL to give the step up; then those
 * that build on it are left out.  Returns the plan of what remained; WHOLE: no step was given up.
 */
typedef const struct oci_config *plan_mend(void *ctx, const struct err *e);
const struct plan *plan_survey(plan_mend *, void *ctx, const struct create_request *, const struct host *, struct arena *,
			       bool *whole);

/*
 * One more process in the container whose saved config is CONFIG (the bytes of create, not those that lie in the bundle
 * today).  It inherits user, groups, umask, env, cwd, rlimits, oomScoreAdj, capabilities, noNewPrivileges, LSM labels,
 * scheduler and I/O priority, unless the request says otherwise; a process.json replaces them, see exec.c.  Seccomp,
 * memory policy and personality are the container's always.  Paths in errors begin with "process." for either.
 */
int plan_exec(const struct plan **out, const struct oci_config *config, const struct exec_request *,
	      const struct host *, struct arena *, struct err *);

/*
 * Mounts that come into a container that is there, or go.  CONFIG is the saved one.  BUNDLE: relative sources are of it.
 * Errors begin with "mounts[N]", N being the place in the list that was given.
 */
#define HOTPLUG_MAX     256     /* at a time: init holds a descriptor of each until all are there */

int plan_mounts_add(const struct plan **out, const struct oci_config *config, const oci_mount_list *mounts,
		    const char *id, const char *bundle, const struct host *, struct arena *, struct err *);
/* V in the order in which they are to go. */
int plan_mounts_remove(const struct plan **out, const struct oci_config *config, const struct unmount *v, size_t n,
		       const char *id, const struct host *, struct arena *, struct err *);
