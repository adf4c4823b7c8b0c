/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transaction behind `create` and `run`.  Nothing of the world is changed before the plan stands (that init may be there
 * already, and waits for it, changes nothing); then an intent goes into the record before the first side effect, so that a
 * husk killed at any point leaves something that `delete --force` can finish.
 */
#include "life/making.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"
#include "base/when.h"
#include "life/answers.h"
#include "life/locate.h"
#include "parts/cgroup/control.h"
#include "parts/notify/notify.h"
#include "plan/process.h"
#include "record/announce.h"
#include "record/gate.h"
#include "record/groups.h"
#include "record/root.h"
#include "record/streams.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/socket.h"
#include "sys/terminal.h"

char *making_state(struct making *m, enum status status)
{
	struct life_state state = {
		.id = m->plan->id, .bundle = m->plan->bundle, .status = status,
		.pid = status == STATUS_STOPPED ? 0 : m->child.pid,
		.annotations = m->config->annotations,
	};

	return life_line_json(&state, &m->mem);
}

/* Hooks have begun, so the life that they took part in is ended for them, too (runtime.md, Lifecycle 3-5, 13). */
static void end_for_hooks(struct making *m)
{
	struct err e;

	if (m->has_run_hooks && hooks_run(&m->plan->hooks, HOOK_POSTSTOP, making_state(m, STATUS_STOPPED), 0, &e) < 0)
		log_warning("%s", e.msg);
}

void making_undo(struct making *m)
{
	child_undo(&m->child);
	parcel_undo(&m->groups);
	cgroup_undo(&m->cgroup);
	rdt_undo(&m->rdt);
	if (m->is_announced)
		announce(&m->record, EVENT_DELETED, NULL, -1);
	record_undo(&m->record);
	end_for_hooks(m);
	own_close(&m->console);
	own_close(&m->gate);
	own_close(&m->notify);
	announcement_undo(&m->starting);
	arena_undo(&m->shared);
	arena_undo(&m->mem);
}

void making_keep(struct making *m)
{
	child_keep(&m->child);
	cgroup_keep(&m->cgroup);
	rdt_keep(&m->rdt);
	record_keep(&m->record);
	m->is_announced = false;
	m->has_run_hooks = false;
}

/* root.path as the host has it: BuildKit looks users up there. */
static const char *rootfs_path(const struct making *m, const char *bundle, struct arena *a)
{
	const char *path = m->config->root ? m->config->root->path : NULL;

	if (!path || path[0] == '/')
		return path;
	return arena_printf(a, "%s/%s", bundle, path);
}

/* What of config.json commands ask for that come when the container is there already, and for nothing else. */
static bool is_plain(const struct oci_config *c)
{
	return c->process && !c->hooks && (!c->linux_ || !c->linux_->intel_rdt);
}

static void fill_record(struct making *m, const struct create_request *rq)
{
	struct cgroup_paths paths;

	m->record.saved = (struct oci_saved){
		.bundle = rq->bundle, .rootfs = rootfs_path(m, rq->bundle, &m->mem), .created = when_now(&m->mem),
		.uid = geteuid(), .plain = is_plain(m->config), .rootless = m->host.is_rootless,
		.own_pids = m->plan->ns.make & CLONE_NEWPID, .no_new_keyring = rq->no_new_keyring,
		.rdt_stays = rdt_class_exists(&m->plan->rdt),
		.notify = rq->activation.notify_socket, .annotations = m->config->annotations,
	};
	if (!m->plan->stdio.terminal)
		streams_name(&m->record.saved.streams, &m->mem);
	cgroup_paths_planned(&paths, &m->plan->cgroup);
	groups_save(&m->record, &paths, &m->mem);
}

static bool is_given(const char *s)
{
	return s && *s;
}

