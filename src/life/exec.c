/* SPDX-License-Identifier: Apache-2.0 */
/* `exec`: finds the container alive, plans from the configuration that was saved at create, and joins. */
#include "life/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#include "base/log.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"
#include "life/answers.h"
#include "life/locate.h"
#include "life/making.h"
#include "life/watch.h"
#include "parts/cgroup/below.h"
#include "parts/cgroup/control.h"
#include "record/groups.h"
#include "record/status.h"
#include "record/words.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/signals.h"

#define GONE_MSEC    5000
#define RESUMED_MSEC 50         /* v1 tells nobody when it thaws */

struct joining {
	struct making making;
	int target;                     /* pidfd of the container's init */
	int root;                       /* O_PATH of its "/" */
	bool is_paused;
	bool may_be_placed_later;       /* then the groups are not open yet */
	int timer;                      /* --timeout: runs out with our patience */
	struct below below;             /* --timeout: its own group */
	bool is_expired;
	const char *process_text;
	size_t process_len;
};

#define JOINING_NONE ((struct joining){ .making = MAKING_NONE, .target = -EBADF, .root = -EBADF, .timer = -EBADF, .below = BELOW_NONE })

static void joining_undo(struct joining *j)
{
	making_undo(&j->making);
	below_undo(&j->below);
	own_close(&j->target);
	own_close(&j->root);
	own_close(&j->timer);
}

static int check_status(enum status status, struct err *e)
{
	switch (status) {
	case STATUS_CREATED:
	case STATUS_RUNNING:
	case STATUS_PAUSED:
		return 0;
	case STATUS_STOPPED:
		return err_set(e, ERR_STATE, WORDS_EXEC_STOPPED);
	case STATUS_CREATING:
		return err_set(e, ERR_STATE, "cannot exec in a container that is being created");
	}
	return err_set(e, ERR_BUG, "no such status");
}

/* The pidfd is held, so the number stays its own, or the open fails. */
static int open_root(struct joining *j, struct err *e)
{
	char path[64];

	if (j->root >= 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)j->making.record.saved.pid);
	j->root = fd_open(path, O_PATH | O_DIRECTORY, 0, e);
	return j->root < 0 ? err_set(e, ERR_STATE, WORDS_EXEC_STOPPED) : 0;
}

static int find(struct joining *j, const struct exec_request *rq, struct err *e)
{
	struct making *m = &j->making;
	enum status status;

	if (record_peek(&m->record, rq->root, rq->id, &m->mem, e) < 0 || record_check_readable(&m->record, e) < 0)
		return -1;
	status = status_of_init(&m->record, &j->target);
	if (check_status(status, e) < 0)
		return -1;
	/* Names of users stand in a file there. */
	if (rq->user && open_root(j, e) < 0)
		return -1;
	j->is_paused = groups_are_frozen(&m->record);
	if (j->is_paused && !rq->ignore_paused)
		return err_set(e, ERR_STATE, WORDS_EXEC_PAUSED);
	j->may_be_placed_later = groups_are_v1(&m->record) && !j->is_paused && !rq->ncgroups && !rq->timeout;
	return j->may_be_placed_later ? 0 : groups_open(&m->cgroup, &m->record, e);
}

static int read_process(struct joining *j, const struct exec_request *rq, struct oci_process **process, struct err *e)
{
	struct making *m = &j->making;

	j->process_text = document_read(rq->process_file, &m->mem, &j->process_len, e);
	if (!j->process_text)
		return err_in(e, "option --process");
	*process = document_decode(&oci_process_type, rq->process_file, false, j->process_text, j->process_len, &m->shared, e);
	return *process ? 0 : -1;
}

/* The groups are there already; and what config.json has no word of the command line may have. */
static unsigned facts_for(const struct oci_config *c, const struct exec_request *rq)
{
	unsigned facts = making_facts(c) & ~(unsigned)HOST_CGROUPS;

	if (rq->apparmor || rq->process_label || rq->process_file)
		facts |= HOST_GUARDS;
	if (rq->cpu_affinity || rq->process_file)
		facts |= HOST_CPUS;
	return facts;
}

static int decide(struct joining *j, const struct exec_request *given, struct err *e)
{
	struct making *m = &j->making;
	struct exec_request rq = *given;
	struct oci_process *process = NULL;

	m->text = record_load_config(&m->record, &m->mem, &m->len, e);
	if (!m->text || arena_share(&m->shared, e) < 0 ||
	    config_decode(&m->config, "config.json", m->text, m->len, &m->shared, e) < 0 ||
	    host_look_for(&m->host, facts_for(m->config, &rq), &m->mem, e) < 0)
		return -1;
	if (rq.process_file && read_process(j, &rq, &process, e) < 0)
		return -1;
	if (process && rq.tty && !process->terminal)
		return err_set(e, ERR_USAGE, "--tty contradicts the file of --process, which says no \"terminal\"");
	rq.process = process;
	rq.may_be_placed_later = j->may_be_placed_later;
	rq.waits_for_place = cgroup_may_need_help(&m->cgroup);
	rq.no_new_keyring = m->record.saved.no_new_keyring;
	rq.container = (struct root){ .fd = j->root, .name = "rootfs" };
	return plan_exec(&m->plan, m->config, &rq, &m->host, &m->shared, e);
}

