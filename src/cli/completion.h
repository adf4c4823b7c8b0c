/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts for shells, out of the option tables; each shell has a file of its own. */
#pragma once

#include <stdio.h>

#include "cli/options.h"
#include "cli/texts.h"

void completion_bash(FILE *);
void completion_zsh(FILE *);
void completion_fish(FILE *);

/* The names of all commands and of all signals (without SIG), each with BEFORE in front of it. */
void completion_commands(FILE *, const char *before);
void completion_signals(FILE *, const char *before);
/* The words of a VALUE_WORDS, with blanks in between. */
void completion_words(FILE *, const struct value *);
/* TEXT, with a backslash in front of every one of SPECIAL. "'" becomes QUOTE where that is not NULL. */
void completion_escape(FILE *, const char *text, size_t len, const char *special, const char *quote);
