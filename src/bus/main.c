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
 *   husk-bus system|user clear UNIT                      the same, but one with processes stays
 *
 * PROPERTY is written as busctl(1) does: NAME SIGNATURE VALUE..., arrays with their length first.  "?NAME": an older
 * systemd may not know it; then it is left out.
 *
 * A unit whose process died before it was inside: the kernel moves no zombie and reports no error, so systemd starts the
 * unit, and where it only waits for the last process to leave (252 on cgroup v1) it waits for ever.  Such a unit, active
 * without a process, is nobody's: start ends it, whether it is its own or in its way.
 *
 * Interface: org.freedesktop.systemd1(5).
 */
#include <ctype.h>
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

/* For a call: it may take what is left of the time for everything. */
static sd_bus *bus(struct session *s)
{
	uint64_t now = now_us();

	(void)sd_bus_set_method_call_timeout(s->bus, s->deadline > now ? s->deadline - now : 1);
	return s->bus;
}

/* Does what there is to do on the bus, or waits for it. */
static int go_on(struct session *s)
{
	uint64_t now = now_us();
	int r = sd_bus_process(s->bus, NULL);

	if (r != 0)
		return r;
	if (now >= s->deadline)
		return -ETIMEDOUT;
	r = sd_bus_wait(s->bus, s->deadline - now);
	return r == -EINTR ? 0 : r;
}

/* Not left to the first call, which would wait longer. */
static int connect_bus(struct session *s, bool is_user)
{
	int r = is_user ? sd_bus_open_user(&s->bus) : sd_bus_open_system(&s->bus);

	while (r >= 0 && (r = sd_bus_is_ready(s->bus)) == 0)
		r = go_on(s);
	return r;
}

static int fail(const char *what, int r, const sd_bus_error *error)
{
	if (r == -ETIMEDOUT)
		(void)fprintf(stderr, "%s: systemd has not answered within %d seconds\n", what, SECONDS);
	else if (error && error->message)
		(void)fprintf(stderr, "%s: %s\n", what, error->message);
	else
		(void)fprintf(stderr, "%s: %s\n", what, strerror(-r));
	return r < 0 ? r : -EIO;
}

/* ---- properties --------------------------------------------------------------------- */

struct property { const char *name, *signature; char **values; size_t n; bool may_be_unknown, is_unknown; };

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

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		if ((at == text || !isalnum((unsigned char)at[-1])) && !isalnum((unsigned char)at[n]))
			return true;
	return false;
}

/* Those that systemd does not know are left out from now on: the one that it names, or else all.  False: it is not that. */
static bool leave_out(struct property *p, size_t n, const sd_bus_error *e)
{
	bool is_named = false, was_any = false;

	if (!sd_bus_error_has_name(e, SD_BUS_ERROR_PROPERTY_READ_ONLY) && !sd_bus_error_has_name(e, SD_BUS_ERROR_UNKNOWN_PROPERTY))
		return false;
	for (size_t i = 0; i < n; i++)
		if (e->message && has_word(e->message, p[i].name)) {
			is_named = true;
			was_any = p[i].may_be_unknown && !p[i].is_unknown;
			p[i].is_unknown = p[i].may_be_unknown;
		}
	for (size_t i = 0; i < n && !is_named; i++) {
		was_any |= p[i].may_be_unknown && !p[i].is_unknown;
		p[i].is_unknown = p[i].may_be_unknown;
	}
	return was_any;
}

static int append_properties(sd_bus_message *m, const struct property *p, size_t n)
{
	int r = sd_bus_message_open_container(m, 'a', "(sv)");

	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (p[i].is_unknown)
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
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_match_signal(s->bus, NULL, SYSTEMD, OBJECT, MANAGER, "JobRemoved", on_job_removed, s);

	if (r >= 0)
		r = sd_bus_call_method(bus(s), SYSTEMD, OBJECT, MANAGER, "Subscribe", &error, NULL, "");
	return r < 0 ? fail("subscribe to systemd's jobs", r, &error) : 0;
}

static int await_job(struct session *s, sd_bus_message *reply, const char *what)
{
	int r = sd_bus_message_read(reply, "o", &s->job.path);

	if (r < 0)
		return fail(what, r, NULL);
	s->job.is_done = false;
	while (!s->job.is_done) {
		r = go_on(s);
		if (r < 0)
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
	(void)sd_bus_call_method(bus(s), SYSTEMD, OBJECT, MANAGER, "ResetFailedUnit", NULL, NULL, "s", unit);
}

/* Asks a scope of itself. The text is the caller's to free. */
static int scope_property(struct session *s, const char *unit, const char *interface, const char *name, char **text)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *path = NULL;
	int r = sd_bus_path_encode(OBJECT "/unit", unit, &path);

	if (r >= 0)
		r = sd_bus_get_property_string(bus(s), SYSTEMD, path, interface, name, &error, text);
	free(path);
	return r < 0 ? fail(name, r, &error) : 0;
}

/* Does systemd say that there is no process in the unit's cgroup, nor beneath it? */
static bool is_empty(struct session *s, const char *unit)
{
	sd_bus_message *reply = NULL;
	bool is = sd_bus_call_method(bus(s), SYSTEMD, OBJECT, MANAGER, "GetUnitProcesses", NULL, &reply, "s", unit) >= 0 &&
		  sd_bus_message_enter_container(reply, 'a', "(sus)") > 0 && sd_bus_message_at_end(reply, false) > 0;

	sd_bus_message_unref(reply);
	return is;
}

