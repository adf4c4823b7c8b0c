/* SPDX-License-Identifier: Apache-2.0 */
/* `run`: create and start in one process, so nothing is read again; then stay, or leave. */
#include "life/run.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "base/own.h"
#include "life/begin.h"
#include "life/delete.h"
#include "life/making.h"
#include "life/watch.h"
#include "record/announce.h"
#include "record/ending.h"
#include "sys/signals.h"

static int make_and_begin(void *self, struct making *m, const struct create_request *rq, int *ready, struct err *e)
{
	(void)self;
	m->goes_on = true;
	return making_create(m, rq, e) < 0 ? -1 : begin_now(m, ready, e);
}

static int run_detached(life_make_fn *make, void *self, const struct create_request *rq, struct err *e)
{
	char room[ARENA_ROOM] __attribute__((aligned(16)));
	AUTO(making) m = MAKING_NONE;

	m.mem = arena_in(room, sizeof(room));
	if (make(self, &m, rq, NULL, e) < 0)
		return -1;
	making_keep(&m);
	return 0;
}

/* What is in hand goes at once, when it is still ours and all of it has ended; else all is looked at again. */
static void remove_it(struct making *m, const struct create_request *rq)
{
	struct target target = { .root = rq->root, .id = rq->id };
	struct err e;

	if (life_delete_ended(&m->record, &m->cgroup, m->config, &m->mem))
		return;
	if (life_delete(&target, true, &e) < 0)
		log_warning("%s", e.msg);
}

/* As the parent we are the one who knows for certain. */
static void tell_ending(struct making *m, const struct process_end *end)
{
	struct oci_ending ending;

	ending_witness(&ending, end, &m->record, &m->mem);
	ending_keep(&ending, &m->record);
	announce(&m->record, EVENT_EXITED, &ending, -1);
}

static int stay(struct making *m, const struct create_request *rq, int signals, int ready, int *code, struct err *e)
{
	struct watch watch = { .pid = m->child.pid, .pidfd = m->child.pidfd, .console = m->console, .signals = signals,
			       .ready = ready, .manager = m->record.saved.notify };
	struct process_end end;
	int result;

	making_keep(m);
	record_unlock(&m->record);
	result = watch_process(&watch, &end, e);
	if (result == 0) {
		*code = process_end_code(&end);
		/* Nobody else can ask for it when the container goes away at once. */
		if (rq->keep || announce_is_heard(&m->record))
			tell_ending(m, &end);
	}
	if (!rq->keep)
		remove_it(m, rq);
	return result;
}

static int run_attached(life_make_fn *make, void *self, const struct create_request *rq, int *code, struct err *e)
{
	char room[ARENA_ROOM] __attribute__((aligned(16)));
	AUTO(making) m = MAKING_NONE;
	AUTO_FD int signals = -EBADF;
	AUTO_FD int ready = -EBADF;
	sigset_t old;
	int result;

	m.mem = arena_in(room, sizeof(room));
	/* Orphans of the container come to us and are reaped, instead of to whoever called us. */
	if (!rq->no_subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_sys(e, "become subreaper");
	signals = signals_open(!rq->no_subreaper, &old, e);
	if (signals < 0)
		return -1;
	result = make(self, &m, rq, &ready, e);
	if (result == 0)
		result = stay(&m, rq, signals, ready, code, e);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return result;
}

int life_run_made(life_make_fn *make, void *self, const struct create_request *rq, int *code, struct err *e)
{
	return rq->detach ? run_detached(make, self, rq, e) : run_attached(make, self, rq, code, e);
}

int life_run(const struct create_request *rq, int *code, struct err *e)
{
	int result = life_run_made(make_and_begin, NULL, rq, code, e);

	return result < 0 ? err_in(e, "run \"%s\"", rq->id) : 0;
}
