/* SPDX-License-Identifier: Apache-2.0 */
/* `update`: new limits for a living container, all of them or none, remembered in its record. On the host. */
#pragma once

#include "base/err.h"
#include "life/living.h"
#include "life/target.h"
#include "oci-spec/config.h"

/* A value that an option said: at PATH in the resources, of a list the elements from number FROM on. */
struct update_option { const char *option, *path; size_t from; };

struct update_request {
	const struct oci_resources *resources;  /* only what is set changes */
	oci_device_rule_list rules;             /* behind those that the container has */
	const char *l3_cache_schema, *mem_bw_schema;    /* NULL: stay */
	const char *file, *text;                /* where the resources were read, for the lines of messages; NULL: nowhere */
	size_t len;
	const struct update_option *options;    /* what did not come from there */
	size_t noptions;
};

int life_update(const struct target *, const struct update_request *, struct err *);

/* Takes an update back that was announced and never became true, because husk was killed. */
int update_settle(struct living *, struct err *);
