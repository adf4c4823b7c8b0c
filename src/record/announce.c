/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of the announcements; see announce.h. */
#include "record/announce.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/when.h"
#include "sys/fd.h"
#include "sys/socket.h"

#define LISTENERS       ".listeners"    /* no id begins with a dot */
#define MESSAGE_MAX     4096
#define TRIES           100

SPEC_TYPE(event, "event",
	VALUE  (event, type,   "type", REQUIRED),
	VALUE  (event, id,     "id", REQUIRED),
	VALUE  (event, time,   "time", REQUIRED),
	VALUE  (event, pid,    "pid"),
	VALUE  (event, status, "status"),
	OBJECT (event, exit,   "exit", ending));

struct listing { DIR *d; };

static void listing_undo(struct listing *l)
{
	if (l->d)
		(void)closedir(l->d);
}

static int open_listing(struct listing *l, int root)
{
	struct err ignored;
	AUTO_FD int fd = fd_open_at(root, LISTENERS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &ignored);

	l->d = fd < 0 ? NULL : fdopendir(fd);
	if (!l->d)
		return -1;
	return TAKE_FD(fd);
}

/* Names with a dot are not listening yet. */
static const char *next_name(const struct listing *l)
{
	struct dirent *entry;

	do
		entry = readdir(l->d);
	while (entry && entry->d_name[0] == '.');
	return entry ? entry->d_name : NULL;
}

void announcement_undo(struct announcement *a)
{
	while (a->n)
		(void)close(a->fds[--a->n]);
}

static void connect_all(struct announcement *a, int root)
{
	AUTO(listing) l = {};
	int dir = open_listing(&l, root);
	const char *name;
	struct err why;

	while (dir >= 0 && a->n < ANNOUNCE_MAX && (name = next_name(&l))) {
		/* Not blocking: a listener that stands still must not stop containers. */
		int fd = socket_connect_at(SOCK_SEQPACKET | SOCK_NONBLOCK, dir, name, &why);

		if (fd >= 0)
			a->fds[a->n++] = fd;
		else if (why.num == ECONNREFUSED)
			(void)unlinkat(dir, name, 0);   /* its listener was killed */
		else if (why.num != ENOENT)
			log_warning("a listener to events misses one: %s", why.msg);
	}
}

static void say(const struct announcement *to, const struct record *r, const char *type, const struct oci_ending *ending,
		int pidfd)
{
	AUTO(arena) mem = ARENA_NONE;
	struct parcel parcel = { .fds = { pidfd }, .nfds = pidfd >= 0 ? 1 : 0 };
	struct oci_event event = { .type = type, .id = r->id, .time = when_now(&mem), .pid = r->saved.pid, .exit = ending };
	const char *text = spec_encode(&oci_event_type, &event, &mem, false);
	struct err why;

	for (int i = 0; i < to->n; i++)
		if (socket_send(to->fds[i], text, strlen(text), &parcel, &why) < 0 && why.num != EPIPE)
			log_warning("a listener to events misses one: %s", why.msg);
}

void announce(const struct record *r, const char *type, const struct oci_ending *ending, int pidfd)
{
	AUTO(announcement) all = ANNOUNCEMENT_NONE;

	connect_all(&all, r->root);
	if (all.n)
		say(&all, r, type, ending, pidfd);
}

bool announce_is_heard(const struct record *r)
{
	AUTO(listing) l = {};

	return open_listing(&l, r->root) >= 0 && next_name(&l);
}

void announce_starting(struct announcement *a, const struct record *r)
{
	connect_all(a, r->root);
	if (a->n)
		say(a, r, EVENT_STARTING, NULL, -1);
}

/* ---- the listener ---------------------------------------------------------------------- */

void listener_undo(struct listener *l)
{
	if (l->dir >= 0 && *l->name) {
		(void)unlinkat(l->dir, l->name, 0);
		/* The last one takes the directory with it. */
		(void)unlinkat(l->dir, "../" LISTENERS, AT_REMOVEDIR);
	}
	own_close(&l->fd);
	own_close(&l->dir);
}

static int count(int root)
{
	AUTO(listing) l = {};
	int n = 0;

	if (open_listing(&l, root) >= 0)
		while (next_name(&l))
			n++;
	return n;
}

/* Bound under another name first: who finds a socket that does not listen takes it for a dead one's. */
static int bind_and_listen(struct listener *l, int root, struct err *e)
{
	char temporary[40];

	if (mkdirat(root, LISTENERS, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make a directory for listeners");
	own_close(&l->dir);
	l->dir = fd_open_at(root, LISTENERS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (l->dir < 0)
		return -1;
	(void)snprintf(l->name, sizeof(l->name), "%ld", (long)getpid());
	(void)snprintf(temporary, sizeof(temporary), ".%s", l->name);
	(void)unlinkat(l->dir, temporary, 0);
	l->fd = socket_bind_at(SOCK_SEQPACKET | SOCK_NONBLOCK, l->dir, temporary, 0600, e);
	if (l->fd < 0)
		return -1;
	if (listen(l->fd, SOMAXCONN) < 0)
		err_sys(e, "listen");
	else if (renameat(l->dir, temporary, l->dir, l->name) < 0)
		err_sys(e, "name the socket of a listener");
	else
		return 0;
	own_close(&l->fd);
	(void)unlinkat(l->dir, temporary, 0);
	return -1;
}

int listener_open(struct listener *l, int root, struct err *e)
{
	if (count(root) >= ANNOUNCE_MAX)
		return err_set(e, ERR_STATE, "%d listeners are there already", ANNOUNCE_MAX);
	/* Another one that leaves may take the directory away between two steps. */
	for (int i = 0; i < TRIES; i++) {
		if (bind_and_listen(l, root, e) == 0)
			return 0;
		if (e->num != ENOENT)
			break;
	}
	return -1;
}

int listener_accept(const struct listener *l, struct err *e)
{
	int fd;

	do
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	return fd < 0 ? err_sys(e, "accept") : fd;
}

int listener_hear(int connection, struct oci_event *event, int *pidfd, struct arena *a, struct err *e)
{
	AUTO(parcel) parcel = {};
	char text[MESSAGE_MAX];
	struct spec_error why;
	ssize_t n = socket_receive(connection, text, sizeof(text), &parcel, e);
	void *decoded;

	*pidfd = -EBADF;
	if (n <= 0)
		return (int)n;
	if (spec_decode(&oci_event_type, text, (size_t)n, a, &decoded, &why) < 0)
		return spec_fail(e, "announcement", &why);
	*event = *(struct oci_event *)decoded;
	if (parcel.nfds)
		*pidfd = TAKE_FD(parcel.fds[0]);
	return 1;
}
