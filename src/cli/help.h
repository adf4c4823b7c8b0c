/* SPDX-License-Identifier: Apache-2.0 */
/* --help, out of the option tables: 80 columns, whatever the length of the texts. */
#pragma once

#include <stdio.h>

#include "cli/options.h"

void help_of(FILE *, const struct command *);
void help_of_all(FILE *);
/* A summary as a sentence: it begins with a capital and ends with a full stop. Its length. */
size_t help_sentence(char *buf, size_t size, const char *summary);
