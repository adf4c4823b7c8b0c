/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `restore` goes as `run` does: decided, recorded as an intent, cgroups made; but in the place of husk-init CRIU
 * makes the namespaces, mounts and processes, out of the images.  It does so inside the container's cgroups, so
 * what it makes lies there from the first instant on.
 */
#include "life/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "base/own.h"
#include "base/str.h"
#include "life/images.h"
#include "life/locate.h"
#include "life/begin.h"
#include "life/making.h"
#include "life/outside.h"
#include "life/run.h"
#include "parts/cgroup/control.h"
#include "record/announce.h"
#include "record/groups.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/procfs.h"

struct restoring {
	const struct restore_request *asked;
	struct making *making;
	struct images images;
	struct outside outside;
	struct criu criu;
	struct criu_options options;
	struct criu_request rq;
};

static void restoring_undo(struct restoring *r)
{
	criu_undo(&r->criu);
	outside_undo(&r->outside);
	images_undo(&r->images);
}

/* ---- what CRIU tells ----------------------------------------------------------------- */

/* From here on it is our child, and undone with the rest. */
static int take_init(struct making *m, pid_t pid, struct err *e)
{
	if (m->child.pidfd >= 0)
		return 0;
	if (pid <= 0)
		return err_set(e, ERR_PEER, "criu tells no process number");
	m->child.pidfd = sys_pidfd_open(pid, 0);
	if (m->child.pidfd < 0)
		return err_sys(e, "pidfd_open %d", (int)pid);
	m->child.pid = pid;
	return 0;
}

/* The namespaces are there and empty: the moment of prestart and createRuntime (runtime.md, Lifecycle 3, 4). */
static int run_hooks(struct making *m, struct err *e)
{
	const struct hooks_plan *hooks = &m->plan->hooks;
	const char *state;

	if (!hooks_exist(hooks, HOOK_PRESTART) && !hooks_exist(hooks, HOOK_CREATE_RUNTIME))
		return 0;
	m->has_run_hooks = true;
	state = making_state(m, STATUS_CREATING);
	if (hooks_run(hooks, HOOK_PRESTART, state, m->child.pidfd, e) < 0)
		return -1;
	return hooks_run(hooks, HOOK_CREATE_RUNTIME, state, m->child.pidfd, e);
}

/* All of it is there and waits to go on. */
static int keep(struct making *m, struct err *e)
{
	if (cgroup_finish(&m->cgroup, &m->plan->cgroup, e) < 0)
		return -1;
	m->record.saved.complete = true;
	if (making_save_process(m, e) < 0 || making_publish(m, e) < 0)
		return -1;
	m->has_run_hooks = m->is_announced = true;
	announce(&m->record, EVENT_CREATED, NULL, m->child.pidfd);
	announce_starting(&m->starting, &m->record);
	return 0;
}

/* All of it, and CRIU, which would let it run whatever we answer. */
static void stop_all(struct restoring *r)
{
	struct err ignored;

	(void)process_signal(r->making->child.pidfd, SIGKILL, &ignored);
	(void)cgroup_kill(&r->making->cgroup, &ignored);
	(void)process_signal(r->criu.pidfd, SIGKILL, &ignored);
}

static const char *wanted_label(const struct restoring *r)
{
	const struct lsm_plan *lsm = &r->making->plan->lsm;
	const char *asked = r->options.lsm_profile ? strchr(r->options.lsm_profile, ':') : NULL;

	return asked ? asked + 1 : lsm->apparmor ? lsm->apparmor : lsm->selinux;
}

/*
 * A CRIU that was built without SELinux, as Debian's is, leaves out labels without a word, and the processes have its own,
 * which is ours.  They have not run yet.
 */
static int check_label(struct restoring *r, struct err *e)
{
	const char *wanted = wanted_label(r);
	char ours[LSM_LABEL_MAX], theirs[LSM_LABEL_MAX];

	if (!wanted || !*wanted)
		return 0;
	if (procfs_read_own("attr/current", ours, sizeof(ours), e) < 0 ||
	    procfs_read_host(r->making->child.pid, "attr/current", theirs, sizeof(theirs), e) < 0)
		return -1;
	if (str_starts(theirs, wanted) || !str_eq(ours, theirs))
		return 0;
	stop_all(r);
	return err_set(e, ERR_UNSUPPORTED, "criu has not given the process the label \"%s\": it may have been built without SELinux",
		       wanted);
}

