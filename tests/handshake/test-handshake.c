/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation of husk and init: every subset of steps times every fault at every step.  None may hang, none
 * may end well that should not, and no descriptor may be left open.  Needs no root: the other side is a fork of the test.
 */
#include "spawn/handshake.h"

#include <fcntl.h>
#include <signal.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "spawn/spawn.h"
#include "spawn/stages.h"
#include "sys/calls.h"
#include "unit/tap.h"

enum fault {
	NONE,
	INIT_DIES,              /* before the step */
	INIT_FAILS,             /* says so instead of asking */
	HOST_FAILS,             /* refuses the step */
	INIT_SKIPS,             /* asks for the next one */
	INIT_REPEATS,           /* asks for the one before again */
	INIT_BABBLES,           /* sends bytes that are no message */
	INIT_IS_SHORT,          /* sends a message that is cut */
	INIT_ASKS_NOTHING,      /* asks for a step that does not exist */
	FAULTS
};

static const char *const fault_names[FAULTS] = {
	"no fault", "init dies", "init fails", "host fails", "init skips", "init repeats", "init babbles", "init is short",
	"init asks for nothing",
};

struct side {
	int fail_at;            /* which served step */
	int served, wrong;
};

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int serve(void *self, struct letter *q, struct letter *a, struct err *e)
{
	struct side *h = self;

	if (q->parcel.nfds != 1 || fcntl(q->parcel.fds[0], F_GETFD) != FD_CLOEXEC)
		h->wrong++;
	if (h->served++ == h->fail_at)
		return err_set(e, ERR_SYSTEM, "host refused");
	a->number = q->number * 2;
	a->parcel.fds[0] = dup(STDIN_FILENO);
	a->parcel.nfds = 1;
	return 0;
}

/* ---- the other side ---------------------------------------------------------------- */

static void ask(struct handshake *h, int s)
{
	struct letter q = { .number = s + 10, .parcel = { .fds = { STDIN_FILENO }, .nfds = 1 } }, a;
	struct err e;

	if (handshake_ask(h, (enum step)s, &q, &a, &e) < 0)
		_exit(strcmp(e.msg, "host refused") == 0 ? 3 : 2);
	if (a.number != q.number * 2 || a.parcel.nfds != 1)
		_exit(4);
	parcel_undo(&a.parcel);
}

/* What goes over the wire, as a peer that is not ours might send it. */
static void send_raw(int fd, const void *p, size_t n)
{
	if (send(fd, p, n, MSG_NOSIGNAL) < 0)
		_exit(5);
}

static void misbehave(struct handshake *h, enum fault fault, int s, int before)
{
	const uint8_t asks_nothing[16] = { 1, 200 };
	struct err e;

	switch (fault) {
	case INIT_DIES:
		raise(SIGKILL);
		break;
	case INIT_FAILS:
		err_set(&e, ERR_SYSTEM, "mount \"/proc\": no");
		handshake_failed(h, &e);
		_exit(1);
	case INIT_SKIPS:
		h->at = s;              /* believes that it has been served */
		break;
	case INIT_REPEATS:
		h->needed |= 1u << s;
		h->at = before < 0 ? -1 : before - 1;
		ask(h, before < 0 ? s + 1 : before);
		break;
	case INIT_BABBLES:
		send_raw(h->fd, "hello, world; this is not a message", 35);
		break;
	case INIT_IS_SHORT:
		send_raw(h->fd, "\001", 1);
		break;
	case INIT_ASKS_NOTHING:
		send_raw(h->fd, asks_nothing, sizeof(asks_nothing));
		break;
	case NONE:
	case HOST_FAILS:
	case FAULTS:
		break;
	}
}

_Noreturn static void be_init(struct handshake *h, enum fault fault, int at)
{
	int before = -1, k = 0;

	for (int s = 0; s < STEP_MAX; s++) {
		if (!handshake_needs(h, (enum step)s))
			continue;
		handshake_log(h, LOG_DEBUG, "about to ask");
		if (k == at)
			misbehave(h, fault, s, before);
		if (!(k == at && fault == INIT_SKIPS))
			ask(h, s);
		before = s;
		k++;
	}
	_exit(0);
}

/* ---- one conversation -------------------------------------------------------------- */

