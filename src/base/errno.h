/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine may read of an error's number. */
#pragma once

/* "ENOENT" for ENOENT; NULL for what is no number of Linux. */
const char *errno_name(int num);
