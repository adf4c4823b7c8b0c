/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRIU, the program that writes processes into files and makes them again (criu.org).  Husk starts `criu swrk`,
 * asks it one thing over a socket, and answers what it tells on the way.  CRIU makes the restored processes as its
 * own siblings, so that the container's init becomes husk's child as with `create`.  On the host, in `checkpoint`
 * and `restore`.
 *
 * The protocol is spoken by hand (message.h) rather than by libcriu: Debian 12 has none to build with, a
 * static program cannot load a library, and the protocol is the part of CRIU that stays as it is.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

/* ---- what is asked ----------------------------------------------------------------- */

enum criu_work { CRIU_DUMP = 1, CRIU_RESTORE = 2, CRIU_PRE_DUMP = 4 };

/* CRIU's numbers; see criu(8), --manage-cgroups, and --network-lock. */
enum criu_cgroups {
	CRIU_CGROUPS_IGNORE = 0, CRIU_CGROUPS_NONE = 1, CRIU_CGROUPS_PROPS = 2, CRIU_CGROUPS_SOFT = 3, CRIU_CGROUPS_FULL = 4,
	CRIU_CGROUPS_STRICT = 5,
};
enum criu_network_lock { CRIU_LOCK_DEFAULT, CRIU_LOCK_IPTABLES, CRIU_LOCK_NFTABLES, CRIU_LOCK_SKIP };

struct criu_pair { const char *key, *value; };

/* A growing list of pairs in an arena. */
struct criu_pairs { struct criu_pair *v; size_t n, size; };
void criu_add(struct criu_pairs *, const char *key, const char *value, struct arena *);

/* What the user says, alike for both directions. */
struct criu_options {
	bool leave_running, tcp_established, tcp_skip_in_flight, tcp_close, link_remap, ext_unix_sk, shell_job, file_locks;
	bool auto_dedup, lazy_pages;
	bool empty_network;             /* the network namespace is not dumped, and is restored empty */
	const char *parent;             /* images of the pre-dump, relative to the images; NULL */
	const char *page_server;        /* address, NULL: none */
	unsigned page_server_port;
	int status_fd;                  /* negative: none */
	enum criu_cgroups cgroups;
	enum criu_network_lock network_lock;
	const char *lsm_profile, *lsm_mount_context;    /* NULL: as dumped */
};

struct criu_request {
	enum criu_work work;
	const struct criu_options *options;
	int images, logs;               /* directories */
	const char *log;                /* name of CRIU's log in LOGS */
	const char *log_path;           /* where that is, for errors */
	const char *config_file;        /* more options of CRIU, which overrule ours; NULL */
	pid_t pid;                      /* dump: of the container's init */
	const char *freezer;            /* dump: directory of the cgroup that holds all of it still; NULL */
	const char *root;               /* restore: the root file system, a mount point for CRIU */
	struct criu_pairs mounts;       /* dump: where -> name; restore: name -> source on the host */
	struct criu_pairs externals;    /* dump: "net[4026531840]" -> name; VALUE may be NULL */
	struct criu_pairs joins;        /* restore: "ipc" -> file of a namespace */
	struct criu_pairs groups;       /* restore: controller ("": all others) -> path beneath the hierarchy */
	struct criu_pairs inherited;    /* restore: "pipe:[42]" -> number of CRIU's descriptor, in decimal */
};

/*
 * Called with what CRIU tells: "setup-namespaces" and "post-restore" with the number of the restored init, "pre-resume" when all
 * of it is as it will be (-1 comes too late there),
 * "orphan-pts-master" with the master of its terminal in *FD, which may be taken.  -1 makes CRIU give up and undo
 * its work.
 */
typedef int criu_hear_fn(void *self, const char *what, pid_t pid, int *fd, struct err *);

/* ---- the program --------------------------------------------------------------------- */

struct criu { pid_t pid; int pidfd, fd; };

#define CRIU_NONE ((struct criu){ .pidfd = -EBADF, .fd = -EBADF })

void criu_undo(struct criu *);          /* SIGKILL, when it still runs; reaped */
/*
 * SIGKILL for a CRIU that still traces PID, though its husk is gone: it may wait for PID, which has been killed, while that,
 * as the first process of its namespace, waits for another one whose end only its tracer can take.  False: there is none.
 */
bool criu_end_tracer(pid_t pid);

/* Opens the program, from PATH or where packages put it. The caller's. ERR_UNSUPPORTED: it is not installed. */
int criu_open(struct err *);

struct criu_start {
	int program;                    /* of criu_open() */
	const char *root;               /* restore: becomes a mount point, in a mount namespace of CRIU's own; NULL: nothing */
	const int *fds;                 /* CRIU gets them as descriptors 4, 5, ... */
	int n_fds;
	bool keeps_session;             /* stays in the caller's session, as restored shell jobs do */
};

#define CRIU_FIRST_FD 4

/* From here on it waits for criu_ask(), so the caller may put it into cgroups first. */
int criu_start(struct criu *, const struct criu_start *, struct err *);

/*
 * Carries the request out, to the end.  *RESTORED: the number of the restored init (may be NULL for dumps).  An
 * error of CRIU's carries what its log says and where that lies.
 */
int criu_ask(struct criu *, const struct criu_request *, criu_hear_fn *, void *self, pid_t *restored, struct err *);
