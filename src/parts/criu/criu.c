/* SPDX-License-Identifier: Apache-2.0 */
/* One conversation with `criu swrk`: a request, notifications that want an answer each, a response. */
#include "parts/criu/criu.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"
#include "parts/criu/message.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/procfs.h"
#include "sys/socket.h"
#include "sys/worker.h"

#define SYSTEM_PATH     "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ANSWER_MAX      65536
#define LOG_MAX         (64u << 20)
#define DYING_SEC       5               /* how long CRIU may not notice that the container is being killed */
#define LOG_LEVEL       4               /* what runc asks for, too: enough to see why it failed */

/* Numbers of fields in CRIU's messages (rpc.proto, criu_req, criu_resp, criu_notify, criu_restore_resp). */
enum { REQ_TYPE = 1, REQ_OPTS = 2, REQ_NOTIFY_SUCCESS = 3, REQ_KEEP_OPEN = 4 };
enum { RESP_TYPE = 1, RESP_SUCCESS = 2, RESP_RESTORE = 4, RESP_NOTIFY = 5, RESP_ERRNO = 7, RESP_ERRMSG = 9, RESP_VERSION = 10 };
enum { NOTIFY_SCRIPT = 1, NOTIFY_PID = 2 };
enum { RESTORE_PID = 1 };
enum { PAIR_KEY = 1, PAIR_VALUE = 2 };
enum { SERVER_ADDRESS = 1, SERVER_PORT = 2 };
enum { VERSION_MAJOR = 1, VERSION_MINOR = 2 };
enum { TYPE_NOTIFY = 6, TYPE_VERSION = 10 };

/* criu_opts */
enum {
	OPT_IMAGES_DIR_FD = 1, OPT_PID = 2, OPT_LEAVE_RUNNING = 3, OPT_EXT_UNIX_SK = 4, OPT_TCP_ESTABLISHED = 5,
	OPT_EVASIVE_DEVICES = 6, OPT_SHELL_JOB = 7, OPT_FILE_LOCKS = 8, OPT_LOG_LEVEL = 9, OPT_LOG_FILE = 10, OPT_PAGE_SERVER = 11,
	OPT_NOTIFY_SCRIPTS = 12, OPT_ROOT = 13, OPT_PARENT_IMG = 14, OPT_TRACK_MEM = 15, OPT_AUTO_DEDUP = 16,
	OPT_WORK_DIR_FD = 17, OPT_LINK_REMAP = 18, OPT_EXT_MNT = 23, OPT_CG_ROOT = 25, OPT_RST_SIBLING = 26,
	OPT_INHERIT_FD = 27, OPT_MANAGE_CGROUPS_MODE = 34, OPT_EXTERNAL = 37, OPT_EMPTY_NS = 38, OPT_JOIN_NS = 39,
	OPT_FREEZE_CGROUP = 44, OPT_TCP_SKIP_IN_FLIGHT = 46, OPT_LAZY_PAGES = 48, OPT_STATUS_FD = 49,
	OPT_ORPHAN_PTS_MASTER = 50, OPT_CONFIG_FILE = 51, OPT_TCP_CLOSE = 52, OPT_LSM_PROFILE = 53,
	OPT_LSM_MOUNT_CONTEXT = 63, OPT_NETWORK_LOCK = 64, OPT_SKIP_FILE_RWX_CHECK = 66,
};

void criu_add(struct criu_pairs *p, const char *key, const char *value, struct arena *a)
{
	if (p->n == p->size) {
		size_t size = p->size * 2 + 8;
		struct criu_pair *grown = ARENA_ARRAY(a, struct criu_pair, size);

		if (p->n)
			memcpy(grown, p->v, p->n * sizeof(*grown));
		p->v = grown;
		p->size = size;
	}
	p->v[p->n++] = (struct criu_pair){ key, value };
}

/* ---- the program --------------------------------------------------------------------- */

void criu_undo(struct criu *c)
{
	struct process_end end;
	struct err ignored;

	if (c->pidfd >= 0) {
		(void)process_signal(c->pidfd, SIGKILL, &ignored);
		(void)process_wait(c->pidfd, &end, &ignored);
	}
	own_close(&c->pidfd);
	own_close(&c->fd);
}

static pid_t tracer_of(pid_t pid)
{
	char text[4096];
	struct err ignored;
	const char *line = procfs_read_host(pid, "status", text, sizeof(text), &ignored) < 0 ? NULL : strstr(text, "\nTracerPid:\t");
	uint64_t tracer = 0;

	if (line) {
		line += strlen("\nTracerPid:\t");
		(void)num_parse_n(line, strcspn(line, "\n"), INT32_MAX, &tracer);
	}
	return (pid_t)tracer;
}

