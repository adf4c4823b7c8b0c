/* SPDX-License-Identifier: Apache-2.0 */
/* `husk wait` and `husk stop`: the end of a container, awaited or brought about. */
#include "life/finish.h"

#include <stddef.h>
#include <stdio.h>

#include "base/own.h"
#include "base/str.h"
#include "cli/codes.h"
#include "cli/commands.h"
#include "sys/process.h"

#define STOP_TIMEOUT 10         /* seconds, as engines have it */

struct wait_values { const char *format; bool pass; };

static const struct option_row wait_options[] = {
	OPTION("format", 'f', TEXT, offsetof(struct wait_values, format), "text|json",
	  "text (default): the exit code; json: an object with code, signal, coreDumped, oomKilled and time"),
	OPTION("return", 'r', FLAG, offsetof(struct wait_values, pass), "",
	  "exit with the container's code, as husk run does, too"),
	OPTIONS_END
};

static void print_ending(const struct oci_ending *ending, bool is_json, struct arena *a)
{
	if (is_json)
		(void)puts(ending ? spec_encode(&oci_ending_type, ending, a, false) : "{}");
	else if (ending)
		(void)printf("%u\n", ending->code.v);
	else
		(void)puts("unknown");
}

static int wait_for_it(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct wait_values *v = values;
	AUTO(arena) mem = ARENA_NONE;
	struct target target = target_of(g, arguments);
	struct oci_ending ending;
	int known;

	if (v->format && !str_eq(v->format, "json") && !str_eq(v->format, "text"))
		return err_set(e, ERR_USAGE, "option --format: \"%s\" is not text or json", v->format);
	known = life_wait(&target, &ending, &mem, e);
	if (known < 0)
		return -1;
	print_ending(known ? &ending : NULL, str_eq(v->format, "json"), &mem);
	if (!known)
		return EXIT_UNSEEN;
	return v->pass ? (int)ending.code.v : 0;
}

struct stop_values { const char *signal; struct opt_u64 timeout; };

static const struct option_row stop_options[] = {
	OPTION("timeout", 't', U64, offsetof(struct stop_values, timeout), "SECONDS",
	  "how long it may take to end by itself before all of it is killed (10)"),
	OPTION("signal", 's', TEXT, offsetof(struct stop_values, signal), "SIGNAL",
	  "the signal that asks it to end, a number or a name"),
	OPTIONS_END
};

static int stop(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct stop_values *v = values;
	struct target target = target_of(g, arguments);
	unsigned timeout = STOP_TIMEOUT;
	int sig = v->signal ? signal_number(v->signal) : 0;

	if (sig < 0)
		return err_set(e, ERR_USAGE, "option --signal: unknown signal \"%s\"", v->signal);
	if (v->timeout.set && v->timeout.v > INT32_MAX)
		return err_set(e, ERR_USAGE, "option --timeout: more than %d seconds", INT32_MAX);
	if (v->timeout.set)
		timeout = (unsigned)v->timeout.v;
	return life_stop(&target, sig, timeout, e);
}

const struct command command_wait = {
	.name = "wait", .arguments = "CONTAINER-ID", .summary = "wait until a container has ended, and print its exit code",
	.notes = "Prints what husk run would have returned: the exit code, 128+N when signal N ended it. It is kept, so that husk\n"
		 "state and husk list tell it, too.\n\n"
		 "A container that ended before anybody of husk was watching can be asked only as long as nobody has waited for\n"
		 "its process; and on kernels before 6.15 that is so in any case. Then \"unknown\" is printed, and the exit code of\n"
		 "husk is 9. Nothing is ever guessed.\n\n"
		 "oomKilled is told as long as the cgroup is there that counts. With the systemd cgroup manager systemd removes it\n"
		 "when the last process has ended, often before anybody could look; with cgroupfs it stays until husk delete.",
	.options = wait_options, .size = sizeof(struct wait_values), .min = 1, .max = 1, .is_quiet = true, .run = wait_for_it,
};

const struct command command_stop = {
	.name = "stop", .arguments = "CONTAINER-ID", .summary = "ask a container to end, and kill it when it does not",
	.notes = "The signal is that of --signal; else the image's, when the engine has passed it on in the annotation\n"
		 "org.opencontainers.image.stopSignal; else SIGTERM. After the timeout every process of its cgroup gets SIGKILL. A\n"
		 "paused container goes on once the signal is there; one that was not started yet is killed at once. When husk\n"
		 "returns it is stopped; one that was stopped before is no error.",
	.options = stop_options, .size = sizeof(struct stop_values), .min = 1, .max = 1, .run = stop,
};
