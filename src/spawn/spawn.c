/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The birth of husk-init, on the host, and the plan that it is told.  The cgroups have been made, or are made next
 * (ns_plan.later); what has been planned is sealed.
 *
 * Nothing of husk itself ever runs in a namespace of the container: the child that shares our memory
 * executes husk-init at once, in new namespaces where nobody else is yet, or (bridged) still in the host's.
 * Because that execve(2) happens in the host's user namespace, the memory of husk-init belongs to it, and
 * undumpable means undumpable: also root of the container's user namespace, with
 * CAP_SYS_PTRACE there, cannot look into it (ptrace(2), mm->user_ns).
 */
#include "spawn/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"
#include "base/trace.h"
#include "spawn/stages.h"
#include "sys/birth.h"
#include "sys/calls.h"
#include "sys/process.h"
#include "sys/seal.h"

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

#define DEATH_MSEC      1000    /* from the end of its socket to the end of the process */

/* What the child needs to become husk-init. */
struct passage {
	int program;
	const struct parcel *groups;    /* to be entered before, NULL: none, or by husk-init */
	int from[INIT_FDS];
	int n;
	int base;
	char *const *argv;
};

void child_undo(struct child *c)
{
	struct process_end end;
	struct err ignored;
	struct crumb crumb;
	int saved = errno;

	c->stamps.waits = c->is_kept && !c->stamps.executed;
	if (trace_is_on() && crumb_read(&crumb, c->crumb))
		stamps_tell(&crumb, &c->stamps);
	/* First the socket: an init that a dying bridge has just made must see the end of it. */
	own_close(&c->talk.fd);
	own_close(&c->crumb);
	if (c->pidfd >= 0 && c->pid > 0 && !c->is_kept) {
		TRACE("kill init");
		sys_pidfd_send_signal(c->pidfd, SIGKILL);
		(void)process_wait(c->pidfd, &end, &ignored);
	}
	own_close(&c->pidfd);
	(void)child_reap_bridge(c, &ignored);
	c->pid = 0;
	errno = saved;
}

void child_keep(struct child *c)
{
	c->is_kept = true;
}

/*
 * cgroup v1: a process that moves itself needs no lock of all forks, and one that does so here needs to be handed no descriptor;
 * what husk-init uses is counted from its first page on.
 */
static int enter_groups(const struct parcel *groups, struct err *e)
{
	for (int i = 0; groups && i < groups->nfds; i++)
		if (write(groups->fds[i], "0", 1) != 1) {
			err_sys(e, "enter cgroup %d of %d", i + 1, groups->nfds);
			err_stage(e, stage_name(STAGE_PLACE));
			return err_in(e, "%s", stage_name(STAGE_PLACE));
		}
	return 0;
}

/* In the child: the caller's memory, descriptors of its own. */
static void become_init(void *arg)
{
	static char *const no_env[] = { NULL };
	const struct passage *way = arg;
	struct handshake talk = { .fd = way->from[INIT_FD_TALK] };
	struct err e;

	if (enter_groups(way->groups, &e) < 0)
		goto out;
	for (int i = 0; i < way->n; i++) {
		if (dup2(way->from[i], way->base + i) < 0) {
			if (errno == EBADF)     /* dup2(2) of a number that RLIMIT_NOFILE does not allow */
				errno = EMFILE;
			err_sys(&e, "hand descriptor %d to husk-init", way->base + i);
			goto out;
		}
	}
	sys_execveat(way->program, "", way->argv, no_env, AT_EMPTY_PATH);
	err_sys(&e, "execute husk-init");
out:
	handshake_failed(&talk, &e);
	_exit(127);
}

/* Above everything that is handed over, so that no dup2(2) hits a descriptor that is still needed. */
static int lowest_free(const struct passage *way, unsigned preserved)
{
	int base = MAX(3 + (int)preserved, way->program + 1);

	for (int i = 0; i < way->n; i++)
		base = MAX(base, way->from[i] + 1);
	return base;
}

static int clone_init(struct child *c, const struct spawn_birth *b, struct passage *way, struct err *e)
{
	int n_groups = way->n - INIT_FD_GROUPS;
	char base[16], groups[16], later[24];
	char *argv[] = { (char[]){ "husk-init" }, base, groups, later, trace_is_on() ? (char[]){ INIT_TRACES } : NULL, NULL };
	struct clone_args args = {
		.flags = CLONE_PIDFD | b->make,
		.pidfd = (uintptr_t)&c->pidfd,
		.exit_signal = SIGCHLD,
	};

	if (b->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)b->cgroup;
	}
	way->base = lowest_free(way, b->preserved);
	way->argv = argv;
	snprintf(base, sizeof(base), "%d", way->base);
	snprintf(groups, sizeof(groups), "%d", n_groups);
	snprintf(later, sizeof(later), "%" PRIu64, b->later);
	c->pid = birth(&args, become_init, way);
	if (c->pid < 0) {
		c->pid = 0;
		c->pidfd = -EBADF;
		err_sys(e, b->cgroup >= 0 ? "clone3 (into the cgroup)" : "clone3");
		return e->num == EINVAL ? err_hint(e, "is this kernel built with all namespaces of linux.namespaces?") : -1;
	}
	c->stamps.init = c->pid;
	c->talk.bridge = b->is_bridge ? c->pidfd : 0;
	return 0;
}

struct spawn_birth spawn_birth_in(const struct ns_plan *ns)
{
	struct spawn_birth b = { .later = ns->later, .is_bridge = ns->needs_bridge, .cgroup = -1 };