bool criu_end_tracer(pid_t pid)
{
	pid_t tracer = tracer_of(pid);
	AUTO_FD int pidfd = tracer ? sys_pidfd_open(tracer, 0) : -EBADF;
	struct err ignored;
	char name[32];

	/* Asked again, since the number may be another's by now. */
	return pidfd >= 0 && procfs_read_host(tracer, "comm", name, sizeof(name), &ignored) > 0 && str_eq(name, "criu\n") &&
	       tracer_of(pid) == tracer && process_signal(pidfd, SIGKILL, &ignored) == 0;
}

static int open_in(const char *path, struct err *e)
{
	char file[4096];
	const char *dir;
	size_t len;

	while (path && (dir = str_word(&path, ":", &len))) {
		struct text t = TEXT(file);
		int fd;

		text_addn(&t, dir, len);
		text_add(&t, "/criu");
		if (!len || dir[0] != '/' || t.cut || !path_allows(file, X_OK))
			continue;
		fd = fd_open(file, O_RDONLY, 0, e);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

int criu_open(struct err *e)
{
	int fd = open_in(getenv("PATH"), e);

	/* Podman gives some commands no PATH, and a user's has no sbin. */
	if (fd < 0)
		fd = open_in(SYSTEM_PATH, e);
	if (fd >= 0)
		return fd;
	err_set(e, ERR_UNSUPPORTED, "criu is not installed: it is neither in PATH nor in " SYSTEM_PATH);
	return err_hint(e, "install the package criu");
}

int criu_start(struct criu *out, const struct criu_start *s, struct err *e)
{
	TRACE("start criu");
	static char *const argv[] = { "criu", "swrk", "3", NULL };
	/* It calls ip, iptables and tar; what else is in our environment is none of its business. */
	static char *const envp[] = { "PATH=" SYSTEM_PATH, NULL };
	struct worker w = { .program = s->program, .argv = argv, .envp = envp, .root = s->root,
			    .own_session = !s->keeps_session };
	AUTO_FD int theirs = -EBADF;
	AUTO(criu) c = CRIU_NONE;
	int ends[2];

	if (s->n_fds > WORKER_FDS - 1)
		return err_set(e, ERR_BUG, "too many descriptors for criu");
	if (socket_pair(SOCK_SEQPACKET, ends, e) < 0)
		return -1;
	c.fd = ends[0];
	theirs = ends[1];
	w.fds[w.n_fds++] = theirs;
	for (int i = 0; i < s->n_fds; i++)
		w.fds[w.n_fds++] = s->fds[i];
	if (worker_start(&w, &c.pid, &c.pidfd, e) < 0)
		return err_in(e, "criu");
	*out = TAKE(c, CRIU_NONE);
	return 0;
}

/* ---- the request ---------------------------------------------------------------------- */

static void put_pairs(struct message *m, unsigned field, const struct criu_pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct message pair = { .a = m->a };

		message_text(&pair, PAIR_KEY, p->v[i].key);
		message_text(&pair, PAIR_VALUE, p->v[i].value);
		message_put(m, field, &pair);
	}
}

static void put_groups(struct message *m, const struct criu_pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct message pair = { .a = m->a };

		message_text(&pair, PAIR_KEY, *p->v[i].key ? p->v[i].key : NULL);
		message_text(&pair, PAIR_VALUE, p->v[i].value);
		message_put(m, OPT_CG_ROOT, &pair);
	}
}

static void put_inherited(struct message *m, const struct criu_pairs *p)
{
	bool has_file = false;

	for (size_t i = 0; i < p->n; i++) {
		struct message pair = { .a = m->a };
		uint64_t fd = 0;

		(void)num_parse(p->v[i].value, INT32_MAX, &fd);
		message_text(&pair, PAIR_KEY, p->v[i].key);
		message_number(&pair, PAIR_VALUE, (int64_t)fd);
		message_put(m, OPT_INHERIT_FD, &pair);
		/*
		 * It would compare the file in our hands with the one of the dump, for which it stands in: a log,
		 * /dev/null.
		 */
		has_file = has_file || str_starts(p->v[i].key, "file[");
	}
	message_flag(m, OPT_SKIP_FILE_RWX_CHECK, has_file);
}