static int converse(uint32_t needed, enum fault fault, int at, struct side *host, struct err *e, int *status)
{
	struct handshake h = HANDSHAKE_NONE;
	serve_fn *table[STEP_MAX];
	int init_fd, ret;
	pid_t pid;

	for (int i = 0; i < STEP_MAX; i++)
		table[i] = serve;
	*host = (struct side){ .fail_at = fault == HOST_FAILS ? at : -1 };
	if (handshake_open(&h, needed, &init_fd, e) < 0)
		return -2;
	pid = fork();
	if (pid == 0) {
		struct handshake init = { .fd = init_fd, .needed = needed, .at = -1 };

		close(h.fd);
		alarm(20);
		be_init(&init, fault, at);
	}
	close(init_fd);
	ret = handshake_serve(&h, table, host, STEP_READY, e);
	if (ret == 0)
		ret = handshake_wait_exec(&h, e);
	close(h.fd);
	waitpid(pid, status, 0);
	return ret;
}

static bool repeats(int step)
{
	return step == STEP_TREES || step == STEP_MOUNTED;
}

/* What is no fault: TREES and MOUNTED may be left out, and asked again. */
static bool is_harmless(uint32_t needed, enum fault fault, int at)
{
	int step[STEP_MAX + 1], n = 0;

	for (int s = 0; s < STEP_MAX; s++)
		if (needed & 1u << s)
			step[n++] = s;
	return (fault == INIT_SKIPS && repeats(step[at])) || (fault == INIT_REPEATS && repeats(step[at - 1]));
}

static int run_all(enum fault fault, int *conversations)
{
	int wrong = 0;

	/* READY is always there: it ends the conversation. PLAN is nothing that a plan needs. */
	for (uint32_t needed = STEP_BIT(READY); needed < 1u << STEP_MAX; needed += 2 * STEP_BIT(PLAN)) {
		int steps = __builtin_popcount(needed);

		for (int at = 0; at < (fault == NONE ? 1 : steps); at++) {
			struct err e = { .kind = ERR_NONE };
			struct side host;
			int status, want, ret, open_before = count_fds();

			if (fault == INIT_REPEATS && at == 0)
				continue;
			want = fault == NONE || is_harmless(needed, fault, at) ? 0 : -1;
			ret = converse(needed, fault, at, &host, &e, &status);
			(*conversations)++;
			if (ret != want || host.wrong || count_fds() != open_before || (ret < 0 && !e.msg[0]) ||
			    (want == 0 && status != 0) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)) {
				printf("# steps %#x, %s at %d: %d (wanted %d), status %#x, wrong %d: %s\n", needed,
				       fault_names[fault], at, ret, want, status, host.wrong, e.msg);
				wrong++;
			}
		}
	}
	return wrong;
}

/* ---- what the sides are told -------------------------------------------------------- */

static void check_messages(void)
{
	const uint32_t all = (1u << STEP_MAX) - 1;
	struct side host;
	struct err e;
	int status;

	converse(all, INIT_DIES, STEP_PLACE, &host, &e, &status);
	SAME(e.msg, "init ended before it had entered its namespaces", "death is told with the step that did not come");
	OK(e.kind == ERR_PEER, "death is of the kind ERR_PEER");
	converse(all, INIT_FAILS, STEP_PLACE, &host, &e, &status);
	SAME(e.msg, "mount \"/proc\": no", "init's own error comes over as it is");
	converse(all, HOST_FAILS, STEP_HOOKS, &host, &e, &status);
	SAME(e.msg, "host refused", "the host's error stays its own");
	OK(WIFEXITED(status) && WEXITSTATUS(status) == 3, "and init is told");
}

static void check_repeats(void)
{
	struct handshake h = HANDSHAKE_NONE;
	serve_fn *table[STEP_MAX] = { [STEP_TREES] = serve, [STEP_READY] = serve };
	const uint32_t needed = STEP_BIT(TREES) | STEP_BIT(READY);
	struct side host = { .fail_at = -1 };
	struct err e = { .kind = ERR_NONE };
	int init_fd, status, ret;
	pid_t pid;

	if (!OK(handshake_open(&h, needed, &init_fd, &e) == 0, "a conversation opens"))
		return;
	pid = fork();
	if (pid == 0) {
		struct handshake init = { .fd = init_fd, .needed = needed, .at = -1 };

		close(h.fd);
		for (int i = 0; i < 100; i++)
			ask(&init, STEP_TREES);
		ask(&init, STEP_READY);
		_exit(0);
	}
	close(init_fd);
	ret = handshake_serve(&h, table, &host, STEP_READY, &e);
	waitpid(pid, &status, 0);
	OK(ret == 0 && status == 0 && host.served == 101, "trees are asked for as often as it takes: %d (%s)", host.served, e.msg);
	close(h.fd);
}

