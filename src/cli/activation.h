/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd passes to us for the container by environment: LISTEN_FDS, NOTIFY_SOCKET. */
#pragma once

#include "plan/request.h"

void activation_find(struct activation *);
