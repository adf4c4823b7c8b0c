/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no part sees alone: the version, what is missing altogether, and contradictions between parts (a host
 * name without a UTS namespace, ids outside the mappings).  Runs inside plan_create(), before the parts are asked.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "oci-spec/config.h"
#include "plan/request.h"
#include "sys/host.h"

/* Namespaces as config.json asks for them: CLONE_NEW* bits. */
struct check_ns {
	uint64_t made, joined;          /* joined: by path */
	uint64_t own;                   /* made, or joined and not the caller's own one */
	const char *user_path;          /* of the joined user namespace, NULL */
};

/* CLONE_NEW* of a word of linux.namespaces. */
uint64_t check_ns_kind(enum oci_ns);
/* Double types are errors. Looks (stat(2)) whether a joined namespace is the caller's. */
int check_namespaces(const struct oci_config *, struct check_ns *, struct err *);

/* ociVersion: 1.x of the specification, in the form of SemVer. */
int check_version(const char *version, struct err *);
/* The process object, of config.json or of process.json. NEEDS: its absence is an error. */
int check_process(const struct oci_process *, bool needs, struct err *);
/* A terminal needs somebody who takes it: a console socket, or husk itself when it stays. */
int check_console(bool terminal, bool detach, const char *console_socket, struct err *);

int check_create(const struct oci_config *, const struct create_request *, const struct check_ns *, const struct host *,
		 struct err *);
