/* SPDX-License-Identifier: Apache-2.0 */
/* sys/procfs as it is in husk-init: the same tests, with its compiler and its libc. */
#include "unit/test-procfs.c"