static void put_externals(struct message *m, const struct criu_pairs *p)
{
	for (size_t i = 0; i < p->n; i++)
		message_text(m, OPT_EXTERNAL, p->v[i].value ?
			     arena_printf(m->a, "%s:%s", p->v[i].key, p->v[i].value) : p->v[i].key);
}

static void put_page_server(struct message *m, const struct criu_options *o)
{
	struct message server = { .a = m->a };

	if (!o->page_server)
		return;
	message_text(&server, SERVER_ADDRESS, o->page_server);
	message_number(&server, SERVER_PORT, o->page_server_port);
	message_put(m, OPT_PAGE_SERVER, &server);
}

/* What the user said. */
static void put_options(struct message *m, const struct criu_options *o)
{
	message_flag(m, OPT_LEAVE_RUNNING, o->leave_running);
	message_flag(m, OPT_EXT_UNIX_SK, o->ext_unix_sk);
	message_flag(m, OPT_TCP_ESTABLISHED, o->tcp_established);
	message_flag(m, OPT_TCP_SKIP_IN_FLIGHT, o->tcp_skip_in_flight);
	message_flag(m, OPT_TCP_CLOSE, o->tcp_close);
	message_flag(m, OPT_SHELL_JOB, o->shell_job);
	message_flag(m, OPT_FILE_LOCKS, o->file_locks);
	message_flag(m, OPT_LINK_REMAP, o->link_remap);
	message_flag(m, OPT_AUTO_DEDUP, o->auto_dedup);
	message_flag(m, OPT_LAZY_PAGES, o->lazy_pages);
	message_text(m, OPT_PARENT_IMG, o->parent);
	put_page_server(m, o);
	if (o->status_fd >= 0)
		message_number(m, OPT_STATUS_FD, o->status_fd);
	if (o->empty_network)
		message_number(m, OPT_EMPTY_NS, CLONE_NEWNET);
	message_number(m, OPT_MANAGE_CGROUPS_MODE, o->cgroups);
	if (o->network_lock != CRIU_LOCK_DEFAULT)
		message_number(m, OPT_NETWORK_LOCK, o->network_lock);
	message_text(m, OPT_LSM_PROFILE, o->lsm_profile);
	message_text(m, OPT_LSM_MOUNT_CONTEXT, o->lsm_mount_context);
}

static void put_request(struct message *m, const struct criu_request *rq)
{
	struct message o = { .a = m->a };
	bool is_restore = rq->work == CRIU_RESTORE;

	/* Numbers of ours: CRIU looks them up in our /proc/PID/fd. */
	message_number(&o, OPT_IMAGES_DIR_FD, rq->images);
	message_number(&o, OPT_WORK_DIR_FD, rq->logs);
	message_number(&o, OPT_LOG_LEVEL, LOG_LEVEL);
	message_text(&o, OPT_LOG_FILE, rq->log);
	message_flag(&o, OPT_NOTIFY_SCRIPTS, true);
	message_flag(&o, OPT_EVASIVE_DEVICES, true);
	message_flag(&o, OPT_ORPHAN_PTS_MASTER, true);
	message_flag(&o, OPT_RST_SIBLING, is_restore);
	/* The next dump shall find out what has changed since this one. */
	message_flag(&o, OPT_TRACK_MEM, rq->work == CRIU_PRE_DUMP || (!is_restore && rq->options->parent));
	if (!is_restore)
		message_number(&o, OPT_PID, rq->pid);
	message_text(&o, OPT_ROOT, rq->root);
	message_text(&o, OPT_FREEZE_CGROUP, rq->freezer);
	put_pairs(&o, OPT_EXT_MNT, &rq->mounts);
	put_pairs(&o, OPT_JOIN_NS, &rq->joins);
	put_groups(&o, &rq->groups);
	put_inherited(&o, &rq->inherited);
	put_externals(&o, &rq->externals);
	put_options(&o, rq->options);
	message_text(&o, OPT_CONFIG_FILE, rq->config_file);
	message_number(m, REQ_TYPE, rq->work);
	message_put(m, REQ_OPTS, &o);
}

/* ---- the answers ---------------------------------------------------------------------- */

struct answer {
	unsigned type;
	bool success;
	char script[64];
	pid_t pid;
	int num;
	unsigned version[2];
	char said[400];                 /* CRIU's first error */
};

static void copy_text(char *to, size_t size, const struct field *f)
{
	struct text t = { .s = to, .size = size };

	if (f->bytes)
		text_addn(&t, f->bytes, f->len);
}

