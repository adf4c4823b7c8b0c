/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both sides of the conversation; linked into husk and into husk-init.
 *
 * A message is a struct of fixed size (CVE-2021-43784: lengths that the other side chooses), and nothing
 * of one is believed before its size, type and step have been checked.
 */
#include "spawn/handshake.h"

#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/trace.h"
#include "spawn/spawn.h"
#include "spawn/stages.h"
#include "spawn/stamps.h"

#define STEP(name, done, does) [STEP_##name] = { #name, done, does },
const struct step_name step_names[STEP_MAX] = { HANDSHAKE(STEP) };
#undef STEP

#define STAGE(name, text) [STAGE_##name] = text,
static const char *const stage_names[STAGE_MAX] = { STAGES(STAGE) };
#undef STAGE

const char *stage_name(int id)
{
	return id >= 0 && id < STAGE_MAX ? stage_names[id] : "unknown stage";
}

void stamp_put(struct crumb *c, int stage, uint64_t begin)
{
	uint32_t n = c->n;

	if (n >= sizeof(c->stamp) / sizeof(c->stamp[0]))
		return;
	c->stamp[n] = (struct stamp){ .stage = stage, .begin = begin };
	__atomic_store_n(&c->n, n + 1, __ATOMIC_RELEASE);
}

static bool asks_for_place(const struct plan *p)
{
	/* systemd moves init into the scope that it makes for it. */
	return p->cgroup.manager == CGROUP_MANAGER_SYSTEMD || (p->cgroup.inner && !p->is_exec) || p->limits.exceed_ours ||
	       p->schedule.has_scheduler || p->schedule.has_io_priority || p->net.n || p->rdt.is_set;
}

/* Groups of v1 are made while init makes its namespaces; all others are there, and open, before init is. */
bool spawn_tells_place(const struct plan *p)
{
	return p->ns.later && !asks_for_place(p);
}

/* What init and husk have to say to each other while the root file system is built, and before it is entered. */
static uint32_t about_rootfs(const struct plan *p)
{
	uint32_t needed = 0;

	if (p->mounts.n_trees)
		needed |= STEP_BIT(TREES);
	if (p->only_mounts)
		needed |= STEP_BIT(MOUNTED);
	/* createContainer too: husk has to know that hooks have begun, for then poststop hooks run whatever happens. */
	if (p->hooks.kind[HOOK_PRESTART].n || p->hooks.kind[HOOK_CREATE_RUNTIME].n ||
	    p->hooks.kind[HOOK_CREATE_CONTAINER].n)
		needed |= STEP_BIT(HOOKS);
	if (p->stdio.terminal)
		needed |= STEP_BIT(CONSOLE);
	return needed;
}

/*
 * Then nothing of what init does until it has entered the root needs it in the cgroups: no hook, no question, and no memory
 * but that of the mounts themselves, which it takes where husk is.
 */
bool spawn_places_late(const struct plan *p)
{
	return spawn_tells_place(p) && !(p->ns.make & CLONE_NEWCGROUP) && !p->mounts.copies && !about_rootfs(p);
}

/* The common container needs READY alone, exec not even that: each question is a round trip. */
uint32_t spawn_needed(const struct plan *p)
{
	uint32_t needed = about_rootfs(p) | (p->is_exec && !p->only_mounts ? 0 : STEP_BIT(READY));

	if (p->ns.later || asks_for_place(p))
		needed |= STEP_BIT(PLACE);
	if (spawn_places_late(p))
		needed |= STEP_BIT(GROUPS);
	if (p->idmap.is_set)
		needed |= STEP_BIT(IDMAP);
	if (p->ns.needs_bridge)
		needed |= STEP_BIT(INIT);
	if (p->seccomp.has_listener)
		needed |= STEP_BIT(NOTIFY);
	return needed;
}

enum type { ASK = 1, ANSWER, LOG, FAILED };

struct message {
	uint8_t type, step, level, unused[5];
	int64_t number;
	struct err err;                 /* FAILED; msg is the text of a LOG */
};

#define SHORT offsetof(struct message, err)     /* what is sent of an ASK or ANSWER */

static int put(int fd, struct message *m, const struct parcel *p, struct err *e)
{
	size_t size = m->type == LOG || m->type == FAILED ? sizeof(*m) : SHORT;

	return socket_send(fd, m, size, p, e);
}

/* Tells without making a failure worse: the peer may be gone. */
static void put_failed(int fd, const struct err *e)
{
	struct message m = { .type = FAILED, .err = *e };
	struct err ignored;

	(void)put(fd, &m, NULL, &ignored);
}