static int stop(struct session *s, const char *unit)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r = sd_bus_call_method(bus(s), SYSTEMD, OBJECT, MANAGER, "StopUnit", &error, &reply, "ss", unit, "replace");

	if (r < 0 && sd_bus_error_has_name(&error, ERROR_NO_SUCH_UNIT))
		return 0;
	if (r < 0)
		return fail("stop", r, &error);
	r = await_job(s, reply, "stop");
	reset_failed(s, unit);
	return r;
}

/* One that is being started has no processes yet, but is not active before it has some. */
static int clear(struct session *s, const char *unit)
{
	char *state = NULL;
	bool is_left = scope_property(s, unit, SYSTEMD ".Unit", "ActiveState", &state) == 0 &&
		       strcmp(state, "active") == 0 && is_empty(s, unit);

	free(state);
	if (is_left)
		return stop(s, unit);
	reset_failed(s, unit);          /* a failed one keeps its name until it is forgotten */
	return 0;
}

static int ask_start(struct session *s, const char *unit, const struct property *p, size_t n, sd_bus_message **reply,
		     sd_bus_error *error)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(s->bus, &m, SYSTEMD, OBJECT, MANAGER, "StartTransientUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = append_properties(m, p, n);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r >= 0)
		r = sd_bus_call(bus(s), m, 0, error, reply);
	sd_bus_message_unref(m);
	return r;
}

/* Where systemd has put it, and that the process is inside: it may have died meanwhile. */
static int check_start(struct session *s, const char *unit, const char *expected)
{
	char *is = NULL;
	int r = scope_property(s, unit, SYSTEMD ".Scope", "ControlGroup", &is);

	if (r >= 0 && strcmp(is, expected) != 0) {
		(void)fprintf(stderr, "systemd has put the unit into the cgroup \"%s\", not into \"%s\"\n", is, expected);
		r = -EIO;
	}
	free(is);
	if (r < 0 || !is_empty(s, unit))
		return r;
	(void)fprintf(stderr, "start: the process has ended before it was inside\n");
	return -ESRCH;
}

static int start(struct session *s, const char *unit, const char *cgroup, struct property *p, size_t n)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	bool is_cleared = false;
	int r;

	while ((r = ask_start(s, unit, p, n, &reply, &error)) < 0) {
		bool is_there = sd_bus_error_has_name(&error, ERROR_UNIT_EXISTS) && !is_cleared;

		if (!is_there && !leave_out(p, n, &error))
			return fail("start", r, &error);
		if (is_there && clear(s, unit) < 0)
			return -EIO;
		is_cleared |= is_there;
		sd_bus_error_free(&error);
	}
	r = await_job(s, reply, "start");
	if (r >= 0)
		r = check_start(s, unit, cgroup);
	/* Who is told of a failure will not ask for its end. */
	if (r < 0)
		(void)sd_bus_call_method(bus(s), SYSTEMD, OBJECT, MANAGER, "StopUnit", NULL, NULL, "ss", unit, "replace");
	return r;
}

static int set(struct session *s, const char *unit, struct property *p, size_t n)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	for (;;) {
		sd_bus_message *m = NULL;

		r = sd_bus_message_new_method_call(s->bus, &m, SYSTEMD, OBJECT, MANAGER, "SetUnitProperties");
		if (r >= 0)
			r = sd_bus_message_append(m, "sb", unit, 1);    /* runtime: gone with the unit */
		if (r >= 0)
			r = append_properties(m, p, n);
		if (r >= 0)
			r = sd_bus_call(bus(s), m, 0, &error, NULL);
		sd_bus_message_unref(m);
		if (r >= 0)
			return 0;
		if (!leave_out(p, n, &error))
			return fail("set properties", r, &error);
		sd_bus_error_free(&error);
	}
}

/* The user's systemd asks the system's when it is not allowed to, which sees that user and process are the user's. */
static int attach(struct session *s, const char *unit, const char *path, const char *pid)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(bus(s), SYSTEMD, OBJECT, MANAGER, "AttachProcessesToUnit", &error, NULL, "ssau", unit, path,
				   1, (uint32_t)strtoul(pid, NULL, 10));

	return r < 0 ? fail("attach a process", r, &error) : 0;
}

static int run(struct session *s, const char *verb, const char *unit, char **words, size_t n)
{
	bool is_start = strcmp(verb, "start") == 0, is_set = strcmp(verb, "set") == 0;
	struct property *p;
	size_t count;

	if (is_start && n < 1)
		return fail(verb, -EINVAL, NULL);
	if (strcmp(verb, "attach") == 0)
		return n == 2 ? attach(s, unit, words[0], words[1]) : fail(verb, -EINVAL, NULL);
	p = calloc(n / 3 + 1, sizeof(*p));
	if (!p || read_properties(p, &count, words + is_start, n - is_start) < 0)
		return fail(verb, p ? -EINVAL : -ENOMEM, NULL);
	if (is_set)
		return set(s, unit, p, count);
	if (listen_for_jobs(s) < 0)
		return -EIO;
	if (is_start)
		return start(s, unit, words[0], p, count);
	if (strcmp(verb, "clear") == 0)
		return clear(s, unit);
	return strcmp(verb, "stop") == 0 ? stop(s, unit) : fail(verb, -EINVAL, NULL);
}

int main(int argc, char **argv)
{
	struct session s = { .deadline = now_us() + SECONDS * 1000000ull };
	bool is_user;
	int r;

	if (argc < 4) {
		(void)fprintf(stderr, "usage: husk-bus system|user start|set|attach|stop|clear UNIT ...\n");
		return 1;
	}
	is_user = strcmp(argv[1], "user") == 0;
	r = connect_bus(&s, is_user);
	if (r < 0) {
		fail(is_user ? "connect to the session bus" : "connect to the system bus", r, NULL);
		return 1;
	}
	return run(&s, argv[2], argv[3], argv + 4, (size_t)argc - 4) < 0 ? 1 : 0;
}
