/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd passes to us for the container by environment: LISTEN_FDS, NOTIFY_SOCKET. */
#pragma once

#include "cli/options.h"
#include "plan/request.h"

void activation_find(struct activation *);
/* How many descriptors from 3 on are open, in a row: what a caller can have meant to pass. To be called before any is opened. */
unsigned activation_inherited(void);
/*
 * Takes back, for the caller's descriptors from 3 on, what main() did to all of them: they do not close on exec.  Only those
 * that were open when husk began: files of our own may have taken the numbers behind them.  ERR_USAGE when one of --preserve-fds
 * was not, or is that of --error-fd.
 */
int activation_pass(const struct globals *, unsigned preserved, unsigned listen, struct err *);
