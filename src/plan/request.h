/* SPDX-License-Identifier: Apache-2.0 */
/* How a container or a process was asked for: what the command line says beyond config.json. Filled by cli/ and life/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "oci-spec/config.h"
#include "parts/cgroup/cgroup.h"
#include "sys/root.h"

/* Socket activation and sd_notify: taken from the caller's environment by cli/. */
struct activation {
	unsigned listen_fds;            /* LISTEN_FDS, when LISTEN_PID is ours or absent; 0: none */
	const char *listen_names;       /* LISTEN_FDNAMES, NULL */
	const char *notify_socket;      /* NOTIFY_SOCKET, NULL */
};

struct create_request {
	const char *id;
	const char *bundle;             /* absolute, without links */
	const char *config;             /* path of config.json: "<bundle>/config.json" unless --config */
	const char *root;               /* directory of all states: /run/husk */
	const char *console_socket, *pid_file, *pidfd_socket;   /* NULL: none */
	unsigned preserve_fds;
	bool no_pivot, no_new_keyring;
	enum cgroup_manager manager;
	bool detach;                    /* create, run --detach: husk leaves, so a terminal needs a console socket */
	bool keep, no_subreaper;        /* run */
	struct activation activation;
};

struct exec_request {
	const char *id, *root;
	const char *process_file;       /* --process: its text has been decoded into PROCESS */
	const struct oci_process *process;      /* replaces everything that follows; NULL: config and flags */
	const char *const *args;        /* the command */
	size_t nargs;
	const char *cwd;                /* NULL: the container's */
	const char *const *env;         /* "NAME=value" each; adds and overrides */
	size_t nenv;
	const char *user;               /* "1000:1000", "name", NULL: the container's */
	const char *const *caps;        /* --cap, names */
	size_t ncaps;
	const char *const *groups;      /* --additional-gids, texts of numbers */
	size_t ngroups;
	const char *apparmor, *process_label;
	oci_rlimit_list rlimits;        /* in the place of the container's of the same type */
	struct opt_u32 umask;
	struct opt_i32 oom_score_adj;
	const struct oci_scheduler *scheduler;          /* these three NULL: the container's */
	const struct oci_io_priority *io_priority;
	const struct oci_cpu_affinity *cpu_affinity;
	unsigned timeout;               /* milliseconds until it and all that it started are killed; 0: never */
	bool no_new_privs, tty, detach, ignore_paused;
	bool may_be_placed_later;       /* its groups are none that a process can be born in */
	bool waits_for_place;           /* its cgroup may be one that somebody else has to move it into */
	bool no_new_keyring;            /* as create was called: it then joined none either */
	const char *const *cgroups;     /* --cgroup */
	size_t ncgroups;
	const char *console_socket, *pid_file, *pidfd_socket;
	unsigned preserve_fds;
	struct activation activation;
	struct root container;          /* fd of the container's "/", to look user names up; -1 with only numbers */
};
