/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The systemd cgroup manager: the container is a transient scope, made while init waits in the step PLACE; its cgroups
 * are where systemd puts them, and all that cgroup.h does with groups works there, too.  Limits are said twice: as
 * properties, so that systemd knows them and does not take them back, and as files, which say more.
 * Device rules are files (v1) or a program (v2) alone: those of systemd would be a second opinion on the same thing.
 *
 * Interface: org.freedesktop.systemd1(5), systemd.resource-control(5), spoken by husk-bus (src/bus).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "sys/host.h"

/* Properties, written as busctl(1) does: NAME SIGNATURE VALUE..., arrays with their length first. In the arena. */
struct unit_words {
	const char **v;
	size_t n, room;
	struct arena *arena;
};

struct cgroup_unit {
	const char *name;               /* "docker-3f2a.scope"; NULL: not systemd's */
	const char *cgroup;             /* "/system.slice/docker-3f2a.scope" */
	bool is_divided;                /* the container's groups lie beneath it, and init goes on into them */
	bool is_user;                   /* of the user's own systemd */
	const char *const *words;       /* its properties, without the process */
	size_t n;
};

/*
 * linux.cgroupsPath "slice:prefix:name" (absent: system.slice, husk, the container's id), linux.resources,
 * annotations org.systemd.property.NAME with a value in GVariant's text format.
 */
int unit_plan(struct cgroup_unit *, const struct oci_config *, const char *id, const struct host *, struct arena *, struct err *);

/* Pure. What systemd has no property for is left to the files. IS_V2: the unified hierarchy has the controllers. */
void unit_limits(struct unit_words *, const struct oci_resources *, bool is_v2);
/* The property that says what TEXT says in FILE of a cgroup, if there is one. */
void unit_file(struct unit_words *, const char *file, const char *text);
/*
 * The way back from the properties THEN to NOW, added to NOW: one that was not said before gets the value that FILES tells
 * (unit_file() of what the files had), or else the one that means nothing is said.
 */
void unit_back(struct unit_words *now, const struct unit_words *then, const struct unit_words *files);
/* "org.systemd.property.TimeoutStopSec": "uint64 5". PATH names it in messages. */
int unit_property(struct unit_words *, const char *name, const char *text, const char *path, struct err *);
void unit_add(struct unit_words *, const char *name, const char *signature, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void unit_word(struct unit_words *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Does this husk carry husk-bus? Without it there is no systemd manager. */
bool unit_is_supported(void);
/* On the host; each is one start of husk-bus, with a deadline. */
int unit_start(const struct cgroup_unit *, pid_t init, struct err *);
int unit_set(const char *name, bool is_user, const struct unit_words *, struct err *);
/* Moves a process that we may not move ourselves into the cgroup PATH ("/": its own) beneath that of the unit. */
int unit_attach(const char *name, bool is_user, const char *path, pid_t, struct err *);
/* Ends what is left in it and forgets it; no error when it is gone already. */
int unit_stop(const char *name, bool is_user, struct err *);
/* The same, but one that has processes is somebody else's and stays; that is no error. */
int unit_clear(const char *name, bool is_user, struct err *);

/* The properties, each on a line of its own: "MemoryMax = 1048576". */
char *unit_print(const struct cgroup_unit *, struct arena *);
