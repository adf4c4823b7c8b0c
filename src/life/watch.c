/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a foreground process.  Everything is a descriptor: signals, the process, both sides of the terminal.
 * Bytes wait in two buffers, so that a slow reader never stops signals; what the terminal still holds when
 * the process ends is copied before we return.
 */
#include "life/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"
#include "parts/notify/notify.h"
#include "sys/process.h"
#include "sys/terminal.h"

#define CHUNK 4096      /* PIPE_BUF: a pipe that polls as writable takes so much without blocking */

struct stream {
	int from, to;                   /* -EBADF: this side is done */
	size_t at, len;
	char buf[CHUNK];
};

struct loop {
	const struct watch *w;
	struct stream in, out;          /* stdin to the terminal, the terminal to stdout */
	int ready;                      /* as in struct watch, until it has been heard */
	bool is_raw, is_expired;
	struct termios old;
};

static void loop_undo(struct loop *l)
{
	struct err ignored;

	if (l->is_raw)
		(void)terminal_restore(STDIN_FILENO, &l->old, &ignored);
}

/* No more input: a reader in line mode gets the terminal's end-of-file character, as if typed. */
static void end_of_input(struct loop *l)
{
	struct termios t;

	if (tcgetattr(l->w->console, &t) == 0 && (t.c_lflag & ICANON) && t.c_cc[VEOF]) {
		l->in.buf[0] = (char)t.c_cc[VEOF];
		l->in.at = 0;
		l->in.len = 1;
	}
	l->in.from = -EBADF;
}

/* One read; false at the end of the stream. A pty without slave says EIO. */
static bool fill(struct stream *s)
{
	ssize_t n = read(s->from, s->buf, sizeof(s->buf));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	s->at = 0;
	s->len = (size_t)n;
	return n > 0;
}

static void drain(struct stream *s)
{
	ssize_t n = write(s->to, s->buf + s->at, s->len - s->at);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		/* Nobody reads any more: go on reading and throw away, or the process would block for ever. */
		s->to = -EBADF;
		s->len = s->at = 0;
		return;
	}
	s->at += (size_t)n;
	if (s->at == s->len)
		s->at = s->len = 0;
}

static void pass_signal(const struct loop *l, int sig)
{
	struct err ignored;

	if (sig == SIGCHLD || sig == SIGPIPE)
		return;
	if (sig == SIGWINCH && l->w->console >= 0) {
		(void)terminal_copy_size(STDIN_FILENO, l->w->console, &ignored);
		return;
	}
	(void)process_signal(l->w->pidfd, sig, &ignored);
}

/* Children that are not ours to watch: orphans that came to us as their subreaper. */
static void reap_orphans(pid_t watched)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0 || info.si_pid == watched)
			return;
		(void)waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
	}
}

static void take_signals(const struct loop *l)
{
	struct signalfd_siginfo info[16];
	size_t n;

	do {
		ssize_t bytes = read(l->w->signals, info, sizeof(info));

		n = bytes < 0 ? 0 : (size_t)bytes / sizeof(info[0]);
		for (size_t i = 0; i < n; i++) {
			if (info[i].ssi_signo == SIGCHLD)
				reap_orphans(l->w->pid);
			else
				pass_signal(l, (int)info[i].ssi_signo);
		}
	} while (n == ARRAY_SIZE(info));
}

enum { P_SIGNALS, P_PROCESS, P_TIMER, P_STDIN, P_MASTER, P_STDOUT, P_READY, P_MAX };