/* A message within the answer: what happened, the restored init, or the version. */
static void read_inner(struct answer *a, const struct field *outer)
{
	const char *at = outer->bytes, *end = at + outer->len;
	struct field f;

	while (field_next(&at, end, &f)) {
		if (outer->number == RESP_NOTIFY && f.number == NOTIFY_SCRIPT)
			copy_text(a->script, sizeof(a->script), &f);
		if ((outer->number == RESP_NOTIFY && f.number == NOTIFY_PID) ||
		    (outer->number == RESP_RESTORE && f.number == RESTORE_PID))
			a->pid = (pid_t)f.value;
		if (outer->number == RESP_VERSION && (f.number == VERSION_MAJOR || f.number == VERSION_MINOR))
			a->version[f.number - VERSION_MAJOR] = (unsigned)f.value;
	}
}

static void read_answer(struct answer *a, const char *bytes, size_t n)
{
	const char *at = bytes, *end = bytes + n;
	struct field f;

	*a = (struct answer){ .type = 0 };
	while (field_next(&at, end, &f)) {
		if (f.number == RESP_TYPE)
			a->type = (unsigned)f.value;
		else if (f.number == RESP_SUCCESS)
			a->success = f.value;
		else if (f.number == RESP_ERRNO)
			a->num = (int)f.value;
		else if (f.number == RESP_ERRMSG)
			copy_text(a->said, sizeof(a->said), &f);
		else if (f.bytes && (f.number == RESP_NOTIFY || f.number == RESP_RESTORE || f.number == RESP_VERSION))
			read_inner(a, &f);
	}
}

static int reply(const struct criu *c, bool success, struct arena *a, struct err *e)
{
	struct message m = { .a = a };

	message_number(&m, REQ_TYPE, TYPE_NOTIFY);
	message_number(&m, REQ_NOTIFY_SUCCESS, success);
	return socket_send(c->fd, m.bytes, m.len, NULL, e);
}

/* ---- what went wrong ------------------------------------------------------------------- */

/*
 * The first line of the log that is an error, as CRIU's response says it only since 3.?: the later ones follow
 * from it.
 */
static void search_log(const struct criu_request *rq, char *out, size_t size)
{
	AUTO(arena) mem = ARENA_NONE;
	struct err ignored;
	AUTO_FD int fd = fd_open_at(rq->logs, rq->log, O_RDONLY, 0, &ignored);
	struct text t = { .s = out, .size = size };
	char *text, *line;
	size_t len;

	text = fd >= 0 ? fd_read_all(fd, LOG_MAX, &mem, &len, &ignored) : NULL;
	line = text ? strstr(text, "Error (") : NULL;
	if (line)
		text_addn(&t, line, strcspn(line, "\n"));
}

static int failed(const struct criu_request *rq, struct answer *a, struct err *e)
{
	if (!a->said[0])
		search_log(rq, a->said, sizeof(a->said));
	for (size_t n = strlen(a->said); n && a->said[n - 1] == '\n'; n--)
		a->said[n - 1] = '\0';
	str_keep_one_line(a->said);
	if (a->said[0])
		return err_set(e, ERR_PEER, "criu: %s (more in \"%s\")", a->said, rq->log_path);
	/* Errors of its own kind come as numbers that are none of these. */
	if (a->num)
		return err_set(e, ERR_PEER, "criu failed: %s (see \"%s\")", strerror(a->num), rq->log_path);
	return err_set(e, ERR_PEER, "criu failed (see \"%s\")", rq->log_path);
}

/* The other end is closed: how did it end? */
static int died(struct criu *c, const struct criu_request *rq, struct err *e)
{
	struct process_end end;
	char said[400] = "";

	if (process_wait(c->pidfd, &end, e) < 0)
		return -1;
	own_close(&c->pidfd);
	search_log(rq, said, sizeof(said));
	str_keep_one_line(said);
	return err_set(e, ERR_PEER, "criu %s %d before it had answered%s%s (see \"%s\")",
		       end.signaled ? "was killed by signal" : "exited with", end.code, *said ? ": " : "", said, rq->log_path);
}

/* ---- the conversation ------------------------------------------------------------------ */

/*
 * Until CRIU says something.  It waits for ever when init is killed in the wrong moment: for a stop of init, which waits in its
 * end for the others of its PID namespace, which end only when CRIU, which traces them, looks at them.
 */
