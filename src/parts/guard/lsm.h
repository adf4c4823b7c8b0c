/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AppArmor and SELinux: the label that execve(2) gives to the payload.
 *
 * Both are one write to a file of /proc/self/attr, so neither libapparmor nor libselinux is used:
 * no library to load, no look-up of "/proc" by name (CVE-2019-16884).  Labels of mounts are data
 * of the mounts part; the label of the session keyring belongs to keyring.h.
 *
 * Sources: config.md apparmorProfile, selinuxLabel; apparmor(7); selinux(8); proc_pid_attr(5).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/host.h"
#include "sys/procfs.h"

#define LSM_LABEL_MAX 4096          /* a page is all that the files of attr take */

struct lsm_plan {
	const char *apparmor;           /* the profile for attr/apparmor/exec; NULL: none */
	const char *selinux;            /* for attr/exec; NULL: none */
	bool no_new_privileges;         /* are set by the time of execve */
};

/* P may be NULL. Asked for what this host does not enforce: ERR_UNSUPPORTED, never silence. */
int lsm_plan(struct lsm_plan *, const struct oci_process *p, const struct host *, struct arena *, struct err *);
/* `exec --apparmor`, `--process-label`: overrule what config.json says; NULL keeps it. PATHs are named by the option. */
int lsm_plan_override(struct lsm_plan *, const char *apparmor, const char *selinux, const struct host *, struct arena *,
		      struct err *);

/* Is the AppArmor profile there?  As far as the host tells; where it does not, 0. */
int lsm_check_loaded(const char *profile, struct arena *, struct err *);

/* Takes effect at the next execve(2). PROC is our own procfs, of the PID namespace of the caller. */
int lsm_apply(const struct lsm_plan *, const struct procfs *proc, struct err *);
