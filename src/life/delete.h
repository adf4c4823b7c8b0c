/* SPDX-License-Identifier: Apache-2.0 */
/* `delete`: undoes create; with FORCE whatever state the container is in, and an absent one is no error. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "life/target.h"

int life_delete(const struct target *, bool force, struct err *);
