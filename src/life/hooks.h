/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of a container of which only the record is left: poststart in `start`, poststop in `delete`. On the host. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "parts/hook/hooks.h"
#include "record/record.h"
#include "record/status.h"

int life_hooks(const struct record *, const struct oci_config *, enum hook_kind, enum status, struct arena *,
	       struct err *);