	/* The cgroup namespace would show the group of its maker: init unshares it once it is in its own. */
	if (!b.is_bridge)
		b.make = ns->make & ~(b.later | CLONE_NEWCGROUP);
	return b;
}

struct spawn_birth spawn_birth_of(const struct plan *p)
{
	struct spawn_birth b = spawn_birth_in(&p->ns);

	b.preserved = p->stdio.preserved;
	/* Not so where another process stays, or where something has to be done between birth and place. */
	b.enters_at_once = !b.is_bridge && !p->is_exec && !(spawn_needed(p) & (STEP_BIT(IDMAP) | STEP_BIT(PLACE)));
	return b;
}

int spawn(struct child *out, const struct spawn_birth *b, struct err *e)
{
	AUTO(child) c = CHILD_NONE;
	AUTO_FD int program = -EBADF;
	AUTO_FD int talk = -EBADF;
	struct passage way;
	TRACE("spawn");

	program = seal_program(husk_init_start, (size_t)(husk_init_end - husk_init_start), "husk-init", e);
	if (program < 0 || handshake_open(&c.talk, STEP_BIT(PLAN), &talk, e) < 0)
		return -1;
	c.crumb = crumb_make(e);
	if (c.crumb < 0)
		return -1;
	way = (struct passage){ .program = program, .from = { talk, c.crumb }, .n = INIT_FD_GROUPS };
	if (b->enters_at_once)
		way.groups = b->groups;
	for (int i = 0; b->groups && !way.groups && i < b->groups->nfds; i++)
		way.from[way.n++] = b->groups->fds[i];
	if (clone_init(&c, b, &way, e) < 0)
		return err_in(e, "start husk-init");
	*out = TAKE(c, CHILD_NONE);
	return 0;
}

static void close_fds(int *fds, int n)
{
	for (int i = 0; i < n; i++)
		own_close(&fds[i]);
}

int spawn_tell(struct child *c, const struct spawn_request *rq, struct err *e)
{
	const struct plan *p = rq->plan;
	int ns_fds[NS_KINDS], ret;
	int fds[PLAN_FDS] = {
		[PLAN_FD_PLAN] = rq->arena->fd, [PLAN_FD_TARGET] = rq->target, [PLAN_FD_TARGET_ROOT] = rq->target_root,
		[PLAN_FD_HOOK_OUT] = rq->hook_out, [PLAN_FD_HOOK_ERR] = rq->hook_err,
	};
	struct letter a = { .number = 0 };

	if (!arena_shares(rq->arena, p, sizeof(*p)) || !rq->arena->sealed)
		return err_set(e, ERR_BUG, "spawn: the plan is not in a sealed arena");
	if (ns_open(&p->ns, ns_fds, e) < 0)
		return -1;
	for (int i = 0; i < NS_KINDS; i++)
		fds[PLAN_FD_NS + i] = i < p->ns.n_joins ? ns_fds[i] : -EBADF;
	for (int i = 0; i < PLAN_FDS; i++) {
		if (fds[i] < 0)
			continue;
		a.number |= 1 << i;
		a.parcel.fds[a.parcel.nfds++] = fds[i];
	}
	ret = handshake_tell(&c->talk, STEP_PLAN, &a, e);
	c->talk.needed = spawn_needed(p);
	close_fds(ns_fds, p->ns.n_joins);
	return ret < 0 ? err_in(e, "tell husk-init its plan") : 0;
}

int child_take_over(struct child *c, struct letter *question, struct err *e)
{
	if (question->number <= 0 || question->parcel.nfds != 1)
		return err_set(e, ERR_BUG, "the bridge did not tell which process it made");
	c->bridge = TAKE_FD(c->pidfd);
	c->stamps.bridge = c->pid;
	c->pid = c->stamps.init = (pid_t)question->number;
	c->pidfd = TAKE_FD(question->parcel.fds[0]);
	return 0;
}

/* It exits right after its question, without waiting for the answer. */
int child_reap_bridge(struct child *c, struct err *e)
{
	AUTO_FD int bridge = TAKE_FD(c->bridge);
	struct process_end end;

	return bridge < 0 ? 0 : process_wait(bridge, &end, e);
}

int child_check_executed(const struct child *c, struct err *e)
{
	struct crumb crumb;

	if (crumb_read(&crumb, c->crumb) && crumb.stage == STAGE_PAYLOAD)
		return 0;
	return err_set(e, ERR_PEER, "init ended before it executed the program");
}

int child_explain(struct child *c, struct err *e)
{
	struct crumb crumb;
	const char *stage = stage_name(crumb_read(&crumb, c->crumb) ? crumb.stage : -1);
	struct process_end end;
	struct err ignored, at = *e;
	char name[16];

	/* Another kind is what init itself said, or a failure of ours. */
	if (e->kind != ERR_PEER || c->pidfd < 0 || c->pid <= 0 ||
	    process_wait_gone(c->pidfd, DEATH_MSEC, &ignored) != 1 ||
	    process_wait(c->pidfd, &end, &ignored) < 0)
		return -1;
	c->pid = 0;
	if (end.signaled)
		err_set(e, ERR_PEER, "init was killed by %s in stage \"%s\"", signal_name(end.code, name), stage);
	else
		err_set(e, ERR_PEER, "init exited with %d in stage \"%s\"", end.code, stage);
	err_stage(e, stage);
	/* What we were at for its sake (a hook) is worth telling; that the conversation broke off is not. */
	if (at.num == ESRCH)
		err_in(e, "%s", at.msg);
	return -1;
}