unsigned making_facts(const struct oci_config *c)
{
	const struct oci_process *p = c->process;
	const struct oci_linux *l = c->linux_;
	unsigned facts = HOST_CGROUPS;

	if ((p && (is_given(p->apparmor_profile) || is_given(p->selinux_label))) ||
	    (l && (is_given(l->mount_label) || l->seccomp)))
		facts |= HOST_GUARDS;
	for (size_t i = 0; i < c->annotations.n; i++)
		if (str_starts(c->annotations.v[i].key, "run.oci.seccomp"))     /* a filter, without linux.seccomp */
			facts |= HOST_GUARDS;
	if (l && l->intel_rdt)
		facts |= HOST_RDT;
	if (p && p->exec_cpu_affinity)
		facts |= HOST_CPUS;
	/* The two kinds that kernels of distributions are built without; the others are clone3(2)'s to refuse. */
	if (oci_namespace_of(l, OCI_NS_USER) || oci_namespace_of(l, OCI_NS_TIME))
		facts |= HOST_NAMESPACES;
	return facts;
}

static int read_config(struct making *m, struct err *e)
{
	if (arena_share(&m->shared, e) < 0)
		return -1;
	m->text = config_read(m->rq->config, &m->mem, &m->len, e);
	return m->text ? config_decode(&m->config, "config.json", m->text, m->len, &m->shared, e) : -1;
}

/* Everything that can be found out without doing anything. */
static int decide(struct making *m, struct err *e)
{
	if (host_look_for(&m->host, making_facts(m->config), &m->mem, e) < 0)
		return -1;
	if (plan_create(&m->plan, m->config, m->rq, &m->host, &m->shared, e) < 0)
		return config_locate(e, "", "config.json", m->text, m->len);
	return 0;
}

/*
 * Where the groups come later than init (ns_plan.later) it can come before the plan, which is then made while init makes its
 * namespaces.  Nothing of the world is changed by that: nobody else is in them, and when we end it does, too.  A guess: if the
 * plan has it otherwise, or this birth fails, whoever carries the plan out begins anew, and has the reason to tell.
 */
static void bear_early(struct making *m)
{
	const struct host any = { .ns_kinds = UINT64_MAX };
	struct ns_plan ns;
	struct err e;

	if (m->rq->manager != CGROUP_MANAGER_FS || ns_plan(&ns, m->config, &any, &m->mem, &e) < 0)
		return;
	ns_plan_later(&ns);
	if (!ns.later || !host_has_v1_alone())
		return;
	m->early = spawn_birth_in(&ns);
	m->early.preserved = process_preserved(m->config->process, &m->rq->activation, m->rq->preserve_fds);
	if (spawn(&m->child, &m->early, &e) < 0)
		log_debug("%s", e.msg);
}

int making_remember(struct making *m, struct err *e)
{
	fill_record(m, m->rq);
	if (record_save_config(&m->record, m->text, m->len, e) < 0 || record_save(&m->record, &m->mem, e) < 0)
		return -1;
	if (!m->plan->notify.host)
		return 0;
	return notify_make(&m->plan->notify, m->record.dir, e);
}

/* The state directory by its full name: what is mounted into the container out of it is found by path. */
static int resolve_root(struct making *m, struct create_request *rq, struct err *e)
{
	char path[PATH_MAX], cwd[PATH_MAX];

	if (record_root_path(rq->root, path, sizeof(path), e) < 0)
		return -1;
	if (path[0] == '/')
		rq->root = arena_strdup(&m->mem, path);
	else if (getcwd(cwd, sizeof(cwd)))
		rq->root = arena_printf(&m->mem, "%s/%s", cwd, path);
	else
		return err_sys(e, "working directory");
	return 0;
}

static int reserve(struct making *m, const struct create_request *given, struct err *e)
{
	struct create_request *rq = arena_dup(&m->mem, given, sizeof(*given));

	m->console_socket = rq->console_socket;
	m->rq = rq;
	return resolve_root(m, rq, e) < 0 || record_reserve(&m->record, rq->root, rq->id, e) < 0 ? -1 : 0;
}

int making_prepare(struct making *m, const struct create_request *rq, struct err *e)
{
	return reserve(m, rq, e) < 0 || read_config(m, e) < 0 ? -1 : decide(m, e);
}

