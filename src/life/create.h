/* SPDX-License-Identifier: Apache-2.0 */
/* `create`: the transaction that makes a container. Runs on the host, in husk; everything is undone when it fails. */
#pragma once

#include "base/err.h"
#include "plan/request.h"

int life_create(const struct create_request *, struct err *);
