/* SPDX-License-Identifier: Apache-2.0 */
/*
 * husk-bus: asks systemd for a transient unit, changes its properties, ends it.  A program of its own, because it
 * alone needs libsystemd: husk carries it as it carries husk-init, and starts it from memory (systemd cgroup manager:
 * create, update, delete).  What it has to say goes to standard error; it exits with 0 when the thing is done.
 *
 *   husk-bus system|user start UNIT CGROUP PROPERTY...   the unit runs, its cgroup is CGROUP
 *   husk-bus system|user set UNIT PROPERTY...
 *   husk-bus system|user attach UNIT PATH PID            the process goes into the unit, PATH ("/") beneath its cgroup
 *   husk-bus system|user stop UNIT                       also when there is no such unit; a failed one is forgotten
 *
 * PROPERTY is written as busctl(1) does: NAME SIGNATURE VALUE..., arrays with their length first.  "?NAME": an older
 * systemd may not know it; then it is left out.
 *
 * Interface: org.freedesktop.systemd1(5).
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-bus.h>

#define SYSTEMD         "org.freedesktop.systemd1"
#define OBJECT          "/org/freedesktop/systemd1"
#define MANAGER         SYSTEMD ".Manager"
#define ERROR_UNIT_EXISTS       SYSTEMD ".UnitExists"
#define ERROR_NO_SUCH_UNIT      SYSTEMD ".NoSuchUnit"
#define SECONDS         25              /* for everything: less than husk itself waits for us */

struct job { const char *path; char result[64]; bool is_done; };

