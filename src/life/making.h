/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container (or one more process) on its way: all that `create`, `run` and `exec` own until it is done, and
 * that is undone when it fails.  On the host, one per command.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "life/state.h"
#include "oci-spec/config.h"
#include "parts/cgroup/cgroup.h"
#include "parts/rdt/rdt.h"
#include "plan/plan.h"
#include "plan/request.h"
#include "record/announce.h"
#include "record/record.h"
#include "spawn/spawn.h"
#include "sys/host.h"

struct making {
	struct arena shared;            /* the plan and what it points to; sealed before the clone */
	struct arena mem;               /* everything else */
	struct host host;
	const char *text;               /* config.json as it came in */
	size_t len;
	struct oci_config *config;
	const struct plan *plan;
	struct record record;
	struct cgroup cgroup;
	bool needs_help;                /* exec: only systemd may move the process into the cgroup */
	struct rdt rdt;
	int owner;                      /* `mounts add`: trees_open()'s; somebody else's */
	size_t noted;                   /* `mounts add`: steps of plan->mounts that init has told a number of */
	struct spawn_birth early;       /* create, run: of a CHILD that came before the plan */
	struct child child;
	struct parcel groups;           /* exec: the way into them, for the answer of INIT */
	const char *console_socket;     /* where a terminal's master goes; NULL: it stays with us */
	int console;                    /* that master */
	bool is_announced;              /* as created: when undone, as deleted */
	const struct create_request *rq;        /* of create and run, while init is made */
	bool goes_on;                   /* `run`: init does not stop at a gate */
	int gate;                       /* of `create`, before it is handed to init */
	int notify;                     /* the container's notification socket, for who waits until it is ready */
	struct announcement starting;   /* with goes_on: held until it has started */
	bool has_run_hooks;             /* from prestart on, a failure owes the poststop hooks */
};

#define MAKING_NONE ((struct making){ .shared = ARENA_NONE, .mem = ARENA_NONE, .record = RECORD_NONE, \
		     .cgroup = CGROUP_NONE, .rdt = RDT_NONE, .child = CHILD_NONE, .owner = -EBADF, .console = -EBADF, .gate = -EBADF, \
		     .notify = -EBADF })

/* Kills and reaps the process, removes groups and record, unless kept; closes and frees in any case. */
void making_undo(struct making *);

/*
 * `create` as far as the gate: init waits, the container is recorded as created and locked.  With goes_on
 * there is no gate: init goes on to its execve, and begin_now() waits for that.
 */
int making_create(struct making *, const struct create_request *, struct err *);
/* The part of it before anything happens, which `restore` begins with, too: all is decided, the container's name is ours. */
int making_prepare(struct making *, const struct create_request *, struct err *);
/* Then, before the first side effect outside of the state directory, the record tells the intent. */
int making_remember(struct making *, struct err *);
/* What the planners read of struct host (sys/host.h), as far as this config can bring them to. */
unsigned making_facts(const struct oci_config *);
/* From here on undo destroys nothing any more. */
void making_keep(struct making *);

/* `mounts add`: the next mount of the plan has the number NUMBER; record_save() writes it. */
int making_note_mount(struct making *, int64_t number, struct err *);

/* The state as hooks and seccomp agents get it. */
char *making_state(struct making *, enum status);

/* Both files are complete before the command ends; a failure leaves no pid file. */
int making_pid_file(const char *path, pid_t, struct err *);
int making_pidfd_socket(const char *path, int pidfd, struct err *);

/* What can be told about the process as soon as it has its final number: `kill` works while hooks run. */
int making_save_process(struct making *, struct err *);
/* Makes what the step READY needs, while init is at work: it then only has to become visible. */
int making_foresee(struct making *, struct err *);
/* The record says that the container is created. */
int making_complete(struct making *, struct err *);
/* The master of the container's terminal, to the console socket, or to keep (then it is taken). */
int making_take_console(struct making *, int *master, struct err *);
/* Before the process goes on: whoever waits for these files or the socket finds them as soon as the container runs. */
int making_publish(struct making *, struct err *);