static int await_answer(const struct criu *c, const struct criu_request *rq, struct err *e)
{
	for (int left = DYING_SEC; left > 0; ) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN };
		int n = poll(&p, 1, 1000);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(e, "criu: poll");
		left -= n == 0 && process_is_ending(rq->pid) && tracer_of(rq->pid);
	}
	(void)criu_end_tracer(rq->pid);
	return err_set(e, ERR_PEER, "the container was killed meanwhile, and criu has been, since it still waited for it after %d s: "
		       "the images are not complete (see \"%s\")", DYING_SEC, rq->log_path);
}

/* One message: 1 it was the last one, 0 there are more, -1. WHY keeps the first error of ours. */
static int step(struct criu *c, const struct criu_request *rq, criu_hear_fn *hear, void *self, struct answer *a,
		struct err *why, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	AUTO(parcel) parcel = { .nfds = 0 };
	char *bytes = arena_alloc(&mem, ANSWER_MAX);
	ssize_t n = socket_receive(c->fd, bytes, ANSWER_MAX, &parcel, e);
	int none = -EBADF, result;

	if (n < 0 && e->num != ECONNRESET)
		return err_in(e, "criu");
	if (n <= 0)
		return died(c, rq, e);
	read_answer(a, bytes, (size_t)n);
	if (a->type != TYPE_NOTIFY || !hear)
		return 1;
	result = hear(self, a->script, a->pid, parcel.nfds ? &parcel.fds[0] : &none, e);
	if (result < 0 && why->kind == ERR_NONE)
		*why = *e;
	/* That CRIU is gone will be seen, and explained, by the next receive. */
	(void)reply(c, result == 0, &mem, e);
	return 0;
}

/*
 * What a CRIU does not know of a request it leaves out without a word.  3.15 knows all that is always said; 2.x does not know
 * this question either.
 */
static int check_version(struct criu *c, const struct criu_request *rq, struct arena *mem, struct err *e)
{
	const struct criu_options *o = rq->options;
	const struct { bool is_needed; unsigned minor; const char *what; } needs[] = {
		{ true, 15, "husk" }, { o->lsm_mount_context, 16, "--lsm-mount-context" },
		{ o->network_lock != CRIU_LOCK_DEFAULT, 17, "--network-lock" },
	};
	struct message m = { .a = mem };
	struct err why = { .kind = ERR_NONE };
	struct answer a;

	message_number(&m, REQ_TYPE, TYPE_VERSION);
	message_flag(&m, REQ_KEEP_OPEN, true);
	if (socket_send(c->fd, m.bytes, m.len, NULL, e) < 0 && e->num != EPIPE)
		return err_in(e, "criu");
	if (step(c, rq, NULL, NULL, &a, &why, e) < 0)
		return -1;
	if (a.type != TYPE_VERSION || !a.success)
		return err_set(e, ERR_UNSUPPORTED, "criu is too old: it does not tell its version, and 3.%u is needed", needs[0].minor);
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (needs[i].is_needed && (a.version[0] < 3 || (a.version[0] == 3 && a.version[1] < needs[i].minor)))
			return err_set(e, ERR_UNSUPPORTED, "criu is too old: it is %u.%u, and %s needs 3.%u", a.version[0],
				       a.version[1], needs[i].what, needs[i].minor);
	return 0;
}

int criu_ask(struct criu *c, const struct criu_request *rq, criu_hear_fn *hear, void *self, pid_t *restored, struct err *e)
{
	TRACE("criu");
	AUTO(arena) mem = ARENA_NONE;
	struct message m = { .a = &mem };
	struct err why = { .kind = ERR_NONE };
	struct answer a = { .type = 0 };
	struct process_end end;
	/* From post-dump on all is written, and it is CRIU that kills. */
	bool may_hang = rq->work != CRIU_RESTORE;
	int last;

	if (check_version(c, rq, &mem, e) < 0)
		return -1;
	put_request(&m, rq);
	if (socket_send(c->fd, m.bytes, m.len, NULL, e) < 0 && e->num != EPIPE)
		return err_in(e, "criu");
	do {
		if (may_hang && await_answer(c, rq, e) < 0)
			return -1;
		last = step(c, rq, hear, self, &a, &why, e);
		may_hang = may_hang && !str_eq(a.script, "post-dump");
	} while (last == 0);
	if (why.kind != ERR_NONE) {
		*e = why;
		return -1;
	}
	if (last < 0)
		return -1;
	if (!a.success || a.type != rq->work)
		return failed(rq, &a, e);
	if (restored)
		*restored = a.pid;
	/* A pre-dump would take more requests. */
	own_close(&c->fd);
	if (process_wait(c->pidfd, &end, e) < 0)
		return err_in(e, "criu");
	own_close(&c->pidfd);
	return 0;
}
