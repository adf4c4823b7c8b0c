/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of state.h. */
#include "oci-spec/state.h"

const struct spec_enum oci_statuses = { "status", (const struct spec_name[]){
	WORD("creating", OCI_STATUS_CREATING),
	WORD("created", OCI_STATUS_CREATED),
	WORD("running", OCI_STATUS_RUNNING),
	WORD("stopped", OCI_STATUS_STOPPED),
	WORD("paused", OCI_STATUS_PAUSED),
	{} } };

SPEC_TYPE(state, "state",
	VALUE  (state, oci_version, "ociVersion", REQUIRED),
	VALUE  (state, id,          "id", REQUIRED),
	CHOICE (state, status,      "status", oci_statuses, REQUIRED),
	VALUE  (state, pid,         "pid"),
	VALUE  (state, bundle,      "bundle", REQUIRED),
	VALUE  (state, annotations, "annotations"));

SPEC_TYPE(process_state, "container process state",
	VALUE  (process_state, oci_version, "ociVersion", REQUIRED),
	LIST   (process_state, fds,         "fds"),
	VALUE  (process_state, pid,         "pid", REQUIRED),
	VALUE  (process_state, metadata,    "metadata"),
	OBJECT (process_state, state,       "state", state, REQUIRED));
