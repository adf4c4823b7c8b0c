/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contradictions that no part sees alone: a host name without a UTS namespace, mounts without a mount namespace.
 * Runs inside plan_create(), before the parts are asked.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "oci-spec/config.h"
#include "plan/request.h"
#include "sys/host.h"

/* Namespaces as config.json asks for them: CLONE_NEW* bits. */
struct check_ns {
	uint64_t made, joined;          /* joined: by path */
	uint64_t own;                   /* made, or joined and not the caller's */
};

int check_namespaces(const struct oci_config *, struct check_ns *, struct err *);
int check_create(const struct oci_config *, const struct create_request *, const struct check_ns *, const struct host *,
		 struct err *);