struct session {
	sd_bus *bus;
	uint64_t deadline;              /* µs, monotonic */
	struct job job;
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int fail(const char *what, int r, const sd_bus_error *error)
{
	if (error && error->message)
		(void)fprintf(stderr, "%s: %s\n", what, error->message);
	else
		(void)fprintf(stderr, "%s: %s\n", what, strerror(-r));
	return r < 0 ? r : -EIO;
}

/* ---- properties --------------------------------------------------------------------- */

struct property { const char *name, *signature; char **values; size_t n; bool may_be_unknown; };

static const char *basic_end(const char *signature)
{
	return strchr("bsynqiuxtd", *signature) && *signature ? signature + 1 : NULL;
}

static int append_basic(sd_bus_message *m, char type, const char *word)
{
	union { uint8_t y; int16_t n; uint16_t q; int32_t i; uint32_t u; int64_t x; uint64_t t; double d; int b; } v;

	switch (type) {
	case 's': return sd_bus_message_append_basic(m, 's', word);
	case 'b': v.b = strcmp(word, "true") == 0; break;
	case 'y': v.y = (uint8_t)strtoul(word, NULL, 10); break;
	case 'n': v.n = (int16_t)strtol(word, NULL, 10); break;
	case 'q': v.q = (uint16_t)strtoul(word, NULL, 10); break;
	case 'i': v.i = (int32_t)strtol(word, NULL, 10); break;
	case 'u': v.u = (uint32_t)strtoul(word, NULL, 10); break;
	case 'x': v.x = strtoll(word, NULL, 10); break;
	case 't': v.t = strtoull(word, NULL, 10); break;
	case 'd': v.d = strtod(word, NULL); break;
	default: return -EINVAL;
	}
	return sd_bus_message_append_basic(m, type, &v);
}

/* One basic type, or an array of one: what units' properties are made of, but for a(ss), an array of pairs. */
static int append_value(sd_bus_message *m, const struct property *p)
{
	const char *inner = p->signature + (*p->signature == 'a');
	bool is_pair = strcmp(inner, "(ss)") == 0;
	size_t n = *p->signature == 'a' ? strtoul(p->values[0], NULL, 10) : 1;
	char **word = p->values + (*p->signature == 'a');
	int r = 0;

	if (*p->signature == 'a')
		r = sd_bus_message_open_container(m, 'a', inner);
	for (size_t i = 0; r >= 0 && i < n; i++, word += is_pair ? 2 : 1)
		r = is_pair ? sd_bus_message_append(m, "(ss)", word[0], word[1]) : append_basic(m, *inner, *word);
	if (r >= 0 && *p->signature == 'a')
		r = sd_bus_message_close_container(m);
	return r;
}

/* How many words the value takes; 0: it is not a property that we can say. */
static size_t value_words(const char *signature, char **words, size_t n)
{
	const char *inner = signature + (*signature == 'a');
	size_t each = strcmp(inner, "(ss)") == 0 ? 2 : 1, count = 1;
	const char *end = each == 2 ? "" : basic_end(inner);

	if (!n || !end || *end || (each == 2 && *signature != 'a'))
		return 0;
	if (*signature == 'a')
		count = 1 + each * strtoul(words[0], NULL, 10);
	return count <= n ? count : 0;
}

static int read_properties(struct property *out, size_t *n, char **words, size_t left)
{
	for (*n = 0; left; ) {
		struct property *p = &out[*n];

		if (left < 3)
			return -EINVAL;
		*p = (struct property){ .name = words[0], .signature = words[1], .values = words + 2 };
		p->may_be_unknown = p->name[0] == '?';
		p->name += p->may_be_unknown;
		p->n = value_words(p->signature, p->values, left - 2);
		if (!p->n)
			return -EINVAL;
		words += 2 + p->n;
		left -= 2 + p->n;
		(*n)++;
	}
	return 0;
}

static int append_properties(sd_bus_message *m, const struct property *p, size_t n, bool with_new)
{
	int r = sd_bus_message_open_container(m, 'a', "(sv)");

	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (p[i].may_be_unknown && !with_new)
			continue;
		r = sd_bus_message_open_container(m, 'r', "sv");
		if (r >= 0)
			r = sd_bus_message_append_basic(m, 's', p[i].name);
		if (r >= 0)
			r = sd_bus_message_open_container(m, 'v', p[i].signature);
		if (r >= 0)
			r = append_value(m, &p[i]);
		if (r >= 0)
			r = sd_bus_message_close_container(m);
		if (r >= 0)
			r = sd_bus_message_close_container(m);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* ---- jobs ---------------------------------------------------------------------------- */

static int on_job_removed(sd_bus_message *m, void *data, sd_bus_error *ignored)
{
	struct session *s = data;
	const char *path, *unit, *result;
	uint32_t id;

	(void)ignored;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0 || !s->job.path || strcmp(path, s->job.path) != 0)
		return 0;
	s->job.is_done = true;
	(void)snprintf(s->job.result, sizeof(s->job.result), "%s", result);
	return 0;
}

/* JobRemoved is only sent to those who have subscribed, and must be awaited from before the call on. */
static int listen_for_jobs(struct session *s)
{
	int r = sd_bus_match_signal(s->bus, NULL, SYSTEMD, OBJECT, MANAGER, "JobRemoved", on_job_removed, s);

	if (r >= 0)
		r = sd_bus_call_method(s->bus, SYSTEMD, OBJECT, MANAGER, "Subscribe", NULL, NULL, "");
	return r < 0 ? fail("subscribe to systemd's jobs", r, NULL) : 0;
}

static int await_job(struct session *s, sd_bus_message *reply, const char *what)
{
	int r = sd_bus_message_read(reply, "o", &s->job.path);

	if (r < 0)
		return fail(what, r, NULL);
	while (!s->job.is_done) {
		uint64_t now = now_us();

		r = sd_bus_process(s->bus, NULL);
		if (r < 0)
			return fail(what, r, NULL);
		if (r > 0)
			continue;
		if (now >= s->deadline)
			return fail(what, -ETIMEDOUT, NULL);
		r = sd_bus_wait(s->bus, s->deadline - now);
		if (r < 0 && r != -EINTR)
			return fail(what, r, NULL);
	}
	if (strcmp(s->job.result, "done") == 0 || strcmp(s->job.result, "skipped") == 0)
		return 0;
	(void)fprintf(stderr, "%s: systemd's job ended with \"%s\"\n", what, s->job.result);
	return -EIO;
}

/* ---- commands ------------------------------------------------------------------------ */

static void reset_failed(struct session *s, const char *unit)
{
	(void)sd_bus_call_method(s->bus, SYSTEMD, OBJECT, MANAGER, "ResetFailedUnit", NULL, NULL, "s", unit);
}

static int ask_start(struct session *s, const char *unit, const struct property *p, size_t n, bool with_new,
		     sd_bus_message **reply, sd_bus_error *error)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(s->bus, &m, SYSTEMD, OBJECT, MANAGER, "StartTransientUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = append_properties(m, p, n, with_new);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r >= 0)
		r = sd_bus_call(s->bus, m, 0, error, reply);
	sd_bus_message_unref(m);
	return r;
}

static bool is_unknown_property(const sd_bus_error *e)
{
	return sd_bus_error_has_name(e, SD_BUS_ERROR_PROPERTY_READ_ONLY) || sd_bus_error_has_name(e, SD_BUS_ERROR_UNKNOWN_PROPERTY);
}

/* Where systemd has put it. A scope and a slice say so in interfaces of their own. */
static int check_cgroup(struct session *s, const char *unit, const char *expected)
{
	const char *dot = strrchr(unit, '.');
	const char *interface = dot && strcmp(dot, ".slice") == 0 ? SYSTEMD ".Slice" : SYSTEMD ".Scope";
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *path = NULL, *is = NULL;
	int r = sd_bus_path_encode(OBJECT "/unit", unit, &path);

	if (r >= 0)
		r = sd_bus_get_property_string(s->bus, SYSTEMD, path, interface, "ControlGroup", &error, &is);
	if (r < 0)
		return fail("ask for the unit's cgroup", r, &error);
	if (strcmp(is, expected) == 0)
		return 0;
	(void)fprintf(stderr, "systemd has put the unit into the cgroup \"%s\", not into \"%s\"\n", is, expected);
	return -EIO;
}

static int start(struct session *s, const char *unit, const char *cgroup, const struct property *p, size_t n)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	bool with_new = true;
	int r = 0;

