/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a container, as `husk state` prints it and as hooks read it (runtime.md of the
 * runtime-spec 1.3), and what a seccomp agent is sent with the listener (config-linux.md).
 */
#pragma once

#include "oci-spec/spec.h"

enum oci_status {
	OCI_STATUS_CREATING = 1, OCI_STATUS_CREATED, OCI_STATUS_RUNNING, OCI_STATUS_STOPPED,
	OCI_STATUS_PAUSED,              /* ours: the specification allows further values */
};

struct oci_state {
	const char *oci_version, *id;
	enum oci_status status;
	int64_t pid;                    /* 0: none */
	const char *bundle;
	str_map annotations;
};

/* Sent to linux.seccomp.listenerPath; fds names the descriptors sent along, in order. */
struct oci_process_state {
	const char *oci_version;
	str_list fds;
	int64_t pid;
	const char *metadata;
	struct oci_state *state;
};

extern const struct spec_type oci_state_type, oci_process_state_type;
extern const struct spec_enum oci_statuses;