int making_pid_file(const char *path, pid_t pid, struct err *e)
{
	TRACE("pid file");
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	AUTO_FD int dir = -EBADF;
	AUTO(arena) mem = ARENA_NONE;
	char text[16];

	/* Digits alone: containerd's strconv.Atoi takes no newline. */
	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	dir = fd_open(slash == path ? "/" : slash ? arena_strndup(&mem, path, (size_t)(slash - path)) : ".",
		      O_PATH | O_DIRECTORY, 0, e);
	if (dir < 0 || file_replace_at(dir, name, text, strlen(text), 0644, e) < 0)
		return err_in(e, "pid file \"%s\"", path);
	return 0;
}

int making_pidfd_socket(const char *path, int pidfd, struct err *e)
{
	AUTO_FD int fd = socket_connect(SOCK_STREAM, path, e);

	if (fd < 0 || socket_send(fd, "pidfd", 5, &(struct parcel){ .fds = { pidfd }, .nfds = 1 }, e) < 0)
		return err_in(e, "pidfd socket \"%s\"", path);
	return 0;
}

static int fill_process(struct making *m, struct err *e)
{
	struct oci_saved *saved = &m->record.saved;
	struct cgroup_paths paths;

	saved->pid = m->child.pid;
	if (process_start_time(m->child.pid, &saved->start_time, e) < 0)
		return -1;
	saved->pidfs = process_pidfd_number(m->child.pidfd);
	cgroup_paths_of(&paths, &m->cgroup);
	groups_save(&m->record, &paths, &m->mem);
	return 0;
}

int making_save_process(struct making *m, struct err *e)
{
	return fill_process(m, e) < 0 ? -1 : record_save(&m->record, &m->mem, e);
}

int making_foresee(struct making *m, struct err *e)
{
	const struct plan *p = m->plan;
	int ret;

	/* Hooks meet the container half made, and the process in its record. */
	if (p->is_exec || p->only_mounts || spawn_needed(p) & STEP_BIT(HOOKS))
		return 0;
	if (!m->goes_on) {
		m->gate = gate_make(m->record.dir, e);
		if (m->gate < 0)
			return -1;
	}
	if (fill_process(m, e) < 0)
		return -1;
	m->record.saved.complete = true;
	ret = record_save_next(&m->record, &m->mem, e);
	m->record.saved.complete = false;
	return ret;
}

int making_complete(struct making *m, struct err *e)
{
	m->record.saved.complete = true;
	if (m->record.has_next)
		return record_put_next(&m->record, e);
	return making_save_process(m, e);
}

/* What the container finds around it, in the order in which `delete` has to know of it. */
static int surround(struct making *m, struct err *e)
{
	return making_remember(m, e) < 0 || rdt_make(&m->rdt, &m->plan->rdt, e) < 0 ? -1 :
	       cgroup_make_bare(&m->cgroup, &m->plan->cgroup, e);
}

/* Before the birth, for an init that is born in its groups, or enters them at birth. */
static int surround_before(struct making *m, struct spawn_birth *birth, struct parcel *groups, struct err *e)
{
	if (m->plan->ns.later)
		return 0;
	if (surround(m, e) < 0 || cgroup_fit_out(&m->cgroup, &m->plan->cgroup, e) < 0)
		return -1;
	birth->cgroup = cgroup_into_fd(&m->cgroup);
	birth->groups = groups;
	/* Into the inner one it goes when its cgroup namespace is there. */
	return m->plan->cgroup.inner ? 0 : cgroup_entries(&m->cgroup, NULL, groups->fds, &groups->nfds, e);
}

/* Unless it is there already, and is what the plan wants. */
static int bear(struct making *m, struct err *e)
{
	struct spawn_birth birth = spawn_birth_of(m->plan);
	AUTO(parcel) groups = {};

	if (m->child.pid && m->early.make == birth.make && m->early.later == birth.later)
		return 0;
	child_undo(&m->child);
	return surround_before(m, &birth, &groups, e) < 0 ? -1 : spawn(&m->child, &birth, e);
}

