/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function per step, in the order of the list in spawn/handshake.h.  Each does on the host what init lacks
 * the privilege or the view to do, and puts what init needs into the answer.
 */
#include "life/answers.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "base/trace.h"
#include "life/describe.h"
#include "oci-spec/state.h"
#include "parts/fs/trees.h"
#include "parts/guard/listener.h"
#include "parts/notify/notify.h"
#include "record/gate.h"
#include "record/groups.h"
#include "spawn/stages.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/terminal.h"

/* A descriptor out of the question, ours from now on. */
static int take_fd(struct letter *question, const char *what, struct err *e)
{
	if (question->parcel.nfds < 1 || question->parcel.fds[0] < 0)
		return err_set(e, ERR_PEER, "init sent no %s", what);
	return TAKE_FD(question->parcel.fds[0]);
}

static int serve_idmap(void *self, struct letter *question, struct letter *answer, struct err *e)
{
	struct making *m = self;

	(void)question, (void)answer;
	return idmap_serve(&m->plan->idmap, m->child.pid, e);
}

static int serve_init(void *self, struct letter *question, struct letter *answer, struct err *e)
{
	struct making *m = self;

	answer->parcel = TAKE(m->groups, ((struct parcel){ .nfds = 0 }));
	return child_take_over(&m->child, question, e);
}

static int move_devices(const struct making *m, struct err *e)
{
	AUTO_FD int netns = -EBADF;
	char path[64];

	if (!m->plan->net.n)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)m->child.pid);
	netns = fd_open(path, O_RDONLY, 0, e);
	return netns < 0 ? -1 : net_serve(&m->plan->net, netns, e);
}

static int serve_place(void *self, struct letter *question, struct letter *answer, struct err *e)
{
	struct making *m = self;
	const char *inner = m->plan->is_exec ? NULL : m->plan->cgroup.inner;

	(void)question;
	if (m->plan->cgroup.unit.name && cgroup_make_scope(&m->cgroup, &m->plan->cgroup, m->child.pid, e) < 0)
		return -1;
	if (m->needs_help && cgroup_attach(&m->cgroup, m->child.pid, e) < 0)
		return -1;
	if (limits_serve(&m->plan->limits, m->child.pid, e) < 0 ||
	    schedule_serve(&m->plan->schedule, m->child.pid, e) < 0 ||
	    rdt_enter(&m->rdt, m->child.pid, e) < 0 || move_devices(m, e) < 0)
		return -1;
	/* Other groups were there before init, which has been given the way into them at birth. */
	if (!inner && !m->plan->cgroup.unit.name && !m->plan->ns.later)
		return 0;
	return cgroup_entries(&m->cgroup, inner, answer->parcel.fds, &answer->parcel.nfds, e);
}

static int serve_trees(void *self, struct letter *question, struct letter *answer, struct err *e)
{
	struct making *m = self;

	if (question->number < 0 || question->number > UINT32_MAX)
		return err_set(e, ERR_PEER, "init asked for tree %lld", (long long)question->number);
	return trees_open(&m->plan->mounts, (unsigned)question->number, m->owner, answer->parcel.fds, &answer->parcel.nfds, e);
}

static int serve_mounted(void *self, struct letter *question, struct letter *answer, struct err *e)
{
	struct making *m = self;

	(void)answer;
	return making_note_mount(m, question->number, e);
}

static int serve_hooks(void *self, struct letter *question, struct letter *answer, struct err *e)
{
	struct making *m = self;
	const char *state;

	(void)question, (void)answer;
	if (making_save_process(m, e) < 0)
		return -1;
	m->has_run_hooks = true;
	state = making_state(m, STATUS_CREATING);
	/* A hook may hang for ever; `delete --force` ends init, and with it the hook and us. */
	if (hooks_run(&m->plan->hooks, HOOK_PRESTART, state, m->child.pidfd, e) < 0)
		return -1;
	return hooks_run(&m->plan->hooks, HOOK_CREATE_RUNTIME, state, m->child.pidfd, e);
}

