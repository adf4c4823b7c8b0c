/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities: process.capabilities as five bit sets, and how init takes them on.
 *
 * Steps that the list of stages places around the change of user:
 *
 *   caps_bound_apply    while CAP_SETPCAP is still effective
 *   caps_keep_apply     right before setuid(2), which would clear the permitted set
 *   caps_apply          after setuid(2): the final sets
 *   caps_admin_apply    right before a seccomp filter is loaded without no_new_privs
 *
 * That last step needs CAP_SYS_ADMIN, and after it nothing can be dropped any more without the profile's
 * consent.  So where it is to come, CAP_SYS_ADMIN stays in the permitted set until execve(2), which computes
 * the payload's sets from the inheritable, ambient and bounding ones alone: what init had in its permitted set
 * plays no part (capabilities(7), "Transformation of capabilities during execve()").
 *
 * `exec` uses the same, so that both ways into a container end with the same sets
 * (CVE-2022-29162 and its kin came from a path of its own).  Securebits are left alone.
 *
 * Sources: runtime-spec config.md "capabilities"; capabilities(7); security/commoncap.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/host.h"

/* Bit N is capability number N of linux/capability.h. */
struct caps_plan {
	uint64_t bounding, permitted, effective, inheritable, ambient;
	bool keep_admin;        /* a filter will be loaded without no_new_privs */
};

/* The number of "CAP_CHOWN" (exactly this spelling), or -1. */
int caps_number(const char *name);
/* "CAP_CHOWN", or NULL for a number that husk has no name for. For `husk features`: 0, 1, ... until NULL. */
const char *caps_name(unsigned number);

/*
 * P may be NULL: all sets empty, as in runc and crun.  Names that nobody knows and capabilities
 * that cannot be granted here are warned about and left out (config.md: SHOULD NOT fail).
 * OWN_USERNS: the process will be root of a user namespace that is made or joined, where all
 * capabilities exist; otherwise no more can be granted than HOST says we have.
 * LOADS_FILTER: a seccomp filter will be loaded without no_new_privs.
 */
int caps_plan(struct caps_plan *, const struct oci_capabilities *p, bool own_userns, bool loads_filter,
	      const struct host *, struct arena *, struct err *);

/*
 * `exec --cap NAME`: adds to the bounding, permitted and effective sets, never to the inheritable
 * one (CVE-2022-29162); to the ambient set only what is inheritable already.  Here an unknown
 * name is an error of the user.  PATH names the option in messages ("--cap").
 */
int caps_plan_add(struct caps_plan *, const char *const *names, size_t n, const char *path, bool own_userns,
		  const struct host *, struct err *);

/* Drops from the bounding set all that is not planned. Needs CAP_SETPCAP, unless nothing is to be dropped. */
int caps_bound_apply(const struct caps_plan *, struct err *);
/* PR_SET_KEEPCAPS: the permitted set survives the change to UID that follows; execve(2) clears the flag. */
int caps_keep_apply(const struct caps_plan *, uid_t uid, struct err *);
/* The final sets, read back and compared; with CAP_SYS_ADMIN permitted, not effective, where keep_admin says so. */
int caps_apply(const struct caps_plan *, struct err *);
/* Makes CAP_SYS_ADMIN effective where keep_admin says so. */
int caps_admin_apply(const struct caps_plan *, struct err *);