/* What the final init does that the bridge has made. */
enum final { FINAL_ASKS, FINAL_FAILS, FINAL_EXECUTES, FINALS };

/* The bridge asks INIT and leaves; the final init takes the answer when it has something to say, before or after that. */
static void check_bridge(enum final final, bool bridge_is_late)
{
	struct handshake h = HANDSHAKE_NONE;
	serve_fn *table[STEP_MAX] = { [STEP_INIT] = serve, [STEP_READY] = serve };
	const uint32_t needed = STEP_BIT(INIT) | (final == FINAL_ASKS ? STEP_BIT(READY) : 0);
	struct side host = { .fail_at = -1 };
	struct err e = { .kind = ERR_NONE };
	int init_fd, ret;
	pid_t pid;

	if (!OK(handshake_open(&h, needed, &init_fd, &e) == 0, "a conversation opens"))
		return;
	pid = fork();
	if (pid == 0) {
		struct handshake init = { .fd = init_fd, .needed = needed, .at = -1 };
		struct letter q = { .number = 1, .parcel = { .fds = { STDIN_FILENO }, .nfds = 1 } };

		close(h.fd);
		pid = fork();
		if (pid == 0) {
			handshake_await_later(&init, STEP_INIT);
			if (final == FINAL_ASKS)
				ask(&init, STEP_READY);
			err_set(&e, ERR_SYSTEM, "chdir to \"/nowhere\": no");
			if (final == FINAL_FAILS)
				handshake_failed(&init, &e);
			_exit(0);
		}
		/* It has executed, and with that closed its end, or waits for the answer: nothing else can end this. */
		if (bridge_is_late && final == FINAL_EXECUTES)
			waitpid(pid, NULL, 0);
		else if (bridge_is_late)
			sched_yield();
		_exit(handshake_ask_only(&init, STEP_INIT, &q, &e) < 0);
	}
	close(init_fd);
	ret = handshake_serve(&h, table, &host, STEP_READY, &e);
	waitpid(pid, NULL, 0);
	OK(ret == 0 && host.served == (final == FINAL_ASKS ? 2 : 1), "two processes can share init's end: %s", e.msg);
	ret = handshake_wait_exec(&h, &e);
	if (final == FINAL_FAILS)
		OK(ret < 0 && strcmp(e.msg, "chdir to \"/nowhere\": no") == 0, "what the final one complains of is heard: %s", e.msg);
	else
		OK(ret == 0, "end of file after the last step is success: %s", e.msg);
	close(h.fd);
}

/* The bridge is killed between making the final init and telling of it, while that one waits for an answer. */
static void check_lost_bridge(void)
{
	struct handshake h = HANDSHAKE_NONE;
	serve_fn *table[STEP_MAX] = { [STEP_INIT] = serve, [STEP_READY] = serve };
	const uint32_t needed = STEP_BIT(INIT) | STEP_BIT(READY);
	struct side host = { .fail_at = -1 };
	struct err e = { .kind = ERR_NONE };
	int init_fd, ret;
	pid_t pid;

	if (!OK(handshake_open(&h, needed, &init_fd, &e) == 0, "a conversation opens"))
		return;
	pid = fork();
	if (pid == 0) {
		struct handshake init = { .fd = init_fd, .needed = needed, .at = -1 };

		close(h.fd);
		if (fork() == 0)
			_exit(handshake_await(&init, STEP_INIT, NULL, &e) < 0);
		_exit(0);
	}
	close(init_fd);
	h.bridge = sys_pidfd_open(pid, 0);
	ret = handshake_serve(&h, table, &host, STEP_READY, &e);
	OK(ret < 0 && e.kind == ERR_PEER && host.served == 0, "a bridge that is killed before it tells is noticed: %s", e.msg);
	close(h.bridge);
	close(h.fd);
	waitpid(pid, NULL, 0);
}

static void check_after_ready(void)
{
	struct handshake h = HANDSHAKE_NONE;
	struct err e, said;
	int init_fd;

	if (!OK(handshake_open(&h, STEP_BIT(READY), &init_fd, &e) == 0, "a conversation opens"))
		return;
	h.at = STEP_READY;
	struct handshake init = { .fd = init_fd, .needed = STEP_BIT(READY), .at = STEP_READY };

	err_set(&said, ERR_SYSTEM, "exec \"/x\": no such file or directory");
	said.num = ENOENT;
	handshake_failed(&init, &said);
	close(init_fd);
	OK(handshake_wait_exec(&h, &e) == -1 && e.num == ENOENT && e.kind == ERR_SYSTEM,
	   "a failed execve comes over with its errno");
	close(h.fd);
}