static int hear(void *self, const char *what, pid_t pid, int *fd, struct err *e)
{
	struct restoring *r = self;
	struct making *m = r->making;

	if (str_eq(what, "setup-namespaces"))
		return take_init(m, pid, e) < 0 || making_save_process(m, e) < 0 ? -1 : run_hooks(m, e);
	if (str_eq(what, "post-restore"))
		return take_init(m, pid, e) < 0 ? -1 : keep(m, e);
	if (str_eq(what, "pre-resume"))
		return check_label(r, e);
	if (str_eq(what, "orphan-pts-master") && *fd >= 0)
		return making_take_console(m, fd, e);
	return 0;
}

/* ---- what it is asked ----------------------------------------------------------------- */

/* Of the hierarchy: CRIU moves what lay beneath the dumped container's groups beneath these. */
static void add_groups(struct restoring *r, struct arena *a)
{
	const struct cgroup_plan *p = &r->making->plan->cgroup;

	for (int i = 0; i < p->n; i++) {
		const char *path = arena_printf(a, "/%s", p->dir[i].path), *word, *rest = p->dir[i].controllers;
		size_t len;

		while ((word = str_word(&rest, ",", &len)))
			criu_add(&r->rq.groups, arena_strndup(a, word, len), path, a);
	}
}

/* CRIU searches the root among its mounts by the text of its path. */
static const char *find_rootfs(const struct making *m, int *fd, struct arena *a, struct err *e)
{
	AUTO(procfs) proc = PROCFS_NONE;
	char file[64], path[4096];
	struct text t = TEXT(file);

	*fd = fd_open(m->plan->rootfs.tree.source, O_PATH | O_DIRECTORY, 0, e);
	if (*fd < 0)
		return NULL;
	text_addf(&t, "self/fd/%d", *fd);
	if (procfs_open_host(&proc, e) < 0 || procfs_read_link(&proc, file, path, sizeof(path), e) < 0)
		return NULL;
	return arena_strdup(a, path);
}

static int check_guards(struct restoring *r, struct err *e)
{
	const char *asked = r->options.lsm_profile, *apparmor = str_after(asked ? asked : "", "apparmor:");
	struct making *m = r->making;
	struct host host;

	if (asked && host_look_for(&host, HOST_GUARDS, &m->mem, e) < 0)
		return -1;
	if (asked && !(apparmor ? host.has_apparmor : host.has_selinux))
		return err_set(e, ERR_UNSUPPORTED, "option --lsm-profile: %s is not in force here", apparmor ? "AppArmor" : "SELinux");
	if (!asked)
		apparmor = m->plan->lsm.apparmor;
	return apparmor ? lsm_check_loaded(apparmor, &m->mem, e) : 0;
}

static int prepare(struct restoring *r, struct err *e)
{
	struct making *m = r->making;
	struct arena *a = &m->mem;
	struct oci_descriptors *descriptors;
	AUTO_FD int rootfs = -EBADF;
	const char *root = find_rootfs(m, &rootfs, a, e);

	if (!root || check_guards(r, e) < 0 || images_load_descriptors(&r->images, &descriptors, a, e) < 0 ||
	    images_map_ids(&r->images, m->config, a, e) < 0)
		return -1;
	r->rq = (struct criu_request){
		.work = CRIU_RESTORE, .options = &r->options, .images = r->images.dir, .logs = r->images.logs,
		.log = "restore.log", .log_path = r->images.log_path, .root = root,
		.config_file = images_config_file(&m->config->annotations),
	};
	if (outside_find(&r->rq, &r->outside, m->plan, descriptors, a, e) < 0)
		return -1;
	outside_give_streams(m->plan, m->config);
	if (r->options.cgroups != CRIU_CGROUPS_IGNORE)
		add_groups(r, a);
	return outside_make_mount_points(m->plan, rootfs, e);
}

