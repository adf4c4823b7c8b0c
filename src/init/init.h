/* SPDX-License-Identifier: Apache-2.0 */
/* What the stages of init share, and how a list of them runs.  Only in husk-init. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "init/rootfs.h"
#include "plan/plan.h"
#include "spawn/handshake.h"
#include "spawn/spawn.h"
#include "spawn/stages.h"
#include "spawn/stamps.h"
#include "sys/procfs.h"

struct init {
	uint64_t later;                 /* namespaces to be made at once: CLONE_NEW* */
	const struct plan *plan;        /* NULL: not told yet */
	struct handshake talk;
	int target, target_root;        /* exec */
	int hook_out, hook_err;         /* 0: none */
	int ns_fds[NS_KINDS];
	int inner_group;                /* what its cgroup namespace shall not take for the root; entered after */
	int groups[CGROUP_DIRS], n_groups;      /* what to enter them by */
	struct procfs proc;             /* of our PID namespace; opened by the first stage that needs it */
	struct rootfs_inputs inputs;
	struct rootfs rootfs;
	struct procfs outer;            /* mounts add, remove: of the host's PID namespace */
	int attached[HOTPLUG_MAX];      /* mounts add: what goes again when not all could be added */
	struct environment environment;
	int slave;                      /* of the terminal */
	int gate;                       /* where `start` knocks */
	int starter;                    /* the socket of `start`, for what fails after the gate */
	bool is_in_cwd;                 /* as root already */
	bool is_traced;                 /* stages are stamped */
	bool has_filter;                /* what init calls from here on is seen by a seccomp filter */
	char program[4096];             /* what execve(2) gets */
};

struct stage {
	enum stage_id id;
	int (*run)(struct init *, struct err *);
};

/* Runs them; the one with id PAYLOAD does not return. -1 with the stage's name in the error. */
int init_run(struct init *, const struct stage *, struct err *);

extern const struct stage create_stages[], join_stages[], hotplug_stages[];

/* The step TREES, as trees_ask of parts/fs/trees.h; CONTEXT is the struct init. */
int init_ask_trees(void *context, unsigned first, int fds[TREES_CHUNK], int *n, struct err *);

/* The stage began now; STAGE_MAX: the last one has failed. */
void init_stamp(struct init *, int stage);

int init_proc(struct init *, struct err *);     /* opens init->proc unless it is open */
