/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd passes to us for the container by environment: LISTEN_FDS, NOTIFY_SOCKET. */
#pragma once

#include "cli/options.h"
#include "plan/request.h"

void activation_find(struct activation *);
/*
 * Takes back, for the caller's descriptors 3 to N+2, what main() did to all of them: they do not close on exec.  To be called
 * before anything but the log has been opened.  ERR_USAGE when one of them is that of --error-fd.
 */
int activation_pass(const struct globals *, unsigned n, struct err *);
