/* SPDX-License-Identifier: Apache-2.0 */
/* Freezing, listing, signalling, removing, updating a container's groups; see control.h. */
#include "parts/cgroup/control.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"
#include "parts/cgroup/manager-fs.h"
#include "parts/cgroup/tree.h"
#include "parts/cgroup/write.h"
#include "sys/calls.h"
#include "sys/groupfs.h"
#include "sys/process.h"

#define FREEZE_MSEC 10000

static void pause_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* A group whose identity was never recorded may be somebody else's: nothing is done to the processes in it. */
static bool is_ours(const struct cgroup_dir *d)
{
	return d->id != 0;
}

static const struct cgroup_dir *with_controller(const struct cgroup *cg, const char *controller)
{
	for (int i = 0; i < cg->n; i++) {
		const char *word, *rest = cg->dir[i].controllers;
		size_t len;

		while (is_ours(&cg->dir[i]) && (word = str_word(&rest, ",", &len)))
			if (len == strlen(controller) && memcmp(word, controller, len) == 0)
				return &cg->dir[i];
	}
	return NULL;
}

static const struct cgroup_dir *unified(const struct cgroup *cg)
{
	for (int i = 0; i < cg->n; i++)
		if (cg->dir[i].is_v2 && is_ours(&cg->dir[i]))
			return &cg->dir[i];
	return NULL;
}

/* Where processes are listed: all groups hold the same ones, unless somebody moved some by hand. */
static const struct cgroup_dir *lister(const struct cgroup *cg)
{
	const struct cgroup_dir *d = with_controller(cg, "freezer");

	if (!d)
		d = unified(cg);
	for (int i = 0; !d && i < cg->n; i++)
		if (is_ours(&cg->dir[i]))
			d = &cg->dir[i];
	return d;
}

/* ---- freezer ------------------------------------------------------------------------- */

static bool is_frozen_v1(const char *state)
{
	return str_starts(state, "FROZEN");
}

static bool is_frozen_v2(const char *events)
{
	return strstr(events, "frozen 1");
}

/* 1, 0, -1 */
static int frozen_v1(const struct cgroup_dir *d, struct err *e)
{
	char text[64];

	if (groupfs_read(d->fd, "freezer.state", text, sizeof(text), e) < 0)
		return -1;
	return is_frozen_v1(text);
}

static int frozen_v2(const struct cgroup_dir *d, struct err *e)
{
	char text[256];

	if (groupfs_read(d->fd, "cgroup.events", text, sizeof(text), e) < 0)
		return -1;
	return is_frozen_v2(text);
}

/* A task that forks while the kernel counts is missed: FROZEN is written again and again until the state is it. */
static int freeze_v1(const struct cgroup_dir *d, struct err *e)
{
	for (long waited = 0, step = 1; waited < FREEZE_MSEC; waited += step) {
		int r;

		if (groupfs_write(d->fd, "freezer.state", "FROZEN", e) < 0)
			return -1;
		r = frozen_v1(d, e);
		if (r)
			return r < 0 ? -1 : 0;
		/* Two tasks can wait for each other; a moment of freedom lets them come apart. */
		if (waited > 500 && step == 20 && groupfs_write(d->fd, "freezer.state", "THAWED", e) < 0)
			return -1;
		pause_ms(step);
		step = step < 20 ? 2 * step : 20;
	}
	return err_set(e, ERR_STATE, "the processes cannot be frozen (one may be in an uninterruptible wait)");
}

static int freeze_v2(const struct cgroup_dir *d, struct err *e)
{
	AUTO_FD int events = groupfs_open_file(d->fd, "cgroup.events", O_RDONLY, e);
	struct timespec start, now;

	if (events < 0 || groupfs_write(d->fd, "cgroup.freeze", "1", e) < 0)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		struct pollfd p = { .fd = events, .events = POLLPRI };
		int r = frozen_v2(d, e);
		long msec;

		if (r)
			return r < 0 ? -1 : 0;
		clock_gettime(CLOCK_MONOTONIC, &now);
		msec = (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
		if (msec >= FREEZE_MSEC)
			break;
		/* The event may have come before poll(2): look again soon anyway. */
		(void)poll(&p, 1, (int)MIN(FREEZE_MSEC - msec, 50L));
	}
	return err_set(e, ERR_STATE, "the processes cannot be frozen (one may be in an uninterruptible wait)");
}

