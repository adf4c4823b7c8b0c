/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the texts of the tables are read.  What an option's value or a command's argument is follows from the word that
 * --help calls it: nothing else is said about it, and the completions come from it.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum value_kind {
	VALUE_TEXT,             /* anything else: nothing completes it */
	VALUE_FILE,             /* FILE, SOCKET */
	VALUE_DIR,              /* DIR, BUNDLE */
	VALUE_CONTAINER,        /* CONTAINER-ID: one that exists */
	VALUE_SIGNAL,           /* SIGNAL */
	VALUE_TOPIC,            /* TOPIC: a command of husk */
	VALUE_WORDS,            /* table|json: one of these */
};

/* A word of "CONTAINER-ID [SIGNAL...]", without its brackets and dots. */
struct value {
	const char *word;
	size_t len;
	enum value_kind kind;
	bool is_optional, repeats;
};

/* Takes the next one from *LIST; false at the end. */
bool value_next(const char **list, struct value *);
/* The only one of an option. */
struct value value_of(const char *word);

/* A piece of a command's notes: a paragraph, or one line that stays as it is (it begins with two blanks). */
struct note {
	const char *text;
	size_t len;
	bool is_kept;
};

bool note_next(const char **notes, struct note *);
