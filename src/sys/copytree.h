/* SPDX-License-Identifier: Apache-2.0 */
/* Copies what lies in one directory into another: for tmpfs mounts with "tmpcopyup". Usable in both programs. */
#pragma once

#include "base/err.h"

/*
 * Everything beneath directory FROM into the empty directory TO, of whose file system nobody else knows: owners, modes,
 * times, links, devices, FIFOs; sockets and other mounts are left out.  FROM may be changed by others meanwhile: no
 * link of it is followed.  Hard links become separate files.  At most 64 levels.  FROM must be readable
 * (O_PATH is enough), the mode, owner and times of TO become those of FROM.
 */
int copytree(int from, int to, struct err *);