/* After it: init is making its namespaces, and often its root file system, too, and will find its place told. */
static int surround_later(struct making *m, struct err *e)
{
	static const struct letter nothing;
	struct letter place = { .number = 0 };
	int ret;

	if (!m->plan->ns.later)
		return 0;
	if (surround(m, e) < 0 ||
	    (spawn_places_late(m->plan) && handshake_tell(&m->child.talk, STEP_GROUPS, &nothing, e) < 0) ||
	    cgroup_fit_out(&m->cgroup, &m->plan->cgroup, e) < 0)
		return -1;
	if (!spawn_tells_place(m->plan))
		return 0;
	if (cgroup_entries(&m->cgroup, NULL, place.parcel.fds, &place.parcel.nfds, e) < 0)
		return -1;
	ret = handshake_tell(&m->child.talk, STEP_PLACE, &place, e);
	parcel_undo(&place.parcel);
	return ret;
}

static int carry_out(struct making *m, struct err *e)
{
	struct spawn_request told = { .plan = m->plan, .arena = &m->shared, .target = -1, .target_root = -1 };
	const struct hooks_plan *hooks = &m->plan->hooks;
	bool are_inside = hooks_exist(hooks, HOOK_CREATE_CONTAINER) || hooks_exist(hooks, HOOK_START_CONTAINER);
	AUTO_FD int out = -EBADF;
	AUTO_FD int err = -EBADF;

	if (are_inside && (hooks_open(hooks->out, &out, e) < 0 || hooks_open(hooks->err, &err, e) < 0))
		return -1;
	told.hook_out = out;
	told.hook_err = err;
	if (arena_seal(&m->shared, m->plan, e) < 0 || bear(m, e) < 0 || spawn_tell(&m->child, &told, e) < 0)
		return -1;
	return surround_later(m, e) < 0 ? -1 : converse(m, e);
}

int making_create(struct making *m, const struct create_request *rq, struct err *e)
{
	if (reserve(m, rq, e) < 0 || read_config(m, e) < 0)
		return -1;
	bear_early(m);
	if (decide(m, e) < 0)
		return -1;
	if (carry_out(m, e) < 0) {
		(void)config_locate(e, "", "config.json", m->text, m->len);
		return cgroup_explain_birth(&m->cgroup, e);
	}
	/* With goes_on it was told before init went on. */
	if (!m->goes_on)
		announce(&m->record, EVENT_CREATED, NULL, m->child.pidfd);
	m->is_announced = true;
	return 0;
}

static int send_console(const char *path, int master, struct err *e)
{
	AUTO_FD int fd = socket_connect(SOCK_STREAM, path, e);
	char name[64] = "/dev/ptmx";

	if (fd < 0)
		return err_in(e, "console socket");
	(void)ptsname_r(master, name, sizeof(name));
	if (socket_send(fd, name, strlen(name) + 1, &(struct parcel){ .fds = { master }, .nfds = 1 }, e) < 0)
		return err_in(e, "console socket \"%s\"", path);
	return 0;
}

int making_take_console(struct making *m, int *master, struct err *e)
{
	struct err ignored;

	if (m->console_socket)
		return send_console(m->console_socket, *master, e);
	/* Before the process runs, or its first sight would be a SIGWINCH. Our own stdin may be no terminal. */
	(void)terminal_copy_size(STDIN_FILENO, *master, &ignored);
	m->console = TAKE_FD(*master);
	return 0;
}

int making_publish(struct making *m, struct err *e)
{
	if (m->plan->pidfd_receiver && making_pidfd_socket(m->plan->pidfd_receiver, m->child.pidfd, e) < 0)
		return -1;
	if (m->rq->pidfd_socket && making_pidfd_socket(m->rq->pidfd_socket, m->child.pidfd, e) < 0)
		return -1;
	if (m->rq->pid_file && making_pid_file(m->rq->pid_file, m->child.pid, e) < 0)
		return -1;
	if (!m->goes_on || !m->record.saved.notify)
		return 0;
	m->notify = notify_open(m->record.dir, e);
	return m->notify < 0 ? -1 : 0;
}
