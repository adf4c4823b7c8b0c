/* SPDX-License-Identifier: Apache-2.0 */
/* `start`: opens the gate, waits for the payload's execve, runs poststart hooks. On the host. */
#pragma once

#include "base/err.h"
#include "life/target.h"

int life_start(const struct target *, struct err *);
