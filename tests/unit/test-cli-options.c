/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of the option tables against what engines and people write. */
#include "cli/options.c"

#include "unit/tap.h"

struct sample {
	const char *bundle;
	struct words env;
	unsigned count;
	struct opt_i64 size;
	struct opt_u64 weight;
	bool detach, tty, no_subreaper;
};

static const struct option_row table[] = {
	OPTION("bundle", 'b', TEXT, offsetof(struct sample, bundle), "DIR", "where"),
	OPTION("env", 'e', WORDS, offsetof(struct sample, env), "N=V", "environment"),
	OPTION("preserve-fds", 0, COUNT, offsetof(struct sample, count), "N", "descriptors"),
	OPTION("memory", 0, SIZE, offsetof(struct sample, size), "SIZE", "limit"),
	OPTION("weight", 0, U64, offsetof(struct sample, weight), "N", "weight"),
	OPTION("detach", 'd', FLAG, offsetof(struct sample, detach), "", "leave"),
	OPTION("tty", 't', FLAG, offsetof(struct sample, tty), "", "terminal"),
	OPTION("no-subreaper", 0, FLAG, offsetof(struct sample, no_subreaper), "", "no"),
	OPTION("criu", 0, NO_TEXT, 0, "PATH", "nothing"),
	{}
};

const struct command *const commands[] = { NULL };

static struct sample sample;
static struct parsed parsed;
static struct err err;

static int parse(bool stops, char **words)
{
	static char *argv[16];          /* the arguments stay in it */
	int argc = 0, at = 0, result;

	while (words[argc])
		argc++;
	memcpy(argv, words, ((size_t)argc + 1) * sizeof(argv[0]));
	free(sample.env.v);
	sample = (struct sample){};
	parsed = (struct parsed){};
	err = (struct err){};
	result = words_parse(table, argc, argv, &at, stops, &sample, &parsed, &err);
	words_rest(&parsed, argc, argv, at);
	return result;
}

#define PARSE(...) parse(false, (char *[]){ __VA_ARGS__, NULL })
#define PARSE_UP_TO(...) parse(true, (char *[]){ __VA_ARGS__, NULL })

static void test_forms(void)
{
	OK(PARSE("--bundle", "/b", "id") == 0 && str_eq(sample.bundle, "/b"), "--opt value");
	SAME(parsed.arguments.v[0], "id", "the id is left");
	OK(PARSE("--bundle=/b", "id") == 0 && str_eq(sample.bundle, "/b"), "--opt=value");
	OK(PARSE("-b", "/b") == 0 && str_eq(sample.bundle, "/b"), "-o value");
	OK(PARSE("-b/b") == 0 && str_eq(sample.bundle, "/b"), "-ovalue");
	OK(PARSE("-b=/b") == 0 && str_eq(sample.bundle, "/b"), "-o=value");
	OK(PARSE("-bundle", "/b") == 0 && str_eq(sample.bundle, "/b"), "-opt value, one dash");
	OK(PARSE("-no-subreaper", "--bundle", "/b", "id") == 0 && sample.no_subreaper, "-no-subreaper as go-runc says it");
	OK(PARSE("-dt", "id") == 0 && sample.detach && sample.tty, "letters in one word");
	OK(PARSE("--bundle=", "id") == 0 && str_eq(sample.bundle, ""), "an empty value is one");
	OK(PARSE("--detach=false", "--tty=true") == 0 && !sample.detach && sample.tty, "flags may have a value");
	OK(PARSE("-d", "-d", "id") == 0 && sample.detach, "a flag may be repeated");
	OK(PARSE("--criu", "/x", "id") == 0 && parsed.arguments.n == 1, "an ignored option takes its value along");
}

static void test_values(void)
{
	OK(PARSE("-e", "A=1", "--env=B=2") == 0 && sample.env.n == 2, "a list grows");
	SAME(sample.env.v[1], "B=2", "a value may hold an equals sign");
	OK(PARSE("--preserve-fds", "3") == 0 && sample.count == 3, "a count");
	OK(PARSE("--memory", "512M") == 0 && sample.size.v == 512 << 20, "a size with a suffix");
	OK(PARSE("--memory=-1") == 0 && sample.size.set && sample.size.v == -1, "no limit is -1");
	OK(PARSE("--memory", "-1", "id") == 0 && sample.size.v == -1, "a value may begin with a dash");
	OK(PARSE("--weight", "0") == 0 && sample.weight.set, "0 is a value");
	OK(PARSE("--preserve-fds", "x") < 0 && err.kind == ERR_USAGE, "a count must be a number");
	SAME(err.msg, "option --preserve-fds: \"x\" is not a number from 0 on", "and the message says so");
	OK(PARSE("--preserve-fds", "-1") < 0, "a count is not negative");
	OK(PARSE("--detach=maybe") < 0, "a flag is true or false");
}

static void test_errors(void)
{
	OK(PARSE("--nosuch", "id") < 0 && err.kind == ERR_USAGE, "an unknown option is an error");
	SAME(err.msg, "unknown option \"--nosuch\"", "that names it");
	OK(PARSE("-x") < 0, "so is an unknown letter");
	OK(PARSE("--bun", "/b") < 0, "abbreviations are not understood");
	OK(PARSE("id", "--bundle") < 0, "a missing value is an error");
	OK(strstr(err.msg, "requires an argument") != NULL, "in the words that Podman searches for");
}

static void test_order(void)
{
	OK(PARSE("id", "-d", "15") == 0 && sample.detach && parsed.arguments.n == 2, "options may follow arguments");
	OK(PARSE_UP_TO("-t", "id", "ls", "-d", "--bundle") == 0 && sample.tty && !sample.detach,
	   "not behind a command for exec");
	OK(parsed.arguments.n == 4 && str_eq(parsed.arguments.v[2], "-d"), "which gets them");
	OK(PARSE("--", "-d") == 0 && !sample.detach && str_eq(parsed.arguments.v[0], "-d"), "-- ends the options");
	OK(PARSE("-", "id") == 0 && parsed.arguments.n == 2, "a single dash is an argument");
	OK(PARSE("--help", "--nosuch") == 0 && parsed.help, "--help wins over what follows");
	OK(PARSE("-h") == 0 && parsed.help, "-h too");
}

int main(void)
{
	test_forms();
	test_values();
	test_errors();
	test_order();
	free(sample.env.v);
	return tap_done();
}