/* An answer without a question. */
static void check_told(void)
{
	serve_fn *const nobody[STEP_MAX] = { 0 };
	const struct letter told = { .number = 7 };
	struct letter heard = { .number = 0 };
	struct handshake h, init;
	struct err e = { 0 };
	int init_fd;

	if (!OK(handshake_open(&h, STEP_BIT(PLACE) | STEP_BIT(HOOKS), &init_fd, &e) == 0, "a conversation opens"))
		return;
	init = (struct handshake){ .fd = init_fd, .needed = h.needed, .at = -1 };
	OK(handshake_tell(&h, STEP_PLACE, &told, &e) == 0 && handshake_await(&init, STEP_PLACE, &heard, &e) == 0 &&
	   heard.number == 7, "what is told is there for who awaits it");
	OK(handshake_serve(&h, nobody, NULL, STEP_PLACE, &e) == 0, "there is no question up to that step");
	OK(handshake_tell(&h, STEP_PLACE, &told, &e) < 0 && e.kind == ERR_BUG, "it is told once");
	OK(handshake_ask(&init, STEP_PLACE, NULL, NULL, &e) < 0 && e.kind == ERR_BUG, "and asked no more");
	err_set(&e, ERR_SYSTEM, "no namespaces");
	handshake_failed(&init, &e);
	close(init_fd);
	OK(handshake_tell(&h, STEP_HOOKS, &told, &e) == 0, "who ends meanwhile makes no failure of it");
	h.at = STEP_PLACE;
	OK(handshake_serve(&h, nobody, NULL, STEP_READY, &e) < 0, "but is heard by who listens next");
	SAME(e.msg, "no namespaces", "with its own error");
	close(h.fd);
}

/* Init fails while what it is told lies unread in its end. */
static void check_told_in_vain(void)
{
	serve_fn *const nobody[STEP_MAX] = { 0 };
	const struct letter told = { .parcel = { .fds = { STDIN_FILENO }, .nfds = 1 } };
	struct handshake h, init;
	struct err e = { 0 };
	int init_fd;

	if (!OK(handshake_open(&h, STEP_BIT(PLACE) | STEP_BIT(READY), &init_fd, &e) == 0, "a conversation opens"))
		return;
	init = (struct handshake){ .fd = init_fd, .needed = h.needed, .at = -1 };
	OK(handshake_tell(&h, STEP_PLACE, &told, &e) == 0, "something is told");
	err_set(&e, ERR_SYSTEM, "mounts[0]: no");
	handshake_failed(&init, &e);
	close(init_fd);
	OK(handshake_serve(&h, nobody, NULL, STEP_READY, &e) < 0 && e.kind == ERR_SYSTEM, "who fails before it has heard it is heard");
	SAME(e.msg, "mounts[0]: no", "with its own error");
	close(h.fd);
}

/* What else both have to say to each other is known when the plan is. */
static void check_plan(bool is_told)
{
	serve_fn *const table[STEP_MAX] = { [STEP_READY] = serve };
	const struct letter plan = { .parcel = { .fds = { STDIN_FILENO }, .nfds = 1 } };
	struct side host = { .fail_at = -1 };
	struct handshake h;
	struct err e = { 0 };
	int init_fd, status;
	pid_t pid;

	if (!OK(handshake_open(&h, STEP_BIT(PLAN), &init_fd, &e) == 0, "a conversation opens"))
		return;
	pid = fork();
	if (pid == 0) {
		struct handshake init = { .fd = init_fd, .needed = STEP_BIT(PLAN), .at = -1 };
		struct letter told;

		close(h.fd);
		alarm(20);
		if (handshake_await(&init, STEP_PLAN, &told, &e) < 0)
			_exit(strcmp(e.msg, "husk went away") == 0 ? 7 : 8);
		if (told.parcel.nfds != 1)
			_exit(9);
		parcel_undo(&told.parcel);
		init.needed = STEP_BIT(READY);
		ask(&init, STEP_READY);
		_exit(0);
	}
	close(init_fd);
	if (is_told) {
		OK(handshake_tell(&h, STEP_PLAN, &plan, &e) == 0, "the plan is told without a question");
		h.needed = STEP_BIT(READY);
		OK(handshake_serve(&h, table, &host, STEP_READY, &e) == 0 && handshake_wait_exec(&h, &e) == 0,
		   "and what it needs is asked after it");
	}
	close(h.fd);
	waitpid(pid, &status, 0);
	OK(WIFEXITED(status) && WEXITSTATUS(status) == (is_told ? 0 : 7), "init %s",
	   is_told ? "sees it the same way" : "does not wait for a plan that will not come");
}

