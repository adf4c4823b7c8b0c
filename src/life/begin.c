/* SPDX-License-Identifier: Apache-2.0 */
/* From "created" to "running". */
#include "life/begin.h"

#include <errno.h>
#include <signal.h>

#include "base/log.h"
#include "base/own.h"
#include "base/trace.h"
#include "life/state.h"
#include "life/hooks.h"
#include "parts/cgroup/control.h"
#include "parts/notify/notify.h"
#include "record/announce.h"
#include "record/gate.h"
#include "record/groups.h"
#include "spawn/handshake.h"
#include "sys/process.h"

static void stop(const struct record *r, int pidfd)
{
	AUTO(cgroup) cg = CGROUP_NONE;
	struct err ignored;

	(void)process_signal(pidfd, SIGKILL, &ignored);
	if (groups_open(&cg, r, &ignored) == 0)
		(void)cgroup_kill(&cg, &ignored);
	(void)process_wait_gone(pidfd, 10000, &ignored);
}

/* The page into which init has stamped its stages was the other command's: for the rest of its way it gets a new one. */
static int open_gate(const struct record *r, struct child *init, struct err *e)
{
	if (trace_is_on()) {
		init->stamps.init = r->saved.pid;
		init->crumb = crumb_make(e);
		if (init->crumb < 0)
			return -1;
	}
	if (gate_open(r->dir, init->pidfd, init->crumb, e) < 0)
		return -1;
	init->stamps.executed = trace_now();
	return 0;
}

/* Once it runs. NOTIFY: the container's notification socket, or negative; READY as in begin(). */
static int follow(struct record *r, const struct oci_config *config, int pidfd, int *notify, int *ready, struct arena *a,
		  struct err *e)
{
	if (config && life_hooks(r, config, HOOK_POSTSTART, STATUS_RUNNING, a, e) < 0) {
		stop(r, pidfd);
		return -1;
	}
	if (ready)
		*ready = TAKE_FD(*notify);
	else if (*notify >= 0 && notify_serve(*notify, r->saved.notify, r->saved.pid, pidfd, e) < 0)
		return -1;
	return 0;
}

int begin(struct record *r, const struct oci_config *config, struct child *init, struct arena *a, struct err *e)
{
	AUTO(announcement) starting = ANNOUNCEMENT_NONE;
	AUTO_FD int socket = -EBADF;

	if (r->saved.notify) {
		socket = notify_open(r->dir, e);
		if (socket < 0)
			return -1;
	}
	announce_starting(&starting, r);
	/* Init tells which one, but the command it talks to has left. */
	if (config && config->hooks && config->hooks->start_container.n)
		log_info("hooks.startContainer: waiting for all of them");
	if (open_gate(r, init, e) < 0)
		return -1;
	announce(r, EVENT_STARTED, NULL, -1);
	announcement_undo(&starting);
	return follow(r, config, init->pidfd, &socket, NULL, a, e);
}

int begin_running(struct making *m, int *ready, struct err *e)
{
	m->child.stamps.executed = trace_now();
	announce(&m->record, EVENT_STARTED, NULL, -1);
	announcement_undo(&m->starting);
	return follow(&m->record, m->config, m->child.pidfd, &m->notify, ready, &m->mem, e);
}

int begin_now(struct making *m, int *ready, struct err *e)
{
	return handshake_wait_exec(&m->child.talk, e) < 0 ? -1 : begin_running(m, ready, e);
}