/* Where that stands of which a planner or init complains. */
static int locate(const struct joining *j, const struct exec_request *rq, struct err *e)
{
	if (j->process_text)
		return config_locate(e, "process.", rq->process_file, j->process_text, j->process_len);
	/* Not config.json has said it, but the command line. */
	if ((rq->scheduler && str_starts(e->msg, "process.scheduler")) || (rq->rlimits.n && str_starts(e->msg, "process.rlimits")) ||
	    (rq->cpu_affinity && str_starts(e->msg, "process.execCPUAffinity")))
		return -1;
	return config_locate(e, "", "config.json", j->making.text, j->making.len);
}

/* Straight into its cgroup, or, where the kernel forbids that to this user from where he is, to be moved by his systemd. */
static int be_born(struct making *m, struct spawn_birth *birth, struct err *e)
{
	if (spawn(&m->child, birth, e) == 0)
		return 0;
	if (e->num != EACCES || birth->cgroup < 0)
		return -1;
	if (!cgroup_may_need_help(&m->cgroup))
		return err_hint(e, "without root no process gets from one session into the cgroup of another: "
				"systemd-run --user --scope husk exec ...");
	birth->cgroup = -1;
	m->needs_help = true;
	return spawn(&m->child, birth, e);
}

/* Before the birth, where the process can be born in its group or has to be born beside it. */
static int find_place(struct joining *j, const struct exec_request *rq, struct spawn_birth *birth, struct err *e)
{
	struct making *m = &j->making;

	if (m->plan->groups_later)
		return 0;
	if (j->may_be_placed_later && groups_open(&m->cgroup, &m->record, e) < 0)
		return -1;
	if ((rq->ncgroups ? cgroup_descend(&m->cgroup, rq->cgroups, rq->ncgroups, e) :
	     cgroup_follow(&m->cgroup, m->record.saved.pid, m->plan->cgroup.inner, e)) < 0)
		return -1;
	if (rq->timeout && below_make(&j->below, &m->cgroup, e) < 0)
		return err_in(e, "--timeout");
	birth->cgroup = cgroup_into_fd(&m->cgroup);
	birth->groups = &m->groups;
	return cgroup_entries(&m->cgroup, NULL, m->groups.fds, &m->groups.nfds, e);
}

/* After it: while the process is on its way into the namespaces. */
static int find_place_later(struct making *m, struct err *e)
{
	if (!m->plan->groups_later) {
		parcel_undo(&m->groups);
		return 0;
	}
	return groups_entries(&m->record, m->groups.fds, &m->groups.nfds, e);
}

static int enter(struct joining *j, const struct exec_request *rq, struct err *e)
{
	struct making *m = &j->making;
	struct spawn_birth birth = spawn_birth_of(m->plan);
	struct spawn_request told = {
		.arena = &m->shared, .plan = m->plan, .target = j->target, .target_root = -1, .hook_out = -1, .hook_err = -1 };

	/* With a mount namespace of its own, setns(2) goes there. */
	if (!(m->plan->ns.join & CLONE_NEWNS)) {
		if (open_root(j, e) < 0)
			return -1;
		told.target_root = j->root;
	}
	m->rdt.plan = &m->plan->rdt;
	m->console_socket = rq->console_socket;
	if (find_place(j, rq, &birth, e) < 0 || arena_seal(&m->shared, m->plan, e) < 0 || be_born(m, &birth, e) < 0 ||
	    spawn_tell(&m->child, &told, e) < 0 || find_place_later(m, e) < 0)
		return -1;
	/* The pid file says that it runs, so it comes after the execve: engines look at nothing else. */
	if (converse(m, e) < 0)
		return -1;
	if (rq->pidfd_socket && making_pidfd_socket(rq->pidfd_socket, m->child.pidfd, e) < 0)
		return -1;
	return rq->pid_file ? making_pid_file(rq->pid_file, m->child.pid, e) : 0;
}

static int set_timer(struct joining *j, const struct exec_request *rq, struct err *e)
{
	const struct itimerspec when = { .it_value = { rq->timeout / 1000, rq->timeout % 1000 * 1000000l } };

	j->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	return j->timer < 0 || timerfd_settime(j->timer, 0, &when, NULL) < 0 ? err_sys(e, "set a timer") : 0;
}

