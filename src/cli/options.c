/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of the option tables. */
#include "cli/options.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/num.h"
#include "base/str.h"

#define MOST (1u << 20)         /* of anything one can count: descriptors */

const struct option_row global_options[] = {
	OPTION("root", 'r', TEXT, offsetof(struct globals, root), "DIR",
	  "where the state of containers is kept (/run/husk; rootless: $XDG_RUNTIME_DIR/husk)"),
	OPTION("log", 'l', TEXT, offsetof(struct globals, log), "FILE",
	  "append messages to this file, too; file:FILE is the same, journald:NAME sends them to the journal and syslog:NAME to "
	  "syslog, under that name"),
	OPTION("systemd-log", 0, FLAG, offsetof(struct globals, systemd_log), "", "the same as --log=journald:husk"),
	OPTION("log-format", 0, TEXT, offsetof(struct globals, log_format), "text|json",
	  "how messages look in a log file: text by default"),
	OPTION("log-level", 0, TEXT, offsetof(struct globals, log_level), "error|warning|info|debug",
	  "what is worth a message: warning by default"),
	OPTION("debug", 0, FLAG, offsetof(struct globals, debug), "", "the same as --log-level=debug"),
	OPTION("systemd-cgroup", 's', FLAG, offsetof(struct globals, systemd_cgroup), "",
	  "the same as --cgroup-manager=systemd"),
	OPTION("cgroup-manager", 0, TEXT, offsetof(struct globals, cgroup_manager), "cgroupfs|systemd|disabled",
	  "who makes control groups: cgroupfs by default"),
	OPTION("trace", 0, TEXT, offsetof(struct globals, trace), "FILE",
	  "write a timeline of all that husk and the container's first process did, for Perfetto or chrome://tracing; a file that "
	  "holds one is continued. What init does once its seccomp filter is loaded has no times of its own, since the filter need not "
	  "allow to ask for the time"),
	OPTION("timing", 0, FLAG, offsetof(struct globals, timing), "",
	  "print the same timeline as a table to standard error"),
	OPTION("error-fd", 0, U64, offsetof(struct globals, error_fd), "N",
	  "when the command fails, write one JSON object to this open descriptor: kind, exitCode, message and, when known, stage, "
	  "path, file, line, column, errno, hint"),
	OPTION("rootless", 0, NO_TEXT, 0, "true|false|auto", "accepted, without effect: found out by itself"),
	OPTION("criu", 0, NO_TEXT, 0, "FILE", "accepted, without effect"),
	OPTION("version", 'v', FLAG, offsetof(struct globals, version), "", "print the version"),
	{}
};

static const char *next_text(const char *text)
{
	return text + strlen(text) + 1;
}

const char *option_value(const struct option_row *o)
{
	return next_text(o->name);
}

const char *option_help(const struct option_row *o)
{
	return next_text(option_value(o));
}

bool option_takes_value(const struct option_row *o)
{
	switch (o->kind) {
	case OPTION_FLAG:
	case OPTION_NO_FLAG:
		return false;
	case OPTION_TEXT:
	case OPTION_WORDS:
	case OPTION_COUNT:
	case OPTION_I64:
	case OPTION_U64:
	case OPTION_SIZE:
	case OPTION_NO_TEXT:
		return true;
	}
	return false;
}

static int bad_value(const struct option_row *o, const char *value, const char *want, struct err *e)
{
	return err_set(e, ERR_USAGE, "option --%s: \"%s\" is not %s", o->name, value, want);
}

/* Of an option that may be repeated. A NULL stays behind the last one. */
static void words_add(struct words *w, const char *word)
{
	const char **v = arena_given(realloc(w->v, (w->n + 2) * sizeof(*v)));

	w->v = v;
	v[w->n++] = word;
	v[w->n] = NULL;
}

void values_undo(const struct option_row *table, void *values)
{
	for (const struct option_row *o = table; o->name; o++) {
		struct words *w = (struct words *)((char *)values + o->offset);

		if (o->kind != OPTION_WORDS)
			continue;
		free(w->v);
		*w = (struct words){};          /* another name of the option may stand for the same member */
	}
}

static int set_flag(const struct option_row *o, bool *flag, const char *value, struct err *e)
{
	if (!value || str_eq(value, "true") || str_eq(value, "1"))
		*flag = true;
	else if (str_eq(value, "false") || str_eq(value, "0"))
		*flag = false;
	else
		return bad_value(o, value, "true or false", e);
	return 0;
}

static int set_i64(const struct option_row *o, struct opt_i64 *out, const char *value, struct err *e)
{
	if (!num_parse_signed(value, INT64_MIN, INT64_MAX, &out->v))
		return bad_value(o, value, "a number", e);
	out->set = true;
	return 0;
}

static int set_u64(const struct option_row *o, struct opt_u64 *out, const char *value, struct err *e)
{
	if (!num_parse(value, UINT64_MAX, &out->v))
		return bad_value(o, value, "a number from 0 on", e);
	out->set = true;
	return 0;
}

