/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd passes to us for the container by environment: LISTEN_FDS, NOTIFY_SOCKET. */
#pragma once

#include "plan/request.h"

void activation_find(struct activation *);
/*
 * Takes back, for the caller's descriptors 3 to N+2, what main() did to all of them: they do not close on exec.  To be called
 * before anything but the log has been opened.
 */
void activation_pass(unsigned n);
