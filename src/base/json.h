/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that is written by hand: records of the log, the error object, the trace. */
#pragma once

#include <stdio.h>

/* TEXT as a quoted string.  What is no UTF-8 becomes U+FFFD, so that the output always is. */
void json_quote(FILE *, const char *text);
