/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's cgroups: planned with the rest, made on the host before init is cloned (so that
 * clone3(2) can start it inside) or, on v1 alone, meanwhile, entered by init itself on v1, reopened by every later command.
 *
 * Where they lie (linux.cgroupsPath):
 *   "/a/b"          beneath the mount of every hierarchy
 *   "a/b"           v1: beneath the cgroup of husk itself; v2: beside it (its parent), because a v2
 *                   cgroup that holds processes cannot hand controllers down.  As runc does.
 *   absent          as the relative path <container id>
 *   "slice:prefix:name"   belongs to the systemd manager only (unit.h)
 * No component is empty, "." or ".."; everything is opened beneath a descriptor of the verified mount.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "parts/cgroup/devices.h"
#include "parts/cgroup/limits.h"
#include "parts/cgroup/unit.h"
#include "sys/host.h"

enum cgroup_manager { CGROUP_MANAGER_FS, CGROUP_MANAGER_SYSTEMD, CGROUP_MANAGER_NONE };

/* "cgroupfs", "systemd", "disabled", as --cgroup-manager and the record say it. */
const char *cgroup_manager_name(enum cgroup_manager);
int cgroup_manager_value(const char *name, enum cgroup_manager *, struct err *);

/* Is this a relative path of usable names: no empty one, no ".", no "..", no control characters? */
bool cgroup_is_path(const char *);

/* One directory to make. */
struct cgroup_plan_dir {
	const char *controllers;        /* as mounted: "cpu,cpuacct", "name=systemd"; of v2: "" */
	const char *mount;              /* "/sys/fs/cgroup/cpu,cpuacct" */
	const char *path;               /* beneath it, without a slash at either end: "docker/3f2a" */
	const char *full;               /* both */
	bool is_v2;
};

struct cgroup_plan {
	enum cgroup_manager manager;
	bool is_rootless;               /* a group that cannot be made is forgiven when nothing is to be limited */
	uint8_t n;
	struct cgroup_plan_dir dir[CGROUP_DIRS];
	struct cgroup_unit unit;        /* the systemd manager's */
	const char *v2_controllers;     /* what the unified hierarchy has, to be handed down: "cpu io memory pids" */
	struct cgroup_writes writes;
	struct device_program devices;  /* v2; n == 0: none */
	/*
	 * v2: a group in the container's own, without limits of its own, where init goes once its cgroup namespace
	 * shows the container's as the root; NULL: none.  Of init in the plan of exec.
	 */
	const char *inner;
	bool delegate;                  /* v2: give the group (INNER if there is one) to OWNER (config-linux.md "Cgroup ownership") */
	uid_t owner;
};

/*
 * Can the groups be made while init is already at work?  Those of v1: of v2 it has to be born in its own (CLONE_INTO_CGROUP),
 * and systemd makes a scope around a process.
 */
bool cgroup_can_come_later(const struct cgroup_plan *);

/* What is asked beyond the sections of config.json. SUBGROUP, DELEGATED: paths from annotations, or NULL. */
struct cgroup_request {
	const char *id;
	enum cgroup_manager manager;
	const char *subgroup;           /* beneath systemd's unit; of no meaning to the other managers */
	const char *delegated;
};

int cgroup_plan(struct cgroup_plan *, const struct oci_config *, const struct cgroup_request *,
		const struct host *, struct arena *, struct err *);

/* ---- mounts of type "cgroup" ------------------------------------------------------ */

/* How plan/ turns one entry of mounts[] with type "cgroup" into what fs can do. */
struct cgroup_mounts {
	bool is_v2;             /* one mount at the destination itself: v[0], name "" */
	uint8_t n;              /* v1, hybrid: a tmpfs at the destination, and in it one directory each */
	struct cgroup_mount {
		const char *name;       /* "memory", "cpu,cpuacct", "systemd", "unified" */
		const char *type;       /* "cgroup", "cgroup2" */
		const char *options;    /* of that type: "memory", "none,name=systemd"; NULL: none */
		const char *source;     /* host directory of the container's own group: to be bound when there is no
		                           new cgroup namespace, or when mounting the type is refused */
	} v[CGROUP_DIRS];
	uint8_t n_links;        /* "cpu" -> "cpu,cpuacct" */
	struct cgroup_link { const char *name, *target; } link[2 * CGROUP_DIRS];
	bool own_namespace;     /* init is in a new cgroup namespace: mount TYPE with OPTIONS; otherwise bind SOURCE */
};

/* After cgroup_plan. With the manager "disabled" the host's groups are shown: source is the mount itself. */
int cgroup_mounts(struct cgroup_mounts *, const struct cgroup_plan *, const struct oci_config *,
		  const struct host *, struct arena *, struct err *);

/* ---- the groups themselves, on the host ------------------------------------------- */

/* What the record keeps of a group. */
struct cgroup_path {
	const char *controllers;        /* "": v2 */
	const char *path;               /* absolute directory on the host */
	uint32_t made;                  /* so many of its last components are ours to remove */
	uint64_t id;                    /* its inode number; when it differs, another has taken its place. 0: not known */
};

struct cgroup_paths {
	enum cgroup_manager manager;
	const char *scope;              /* systemd's unit, NULL: none */
	bool is_user;                   /* of the user's own systemd */
	bool is_intent;                 /* nobody knows whether the unit was made; one of its name may be another's */
	uint8_t n;
	struct cgroup_path v[CGROUP_DIRS];
};