/* poll(2) ignores negative descriptors: a side with nothing to do is not asked about. */
static void prepare(const struct loop *l, struct pollfd p[P_MAX])
{
	short master = 0;

	for (int i = 0; i < P_MAX; i++)
		p[i] = (struct pollfd){ .fd = -1 };
	p[P_SIGNALS] = (struct pollfd){ .fd = l->w->signals, .events = POLLIN };
	p[P_PROCESS] = (struct pollfd){ .fd = l->w->pidfd, .events = POLLIN };
	if (l->w->timer > 0 && !l->is_expired)
		p[P_TIMER] = (struct pollfd){ .fd = l->w->timer, .events = POLLIN };
	if (l->ready > 0)
		p[P_READY] = (struct pollfd){ .fd = l->ready, .events = POLLIN };
	if (l->in.from >= 0 && !l->in.len)
		p[P_STDIN] = (struct pollfd){ .fd = l->in.from, .events = POLLIN };
	if (l->in.len)
		master |= POLLOUT;
	if (l->out.from >= 0 && !l->out.len)
		master |= POLLIN;
	if (master && l->out.from >= 0)
		p[P_MASTER] = (struct pollfd){ .fd = l->w->console, .events = master };
	if (l->out.len && l->out.to >= 0)
		p[P_STDOUT] = (struct pollfd){ .fd = l->out.to, .events = POLLOUT };
}

/* A service manager that cannot be told is no reason to end a container that runs. */
static void hear_ready(struct loop *l)
{
	struct err e;
	int heard = notify_hear(l->ready, l->w->manager, l->w->pid, &e);

	if (heard < 0)
		log_warning("%s", e.msg);
	if (heard)
		l->ready = -EBADF;
}

static void copy(struct loop *l, const struct pollfd p[P_MAX])
{
	if (p[P_STDIN].revents && !fill(&l->in))
		end_of_input(l);
	if ((p[P_MASTER].revents & POLLOUT) && l->in.len)
		drain(&l->in);
	if ((p[P_MASTER].revents & (POLLIN | POLLHUP | POLLERR)) && !l->out.len && !fill(&l->out))
		l->out.from = -EBADF;
	if (l->out.len && l->out.to < 0)
		l->out.len = l->out.at = 0;
	else if (p[P_STDOUT].revents)
		drain(&l->out);
}

/* What the process wrote before it ended. Others may hold the terminal open, so only what is there now. */
static void copy_rest(struct loop *l)
{
	while (l->out.to >= 0) {
		while (l->out.len && l->out.to >= 0) {
			struct pollfd p = { .fd = l->out.to, .events = POLLOUT };

			if (poll(&p, 1, -1) < 0 && errno != EINTR)
				return;
			drain(&l->out);
		}
		if (l->out.from < 0 || !fill(&l->out) || !l->out.len)
			return;
	}
}

static int begin_terminal(struct loop *l, struct err *e)
{
	struct err ignored;

	l->in = (struct stream){ .from = STDIN_FILENO, .to = l->w->console };
	l->out = (struct stream){ .from = l->w->console, .to = STDOUT_FILENO };
	if (fcntl(l->w->console, F_SETFL, fcntl(l->w->console, F_GETFL) | O_NONBLOCK) < 0)
		return err_sys(e, "terminal");
	/* Without a terminal of our own there is nothing to set: output still comes. */
	if (!isatty(STDIN_FILENO))
		return 0;
	(void)terminal_copy_size(STDIN_FILENO, l->w->console, &ignored);
	if (terminal_raw(STDIN_FILENO, &l->old, e) < 0)
		return -1;
	l->is_raw = true;
	return 0;
}

int watch_process(const struct watch *w, struct process_end *end, struct err *e)
{
	TRACE("watch");
	AUTO(loop) l = { .w = w, .ready = w->ready, .in = { .from = -EBADF, .to = -EBADF }, .out = { .from = -EBADF, .to = -EBADF } };
	struct pollfd p[P_MAX];

	if (w->console >= 0 && begin_terminal(&l, e) < 0)
		return -1;
	do {
		prepare(&l, p);
		if (poll(p, P_MAX, -1) < 0 && errno != EINTR)
			return err_sys(e, "watch the process");
		/* Once it has ended nobody is left to pass them to. */
		if (p[P_SIGNALS].revents && !p[P_PROCESS].revents)
			take_signals(&l);
		if (p[P_TIMER].revents) {
			l.is_expired = true;
			w->expired(w->self);
		}
		if (p[P_READY].revents)
			hear_ready(&l);
		copy(&l, p);
	} while (!p[P_PROCESS].revents);
	copy_rest(&l);
	return process_wait(w->pidfd, end, e);
}
