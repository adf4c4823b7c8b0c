/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of `events`.  Holds no lock and changes nothing: it looks at the cgroups that the record
 * names, and at the pidfd of init to know when to end.  On the host.
 */
#include "life/events.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "base/arena.h"
#include "base/own.h"
#include "parts/cgroup/control.h"
#include "parts/cgroup/stats.h"
#include "record/groups.h"
#include "record/record.h"
#include "record/status.h"
#include "record/words.h"

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

/* 1 said, 0 nobody listens. */
static int say_stats(const struct observed *o, const char *id, events_fn *say, void *self, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	struct cgroup_stats stats;

	if (cgroup_stats(&o->cgroup, &stats, &mem, e) < 0)
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
