/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp: linux.seccomp as a ready program of classic BPF.
 *
 * The program is written at planning time by seccomp-code.c (libseccomp needs 17 to 30 ms for
 * Docker's profile) and carried to init in the plan; init only hands it to seccomp(2).
 *
 * Where it is loaded: with no_new_privs as the very last thing before execve(2); without it
 * while CAP_SYS_ADMIN is effective (see caps_admin_apply()).  With NOTIFY the filter must be
 * there before READY, because the host passes the listener on.
 *
 * Sources: runtime-spec config-linux.md "Seccomp"; seccomp(2); seccomp_unotify(2).
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/host.h"

struct seccomp_plan {
	const struct sock_filter *code; /* NULL: no filter */
	uint16_t len;                   /* instructions, 4096 at most */
	uint32_t flags;                 /* SECCOMP_FILTER_FLAG_*, with NEW_LISTENER when has_listener */
	bool has_listener;              /* the profile uses SCMP_ACT_NOTIFY */
	const char *listener_path, *listener_metadata;  /* of the host; NULL without listener */
};

/* P may be NULL: no filter. Errors: what config-linux.md forbids; a program that the kernel would refuse. */
int seccomp_plan(struct seccomp_plan *, const struct oci_seccomp *p, const struct host *, struct arena *, struct err *);

/* The flags of P alone; has_listener is known. Used by both planners. */
int seccomp_read_flags(struct seccomp_plan *, const struct oci_seccomp *p, const struct host *, struct err *);

/* Every name must be one of a system call that husk knows, on whichever architecture. */
int seccomp_check_names(const struct oci_seccomp *, struct err *);

/*
 * A finished filter in place of a profile: TEXT is base64 of the instructions (struct sock_filter, native byte order); P gives the
 * flags and may be NULL.  What the kernel would refuse is an error (annotation run.oci.seccomp_bpf_data).
 */
int seccomp_plan_program(struct seccomp_plan *, const char *text, const struct oci_seccomp *p, const struct host *, struct arena *,
			 struct err *);

/*
 * Loads the filter into the calling (only) thread. *LISTENER becomes the descriptor to pass on
 * (close-on-exec, owned by the caller), or stays untouched when there is none.
 * Needs no_new_privs or CAP_SYS_ADMIN.
 */
int seccomp_apply(const struct seccomp_plan *, int *listener, struct err *);
