/* SPDX-License-Identifier: Apache-2.0 */
/* Asks systemd through husk-bus.  On the host: in create while init waits, in update and in delete. */
#include "parts/cgroup/unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/helper.h"
#include "sys/seal.h"

#define SECONDS 30              /* more than husk-bus allows itself, so that its own message is the one seen */

/* In programs that do not carry it (unit tests) it is as absent as in a husk without libsystemd. */
#pragma weak husk_bus_start
#pragma weak husk_bus_end

/* What sd-bus needs to find the user's bus. */
static void environment(char *envp[4])
{
	static const char *const names[] = { "DBUS_SESSION_BUS_ADDRESS=", "XDG_RUNTIME_DIR=", "DBUS_SYSTEM_BUS_ADDRESS=" };
	size_t n = 0;

	for (char **v = environ; v && *v && n < 3; v++)
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (str_starts(*v, names[i]) && n < 3)
				envp[n++] = *v;
	envp[n] = NULL;
}

static size_t bus_size(void)
{
	return husk_bus_end ? (size_t)(husk_bus_end - husk_bus_start) : 0;
}

bool unit_is_supported(void)
{
	return bus_size() > 0;
}

static int ask(const char *verb, const char *name, bool is_user, const char *const *words, size_t n, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	const char **argv = ARENA_ARRAY(&mem, const char *, n + 5);
	/* sd_booted(3): this folder says that systemd is the init of this host. */
	AUTO_FD int program = -EBADF, running = fd_open("/run/systemd/system", O_PATH | O_DIRECTORY, 0, e);
	char *envp[4];
	size_t size = bus_size();
	struct helper h = { .path = "husk-bus", .argv = (char *const *)argv, .envp = envp, .timeout = SECONDS };

	if (!size)
		return err_set(e, ERR_UNSUPPORTED, "this husk was built without libsystemd: use --cgroup-manager=cgroupfs");
	if (running < 0)
		return err_set(e, ERR_UNSUPPORTED, "systemd does not run on this host: use --cgroup-manager=cgroupfs");
	program = seal_program(husk_bus_start, size, "husk-bus", e);
	if (program < 0)
		return -1;
	h.fd = program;
	argv[0] = "husk-bus";
	argv[1] = is_user ? "user" : "system";
	argv[2] = verb;
	argv[3] = name;
	for (size_t i = 0; i < n; i++)
		argv[4 + i] = words[i];
	argv[4 + n] = NULL;
	environment(envp);
	return helper_run(&h, e) < 0 ? err_in(e, "systemd unit \"%s\"", name) : 0;
}

int unit_start(const struct cgroup_unit *u, pid_t init, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	struct unit_words w = { .arena = &mem };

	unit_word(&w, "%s", u->cgroup);
	for (size_t i = 0; i < u->n; i++)
		unit_word(&w, "%s", u->words[i]);
	unit_add(&w, "PIDs", "au", "1");
	unit_word(&w, "%d", (int)init);
	return ask("start", u->name, u->is_user, w.v, w.n, e);
}

int unit_set(const char *name, bool is_user, const struct unit_words *w, struct err *e)
{
	return w->n ? ask("set", name, is_user, w->v, w->n, e) : 0;
}

int unit_attach(const char *name, bool is_user, const char *path, pid_t pid, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	struct unit_words w = { .arena = &mem };

	unit_word(&w, "%s", path);
	unit_word(&w, "%d", (int)pid);
	return ask("attach", name, is_user, w.v, w.n, e);
}

int unit_stop(const char *name, bool is_user, struct err *e)
{
	return ask("stop", name, is_user, NULL, 0, e);
}

int unit_clear(const char *name, bool is_user, struct err *e)
{
	/* Who is not there has made no unit. */
	return ask("clear", name, is_user, NULL, 0, e) < 0 && e->kind != ERR_UNSUPPORTED ? -1 : 0;
}
