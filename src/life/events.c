/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of `events`.  Holds no lock and changes nothing: it looks at the cgroups that the record
 * names, and at the pidfd of init to know when to end.  On the host.
 */
#include "life/events.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/own.h"
#include "base/str.h"
#include "parts/cgroup/control.h"
#include "parts/cgroup/stats.h"
#include "record/groups.h"
#include "record/record.h"
#include "record/status.h"
#include "record/words.h"
#include "sys/procfs.h"

#define NET_DEV_MAX 65536

struct observed {
	struct arena mem;
	struct record record;
	struct cgroup cgroup;
	int pidfd, oom;
	short oom_events;
};

#define OBSERVED_NONE ((struct observed){ .mem = ARENA_NONE, .record = RECORD_NONE, .cgroup = CGROUP_NONE, \
	.pidfd = -EBADF, .oom = -EBADF })

static void observed_undo(struct observed *o)
{
	own_close(&o->oom);
	own_close(&o->pidfd);
	cgroup_undo(&o->cgroup);
	record_undo(&o->record);
	arena_undo(&o->mem);
}

static int look(struct observed *o, const struct target *target, struct err *e)
{
	if (record_load(&o->record, target->root, target->id, &o->mem, e) < 0)
		return -1;
	if (status_of(&o->record, &o->pidfd) == STATUS_STOPPED || o->pidfd < 0)
		return err_set(e, ERR_STATE, WORDS_NOT_RUNNING);
	return groups_open(&o->cgroup, &o->record, e);
}

static bool same_network(const struct procfs *proc, pid_t pid)
{
	char name[32], one[64], other[64];
	struct err ignored;

	(void)snprintf(name, sizeof(name), "%d/ns/net", (int)pid);
	return procfs_read_link(proc, name, one, sizeof(one), &ignored) < 0 ||
	       procfs_read_link(proc, "self/ns/net", other, sizeof(other), &ignored) < 0 || str_eq(one, other);
}

/* Only of a network namespace that is not ours: the host's traffic is not the container's. */
static void add_network(const struct observed *o, struct cgroup_stats *stats, struct arena *a)
{
	AUTO(procfs) proc = PROCFS_NONE;
	pid_t pid = o->record.saved.pid;
	char name[32], text[NET_DEV_MAX];
	struct err ignored;

	(void)snprintf(name, sizeof(name), "%d/net/dev", (int)pid);
	if (procfs_open_host(&proc, &ignored) == 0 && !same_network(&proc, pid) &&
	    procfs_read(&proc, name, text, sizeof(text), &ignored) > 0)
		cgroup_stats_network(stats, text, a);
}

static int take_stats(const struct observed *o, struct cgroup_stats *stats, struct arena *a, struct err *e)
{
	if (cgroup_stats(&o->cgroup, stats, a, e) < 0)
		return -1;
	add_network(o, stats, a);
	return 0;
}

/* 1 said, 0 nobody listens. */
static int say_stats(const struct observed *o, const char *id, events_fn *say, void *self, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	struct cgroup_stats stats;

	if (take_stats(o, &stats, &mem, e) < 0)
		return -1;
	return say(self, arena_printf(&mem, "{\"type\":\"stats\",\"id\":\"%s\",\"data\":%s}", id,
				      cgroup_stats_json(&stats, &mem)));
}