struct cgroup_dir {
	const char *controllers, *path; /* as in cgroup_path */
	int fd;                         /* the group, for openat(2) */
	uint32_t made;
	uint64_t id;
	bool is_v2;
	bool is_unfit;                  /* nobody can enter it before manager_fs_fit_out() */
};

struct cgroup {
	enum cgroup_manager manager;
	const char *scope;              /* as in cgroup_paths */
	bool is_user, is_intent;
	uint8_t n;                      /* 0: the container has no groups (disabled, or all are gone) */
	bool is_made;                   /* by this process, not kept yet: undo removes what was made */
	struct cgroup_dir dir[CGROUP_DIRS];
};

#define CGROUP_NONE ((struct cgroup){ .manager = CGROUP_MANAGER_NONE })

void cgroup_undo(struct cgroup *);      /* closes; removes exactly what cgroup_make made, unless kept */
void cgroup_keep(struct cgroup *);

/*
 * Makes the groups and sets the limits. On failure nothing is left. Refuses a group that exists and
 * holds processes or is frozen (ERR_STATE): it is somebody else's.  The plan must outlive *cg.
 */
int cgroup_make(struct cgroup *cg, const struct cgroup_plan *, struct err *);
/* The two halves of it: the groups are there, to be mounted; the limits are set, processes may enter. */
int cgroup_make_bare(struct cgroup *cg, const struct cgroup_plan *, struct err *);
int cgroup_fit_out(struct cgroup *cg, const struct cgroup_plan *, struct err *);
/*
 * The same with the systemd manager, for which cgroup_make() makes nothing: a scope needs a process to begin with.  INIT waits
 * in the step PLACE meanwhile.  On failure *CG has to be undone, but not before INIT is dead: as the first process of its
 * namespace it would not hear systemd's SIGTERM, and systemd would wait.
 */
int cgroup_make_scope(struct cgroup *cg, const struct cgroup_plan *, pid_t init, struct err *);
/* Once init is inside: writes what would have forbidden its birth (pids.limit 0). */
int cgroup_finish(const struct cgroup *, const struct cgroup_plan *, struct err *);

/* v2: replaces the device program of one group. */
int cgroup_set_devices(const struct cgroup_dir *, const struct device_rules *, struct arena *, struct err *);

/* Before anything is made: where the groups will be, for a record of the intent (made, id: 0). Strings stay those of the plan. */
void cgroup_paths_planned(struct cgroup_paths *, const struct cgroup_plan *);
/* When nobody and nothing is left in the groups: removes them with no call more than that. False: cgroup_remove() has to. */
bool cgroup_remove_empty(struct cgroup *);
/* The same for those of a record, unopened: each is looked at before, whether it is still the one that was made. */
bool cgroup_remove_saved(const struct cgroup_paths *);
/* What to remember; strings stay those of the plan or of the record. */
void cgroup_paths_of(struct cgroup_paths *, const struct cgroup *);
/* Reopens. A group that is gone (or replaced by another one) is left out, that is no error. SAVED must outlive *cg. */
int cgroup_open(struct cgroup *cg, const struct cgroup_paths *saved, struct err *);

/* ---- entering ------------------------------------------------------------------- */

/* For CLONE_INTO_CGROUP: the unified group, or -1. Stays the cgroup's. */
int cgroup_into_fd(const struct cgroup *);
/*
 * Opens "tasks" of the v1 groups for writing; the descriptors are the caller's and go to the process that enters: it has
 * one thread, and writes "0" to each.  For a thread that moves itself the kernel needs no lock against all forks (10 ms).
 * FDS has room for CGROUP_DIRS.  With INNER (of the plan, NULL: none) it is the one of that group of v2.
 */
int cgroup_entries(const struct cgroup *, const char *inner, int fds[], int *n, struct err *);
/* The same for those of a record, of v1 alone, without opening the groups. One that is gone is left out, as by cgroup_open(). */
int cgroup_entries_saved(const struct cgroup_paths *, int fds[], int *n, struct err *);
/* In init: enters through the descriptors and closes them. */
int cgroup_enter_apply(int fds[], int n, struct err *);

/* On the host, for a process that is not husk-init: moves it, which on v1 takes 10 ms for each hierarchy. */
int cgroup_take(const struct cgroup *, pid_t, struct err *);

/*
 * v2: the kernel lets only those move a process who may write to the group above both places; a user who is in a session of
 * his own (ssh, a console) may not above his scopes.  False also for groups that are not those of a user's systemd.
 */
bool cgroup_may_need_help(const struct cgroup *);
/* Asks that systemd to move the process into the unified group, which may lie beneath the unit's. */
int cgroup_attach(const struct cgroup *, pid_t, struct err *);

/*
 * `exec --cgroup`: SPECS are "path" (all hierarchies) or "controller[,controller]:path" (v1, and "" before the
 * colon for the unified one), beneath the container's own groups only; they must exist.  NULL-free array of N.
 */
int cgroup_descend(struct cgroup *, const char *const *specs, size_t n, struct err *);
/*
 * `exec` on v2: when the container has split its group (subtree_control is set, so nobody may enter
 * it), or ALWAYS, goes on to the group that INIT is in, if that is beneath ours.
 */
int cgroup_follow(struct cgroup *, pid_t init, bool always, struct err *);
