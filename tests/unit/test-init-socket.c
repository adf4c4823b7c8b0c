/* SPDX-License-Identifier: Apache-2.0 */
/* sys/socket as it is in husk-init: the same tests, with its compiler and its libc. */
#include "unit/test-socket.c"