/* Groups of v1 that are made while init makes its namespaces. */
static void check_late(struct plan p)
{
	p.ns.make = p.ns.later = CLONE_NEWNS;
	OK(spawn_tells_place(&p) && spawn_places_late(&p), "or are made while it builds its root, and are told without a question");
	OK(spawn_needed(&p) == (STEP_BIT(GROUPS) | STEP_BIT(PLACE) | STEP_BIT(READY)), "when they can be mounted, and entered");
	p.ns.make |= CLONE_NEWCGROUP;
	OK(!spawn_places_late(&p) && spawn_needed(&p) == (STEP_BIT(PLACE) | STEP_BIT(READY)),
	   "a cgroup namespace is made within them, before its mounts");
	p.ns.make = CLONE_NEWNS;
	p.mounts.copies = true;
	OK(spawn_tells_place(&p) && !spawn_places_late(&p), "what is copied into a tmpfs is theirs to count");
	p.mounts.copies = false;
	p.hooks.kind[HOOK_CREATE_CONTAINER].n = 1;
	OK(spawn_tells_place(&p) && !spawn_places_late(&p), "hooks run within them");
	p.hooks.kind[HOOK_CREATE_CONTAINER].n = 0;
	p.stdio.terminal = true;
	OK(spawn_tells_place(&p) && !spawn_places_late(&p), "and questions come in their order");
	p.stdio.terminal = false;
	p.rdt.is_set = true;
	OK(!spawn_tells_place(&p) && !spawn_places_late(&p), "where husk has to do something to init itself it has to be asked");
}

static void check_needed(void)
{
	struct plan p = { .is_exec = false };

	OK(spawn_needed(&p) == STEP_BIT(READY), "an empty plan needs READY alone");
	p.cgroup.n = 1;
	p.cgroup.dir[0].is_v2 = true;
	OK(spawn_needed(&p) == STEP_BIT(READY), "so does one in a unified cgroup");
	p.cgroup.dir[0].is_v2 = false;
	OK(spawn_needed(&p) == STEP_BIT(READY), "and one in groups of v1, which were opened for it");
	check_late(p);
	p.cgroup.manager = CGROUP_MANAGER_SYSTEMD;
	OK(spawn_needed(&p) == (STEP_BIT(PLACE) | STEP_BIT(READY)), "for whose init systemd makes a scope, it has to be there");
	p = (struct plan){ .is_exec = true };
	OK(spawn_needed(&p) == 0, "one more process asks nothing");
	p.limits.n = 1;
	OK(spawn_needed(&p) == 0, "not even for its limits");
	p.limits.exceed_ours = true;
	OK(spawn_needed(&p) == STEP_BIT(PLACE), "but for those that only the host may raise");
	p = (struct plan){ .limits.exceed_ours = true };
	p.ns.needs_bridge = p.idmap.is_set = p.stdio.terminal = p.seccomp.has_listener = true;
	p.mounts.n_trees = 1;
	p.hooks.kind[HOOK_CREATE_RUNTIME].n = 1;
	OK(spawn_needed(&p) == (((1u << STEP_MAX) - 1) & ~(STEP_BIT(PLAN) | STEP_BIT(MOUNTED) | STEP_BIT(GROUPS))),
	   "a container may need all but MOUNTED and GROUPS, when it has its plan");
	p = (struct plan){ .is_exec = true, .only_mounts = true };
	OK(spawn_needed(&p) == (STEP_BIT(MOUNTED) | STEP_BIT(READY)), "who adds mounts enters no cgroup");
	SAME(stage_name(STAGE_ROOT_FS), "root file system", "stages have names");
	SAME(stage_name(-1), "unknown stage", "no stage has none");
	SAME(stage_name(STAGE_MAX), "unknown stage", "beyond the last there is none");
}

int main(void)
{
	int conversations = 0;

	signal(SIGPIPE, SIG_DFL);
	for (int fault = 0; fault < FAULTS; fault++)
		OK(run_all((enum fault)fault, &conversations) == 0, "%s: all conversations end as they should",
		   fault_names[fault]);
	printf("# %d conversations\n", conversations);
	check_messages();
	check_repeats();
	for (int final = 0; final < FINALS; final++) {
		check_bridge((enum final)final, false);
		check_bridge((enum final)final, true);
	}
	check_lost_bridge();
	check_after_ready();
	check_told();
	check_told_in_vain();
	check_plan(true);
	check_plan(false);
	check_needed();
	return tap_done();
}
