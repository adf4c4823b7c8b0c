/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user can say: one table of options per command.  The parser, --help, the manual page
 * and the completions all come from these tables, so none of them can be wrong about another.
 * Runs first in every command; pure apart from reading argv.
 *
 * Engines write "--opt value" and "--opt=value", "-o value" and "-ovalue", repeat flags, and say
 * "-no-subreaper" with one dash; all of that is understood.  "--" ends the options.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "oci-spec/spec.h"

struct words { const char **v; size_t n; };

/* What an option's value is, and the type of the member at its offset. */
enum option_kind {
	OPTION_FLAG,            /* bool; "=true", "=false" are understood */
	OPTION_TEXT,            /* const char * */
	OPTION_WORDS,           /* struct words: may be repeated */
	OPTION_COUNT,           /* unsigned */
	OPTION_I64,             /* struct opt_i64 */
	OPTION_U64,             /* struct opt_u64 */
	OPTION_SIZE,            /* struct opt_i64: "512M", "-1" */
	OPTION_NO_FLAG,         /* understood and without effect */
	OPTION_NO_TEXT,
};

struct option_row {
	const char *name;               /* NULL ends the table; behind its end are the value and the help: OPTION() */
	char letter;                    /* 0: none */
	enum option_kind kind : 8;
	uint16_t offset;                /* in the command's struct of values */
};

/*
 * VALUE: what --help calls it, "" for none; says what completes it, too: cli/texts.h.  HELP, of any length, is wrapped where it
 * is printed.  One text for all three, because each pointer is one more to relocate whenever husk starts.
 */
#define OPTION(name, letter, kind, offset, value, help) { name "\0" value "\0" help, letter, OPTION_##kind, offset }

const char *option_value(const struct option_row *);
const char *option_help(const struct option_row *);

struct globals {
	unsigned inherited;             /* descriptors 3, 4, ... that were open when husk began, as a row */
	const char *root, *log, *log_format, *log_level, *cgroup_manager, *trace;
	struct opt_u64 error_fd;
	bool debug, systemd_log, systemd_cgroup, timing, help, version;
};

extern const struct option_row global_options[];

struct command {
	const char *name;
	const char *arguments;          /* "CONTAINER-ID [SIGNAL]": cli/texts.h */
	const char *summary;            /* one line */
	const char *notes;              /* more, or NULL: paragraphs; lines that begin with two blanks stay as they are */
	const struct option_row *options;
	size_t size;                    /* of the struct of values; begins zeroed */
	unsigned min, max;              /* number of arguments */
	bool stops;                     /* the first argument ends the options: the rest is another program's */
	bool is_quiet;                  /* engines parse what it prints together with stderr: no warnings */
	/* The exit code, or -1 and *e. */
	int (*run)(const struct globals *, const void *values, const struct words *arguments, struct err *);
	int failure;                    /* exit code of our own errors, 0: that of their class (cli/codes.h) */
};

extern const struct command *const commands[];          /* NULL at the end */
bool option_takes_value(const struct option_row *);
const struct command *command_find(const char *name);

struct parsed {
	struct words arguments;         /* of the command, without its options; they lie in ARGV, moved together */
	bool help;
};

/*
 * Reads options out of ARGV[*AT ...] into VALUES; stops behind them.  With STOPS at the first word
 * that is no option; otherwise options may stand behind arguments too.  ERR_USAGE on what is wrong.
 */
int words_parse(const struct option_row *, int argc, char **argv, int *at, bool stops, void *values,
		  struct parsed *, struct err *);
/* Adds all words from AT on to the arguments, which then end with NULL. */
void words_rest(struct parsed *, int argc, char **argv, int at);
/* Frees what words_parse() has put into VALUES. */
void values_undo(const struct option_row *, void *values);

