/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `checkpoint`, under the container's lock.  CRIU holds the processes still, writes them down and kills them, or
 * lets them go on: also when it fails, so until its answer nothing of the container has changed.
 */
#include "life/checkpoint.h"

#include <errno.h>

#include "base/log.h"
#include "base/own.h"
#include "base/str.h"
#include "life/delete.h"
#include "life/images.h"
#include "life/living.h"
#include "life/locate.h"
#include "life/outside.h"
#include "parts/cgroup/control.h"
#include "plan/plan.h"
#include "record/words.h"
#include "sys/host.h"
#include "sys/process.h"

struct dumping {
	struct living living;
	struct images images;
	struct oci_config *config;
	const struct plan *plan;
	struct oci_descriptors descriptors;
	struct criu_request rq;
};

#define DUMPING_NONE ((struct dumping){ .living = LIVING_NONE, .images = IMAGES_NONE })

static void dumping_undo(struct dumping *d)
{
	images_undo(&d->images);
	living_undo(&d->living);
}

static int check_status(const struct living *l, struct err *e)
{
	switch (l->status) {
	case STATUS_RUNNING:
	case STATUS_PAUSED:
		break;
	case STATUS_CREATING:
	case STATUS_CREATED:
		return err_set(e, ERR_STATE, WORDS_NOT_RUNNING ": it has not been started, so there is nothing to keep of it");
	case STATUS_STOPPED:
		return err_set(e, ERR_STATE, WORDS_NOT_RUNNING);
	}
	if (l->record.saved.mounts.n)
		return err_set(e, ERR_UNSUPPORTED, "\"%s\" came by husk mounts, and would be unknown at the restore",
			       l->record.saved.mounts.v[0].destination);
	return 0;
}

/* The container as `create` planned it: what is mounted where, and which namespaces are not its own. */
static int plan(struct dumping *d, const struct host *host, const char *root, struct err *e)
{
	struct record *r = &d->living.record;
	struct arena *a = &d->living.mem;
	struct create_request rq = {
		.id = r->id, .bundle = r->saved.bundle, .root = root ? root : "",
		.no_new_keyring = r->saved.no_new_keyring, .activation = { .notify_socket = r->saved.notify },
	};
	size_t len;
	char *text = record_load_config(r, a, &len, e);

	if (!text || config_decode(&d->config, "config.json", text, len, a, e) < 0)
		return -1;
	if (r->saved.manager && cgroup_manager_value(r->saved.manager, &rq.manager, e) < 0)
		return -1;
	if (plan_create(&d->plan, d->config, &rq, host, a, e) < 0 || outside_check(d->plan, e) < 0)
		return config_locate(e, "", "config.json", text, len);
	return 0;
}

static int look(struct dumping *d, const struct target *target, struct err *e)
{
	struct host host;

	if (living_change(&d->living, target, true, e) < 0 || check_status(&d->living, e) < 0 ||
	    host_look(&host, &d->living.mem, e) < 0)
		return -1;
	if (host.is_rootless)
		return err_set(e, ERR_UNSUPPORTED, "criu needs root");
	return plan(d, &host, target->root, e);
}

static int prepare(struct dumping *d, const struct checkpoint_request *rq, struct err *e)
{
	struct arena *a = &d->living.mem;

	if (images_make(&d->images, rq->images, rq->logs, "dump.log", a, e) < 0)
		return -1;
	if (rq->criu.parent && images_check_parent(&d->images, rq->criu.parent, e) < 0)
		return -1;
	d->rq = (struct criu_request){
		.work = rq->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP, .options = &rq->criu, .images = d->images.dir,
		.logs = d->images.logs, .log = "dump.log", .log_path = d->images.log_path,
		.config_file = images_config_file(&d->config->annotations), .pid = d->living.record.saved.pid,
		.freezer = d->living.cgroup.n ? d->living.cgroup.dir[0].path : NULL,
	};
	return outside_name(&d->rq, d->plan, &d->living.record.saved.streams, &d->descriptors, a, e);
}

/* While all of it stands still, and a failure still means that it goes on. */
static int hear(void *self, const char *what, pid_t pid, int *fd, struct err *e)
{
	struct dumping *d = self;

	(void)pid, (void)fd;
	return str_eq(what, "post-dump") ? images_save_descriptors(&d->images, &d->descriptors, &d->living.mem, e) : 0;
}

/* CRIU begins at init: what `exec` has started is in the same cgroups, but does not come from it. */
static bool comes_from(pid_t pid, pid_t init)
{
	while (pid > 1 && pid != init)
		pid = process_parent(pid);
	return pid == init;
}

static void tell_left_out(struct dumping *d)
{
	pid_t *pids;
	size_t n, left = 0;
	struct err ignored;

	if (cgroup_pids(&d->living.cgroup, &pids, &n, &d->living.mem, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		left += !comes_from(pids[i], d->living.record.saved.pid);
	if (left)
		log_warning("checkpoint \"%s\": %zu process%s of exec will not be in it", d->living.record.id, left,
			    left == 1 ? "" : "es");
}

/* A CRIU that fails has done so; one that was killed has not. */
static void thaw(struct dumping *d)
{
	struct err why;

	if (d->living.status == STATUS_RUNNING && d->living.cgroup.n && cgroup_thaw(&d->living.cgroup, &why) < 0)
		log_warning("%s", why.msg);
}

static int checkpoint(const struct target *target, const struct checkpoint_request *rq, struct err *e)
{
	AUTO(dumping) d = DUMPING_NONE;
	AUTO(criu) criu = CRIU_NONE;
	AUTO_FD int program = -EBADF;
	struct criu_start start = { .keeps_session = rq->criu.shell_job };

	if (look(&d, target, e) < 0)
		return -1;
	program = criu_open(e);
	if (program < 0 || prepare(&d, rq, e) < 0)
		return -1;
	start.program = program;
	tell_left_out(&d);
	if (criu_start(&criu, &start, e) < 0 || criu_ask(&criu, &d.rq, hear, &d, NULL, e) < 0) {
		criu_undo(&criu);
		thaw(&d);
		return -1;
	}
	return rq->pre_dump || rq->criu.leave_running ? 0 : life_delete_locked(&d.living.record, &d.living.mem, e);
}

int life_checkpoint(const struct target *target, const struct checkpoint_request *rq, struct err *e)
{
	return checkpoint(target, rq, e) < 0 ? err_in(e, "checkpoint \"%s\"", target->id) : 0;
}
