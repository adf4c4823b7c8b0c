/* SPDX-License-Identifier: Apache-2.0 */
/* From "created" to "running". */
#include "life/begin.h"

#include <errno.h>
#include <signal.h>

#include "base/own.h"
#include "life/state.h"
#include "life/hooks.h"
#include "parts/cgroup/control.h"
#include "parts/notify/notify.h"
#include "record/announce.h"
#include "record/gate.h"
#include "record/groups.h"
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

int begin(struct record *r, const struct oci_config *config, int pidfd, struct arena *a, struct err *e)
{
	AUTO(announcement) starting = ANNOUNCEMENT_NONE;
	AUTO_FD int ready = -EBADF;

	if (r->saved.notify) {
		ready = notify_open(r->dir, e);
		if (ready < 0)
			return -1;
	}
	announce_starting(&starting, r);
	if (gate_open(r->dir, e) < 0)
		return -1;
	announce(r, EVENT_STARTED, NULL, -1);
	announcement_undo(&starting);
	if (life_hooks(r, config, HOOK_POSTSTART, STATUS_RUNNING, a, e) < 0) {
		stop(r, pidfd);
		return -1;
	}
	if (ready >= 0)
		return notify_serve(ready, r->saved.notify, r->saved.pid, pidfd, e) < 0 ? -1 : 0;
	return 0;
}
