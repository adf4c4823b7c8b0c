/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of `events --all`.  Everything is a descriptor in one epoll(7): the socket to which commands announce what they
 * have done, the pidfds of containers, the files or eventfds of their OOM killer, the state directory, our own
 * signals.  It changes nothing but the record of how a container ended, and holds no lock.
 *
 * Order.  A command announces before it ends, so what it did is in our queue before anything that comes of
 * it.  When a process has ended, the queue is therefore read to its end first; and while `start` is at
 * work on a container (it holds a connection meanwhile), its end waits for the "started".
 */
#include "life/events.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "base/when.h"
#include "parts/cgroup/control.h"
#include "record/announce.h"
#include "record/groups.h"
#include "record/root.h"
#include "record/status.h"
#include "sys/process.h"
#include "sys/signals.h"

#define OOM_LOOKS       40
#define OOM_LOOK_MSEC   25

enum what { SIGNALS, READER, DIRECTORY, LISTENER, CONNECTION, PROCESS, OOM };
struct source { enum what what; void *owner; };

struct watched {
	struct watched *next;
	struct source process, oom;
	struct arena mem;
	struct record record;           /* its descriptors are closed: there may be thousands of containers */
	int pidfd, oom_fd;              /* -EBADF: none, or done with */
	short oom_events;
	unsigned long oom_kills;        /* that have been told */
	unsigned long oom_counted;      /* when we last looked */
	bool is_running, is_paused, is_dead, has_exited;
	bool has_counted;               /* since its death, when that does not change any more */
	unsigned oom_looks;             /* so often we still look whether it has killed */
	const struct oci_ending *told;  /* how it ended, as its parent says; in MEM */
	const char *exited_at;          /* as it was said; NULL: not yet; in MEM */
};

struct connection {
	struct connection *next;
	struct source source;
	int fd;
	char starting[RECORD_NAME_MAX + 1];     /* the container whose end it holds back */
};

struct follower {
	const char *root_name;
	int root, epoll, signals, inotify;
	sigset_t old_mask;
	struct listener listener;
	struct watched *containers;
	struct connection *connections;
	events_fn *say;
	void *self;
	bool is_over;
	struct err failure;             /* ERR_NONE, or why it cannot go on */
};

#define FOLLOWER_NONE ((struct follower){ .root = -EBADF, .epoll = -EBADF, .signals = -EBADF, .inotify = -EBADF, \
	.listener = LISTENER_NONE })

/* Not by close(2) alone: the sender of a pidfd may hold the same open file, and epoll would go on about it. */
static void stop_polling(const struct follower *f, int *fd)
{
	if (*fd >= 0)
		(void)epoll_ctl(f->epoll, EPOLL_CTL_DEL, *fd, NULL);
	own_close(fd);
}

static void watched_free(const struct follower *f, struct watched *w)
{
	stop_polling(f, &w->pidfd);
	stop_polling(f, &w->oom_fd);
	record_undo(&w->record);
	arena_undo(&w->mem);
	free(w);
}

static void connection_free(const struct follower *f, struct connection *c)
{
	stop_polling(f, &c->fd);
	free(c);
}

static void follower_undo(struct follower *f)
{
	while (f->containers) {
		struct watched *w = f->containers;

		f->containers = w->next;
		watched_free(f, w);
	}
	while (f->connections) {
		struct connection *c = f->connections;

		f->connections = c->next;
		connection_free(f, c);
	}
	listener_undo(&f->listener);
	if (f->signals >= 0)
		(void)sigprocmask(SIG_SETMASK, &f->old_mask, NULL);
	own_close(&f->signals);
	own_close(&f->inotify);
	own_close(&f->epoll);
	own_close(&f->root);
}

static int poll_for(const struct follower *f, int fd, uint32_t events, struct source *source, struct err *e)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? err_sys(e, "watch a descriptor") : 0;
}