static bool is_well_formed(const struct message *m, ssize_t size)
{
	switch (m->type) {
	case ASK:
	case ANSWER:
		return size == (ssize_t)SHORT && m->step < STEP_MAX;
	case LOG:
		return size == sizeof(*m) && m->level <= LOG_DEBUG;
	case FAILED:
		return size == sizeof(*m) && m->err.kind > ERR_NONE && m->err.kind <= ERR_BUG;
	}
	return false;
}

/* 1: a message, 0: the peer is gone, -1: error. Descriptors only come with 1. */
static int get(int fd, struct message *m, struct parcel *p, struct err *e)
{
	ssize_t size = socket_receive(fd, m, sizeof(*m), p, e);

	/* Said once, and before what is there to be read, when the peer has left something unread (unix(7) does not tell). */
	if (size < 0 && e->num == ECONNRESET)
		size = socket_receive(fd, m, sizeof(*m), p, e);
	if (size == 0 || (size < 0 && e->num == ECONNRESET))
		return 0;
	if (size < 0)
		return -1;
	if (size < (ssize_t)SHORT || !is_well_formed(m, size)) {
		parcel_undo(p);
		return err_set(e, ERR_PEER, "a malformed message");
	}
	if (size == sizeof(*m))
		err_received(&m->err);
	return 1;
}

int handshake_open(struct handshake *h, uint32_t needed, int *init_fd, struct err *e)
{
	int fd[2];

	if (socket_pair(SOCK_SEQPACKET, fd, e) < 0)
		return -1;
	*h = (struct handshake){ .fd = fd[0], .needed = needed, .at = -1 };
	*init_fd = fd[1];
	return 0;
}

bool handshake_needs(const struct handshake *h, enum step s)
{
	return h->needed & 1u << s;
}

/* Asked any number of times, none included. */
static bool repeats(int s)
{
	return s == STEP_TREES || s == STEP_MOUNTED;
}

/* The first step after the last one that has to come; STEP_MAX: none. */
static int next_step(const struct handshake *h)
{
	int s = h->at + 1;

	while (s < STEP_MAX && (!handshake_needs(h, s) || repeats(s)))
		s++;
	return s;
}

/* Is S what may be asked now?  Both sides decide by this, so they cannot disagree. */
static bool may_ask(const struct handshake *h, int s)
{
	if (!handshake_needs(h, s))
		return false;
	if (repeats(s))
		return s >= h->at && s < next_step(h);
	return s == next_step(h);
}

/* ---- host ------------------------------------------------------------------------ */

/*
 * The bridge has died between making the final init and telling of it.  That one holds the other end of the socket, too, and
 * waits for an answer: without looking at the bridge, both would wait for ever.
 */
static bool is_abandoned(const struct handshake *h)
{
	struct pollfd p[] = { { .fd = h->fd, .events = POLLIN }, { .fd = h->bridge, .events = POLLIN } };

	if (!h->bridge || !handshake_needs(h, STEP_INIT) || h->at >= STEP_INIT)
		return false;
	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	/* It may have told just before it exited, while poll(2) was between the two. */
	return !p[0].revents && p[1].revents && poll(p, 1, 0) == 0;
}

/* The next message that is not a line for the log: as get(), FAILED is -1 with init's error. */
static int hear(struct handshake *h, struct message *m, struct parcel *p, struct err *e)
{
	for (;;) {
		int r = is_abandoned(h) ? 0 : get(h->fd, m, p, e);

		if (r < 0)
			return err_in(e, "receive from init");
		if (r == 0)
			return 0;
		if (m->type == LOG) {
			parcel_undo(p);
			log_say(m->level, "init: %s", m->err.msg);
			continue;
		}
		if (m->type == FAILED) {
			parcel_undo(p);
			*e = m->err;
			return -1;
		}
		return 1;
	}
}

static int serve_one(struct handshake *h, int s, struct letter *q, serve_fn *const serve[STEP_MAX], void *host,
		     struct err *e)
{
	struct letter a = { .number = 0 };
	struct message reply = { .type = ANSWER, .step = (uint8_t)s };
	TRACE(step_names[s].name);
	int ret;

	if (!serve[s])
		ret = err_set(e, ERR_BUG, "nobody serves the step %s", step_names[s].name);
	else
		ret = serve[s](host, q, &a, e);
	if (ret < 0) {
		put_failed(h->fd, e);
	} else {
		reply.number = a.number;
		ret = put(h->fd, &reply, &a.parcel, e);
		/* The final init goes on without this one, to execve(2) when it has nothing else to ask. */
		if (ret < 0 && s == STEP_INIT && (e->num == EPIPE || e->num == ECONNRESET))
			ret = 0;
		if (ret < 0)
			err_set(e, ERR_PEER, "init ended after it had %s", step_names[s].init_done);
	}
	parcel_undo(&a.parcel);
	h->at = s;
	return ret < 0 ? -1 : 0;
}