static int serve_console(void *self, struct letter *question, struct letter *answer, struct err *e)
{
	AUTO_FD int master = take_fd(question, "terminal", e);

	(void)answer;
	return master < 0 ? -1 : making_take_console(self, &master, e);
}

static int serve_notify(void *self, struct letter *question, struct letter *answer, struct err *e)
{
	struct making *m = self;
	AUTO_FD int listener = take_fd(question, "seccomp listener", e);
	struct oci_state state;

	(void)answer;
	if (listener < 0)
		return -1;
	state = (struct oci_state){
		.oci_version = life_spec_version(), .id = m->record.id,
		/* The state is the container's, also when the filter is that of one more process. */
		.pid = m->plan->is_exec ? m->record.saved.pid : m->child.pid,
		.status = m->plan->is_exec ? OCI_STATUS_RUNNING : OCI_STATUS_CREATING,
		.bundle = m->record.saved.bundle, .annotations = m->config->annotations,
	};
	return listener_send(&m->plan->seccomp, listener, m->child.pid, &state, e);
}

static int serve_ready(void *self, struct letter *question, struct letter *answer, struct err *e)
{
	struct making *m = self;
	int gate;

	(void)question;
	/* From here on the container has, or lacks, the mounts: when this fails init takes its own away again. */
	if (m->plan->only_mounts)
		return record_save(&m->record, &m->mem, e);
	if (cgroup_finish(&m->cgroup, &m->plan->cgroup, e) < 0)
		return -1;
	if (making_complete(m, e) < 0 || making_publish(m, e) < 0)
		return -1;
	/* From here on the container exists for others; a failure to start it undoes it all the same. */
	if (m->goes_on) {
		m->has_run_hooks = m->is_announced = true;
		announce(&m->record, EVENT_CREATED, NULL, m->child.pidfd);
		announce_starting(&m->starting, &m->record);
		return 0;
	}
	gate = m->gate >= 0 ? TAKE_FD(m->gate) : gate_make(m->record.dir, e);
	if (gate < 0)
		return -1;
	answer->parcel.fds[0] = gate;
	answer->parcel.nfds = 1;
	return 0;
}

static bool is_real_time(const struct schedule_plan *s)
{
	return s->has_scheduler && (s->policy == SCHED_FIFO || s->policy == SCHED_RR);
}

/* An exec has no step READY: what husk would do then can as well be done when the program runs. */
static bool is_over_with_execve(const struct plan *p)
{
	return p->is_exec && !p->only_mounts;
}

static int await_execve(struct child *c, struct err *e)
{
	if (handshake_wait_exec(&c->talk, e) < 0 || child_check_executed(c, e) < 0)
		return -1;
	c->stamps.executed = trace_now();
	return 0;
}

int converse(struct making *m, struct err *e)
{
	TRACE("conversation");
	static serve_fn *const serve[STEP_MAX] = {
		[STEP_IDMAP] = serve_idmap, [STEP_INIT] = serve_init, [STEP_PLACE] = serve_place,
		[STEP_TREES] = serve_trees, [STEP_MOUNTED] = serve_mounted, [STEP_HOOKS] = serve_hooks, [STEP_CONSOLE] = serve_console,
		[STEP_NOTIFY] = serve_notify, [STEP_READY] = serve_ready,
	};

	/* When init has its place it goes on alone for a while, the longest part of its way. */
	if (handshake_serve(&m->child.talk, serve, m, STEP_PLACE, e) == 0 &&
	    child_reap_bridge(&m->child, e) == 0 && making_foresee(m, e) == 0 &&
	    handshake_serve(&m->child.talk, serve, m, STEP_READY, e) == 0 &&
	    (!is_over_with_execve(m->plan) || await_execve(&m->child, e) == 0))
		return 0;
	(void)child_explain(&m->child, e);
	/* cgroup v1 takes no real-time process into a group without real-time runtime, and says no more than EINVAL. */
	if (is_real_time(&m->plan->schedule) && e->num == EINVAL && strcmp(e->stage, stage_name(STAGE_PLACE)) == 0)
		err_hint(e, "a real-time process needs linux.resources.cpu.realtimeRuntime on cgroup v1");
	return -1;
}