/* What is in a frozen group cannot be ended on cgroup v1, and before its execve(2) we stand still with it: nothing is started. */
static int wait_resumed(const struct joining *j, const struct exec_request *rq, struct err *e)
{
	struct pollfd p[] = { { j->timer, POLLIN, 0 }, { j->target, POLLIN, 0 } };
	struct err ignored;

	while (cgroup_is_frozen(&j->making.cgroup, &ignored) > 0) {
		if (poll(p, ARRAY_SIZE(p), RESUMED_MSEC) < 0 && errno != EINTR)
			return err_sys(e, "wait until the container is resumed");
		if (p[1].revents)
			return err_set(e, ERR_STATE, WORDS_EXEC_STOPPED);
		if (p[0].revents)
			return err_set(e, ERR_TIMEOUT, "not started, because the container was paused for %u.%03u seconds",
				       rq->timeout / 1000, rq->timeout % 1000);
	}
	return 0;
}

/*
 * What enters a frozen group stands still before it can answer, until somebody resumes the container: meanwhile nobody reads the
 * signals, so those that end a command end this one as they end any other.
 */
static int enter_frozen(struct joining *j, const struct exec_request *rq, struct err *e)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP };
	sigset_t set, before;
	int result;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		sigaddset(&set, ends[i]);
	(void)sigprocmask(SIG_UNBLOCK, &set, &before);
	result = rq->timeout && wait_resumed(j, rq, e) < 0 ? -1 : enter(j, rq, e);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}

static int exec(struct joining *j, const struct exec_request *rq, struct err *e)
{
	if ((rq->timeout && set_timer(j, rq, e) < 0) || find(j, rq, e) < 0)
		return -1;
	if (decide(j, rq, e) < 0)
		return locate(j, rq, e);
	if (j->making.plan->stdio.terminal && rq->detach && !rq->console_socket)
		return err_set(e, ERR_USAGE, "a detached process with a terminal needs --console-socket");
	if ((j->is_paused ? enter_frozen : enter)(j, rq, e) == 0)
		return 0;
	(void)locate(j, rq, e);
	return cgroup_explain_birth(&j->making.cgroup, e);
}

/* The time is over.  What the process has started is in its group; the process itself may have left it. */
static void kill_all(void *self)
{
	struct joining *j = self;
	struct err ignored;

	j->is_expired = true;
	if (cgroup_kill(&j->below.cgroup, &ignored) < 0)
		log_warning("%s", ignored.msg);
	(void)process_signal(j->making.child.pidfd, SIGKILL, &ignored);
}

static int watch(struct joining *j, const struct exec_request *rq, int signals, int *code, struct err *e)
{
	struct watch w = { .pid = j->making.child.pid, .pidfd = j->making.child.pidfd, .console = j->making.console,
			   .signals = signals, .timer = j->timer, .expired = kill_all, .self = j };
	struct process_end end;

	if (watch_process(&w, &end, e) < 0)
		return -1;
	/* Killed is not gone: whoever reads the message may count on that. */
	for (int i = 0; j->is_expired && i < GONE_MSEC / 5 && cgroup_is_empty(&j->below.cgroup, e) == 0; i++)
		(void)poll(NULL, 0, 5);
	if (j->is_expired)
		return err_set(e, ERR_TIMEOUT, "killed with all that it started, because it took longer than %u.%03u seconds",
			       rq->timeout / 1000, rq->timeout % 1000);
	*code = process_end_code(&end);
	return 0;
}

/* What has done its duty when the program runs: closed now, it costs no time when the program has ended. */
static void let_go(struct joining *j)
{
	cgroup_undo(&j->making.cgroup);
	own_close(&j->target);
	own_close(&j->root);
}

static int exec_attached(const struct exec_request *rq, int *code, struct err *e)
{
	char room[ARENA_ROOM] __attribute__((aligned(16)));
	AUTO(joining) j = JOINING_NONE;
	AUTO_FD int signals = -EBADF;
	sigset_t old;
	int result;

	j.making.mem = arena_in(room, sizeof(room));
	signals = signals_open(false, &old, e);
	if (signals < 0)
		return -1;
	result = exec(&j, rq, e);
	if (result == 0) {
		child_keep(&j.making.child);
		let_go(&j);
		result = watch(&j, rq, signals, code, e);
	}
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return result;
}

static int exec_detached(const struct exec_request *rq, struct err *e)
{
	char room[ARENA_ROOM] __attribute__((aligned(16)));
	AUTO(joining) j = JOINING_NONE;

	j.making.mem = arena_in(room, sizeof(room));
	if (exec(&j, rq, e) < 0)
		return -1;
	child_keep(&j.making.child);
	return 0;
}

int life_exec(const struct exec_request *rq, int *code, struct err *e)
{
	int result = rq->detach ? exec_detached(rq, e) : exec_attached(rq, code, e);

	return result < 0 ? err_in(e, "exec in \"%s\"", rq->id) : 0;
}