int handshake_serve(struct handshake *h, serve_fn *const serve[STEP_MAX], void *host, enum step last, struct err *e)
{
	int due;

	while ((due = next_step(h)) <= (int)last) {
		struct message m;
		struct letter q = { .number = 0 };
		int ret = hear(h, &m, &q.parcel, e);

		if (ret < 0)
			return -1;
		if (ret == 0)
			return err_set(e, ERR_PEER, "init ended before it had %s", step_names[due].init_done);
		q.number = m.number;
		if (m.type != ASK || !may_ask(h, m.step)) {
			ret = err_set(e, ERR_BUG, "init asks for the step %s, not for %s", step_names[m.step].name,
				      step_names[due].name);
			put_failed(h->fd, e);
		} else {
			ret = serve_one(h, m.step, &q, serve, host, e);
		}
		parcel_undo(&q.parcel);
		if (ret < 0)
			return -1;
	}
	return 0;
}

int handshake_tell(struct handshake *h, enum step s, const struct letter *a, struct err *e)
{
	struct message m = { .type = ANSWER, .step = (uint8_t)s, .number = a->number };

	if (!may_ask(h, s))
		return err_set(e, ERR_BUG, "the step %s out of order", step_names[s].name);
	h->at = s;
	/* Of an init that has ended the next one who listens hears why. */
	return put(h->fd, &m, &a->parcel, e) < 0 && e->num != EPIPE && e->num != ECONNRESET ? -1 : 0;
}

int handshake_wait_exec(struct handshake *h, struct err *e)
{
	TRACE("wait for execve");
	struct message m;
	struct parcel p = { .nfds = 0 };
	int ret = hear(h, &m, &p, e);

	if (ret <= 0)
		return ret;
	parcel_undo(&p);
	return err_set(e, ERR_BUG, "init asks for the step %s after the last one", step_names[m.step].name);
}

/* ---- init ------------------------------------------------------------------------ */

void handshake_await_later(struct handshake *h, enum step s)
{
	h->later = s + 1;
}

int handshake_settle(struct handshake *h, struct letter *a, struct err *e)
{
	int s = h->later - 1;

	h->later = 0;
	if (a)
		*a = (struct letter){ .number = 0 };
	return s < 0 ? 0 : handshake_await(h, (enum step)s, a, e);
}

bool handshake_is_over(const struct handshake *h)
{
	struct pollfd p = { .fd = h->fd };

	return poll(&p, 1, 0) > 0;
}

int handshake_ask_only(struct handshake *h, enum step s, const struct letter *q, struct err *e)
{
	struct message m = { .type = ASK, .step = (uint8_t)s, .number = q ? q->number : 0 };

	if (handshake_settle(h, NULL, e) < 0)
		return -1;
	if (!may_ask(h, s))
		return err_set(e, ERR_BUG, "the step %s out of order", step_names[s].name);
	if (put(h->fd, &m, q ? &q->parcel : NULL, e) < 0)
		return err_set(e, ERR_PEER, "husk went away");
	return 0;
}

int handshake_await(struct handshake *h, enum step s, struct letter *a, struct err *e)
{
	struct message m;
	struct letter none, *to = a ? a : &none;
	int ret;

	to->parcel.nfds = 0;
	ret = get(h->fd, &m, &to->parcel, e);
	if (ret == 0)
		return err_set(e, ERR_PEER, "husk went away");
	if (ret < 0)
		return err_in(e, "receive from husk");
	if (m.type == FAILED || m.type != ANSWER || m.step != s) {
		parcel_undo(&to->parcel);
		if (m.type != FAILED)
			return err_set(e, ERR_BUG, "an unexpected answer");
		*e = m.err;
		return -1;
	}
	to->number = m.number;
	h->at = (int)s;
	if (!a)
		parcel_undo(&none.parcel);
	return 0;
}

int handshake_ask(struct handshake *h, enum step s, const struct letter *q, struct letter *a, struct err *e)
{
	if (!handshake_needs(h, s)) {
		if (a)
			*a = (struct letter){ .number = 0 };
		return 0;
	}
	if (handshake_ask_only(h, s, q, e) < 0)
		return -1;
	return handshake_await(h, s, a, e);
}

int handshake_log(struct handshake *h, enum log_level level, const char *text)
{
	struct message m = { .type = LOG, .level = (uint8_t)level };
	struct err ignored;

	snprintf(m.err.msg, sizeof(m.err.msg), "%s", text);
	return put(h->fd, &m, NULL, &ignored);
}

void handshake_failed(struct handshake *h, const struct err *e)
{
	struct err ignored;

	(void)handshake_settle(h, NULL, &ignored);
	put_failed(h->fd, e);
}