static void *make(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

static struct watched *find(const struct follower *f, const char *id)
{
	struct watched *w = f->containers;

	while (w && !str_eq(w->record.id, id))
		w = w->next;
	return w;
}

/* ---- saying ---------------------------------------------------------------------------- */

static void say(struct follower *f, const struct oci_event *event)
{
	AUTO(arena) mem = ARENA_NONE;
	struct oci_event said = *event;

	if (!said.time)
		said.time = when_now(&mem);
	if (!f->is_over && !f->say(f->self, spec_encode(&oci_event_type, &said, &mem, false)))
		f->is_over = true;
}

static void say_oom(struct follower *f, struct watched *w)
{
	say(f, &(struct oci_event){ .type = EVENT_OOM, .id = w->record.id, .pid = w->record.saved.pid });
}

/* False: its groups are gone, or nobody counts there; then it is what was counted before. */
static bool count_oom_kills(struct watched *w)
{
	AUTO(cgroup) cg = CGROUP_NONE;
	unsigned long kills;
	struct err ignored;

	w->has_counted = w->is_dead;
	if (groups_open(&cg, &w->record, &ignored) < 0 || !cgroup_count_oom_kills(&cg, &kills))
		return false;
	w->oom_counted = MAX(w->oom_counted, kills);
	return true;
}

static bool look_for_oom(struct follower *f, struct watched *w)
{
	if (!w->has_counted)
		(void)count_oom_kills(w);
	if (w->oom_counted <= w->oom_kills)
		return false;
	w->oom_kills = w->oom_counted;
	say_oom(f, w);
	return true;
}

/* In the record of this very container, when it is still there. */
static void keep(const struct follower *f, const struct watched *w, const struct oci_ending *ending)
{
	AUTO(arena) mem = ARENA_NONE;
	AUTO(record) r = RECORD_NONE;
	struct err ignored;

	if (record_load(&r, f->root_name, w->record.id, &mem, &ignored) == 0 && r.saved.pid == w->record.saved.pid &&
	    r.saved.start_time == w->record.saved.start_time)
		ending_keep(ending, &r);
}

/* Of two times in the form of RFC 3339, as when_now() writes them; either may be unknown. */
static const char *earlier(const char *a, const char *b)
{
	return !a || (b && strcmp(b, a) < 0) ? b : a;
}

static const char *later(const char *a, const char *b)
{
	return a && b && strcmp(b, a) > 0 ? b : a;
}

/* We may see it late, but who tells of its removal, at the time of BEFORE (NULL: nobody yet), has seen its end. */
static void say_exited(struct follower *f, struct watched *w, const char *before)
{
	struct oci_ending ending;
	bool known = w->pidfd >= 0 && ending_witness_pidfd(&ending, w->pidfd, &w->record, &w->mem);

	if (!known && w->told) {
		ending = *w->told;
		known = true;
	}
	(void)look_for_oom(f, w);
	/* The cgroup may be gone, but who removed it has looked. */
	if (w->told && w->told->oom && !w->oom_kills) {
		w->oom_kills = 1;
		say_oom(f, w);
	}
	w->exited_at = arena_text(&w->mem, earlier(known && ending.time ? ending.time : when_now(&w->mem), before));
	if (known) {
		ending.time = w->exited_at;
		ending.oom |= w->oom_kills > 0;
		keep(f, w, &ending);
	}
	w->has_exited = true;
	stop_polling(f, &w->oom_fd);
	stop_polling(f, &w->pidfd);
	say(f, &(struct oci_event){ .type = EVENT_EXITED, .id = w->record.id, .pid = w->record.saved.pid,
				    .time = w->exited_at, .exit = known ? &ending : NULL });
}

/* ---- containers ------------------------------------------------------------------------ */

static void watch_oom(struct follower *f, struct watched *w)
{
	AUTO(cgroup) cg = CGROUP_NONE;
	struct err ignored;

	if (groups_open(&cg, &w->record, &ignored) < 0)
		return;
	w->oom_fd = cgroup_oom_open(&cg, &w->oom_events, &ignored);
	if (w->oom_fd >= 0 && poll_for(f, w->oom_fd, w->oom_events & POLLPRI ? EPOLLPRI : EPOLLIN, &w->oom, &ignored) < 0)
		own_close(&w->oom_fd);
}

static struct watched *add(struct follower *f, const char *id)
{
	struct watched *w = make(sizeof(*w));

	*w = (struct watched){ .next = f->containers, .mem = ARENA_NONE, .record = RECORD_NONE, .pidfd = -EBADF,
			       .oom_fd = -EBADF, .process = { PROCESS, w }, .oom = { OOM, w } };
	(void)snprintf(w->record.id, sizeof(w->record.id), "%s", id);
	f->containers = w;
	return w;
}

/* Of the record only what is in memory is needed from here on. */
static void close_record(struct record *r)
{
	own_close(&r->dir);
	own_close(&r->root);
}

static void remove_it(struct follower *f, struct watched *w)
{
	for (struct watched **p = &f->containers; *p; p = &(*p)->next)
		if (*p == w) {
			*p = w->next;
			break;
		}
	watched_free(f, w);
}

static void end_it(struct follower *f, struct watched *w, const char *time)
{
	if (!w->has_exited)
		say_exited(f, w, time);
	say(f, &(struct oci_event){ .type = EVENT_DELETED, .id = w->record.id, .time = later(time, w->exited_at) });
	remove_it(f, w);
}

static void watch_process_of(struct follower *f, struct watched *w)
{
	struct err why;

	if (w->pidfd >= 0 && poll_for(f, w->pidfd, EPOLLIN, &w->process, &why) < 0)
		log_warning("\"%s\": its end will not be seen: %s", w->record.id, why.msg);
}

/* What was there before we came. */
static int add_existing(void *self, const char *id, struct err *e)
{
	struct follower *f = self;
	struct watched *w = add(f, id);
	enum status status;

	(void)e;
	/* It may have been deleted since; and one that is being created will be announced. */
	if (record_open(&w->record, f->root_name, id, &w->mem, &(struct err){}) < 0 ||
	    (status = status_of(&w->record, &w->pidfd)) == STATUS_CREATING) {
		remove_it(f, w);
		return 0;
	}
	w->is_running = status == STATUS_RUNNING || status == STATUS_PAUSED;
	w->is_paused = status == STATUS_PAUSED;
	w->has_exited = status == STATUS_STOPPED;
	if (!w->has_exited) {
		(void)count_oom_kills(w);
		w->oom_kills = w->oom_counted;
		watch_oom(f, w);
		watch_process_of(f, w);
	}
	close_record(&w->record);
	say(f, &(struct oci_event){ .type = EVENT_STATE, .id = id, .pid = w->has_exited ? 0 : w->record.saved.pid,
				    .status = status_word(status) });
	return 0;
}

static void add_created(struct follower *f, const struct oci_event *event, int *pidfd)
{
	struct watched *w = find(f, event->id);
	struct err ignored;

	if (w && w->record.saved.pid == event->pid)
		return;
	if (w)
		end_it(f, w, NULL);
	w = add(f, event->id);
	if (record_load(&w->record, f->root_name, event->id, &w->mem, &ignored) < 0 || w->record.saved.pid != event->pid) {
		record_undo(&w->record);        /* deleted already, perhaps made again */
		w->record = RECORD_NONE;
		(void)snprintf(w->record.id, sizeof(w->record.id), "%s", event->id);
		w->record.saved.pid = event->pid;
	}
	w->pidfd = TAKE_FD(*pidfd);
	close_record(&w->record);
	say(f, event);
	watch_oom(f, w);
	watch_process_of(f, w);
	(void)look_for_oom(f, w);
}

/* ---- what commands announce ------------------------------------------------------------ */

static void keep_told(struct watched *w, const struct oci_ending *ending)
{
	struct oci_ending *copy = arena_dup(&w->mem, ending, sizeof(*ending));

	copy->time = arena_strdup(&w->mem, ending->time);
	w->told = copy;
}

/* Of a container that we know. What we have seen already when we came is not said again. */
static void take_event(struct follower *f, struct watched *w, const struct oci_event *event)
{
	bool is_news = true;

	if (event->exit)
		keep_told(w, event->exit);
	if (str_eq(event->type, EVENT_DELETED)) {
		end_it(f, w, event->time);
		return;
	}
	if (str_eq(event->type, EVENT_EXITED)) {
		w->is_dead = true;
		return;
	}
	if (str_eq(event->type, EVENT_STARTED)) {
		is_news = !w->is_running;
		w->is_running = true;
	} else if (str_eq(event->type, EVENT_PAUSED) || str_eq(event->type, EVENT_RESUMED)) {
		is_news = w->is_paused != str_eq(event->type, EVENT_PAUSED);
		w->is_paused = str_eq(event->type, EVENT_PAUSED);
	}
	if (is_news)
		say(f, event);
}

static void take_message(struct follower *f, struct connection *c, const struct oci_event *event, int *pidfd)
{
	struct watched *w;

	if (str_eq(event->type, EVENT_STARTING)) {
		(void)snprintf(c->starting, sizeof(c->starting), "%s", event->id);
	} else if (str_eq(event->type, EVENT_CREATED)) {
		add_created(f, event, pidfd);
	} else {
		/* Another one of that name may have come since: it is not meant. */
		w = find(f, event->id);
		if (w && w->record.saved.pid == event->pid)
			take_event(f, w, event);
	}
}

/* What is there now; false when the connection is done. */
static bool hear(struct follower *f, struct connection *c, bool *any)
{
	for (;;) {
		AUTO(arena) mem = ARENA_NONE;
		AUTO_FD int pidfd = -EBADF;
		struct oci_event event;
		struct err e;
		int n = listener_hear(c->fd, &event, &pidfd, &mem, &e);

		if (n < 0 && e.num == EAGAIN)
			return true;
		*any = true;
		if (n < 0)
			log_warning("an announcement that makes no sense: %s", e.msg);
		if (n <= 0)
			return false;
		take_message(f, c, &event, &pidfd);
	}
}

/* At the end of the list, so that it is in the order of their coming. */
static bool accept_one(struct follower *f)
{
	struct connection **last = &f->connections, *c;
	struct err e;
	int fd = listener_accept(&f->listener, &e);

	if (fd < 0) {
		/* Out of descriptors: to go on would be to lose what is in the queue, without a rest. */
		if (e.num != EAGAIN)
			f->failure = e;
		return false;
	}
	c = make(sizeof(*c));
	*c = (struct connection){ .fd = fd, .source = { CONNECTION, c } };
	while (*last)
		last = &(*last)->next;
	*last = c;
	if (poll_for(f, fd, EPOLLIN, &c->source, &e) < 0)
		log_warning("%s", e.msg);
	return true;
}

/* All that has been announced up to now: again until a round brings nothing more. */
static void drain(struct follower *f)
{
	bool any = true;

	while (any) {
		any = false;
		while (accept_one(f))
			any = true;
		for (struct connection **p = &f->connections; *p;) {
			struct connection *c = *p;

			if (hear(f, c, &any)) {
				p = &c->next;
				continue;
			}
			*p = c->next;
			connection_free(f, c);
		}
	}
}

static bool is_starting(const struct follower *f, const char *id)
{
	for (const struct connection *c = f->connections; c; c = c->next)
		if (str_eq(c->starting, id))
			return true;
	return false;
}

/*
 * Its memory cgroup may be gone, and with it what it knew of the OOM killer.  Who removes it has told before how the container
 * ended; so that is in the queue, at the latest now.
 */
static bool is_missing_a_word(struct watched *w)
{
	return w->is_dead && !w->has_exited && !w->told && !w->has_counted && !count_oom_kills(w);
}

/* What has been seen, and waits for no start to be told first. */
static void settle(struct follower *f)
{
	struct watched *w = f->containers;

	while (w) {
		if (is_missing_a_word(w)) {
			drain(f);
			w = f->containers;      /* the list may be another one now */
		} else {
			w = w->next;
		}
	}
	for (w = f->containers; w; w = w->next) {
		if ((!w->oom_looks && !w->is_dead) || w->has_exited || is_starting(f, w->record.id))
			continue;
		if (w->is_dead)
			say_exited(f, w, NULL);
		else
			w->oom_looks = look_for_oom(f, w) ? 0 : w->oom_looks - 1;
	}
}

/* v1 tells of want of memory, and kills afterwards: for a moment we look again. v2 tells when it has counted. */
static int next_look(const struct follower *f)
{
	for (const struct watched *w = f->containers; w; w = w->next)
		if (w->oom_looks && !w->has_exited)
			return OOM_LOOK_MSEC;
	return -1;
}

/* ---- what is not announced ------------------------------------------------------------- */

/* A directory that went without a word: removed by hand, or by a `delete` that was killed. */
static void take_removals(struct follower *f)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;

	while ((n = read(f->inotify, buf, sizeof(buf))) > 0) {
		drain(f);
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *event = (const void *)p;
			struct watched *w = event->len ? find(f, event->name) : NULL;

			if (w && record_is_absent(f->root_name, event->name))
				end_it(f, w, NULL);
			p += sizeof(*event) + event->len;
		}
	}
}

