/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the first instruction to the process that stays: husk-init enters and makes namespaces, and where only children
 * enter one, it makes the final process and leaves (the bridge of spawn/spawn.h).  Still on the host's side of most walls.
 */
#include "init/stages.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"
#include "sys/birth.h"
#include "sys/calls.h"
#include "sys/process.h"
#include "sys/signals.h"

int stage_oom_score(struct init *in, struct err *e)
{
	if (!in->plan->limits.has_oom_score)
		return 0;
	return init_proc(in, e) < 0 ? -1 : oom_score_apply(&in->plan->limits, &in->proc, e);
}

static bool makes_user_ns(const struct init *in)
{
	return in->plan->ns.make & CLONE_NEWUSER;
}

int stage_clean_state(struct init *in, struct err *e)
{
	umask(0);
	/* The kernel's own timer slack in ns: 0 would mean the caller's.  A parent-death signal is not inherited (prctl(2)). */
	if (prctl(PR_SET_TIMERSLACK, 50000) < 0)
		return err_sys(e, "reset process attributes");
	/*
	 * P10: nobody inside may trace us or look into /proc/PID of ours.  With a new user namespace this waits
	 * until the maps are written: an unprivileged husk can write them only for a process that it owns, and
	 * nothing of the container runs before.
	 */
	if (!makes_user_ns(in) || in->plan->ns.n_joins)
		if (prctl(PR_SET_DUMPABLE, 0) < 0)
			return err_sys(e, "become undumpable");
	/* What the caller's address space looked like is no business of the payload's (setarch(8)). */
	personality(PER_LINUX);
	return signals_reset(in->plan->signals, e);
}

int stage_join(struct init *in, struct err *e)
{
	const struct ns_plan *ns = &in->plan->ns;

	if (in->plan->is_exec)
		return ns_join_target_apply(ns, in->target, e);
	return ns->n_joins ? ns_join_apply(ns, in->ns_fds, e) : 0;
}

int stage_user_ns(struct init *in, struct err *e)
{
	if (makes_user_ns(in)) {
		if (sys_unshare(CLONE_NEWUSER) < 0)
			return err_sys(e, "make a user namespace");
		if (handshake_ask(&in->talk, STEP_IDMAP, NULL, NULL, e) < 0)
			return -1;
	}
	if ((in->plan->ns.make | in->plan->ns.join) & CLONE_NEWUSER) {
		if (idmap_root_apply(&in->plan->idmap, e) < 0)
			return -1;
		/* A change of user makes a process dumpable or not as the system is set; here it is not. */
		if (prctl(PR_SET_DUMPABLE, 0) < 0)
			return err_sys(e, "become undumpable");
	}
	return 0;
}

/* PR_SET_DUMPABLE decides whom our /proc files belong to: 0 root of the host, 1 our user. */
static int set_dumpable(unsigned long on, struct err *e)
{
	return prctl(PR_SET_DUMPABLE, on) < 0 ? err_sys(e, "become %sdumpable", on ? "" : "un") : 0;
}

int stage_time_ns(struct init *in, struct err *e)
{
	bool as_user = makes_user_ns(in);

	if (!(in->plan->ns.make & CLONE_NEWTIME))
		return 0;
	/* Nobody of the container can see this process: it stays in the host's PID namespace and ends soon. */
	if (init_proc(in, e) < 0 || (as_user && set_dumpable(1, e) < 0) || ns_time_apply(&in->plan->ns, &in->proc, e) < 0)
		return -1;
	return as_user ? set_dumpable(0, e) : 0;
}

/* What the bridge still needs when the final process has all the rest. */
struct bridge {
	struct handshake talk;
	int pidfd;
	char stack[16 << 10];
};

/* The bridge: passes the final process on, and leaves. */
static void hand_over(void *arg, pid_t pid)
{
	struct bridge *b = arg;
	struct letter q = { .number = pid, .parcel = { .fds = { b->pidfd }, .nfds = 1 } };
	struct err e;

	if (handshake_ask_only(&b->talk, STEP_INIT, &q, &e) < 0) {
		(void)sys_pidfd_send_signal(b->pidfd, SIGKILL);
		handshake_failed(&b->talk, &e);
		_exit(1);
	}
	_exit(0);
}

/*
 * The final process takes over the memory of the bridge, which only has one message to send.  Not so into a time namespace: who
 * shares memory stays in the old one (time_namespaces(7), kernel/nsproxy.c).
 */
static uint64_t sharing(const struct ns_plan *ns)
{
	return (ns->make | ns->join) & CLONE_NEWTIME ? 0 : CLONE_VM;
}

int stage_fork(struct init *in, struct err *e)
{
	const struct ns_plan *ns = &in->plan->ns;
	static struct bridge b;

	if (!ns->needs_bridge)
		return 0;               /* clone3 of husk itself has made them all */

	/* CLONE_NEWCGROUP waits until the cgroup is entered; the other two are there already. */
	struct clone_args args = {
		.flags = CLONE_PARENT | CLONE_PIDFD | sharing(ns) |
			 (ns->make & ~(uint64_t)(CLONE_NEWUSER | CLONE_NEWTIME | CLONE_NEWCGROUP)),
		.pidfd = (uintptr_t)&b.pidfd,
	};
	b.talk = in->talk;
	if (birth_instead(&args, b.stack, sizeof(b.stack), hand_over, &b) < 0)
		return err_sys(e, "clone the container's process");

	/* The bridge asks and leaves without listening: the conversation is ours from now on. */
	handshake_await_later(&in->talk, STEP_INIT);
	procfs_undo(&in->proc);         /* it was that of the bridge's PID namespace */
	in->proc = PROCFS_NONE;
	return 0;
}

int stage_session(struct init *in, struct err *e)
{
	if (in->plan->stdio.terminal)
		return 0;               /* the stage "terminal" makes it, with the terminal */
	return setsid() < 0 && errno != EPERM ? err_sys(e, "make a session") : 0;
}

static int take_groups(struct init *in, struct err *e)
{
	struct letter a;

	if (handshake_settle(&in->talk, &a, e) < 0)
		return -1;
	for (in->n_groups = 0; in->n_groups < MIN(a.parcel.nfds, CGROUP_DIRS); in->n_groups++)
		in->groups[in->n_groups] = a.parcel.fds[in->n_groups];
	return 0;
}

static int enter_place(struct init *in, struct err *e)
{
	struct letter a = { .parcel = { .nfds = 0 } };

	if (schedule_initial_apply(&in->plan->schedule, e) < 0 || (in->plan->groups_later && take_groups(in, e) < 0))
		return -1;
	if ((spawn_tells_place(in->plan) ? handshake_await(&in->talk, STEP_PLACE, &a, e) :
					   handshake_ask(&in->talk, STEP_PLACE, NULL, &a, e)) < 0)
		return -1;
	if (a.parcel.nfds && in->plan->cgroup.inner && !in->plan->is_exec)
		in->inner_group = a.parcel.fds[0];
	else if (a.parcel.nfds && cgroup_enter_apply(a.parcel.fds, a.parcel.nfds, e) < 0)
		return -1;
	if (in->n_groups && cgroup_enter_apply(in->groups, in->n_groups, e) < 0)
		return -1;
	in->n_groups = 0;
	return schedule_final_apply(&in->plan->schedule, e);
}

int stage_place(struct init *in, struct err *e)
{
	return spawn_places_late(in->plan) ? 0 : enter_place(in, e);
}

int stage_late_place(struct init *in, struct err *e)
{
	return spawn_places_late(in->plan) ? enter_place(in, e) : 0;
}
