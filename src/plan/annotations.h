/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The annotations that change what husk does, in the meaning that crun gives them.  Read while planning, by create and by
 * exec; what is malformed, and what husk does not do although it knows the name, is an error: an annotation that asks for
 * protection must not be silently ignored.  All other annotations mean nothing to us (config.md).
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "oci-spec/config.h"

struct annotations {
	bool keeps_groups;              /* no setgroups(2) */
	bool strict_seccomp;            /* an unknown system call in the profile is an error */
	const char *pidfd_receiver;     /* socket that gets a pidfd of init; NULL */
	const char *seccomp_receiver;   /* as linux.seccomp.listenerPath; NULL */
	const char *seccomp_program;    /* base64 of a filter in place of linux.seccomp; NULL */
	const char *context_type;       /* mount option that linux.mountLabel is given in; NULL: context */
	const char *systemd_v1;         /* the mount here becomes the v1 hierarchy name=systemd; NULL */
	const char *subgroup;           /* a cgroup beneath systemd's unit that is the container's in its place; NULL: none */
	const char *delegated;          /* a cgroup in the container's own that the process begins in and owns; NULL: none */
	/* run.oci.hooks.stdout, .stderr: read by parts/hook */
};

/* Strings are those of the config. */
int annotations_read(struct annotations *, const str_map *, struct err *);

/* The Nth that is unsafe in the hands of strangers, and what it does; NULL after the last one. */
const char *annotations_unsafe(size_t n);