static int no_freezer(const struct cgroup *cg, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, cg->n ? "this container's cgroups have no freezer" :
		       "this container has no cgroups");
}

int cgroup_freeze(const struct cgroup *cg, struct err *e)
{
	TRACE("freeze");
	const struct cgroup_dir *v1 = with_controller(cg, "freezer"), *v2 = unified(cg);
	struct err ignored;

	if (!v1 && !v2)
		return no_freezer(cg, e);
	if ((v1 ? freeze_v1(v1, e) : freeze_v2(v2, e)) == 0)
		return 0;
	(void)cgroup_thaw(cg, &ignored);
	return err_in(e, "freeze \"%s\"", (v1 ? v1 : v2)->path);
}

int cgroup_thaw(const struct cgroup *cg, struct err *e)
{
	TRACE("thaw");
	const struct cgroup_dir *v1 = with_controller(cg, "freezer"), *v2 = unified(cg);

	if (!v1 && !v2)
		return no_freezer(cg, e);
	if ((v1 ? groupfs_write(v1->fd, "freezer.state", "THAWED", e) : groupfs_write(v2->fd, "cgroup.freeze", "0", e)) < 0)
		return err_in(e, "thaw \"%s\"", (v1 ? v1 : v2)->path);
	return 0;
}

int cgroup_is_frozen(const struct cgroup *cg, struct err *e)
{
	const struct cgroup_dir *v1 = with_controller(cg, "freezer"), *v2 = unified(cg);
	char text[16];

	if (v1)
		return frozen_v1(v1, e);
	if (!v2)
		return 0;
	/* In a group without processes "frozen" follows the setting at once; the setting is what `pause` wrote. */
	if (groupfs_read(v2->fd, "cgroup.freeze", text, sizeof(text), e) < 0)
		return -1;
	return text[0] == '1' ? frozen_v2(v2, e) : 0;
}

bool cgroup_peek_frozen(struct groupfs_near *near, const char *path, uint64_t id, bool is_v2)
{
	struct err ignored;
	char text[256];

	/* The number comes last: few are frozen, and "no" is the answer for another group, too. */
	if (!is_v2)
		return groupfs_peek(near, path, "freezer.state", text, sizeof(text), &ignored) > 0 && is_frozen_v1(text) &&
		       groupfs_is(path, id);
	return groupfs_peek(near, path, "cgroup.freeze", text, sizeof(text), &ignored) > 0 && text[0] == '1' &&
	       groupfs_peek(near, path, "cgroup.events", text, sizeof(text), &ignored) > 0 && is_frozen_v2(text) &&
	       groupfs_is(path, id);
}

bool cgroup_peek_undying(const char *path, uint64_t id)
{
	return groupfs_has_groups(path, id) || cgroup_peek_frozen(NULL, path, id, false);
}

/* ---- processes ----------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return x < y ? -1 : x > y;
}

int cgroup_pids(const struct cgroup *cg, pid_t **pids, size_t *n, struct arena *a, struct err *e)
{
	TRACE("list processes");
	const struct cgroup_dir *d = lister(cg);
	struct tree_pids list = { .arena = a };
	size_t unique = 0;

	*pids = NULL;
	*n = 0;
	if (!d)
		return 0;
	if (tree_pids(d->fd, &list, e) < 0)
		return err_in(e, "list the processes of \"%s\"", d->path);
	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), by_number);
	for (size_t i = 0; i < list.n; i++)
		if (!unique || list.v[unique - 1] != list.v[i])
			list.v[unique++] = list.v[i];
	*pids = list.v;
	*n = unique;
	return 0;
}

int cgroup_is_empty(const struct cgroup *cg, struct err *e)
{
	for (int i = 0; i < cg->n; i++) {
		int r = is_ours(&cg->dir[i]) ? tree_is_populated(cg->dir[i].fd, e) : 0;

		if (r)
			return r < 0 ? -1 : 0;
	}
	return 1;
}

/* ---- signals ------------------------------------------------------------------------- */

#define BATCH 128

static bool is_listed(pid_t pid, const pid_t *pids, size_t n)
{
	return n && bsearch(&pid, pids, n, sizeof(pid), by_number);
}

