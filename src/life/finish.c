/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for a container's process, and stopping it: first by the signal that asks it to end, then by SIGKILL for the
 * whole cgroup.  No lock is held meanwhile: `delete --force` and `kill` of others must not wait for us.
 */
#include "life/finish.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "life/members.h"
#include "parts/cgroup/control.h"
#include "record/announce.h"
#include "record/groups.h"
#include "record/status.h"
#include "record/words.h"
#include "sys/process.h"

#define DEATH_MSEC      10000
#define STOP_SIGNAL     "org.opencontainers.image.stopSignal"   /* image-spec, "Pre-Defined Annotation Keys" of conversion.md */

struct finishing {
	struct arena mem;
	struct record record;
	struct cgroup cgroup;
	enum status status;
	int pidfd;                      /* of init, -EBADF when it has ended */
};

#define FINISHING_NONE ((struct finishing){ .mem = ARENA_NONE, .record = RECORD_NONE, .cgroup = CGROUP_NONE, .pidfd = -EBADF })

static void finishing_undo(struct finishing *f)
{
	own_close(&f->pidfd);
	cgroup_undo(&f->cgroup);
	record_undo(&f->record);
	arena_undo(&f->mem);
}

static int look(struct finishing *f, const struct target *target, struct err *e)
{
	if (record_load(&f->record, target->root, target->id, &f->mem, e) < 0)
		return -1;
	f->status = status_of(&f->record, &f->pidfd);
	if (f->status == STATUS_CREATING)
		return err_set(e, ERR_STATE, WORDS_NOT_RUNNING ": it is being created");
	return groups_open(&f->cgroup, &f->record, e);
}

static int wait_for_it(const struct target *target, struct oci_ending *ending, struct arena *a, struct err *e)
{
	AUTO(finishing) f = FINISHING_NONE;

	if (look(&f, target, e) < 0)
		return -1;
	if (f.pidfd < 0)
		return ending_find(ending, &f.record, a);
	if (process_wait_gone(f.pidfd, -1, e) < 0)
		return -1;
	/* Kernels < 6.15 tell nothing of what was waited for; `run` may have kept it, as the parent. */
	if (!ending_witness_pidfd(ending, f.pidfd, &f.record, a))
		return ending_find(ending, &f.record, a);
	ending_keep(ending, &f.record);
	return 1;
}

/* What the image's author chose (STOPSIGNAL), where the engine has passed it on. */
static int stop_signal(const struct record *r)
{
	const str_map *m = &r->saved.annotations;
	int sig = -1;

	for (size_t i = 0; i < m->n; i++)
		if (str_eq(m->v[i].key, STOP_SIGNAL))
			sig = signal_number(m->v[i].value);
	return sig > 0 ? sig : SIGTERM;
}

/* 1 it has ended, 0 it has not. */
static int ask(const struct finishing *f, int sig, unsigned timeout, struct err *e)
{
	int msec = (int)MIN(timeout * 1000ull, (unsigned long long)INT_MAX);

	/* init still waits at the gate: nothing of the container runs that could answer. */
	if (f->status == STATUS_CREATED)
		return 0;
	if (process_signal(f->pidfd, sig, e) < 0)
		return e->num == ESRCH ? 1 : -1;
	/* The signal first: it is what the frozen process finds when it wakes up. */
	if (f->status == STATUS_PAUSED) {
		if (cgroup_thaw(&f->cgroup, e) < 0)
			return -1;
		announce(&f->record, EVENT_RESUMED, NULL, -1);
	}
	return process_wait_gone(f->pidfd, msec, e);
}

static int put_down(const struct finishing *f, struct err *e)
{
	int gone;

	if (process_signal(f->pidfd, SIGKILL, e) < 0 && e->num != ESRCH)
		return -1;
	if (members_signal(&f->record, &f->cgroup, SIGKILL, e) < 0)
		return -1;
	gone = process_wait_gone(f->pidfd, DEATH_MSEC, e);
	return gone == 0 ? err_set(e, ERR_SYSTEM, "process %d does not die", f->record.saved.pid) : gone;
}

static int stop(const struct target *target, int sig, unsigned timeout, struct err *e)
{
	AUTO(finishing) f = FINISHING_NONE;
	struct oci_ending ending;
	int gone = 1;

	if (look(&f, target, e) < 0)
		return -1;
	if (f.pidfd >= 0)
		gone = ask(&f, sig ? sig : stop_signal(&f.record), timeout, e);
	if (gone < 0 || (gone == 0 && put_down(&f, e) < 0))
		return -1;
	if (f.pidfd >= 0 && ending_witness_pidfd(&ending, f.pidfd, &f.record, &f.mem))
		ending_keep(&ending, &f.record);
	/* Without a PID namespace of its own others outlive init. */
	return f.cgroup.n ? cgroup_kill(&f.cgroup, e) : 0;
}

int life_wait(const struct target *target, struct oci_ending *ending, struct arena *a, struct err *e)
{
	int known = wait_for_it(target, ending, a, e);

	return known < 0 ? err_in(e, "wait for \"%s\"", target->id) : known;
}

int life_stop(const struct target *target, int sig, unsigned timeout, struct err *e)
{
	return stop(target, sig, timeout, e) < 0 ? err_in(e, "stop \"%s\"", target->id) : 0;
}