/*
 * CRIU's "strict" is "full" in cgroups that were not there.  It would take ours for such ones, so that is looked at
 * here.  A unit of systemd's is always new.
 */
static int check_strict(struct restoring *r, struct err *e)
{
	const struct cgroup *cg = &r->making->cgroup;

	if (r->options.cgroups != CRIU_CGROUPS_STRICT || !r->making->plan->cgroup.n)
		return 0;
	for (int i = 0; i < cg->n; i++)
		if (!cg->dir[i].made)
			return err_set(e, ERR_STATE, "cgroup \"%s\" is there already, which --manage-cgroups-mode=strict forbids",
				       cg->dir[i].path);
	r->options.cgroups = CRIU_CGROUPS_FULL;
	return 0;
}

/* CRIU takes its time: who deletes what is half restored shall know which cgroups were made for it. */
static int remember_groups(struct making *m, struct err *e)
{
	struct cgroup_paths paths;

	cgroup_paths_of(&paths, &m->cgroup);
	groups_save(&m->record, &paths, &m->mem);
	return record_save(&m->record, &m->mem, e);
}

/* The program is opened before anything is made. */
static int carry_out(struct restoring *r, int program, struct err *e)
{
	struct making *m = r->making;
	const struct cgroup_plan *groups = &m->plan->cgroup;
	const struct criu_start start = {
		.program = program, .root = r->rq.root, .fds = r->outside.fds, .n_fds = r->outside.n,
		.keeps_session = r->asked->criu.shell_job,
	};
	pid_t pid = 0;

	if (rdt_make(&m->rdt, &m->plan->rdt, e) < 0 || cgroup_make(&m->cgroup, groups, e) < 0 ||
	    check_strict(r, e) < 0 || criu_start(&r->criu, &start, e) < 0)
		return -1;
	if (groups->unit.name && cgroup_make_scope(&m->cgroup, groups, r->criu.pid, e) < 0)
		return -1;
	if (remember_groups(m, e) < 0 || cgroup_take(&m->cgroup, r->criu.pid, e) < 0 || rdt_enter(&m->rdt, r->criu.pid, e) < 0)
		return -1;
	if (images_see_as(&r->images, r->criu.pid, e) < 0)
		return -1;
	r->rq.images = r->images.dir;
	r->rq.logs = r->images.logs;
	if (criu_ask(&r->criu, &r->rq, hear, r, &pid, e) < 0)
		return -1;
	return m->record.saved.complete ? 0 : err_set(e, ERR_PEER, "criu has not told of the restored process");
}

/* CRIU kills what it has made when it fails; when it died, nobody has. */
static void sweep(struct making *m)
{
	struct err why;

	if (m->cgroup.n && cgroup_kill(&m->cgroup, &why) < 0)
		log_warning("%s", why.msg);
}

static int restore(void *self, struct making *m, const struct create_request *rq, int *ready, struct err *e)
{
	const struct restore_request *asked = self;
	AUTO(restoring) r = { .asked = asked, .making = m, .images = IMAGES_NONE, .outside = OUTSIDE_NONE, .criu = CRIU_NONE,
			      .options = asked->criu };
	AUTO_FD int program = -EBADF;

	m->goes_on = true;
	if (making_prepare(m, rq, e) < 0 || making_remember(m, e) < 0)
		return -1;
	if (m->host.is_rootless)
		return err_set(e, ERR_UNSUPPORTED, "criu needs root");
	if (outside_check(m->plan, e) < 0)
		return config_locate(e, "", "config.json", m->text, m->len);
	program = criu_open(e);
	if (program < 0 || images_open(&r.images, asked->images, asked->logs, "restore.log", &m->mem, e) < 0)
		return -1;
	if (prepare(&r, e) < 0)
		return config_locate(e, "", "config.json", m->text, m->len);
	if (carry_out(&r, program, e) < 0) {
		criu_undo(&r.criu);
		sweep(m);
		return -1;
	}
	return begin_running(m, ready, e);
}

int life_restore(const struct restore_request *rq, int *code, struct err *e)
{
	int result = life_run_made(restore, (void *)rq, &rq->create, code, e);

	return result < 0 ? err_in(e, "restore \"%s\"", rq->create.id) : 0;
}