/*
 * Numbers can be reused between reading and signalling: each becomes a pidfd first, and only what the groups still
 * list afterwards is signalled.
 */
static int signal_batch(const struct cgroup *cg, const pid_t *pids, size_t n, int sig, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	int fds[BATCH], r = 0;
	pid_t *now;
	size_t n_now;

	for (size_t i = 0; i < n; i++)
		fds[i] = sys_pidfd_open(pids[i], 0);
	if (cgroup_pids(cg, &now, &n_now, &mem, e) < 0)
		r = -1;
	for (size_t i = 0; i < n; i++) {
		if (fds[i] < 0)
			continue;
		if (r == 0 && is_listed(pids[i], now, n_now) && process_signal(fds[i], sig, e) < 0 && e->num != ESRCH)
			r = -1;
		own_close(&fds[i]);
	}
	return r;
}

static int signal_round(const struct cgroup *cg, int sig, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	pid_t *pids;
	size_t n;

	if (cgroup_pids(cg, &pids, &n, &mem, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i += BATCH)
		if (signal_batch(cg, pids + i, MIN(n - i, (size_t)BATCH), sig, e) < 0)
			return -1;
	return 0;
}

/* Freezing a group that we are in ourselves would be the last thing we do. */
static bool has_us(const struct cgroup *cg)
{
	AUTO(arena) mem = ARENA_NONE;
	struct err ignored;
	pid_t *pids;
	size_t n;

	return cgroup_pids(cg, &pids, &n, &mem, &ignored) < 0 || is_listed(getpid(), pids, n);
}

static int thaw_one_v1(void *self, int group, struct err *e)
{
	(void)self;
	return groupfs_write(group, "freezer.state", "THAWED", e) < 0 && e->num != ENOENT && e->num != ENODEV ? -1 : 0;
}

/* Groups that the container has made and frozen itself, too: from the top down, since each hangs on the one above. */
static int thaw_all_v1(const struct cgroup_dir *d, struct err *e)
{
	return tree_walk(d->fd, thaw_one_v1, NULL, e) < 0 ? err_in(e, "thaw \"%s\"", d->path) : 0;
}

int cgroup_kill(const struct cgroup *cg, struct err *e)
{
	TRACE("kill cgroup");
	const struct cgroup_dir *v1 = with_controller(cg, "freezer"), *v2 = unified(cg);
	struct err ignored;
	bool is_still = false;

	if (!lister(cg))
		return 0;
	/* The kernel kills the whole subtree, what is being forked in it too (5.14). */
	if (v2 && groupfs_write(v2->fd, "cgroup.kill", "1", e) < 0 && e->num != ENOENT && e->num != ENODEV)
		return err_in(e, "kill the processes of \"%s\"", v2->path);
	/* Who is just being born there (exec) would stand still, and the group could not be removed: he may see that all are dead. */
	if (v2 && !v1)
		(void)groupfs_write(v2->fd, "cgroup.freeze", "0", &ignored);
	/* v1: who stands still cannot fork away.  And what is frozen dies only when thawed. */
	if (!v2 && v1 && !has_us(cg))
		is_still = freeze_v1(v1, &ignored) == 0;
	for (int i = 0; i < (v2 || is_still ? 1 : 10); i++)
		if (signal_round(cg, SIGKILL, e) < 0) {
			if (v1)
				(void)thaw_all_v1(v1, &ignored);
			return -1;
		}
	return v1 ? thaw_all_v1(v1, e) : 0;
}

int cgroup_signal_all(const struct cgroup *cg, int sig, struct err *e)
{
	struct err ignored;
	bool thaw = false;
	int r;

	if (sig == SIGKILL)
		return cgroup_kill(cg, e);
	if (!lister(cg))
		return 0;
	/* Standing still, so that none is missed that is forked meanwhile. */
	if (cgroup_is_frozen(cg, e) == 0 && !has_us(cg) && cgroup_is_empty(cg, e) == 0)
		thaw = cgroup_freeze(cg, &ignored) == 0;
	r = signal_round(cg, sig, e);
	if (thaw && cgroup_thaw(cg, &ignored) < 0 && r == 0) {
		*e = ignored;
		r = -1;
	}
	return r;
}

/* ---- the end ------------------------------------------------------------------------- */

/* What systemd has removed with its unit need not be removed again. */
static bool is_gone(const struct cgroup_dir *d)
{
	struct err e;
	AUTO_FD int fd = groupfs_reopen(d->path, d->id, &e);

	return fd < 0 && e.num == ENOENT;
}

int cgroup_remove(struct cgroup *cg, struct err *e)
{
	TRACE("remove cgroup");
	int r = !cg->scope ? 0 : cg->is_intent ? unit_clear(cg->scope, cg->is_user, e) : unit_stop(cg->scope, cg->is_user, e);

	for (int i = cg->n - 1; i >= 0; i--) {
		struct err this;

		if (cg->scope && is_gone(&cg->dir[i]))
			continue;
		if (manager_fs_remove(&cg->dir[i], &this) < 0 && r == 0) {
			*e = this;
			r = -1;
		}
	}
	return r;
}

static bool read_number(const struct cgroup_dir *d, const char *file, uint64_t *n)
{
	char text[32];
	struct err ignored;

	return groupfs_read(d->fd, file, text, sizeof(text), &ignored) > 0 &&
	       num_parse_n(text, strcspn(text, "\n"), UINT64_MAX, n);
}

int cgroup_explain_birth(const struct cgroup *cg, struct err *e)
{
	const struct cgroup_dir *v1 = with_controller(cg, "pids"), *d = v1 ? v1 : unified(cg);
	uint64_t max, now;

	/* On its way into namespaces a process needs another one beside it; when we look both are gone. */
	if (e->num != EAGAIN || !d || !read_number(d, "pids.max", &max) || !read_number(d, "pids.current", &now) || now + 2 <= max)
		return -1;
	return err_in(e, "the container has %llu processes, of %llu that pids.max of its cgroup allows",
		      (unsigned long long)now, (unsigned long long)max);
}

bool cgroup_count_oom_kills(const struct cgroup *cg, unsigned long *count)
{
	const struct cgroup_dir *v1 = with_controller(cg, "memory"), *v2 = unified(cg);
	char text[1024];
	const char *line, *rest = text, *n;
	struct err ignored;
	uint64_t kills;
	size_t len;

	if ((v1 || v2) && groupfs_read(v1 ? v1->fd : v2->fd, v1 ? "memory.oom_control" : "memory.events", text,
				       sizeof(text), &ignored) > 0)
		while ((line = str_word(&rest, "\n", &len))) {
			n = str_after(line, "oom_kill ");
			if (n && num_parse_n(n, len - (size_t)(n - line), UINT64_MAX, &kills)) {
				*count = (unsigned long)kills;
				return true;
			}
		}
	return false;
}

unsigned long cgroup_oom_kills(const struct cgroup *cg)
{
	unsigned long kills;

	return cgroup_count_oom_kills(cg, &kills) ? kills : 0;
}

/* v1: an eventfd that memory.oom_control fires. */
static int oom_open_v1(const struct cgroup_dir *d, struct err *e)
{
	AUTO_FD int control = groupfs_open_file(d->fd, "memory.oom_control", O_RDONLY, e);
	AUTO_FD int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	char text[32];
	struct text t = TEXT(text);

	if (control < 0)
		return -1;
	if (event < 0)
		return err_sys(e, "make an eventfd");
	text_addf(&t, "%d %d", event, control);
	if (groupfs_write(d->fd, "cgroup.event_control", text, e) < 0)
		return -1;
	return TAKE_FD(event);
}

int cgroup_oom_open(const struct cgroup *cg, short *events, struct err *e)
{
	const struct cgroup_dir *v1 = with_controller(cg, "memory"), *v2 = unified(cg);
	int fd;

	*events = v1 ? POLLIN : POLLPRI;
	if (!v1 && !v2)
		return err_set(e, ERR_UNSUPPORTED, "this container has no memory cgroup");
	fd = v1 ? oom_open_v1(v1, e) : groupfs_open_file(v2->fd, "memory.events", O_RDONLY, e);
	if (fd < 0 && e->num == ENOENT)
		return err_set(e, ERR_UNSUPPORTED, "this container has no memory cgroup");
	return fd;
}

void cgroup_oom_heard(int fd, short events)
{
	char text[1024];

	/* The file of v2 tells of changes since the last read. */
	if (events & POLLPRI ? pread(fd, text, sizeof(text), 0) < 0 : read(fd, text, 8) < 0)
		return;
}
