/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which system calls this kernel (or the filter that husk itself runs under) lets husk make: asked, not guessed from a
 * version.  On the host, for `info`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Those that husk cannot do without; NULL behind the last. Changes nothing: the arguments are wrong. */
const char *probe_name(size_t i);
bool probe_has(size_t i);
/* The kernel takes a seccomp filter that hands system calls to an agent (SECCOMP_RET_USER_NOTIF). */
bool probe_seccomp_action(unsigned action);