static int set_size(const struct option_row *o, struct opt_i64 *out, const char *value, struct err *e)
{
	uint64_t bytes;

	out->set = true;
	out->v = -1;
	if (str_eq(value, "-1"))
		return 0;
	if (!num_parse_size(value, &bytes) || bytes > INT64_MAX)
		return bad_value(o, value, "a size in bytes, like 512M", e);
	out->v = (int64_t)bytes;
	return 0;
}

static int set_count(const struct option_row *o, unsigned *out, const char *value, struct err *e)
{
	uint64_t n;

	if (!num_parse(value, MOST, &n))
		return bad_value(o, value, "a number from 0 on", e);
	*out = (unsigned)n;
	return 0;
}

static int set(const struct option_row *o, const char *value, void *values, struct err *e)
{
	void *member = (char *)values + o->offset;
	bool ignored;

	switch (o->kind) {
	case OPTION_FLAG:
		return set_flag(o, member, value, e);
	case OPTION_TEXT:
		*(const char **)member = value;
		return 0;
	case OPTION_WORDS:
		words_add(member, value);
		return 0;
	case OPTION_COUNT:
		return set_count(o, member, value, e);
	case OPTION_I64:
		return set_i64(o, member, value, e);
	case OPTION_U64:
		return set_u64(o, member, value, e);
	case OPTION_SIZE:
		return set_size(o, member, value, e);
	case OPTION_NO_FLAG:
		return set_flag(o, &ignored, value, e);
	case OPTION_NO_TEXT:
		return 0;
	}
	return 0;
}

static const struct option_row *find_long(const struct option_row *table, const char *name, size_t len)
{
	for (const struct option_row *o = table; o->name; o++)
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

static const struct option_row *find_short(const struct option_row *table, char letter)
{
	for (const struct option_row *o = table; o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

struct parser {
	const struct option_row *table;
	int argc;
	char **argv;
	int at;
	void *values;
	struct parsed *out;
	struct err *e;
};

/* VALUE: what stood in the same word, NULL when nothing did. */
static int take(struct parser *p, const struct option_row *o, const char *value)
{
	if (option_takes_value(o) && !value) {
		if (p->at >= p->argc)
			return err_set(p->e, ERR_USAGE, "option --%s requires an argument", o->name);
		value = p->argv[p->at++];
	}
	return set(o, value, p->values, p->e);
}

static bool is_help(const char *word)
{
	return str_eq(word, "--help") || str_eq(word, "-help") || str_eq(word, "-h") || str_eq(word, "--usage") || str_eq(word, "-?");
}

/* "-abc", "-b DIR", "-bDIR", "-b=DIR" */
static int take_letters(struct parser *p, const char *word)
{
	for (const char *c = word + 1; *c; c++) {
		const struct option_row *o = find_short(p->table, *c);

		if (!o)
			return err_set(p->e, ERR_USAGE, "unknown option \"%s\"", word);
		if (option_takes_value(o))
			return take(p, o, c[1] == '=' ? c + 2 : c[1] ? c + 1 : NULL);
		if (c[1] == '=')
			return take(p, o, c + 2);
		if (take(p, o, NULL) < 0)
			return -1;
	}
	return 0;
}

static int take_option(struct parser *p, const char *word)
{
	const char *name = word + (word[1] == '-' ? 2 : 1);
	const char *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct option_row *o = len > 1 || word[1] == '-' ? find_long(p->table, name, len) : NULL;

	p->at++;
	if (o)
		return take(p, o, equals ? equals + 1 : NULL);
	if (is_help(word)) {
		p->out->help = true;
		return 0;
	}
	if (word[1] == '-')
		return err_set(p->e, ERR_USAGE, "unknown option \"%s\"", word);
	return take_letters(p, word);
}

int words_parse(const struct option_row *table, int argc, char **argv, int *at, bool stops, void *values,
		  struct parsed *out, struct err *e)
{
	struct parser p = { .table = table, .argc = argc, .argv = argv, .at = *at, .values = values, .out = out, .e = e };

	/* What has been read makes room for what is kept. */
	out->arguments = (struct words){ .v = (const char **)(void *)(argv + *at) };
	while (p.at < argc && !out->help) {
		const char *word = argv[p.at];

		if (str_eq(word, "--")) {
			p.at++;
			break;
		}
		if (word[0] == '-' && word[1]) {
			if (take_option(&p, word) < 0)
				return -1;
			continue;
		}
		if (stops)
			break;
		out->arguments.v[out->arguments.n++] = word;
		p.at++;
	}
	*at = p.at;
	return 0;
}

void words_rest(struct parsed *p, int argc, char **argv, int at)
{
	while (at < argc)
		p->arguments.v[p->arguments.n++] = argv[at++];
	p->arguments.v[p->arguments.n] = NULL;
}

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (str_eq((*c)->name, name))
			return *c;
	return NULL;
}