static void take_signals(struct follower *f)
{
	struct signalfd_siginfo info;

	while (read(f->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP || info.ssi_signo == SIGQUIT)
			f->is_over = true;
}

static void take(struct follower *f, const struct source *s)
{
	struct watched *w = s->owner;

	switch (s->what) {
	case SIGNALS:
		take_signals(f);
		break;
	case READER:
		f->is_over = true;
		break;
	case DIRECTORY:
		take_removals(f);
		break;
	case PROCESS:
		w->is_dead = true;      /* and readable from now on: not again */
		(void)epoll_ctl(f->epoll, EPOLL_CTL_DEL, w->pidfd, NULL);
		break;
	case OOM:
		cgroup_oom_heard(w->oom_fd, w->oom_events);
		w->oom_looks = w->oom_events & POLLPRI ? 1 : OOM_LOOKS;
		break;
	case LISTENER:
	case CONNECTION:
		break;
	}
}

/* Two descriptors per container: as many as we may. */
static void want_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int prepare(struct follower *f, const char *root, int out, struct source sources[4], struct err *e)
{
	struct err ignored;
	char path[64];

	f->root_name = root;
	f->root = record_open_root(root, true, e);
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	f->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (f->root < 0)
		return -1;
	if (f->epoll < 0 || f->inotify < 0)
		return err_sys(e, "prepare to watch");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", f->root);
	if (inotify_add_watch(f->inotify, path, IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR) < 0)
		return err_sys(e, "watch the state directory");
	if (listener_open(&f->listener, f->root, e) < 0)
		return -1;
	f->signals = signals_open(false, &f->old_mask, e);
	if (f->signals < 0 || poll_for(f, f->signals, EPOLLIN, &sources[SIGNALS], e) < 0 ||
	    poll_for(f, f->inotify, EPOLLIN, &sources[DIRECTORY], e) < 0 ||
	    poll_for(f, f->listener.fd, EPOLLIN, &sources[LISTENER], e) < 0)
		return -1;
	/* EPOLLERR comes unasked, when the last reader of a pipe goes. A file cannot be watched, and need not. */
	(void)poll_for(f, out, 0, &sources[READER], &ignored);
	return 0;
}

int life_follow(const char *root, int out, events_fn *say_line, void *self, struct err *e)
{
	AUTO(follower) f = FOLLOWER_NONE;
	struct source sources[] = { [SIGNALS] = { SIGNALS, NULL }, [READER] = { READER, NULL },
				    [DIRECTORY] = { DIRECTORY, NULL }, [LISTENER] = { LISTENER, NULL } };
	struct epoll_event event;
	int n;

	f.say = say_line;
	f.self = self;
	want_descriptors();
	if (prepare(&f, root, out, sources, e) < 0 || record_each(root, add_existing, &f, e) < 0)
		return err_in(e, "events");
	/* One at a time: what one event does may free what another one in the same batch points to. */
	while (!f.is_over && f.failure.kind == ERR_NONE) {
		n = epoll_wait(f.epoll, &event, 1, next_look(&f));
		if (n < 0 && errno != EINTR)
			return err_sys(e, "events: wait");
		if (n > 0)
			take(&f, event.data.ptr);
		drain(&f);
		settle(&f);
	}
	if (f.failure.kind == ERR_NONE)
		return 0;
	*e = f.failure;
	return err_in(e, "events");
}