static int say_oom(const char *id, events_fn *say, void *self)
{
	AUTO(arena) mem = ARENA_NONE;

	return say(self, arena_printf(&mem, "{\"type\":\"oom\",\"id\":\"%s\"}", id));
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static int follow(struct observed *o, const char *id, unsigned interval, events_fn *say, void *self, struct err *e)
{
	unsigned long kills = cgroup_oom_kills(&o->cgroup);
	long long due = now_ms() + interval;

	for (;;) {
		struct pollfd p[2] = { { .fd = o->pidfd, .events = POLLIN }, { .fd = o->oom, .events = o->oom_events } };
		long long left = due - now_ms();
		unsigned long seen;
		int r = 1;

		if (poll(p, o->oom < 0 ? 1 : 2, left > 0 ? (int)left : 0) < 0 && errno != EINTR)
			return err_sys(e, "wait for events");
		if (o->oom >= 0 && p[1].revents)
			cgroup_oom_heard(o->oom, o->oom_events);
		seen = cgroup_oom_kills(&o->cgroup);
		if (seen > kills)
			r = say_oom(id, say, self);
		kills = seen;
		if (r == 0 || p[0].revents)
			return 0;
		if (now_ms() < due)
			continue;
		due += interval;
		r = say_stats(o, id, say, self, e);
		if (r <= 0)
			return r;
	}
}

int life_stats(const struct target *target, events_fn *say, void *self, struct err *e)
{
	AUTO(observed) o = OBSERVED_NONE;

	if (look(&o, target, e) < 0 || say_stats(&o, target->id, say, self, e) < 0)
		return err_in(e, "events of \"%s\"", target->id);
	return 0;
}

struct gathering {
	const char *root;
	events_fn *say;                 /* of JSON; NULL: for metrics */
	void *self;
	struct arena *arena;
	struct cgroup_stats *stats;
	const char **ids;
	size_t n, room;
	unsigned statuses[STATUS_STOPPED + 1];
};

static void grow(struct gathering *g)
{
	size_t room = 2 * g->room + 16;
	struct cgroup_stats *stats = ARENA_ARRAY(g->arena, struct cgroup_stats, room);
	const char **ids = ARENA_ARRAY(g->arena, const char *, room);

	for (size_t i = 0; i < g->n; i++) {
		stats[i] = g->stats[i];
		ids[i] = g->ids[i];
	}
	g->stats = stats;
	g->ids = ids;
	g->room = room;
}

/* One that does not run, or vanishes meanwhile, or has no cgroups, has no statistics. */
static int gather(void *self, const char *id, struct err *e)
{
	struct gathering *g = self;
	struct target target = { .root = g->root, .id = id };
	AUTO(observed) o = OBSERVED_NONE;
	struct err why;

	(void)e;
	if (record_open(&o.record, target.root, id, &o.mem, &why) < 0)
		return 0;
	g->statuses[status_of(&o.record, &o.pidfd)]++;
	if (o.pidfd < 0 || groups_open(&o.cgroup, &o.record, &why) < 0 || !o.cgroup.n)
		return 0;
	if (g->say)
		return say_stats(&o, id, g->say, g->self, &why) == 0 ? -1 : 0;
	if (g->n == g->room)
		grow(g);
	if (take_stats(&o, &g->stats[g->n], g->arena, &why) == 0)
		g->ids[g->n++] = arena_strdup(g->arena, id);
	return 0;
}

int life_stats_all(const char *root, events_fn *say, void *self, struct err *e)
{
	struct gathering g = { .root = root, .say = say, .self = self };
	struct err quiet = {};

	if (record_each(root, gather, &g, &quiet) == 0 || quiet.kind == ERR_NONE)
		return 0;               /* done, or nobody reads it any more */
	*e = quiet;
	return err_in(e, "events");
}

static const char *count_statuses(const struct gathering *g)
{
	const char *text = "# TYPE husk_containers gauge\n# HELP husk_containers Containers by status.\n";

	for (int s = 0; s <= STATUS_STOPPED; s++)
		text = arena_printf(g->arena, "%shusk_containers{status=\"%s\"} %u\n", text, status_word((enum status)s),
				    g->statuses[s]);
	return text;
}

char *life_metrics(const char *root, const char *id, struct arena *a, struct err *e)
{
	struct target target = { .root = root, .id = id };
	struct gathering g = { .root = root, .arena = a };
	AUTO(observed) o = OBSERVED_NONE;
	struct cgroup_stats stats;

	if (!id) {
		if (record_each(root, gather, &g, e) < 0) {
			(void)err_in(e, "events");
			return NULL;
		}
		return arena_printf(a, "%s%s# EOF\n", count_statuses(&g), cgroup_stats_metrics(g.stats, g.ids, g.n, a));
	}
	if (look(&o, &target, e) < 0 || take_stats(&o, &stats, a, e) < 0) {
		(void)err_in(e, "events of \"%s\"", id);
		return NULL;
	}
	return arena_printf(a, "%s# EOF\n", cgroup_stats_metrics(&stats, &id, 1, a));
}

int life_events(const struct target *target, unsigned interval, events_fn *say, void *self, struct err *e)
{
	AUTO(observed) o = OBSERVED_NONE;
	struct err ignored;

	if (look(&o, target, e) < 0)
		return err_in(e, "events of \"%s\"", target->id);
	/* Without a memory controller there are statistics all the same. */
	o.oom = cgroup_oom_open(&o.cgroup, &o.oom_events, &ignored);
	if (follow(&o, target->id, interval ? interval : 1, say, self, e) < 0)
		return err_in(e, "events of \"%s\"", target->id);
	return 0;
}
