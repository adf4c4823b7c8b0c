/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that is wrong with a config.json, in one look, for `husk check`.  `create` ends at the first error; here the cause
 * of an error is taken out of the config, or replaced by what a sound config has there, and the same decoder and the same
 * planners are asked again: what a patient user would do.  So every refusal of `create` is found with its own words,
 * and planners need not know that somebody collects.  Pure, in husk.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "plan/plan.h"

struct problem {
	bool is_warning;
	bool is_decoders;               /* the value is not what the specification says: nothing beneath it means anything */
	enum err_kind kind;             /* of an error */
	const char *path;               /* "linux.namespaces[2].path"; "": of no place in the file */
	const char *message;
	unsigned line, column;          /* from 1; 0: no place */
};

#define PROBLEMS_MAX 500

struct problems {
	const char *text;               /* the document */
	size_t len;
	struct arena *mem;
	struct problem *v;              /* in the order in which they were found */
	size_t n, room;
	bool is_full;                   /* there were more than PROBLEMS_MAX */
};

/*
 * WHAT: "path: message", or just a message.  An error about a place that has one already, or about something that is wrong
 * as a whole, follows from that one and is left out; so is a warning that was given before.
 */
void problem_add(struct problems *, bool is_warning, enum err_kind, const char *what);
void problem_addf(struct problems *, bool is_warning, enum err_kind, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* As the decoder gives it, with its place. */
void problem_decoded(struct problems *, bool is_warning, const struct spec_error *);

bool problems_have_errors(const struct problems *);
/* Errors at this place or beneath it. */
bool problems_within(const struct problems *, const char *path);
/* By their place in the file. */
void problems_sort(struct problems *);

/*
 * CONFIG: the document decoded, with the empty value where a required one was wrong; NULL when it is no JSON object.
 * PLAN: of what is sound in it; where something is not, only good for what problems_within() has nothing about.
 */
struct survey {
	struct problems problems;
	const struct oci_config *config;
	const struct plan *plan;
	bool is_whole;                  /* nothing of the plan had to be given up */
};

/* TEXT into OUT; all memory in A, which must not be shared. Errors are among the problems. */
void survey_decode(struct survey *out, const char *text, size_t len, struct arena *a);
/* After it: asks the planners on HOST. */
void survey_plan(struct survey *, const struct create_request *, const struct host *, struct arena *);
