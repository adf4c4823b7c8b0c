/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process of a plan: what create and exec decide in the same way, from one process object.  Two ways
 * in that differ by accident have been holes (CVE-2022-29162: exec had its own code for capabilities).
 */
#pragma once

#include "plan/annotations.h"
#include "plan/plan.h"

struct process_request {
	const struct oci_process *process;      /* NULL: none was given (create only) */
	const struct oci_seccomp *seccomp;      /* NULL: none */
	const struct activation *activation;
	const char *notify;             /* NOTIFY_SOCKET inside, NULL */
	const char *const *env;         /* exec --env */
	size_t nenv;
	unsigned preserve_fds;
	const struct annotations *annotations;
	bool own_userns, denies_setgroups, is_exec;
};

/*
 * How many descriptors from 3 on are the payload's: those of socket activation come first, then those of --preserve-fds (as in
 * runc).  Engines that do the activation themselves put LISTEN_FDS into process.env and count theirs in --preserve-fds.
 */
unsigned process_preserved(const struct oci_process *, const struct activation *, unsigned preserve_fds);

/*
 * Fills args, cwd, user, environment, limits, schedule, stdio, seccomp, caps, lsm and no_new_privileges of *P.
 * PROCESS has gone through check_process().
 */
int process_plan(struct plan *p, const struct process_request *, const struct host *, struct arena *, struct err *);