	if (listen_for_jobs(s) < 0)
		return -EIO;
	for (int tries = 0; tries < 3; tries++) {
		sd_bus_error_free(&error);
		r = ask_start(s, unit, p, n, with_new, &reply, &error);
		if (r >= 0)
			break;
		if (with_new && is_unknown_property(&error))
			with_new = false;
		else if (sd_bus_error_has_name(&error, ERROR_UNIT_EXISTS))
			reset_failed(s, unit);  /* a failed one keeps its name until it is forgotten */
		else
			break;
	}
	if (r < 0)
		return fail("start", r, &error);
	r = await_job(s, reply, "start");
	if (r >= 0)
		r = check_cgroup(s, unit, cgroup);
	/* Who is told of a failure will not ask for its end. */
	if (r < 0)
		(void)sd_bus_call_method(s->bus, SYSTEMD, OBJECT, MANAGER, "StopUnit", NULL, NULL, "ss", unit, "replace");
	return r;
}

static int set(struct session *s, const char *unit, const struct property *p, size_t n)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = -EIO;

	for (int with_new = 1; with_new >= 0; with_new--) {
		sd_bus_message *m = NULL;

		sd_bus_error_free(&error);
		r = sd_bus_message_new_method_call(s->bus, &m, SYSTEMD, OBJECT, MANAGER, "SetUnitProperties");
		if (r >= 0)
			r = sd_bus_message_append(m, "sb", unit, 1);    /* runtime: gone with the unit */
		if (r >= 0)
			r = append_properties(m, p, n, with_new);
		if (r >= 0)
			r = sd_bus_call(s->bus, m, 0, &error, NULL);
		sd_bus_message_unref(m);
		if (r >= 0 || !is_unknown_property(&error))
			break;
	}
	return r < 0 ? fail("set properties", r, &error) : 0;
}

/* The user's systemd asks the system's when it is not allowed to, which sees that user and process are the user's. */
static int attach(struct session *s, const char *unit, const char *path, const char *pid)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(s->bus, SYSTEMD, OBJECT, MANAGER, "AttachProcessesToUnit", &error, NULL, "ssau", unit, path,
				   1, (uint32_t)strtoul(pid, NULL, 10));

	return r < 0 ? fail("attach a process", r, &error) : 0;
}

static int stop(struct session *s, const char *unit)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r;

	if (listen_for_jobs(s) < 0)
		return -EIO;
	r = sd_bus_call_method(s->bus, SYSTEMD, OBJECT, MANAGER, "StopUnit", &error, &reply, "ss", unit, "replace");
	if (r < 0 && sd_bus_error_has_name(&error, ERROR_NO_SUCH_UNIT))
		return 0;
	if (r < 0)
		return fail("stop", r, &error);
	r = await_job(s, reply, "stop");
	reset_failed(s, unit);
	return r;
}

static int run(struct session *s, const char *verb, const char *unit, char **words, size_t n)
{
	bool is_start = strcmp(verb, "start") == 0;
	struct property *p;
	size_t count;

	if (is_start && n < 1)
		return fail(verb, -EINVAL, NULL);
	if (strcmp(verb, "attach") == 0)
		return n == 2 ? attach(s, unit, words[0], words[1]) : fail(verb, -EINVAL, NULL);
	p = calloc(n / 3 + 1, sizeof(*p));
	if (!p || read_properties(p, &count, words + is_start, n - is_start) < 0)
		return fail(verb, p ? -EINVAL : -ENOMEM, NULL);
	if (is_start)
		return start(s, unit, words[0], p, count);
	if (strcmp(verb, "set") == 0)
		return set(s, unit, p, count);
	return strcmp(verb, "stop") == 0 ? stop(s, unit) : fail(verb, -EINVAL, NULL);
}

int main(int argc, char **argv)
{
	struct session s = { .deadline = now_us() + SECONDS * 1000000ull };
	bool is_user;
	int r;

	if (argc < 4) {
		(void)fprintf(stderr, "usage: husk-bus system|user start|set|attach|stop UNIT ...\n");
		return 1;
	}
	is_user = strcmp(argv[1], "user") == 0;
	r = is_user ? sd_bus_open_user(&s.bus) : sd_bus_open_system(&s.bus);
	if (r < 0) {
		fail(is_user ? "connect to the session bus" : "connect to the system bus", r, NULL);
		return 1;
	}
	(void)sd_bus_set_method_call_timeout(s.bus, SECONDS * 1000000ull);
	return run(&s, argv[2], argv[3], argv + 4, (size_t)argc - 4) < 0 ? 1 : 0;
}
