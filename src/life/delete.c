/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `delete`.  With --force it gets rid of everything that it can find out about, whatever state that is
 * in: a half-made record, a create that was killed, a command that never lets go of the lock.
 */
#include "life/delete.h"

#include <errno.h>
#include <signal.h>

#include "base/log.h"
#include "base/own.h"
#include "base/trace.h"
#include "life/hooks.h"
#include "life/locate.h"
#include "parts/cgroup/control.h"
#include "parts/criu/criu.h"
#include "parts/rdt/rdt.h"
#include "record/announce.h"
#include "record/ending.h"
#include "record/groups.h"
#include "record/record.h"
#include "record/status.h"
#include "record/words.h"
#include "sys/host.h"
#include "sys/process.h"

#define FORCE_LOCK_MSEC 5000
#define DEATH_MSEC      10000
#define TRACED_MSEC     1000

/* SIGKILL for init and for all in its cgroups, frozen or not; waits for init's end. */
static int kill_all(const struct record *r, struct cgroup *cg, struct err *e)
{
	AUTO_FD int pidfd = status_open_init(r);
	struct err ignored;
	int gone;

	if (pidfd >= 0 && process_signal(pidfd, SIGKILL, e) < 0 && e->num != ESRCH)
		return -1;
	if (cg->n && cgroup_kill(cg, e) < 0)
		return -1;
	if (pidfd < 0)
		return 0;
	gone = process_wait_gone(pidfd, TRACED_MSEC, e);
	if (gone == 0 && criu_end_tracer(r->saved.pid))
		log_warning("delete \"%s\": a criu that was still at it has been killed", r->id);
	/* A frozen group of v1 keeps its dead: cgroup_kill() thaws, but not what is frozen above. */
	if (gone == 0)
		gone = process_wait_gone(pidfd, DEATH_MSEC, e);
	if (gone == 0) {
		(void)cgroup_thaw(cg, &ignored);
		return err_set(e, ERR_SYSTEM, "process %d does not die", r->saved.pid);
	}
	return gone < 0 ? -1 : 0;
}

static struct oci_config *load_config(const struct record *r, struct arena *a, struct err *e)
{
	struct oci_config *config = NULL;
	size_t len;
	char *text = record_load_config(r, a, &len, e);

	return text && config_decode(&config, "config.json", text, len, a, e) == 0 ? config : NULL;
}

static int remove_rdt(const struct record *r, const struct oci_config *config, struct arena *a, struct err *e)
{
	struct rdt_plan plan = {};
	struct host host;

	if (!config || !config->linux_ || !config->linux_->intel_rdt)
		return 0;
	if (host_look_for(&host, HOST_RDT, a, e) < 0 ||
	    rdt_plan(&plan, config->linux_->intel_rdt, r->id, &host, a, e) < 0)
		return -1;
	return rdt_remove(&plan, r->saved.rdt_stays, e);
}

static bool is_dead(const struct record *r)
{
	AUTO_FD int pidfd = status_open_init(r);

	return pidfd < 0;
}

/* A place that is no cgroup (any more) holds nothing of ours. */
static bool may_hold_processes(const struct err *e)
{
	return e->num && e->num != ENOTDIR && e->num != ELOOP && e->num != ENAMETOOLONG;
}

/*
 * SIGKILL for what is left; *CG is what there is to remove.  Without a PID namespace of its own a container is more than its
 * init: when nobody can tell now whether its groups are empty, the record stays, or nobody would find them again.
 */
static int end_all(const struct record *r, struct cgroup *cg, bool force, bool has_ended, struct err *e)
{
	struct err ignored;

	if (groups_open(cg, r, e) < 0) {
		if (!force)
			return -1;
		if (may_hold_processes(e)) {
			(void)kill_all(r, cg, &ignored);
			return err_hint(e, "its init is killed; delete --force can be repeated, and removes the rest");
		}
		log_warning("delete \"%s\": its cgroups stay: %s", r->id, e->msg);
	}
	return has_ended && !cg->n ? 0 : kill_all(r, cg, e);
}

/* Everything that create made. With FORCE a failure of one step is a warning and the next one is done. */
static int destroy(struct record *r, bool force, bool has_ended, struct arena *a, struct err *e)
{
	AUTO(cgroup) cg = CGROUP_NONE;
	struct oci_config *config = NULL;
	struct oci_ending ending;
	struct err why;

	if (!has_ended && end_all(r, &cg, force, false, e) < 0)
		return -1;
	/* While the cgroups still tell of OOM kills. */
	if (announce_is_heard(r) && ending_find(&ending, r, a))
		announce(r, EVENT_EXITED, &ending, -1);
	/* What has ended, as most have, leaves empty groups: to be seen by removing them. */
	if (has_ended && !groups_remove_empty(r) && end_all(r, &cg, force, true, e) < 0)
		return -1;
	if ((cg.n || cg.scope) && cgroup_remove(&cg, e) < 0)
		return -1;
	if (r->is_readable && !r->saved.plain) {
		config = load_config(r, a, &why);
		if (!config || remove_rdt(r, config, a, &why) < 0)
			log_warning("delete \"%s\": %s", r->id, why.msg);
	}
	if (record_remove(r, e) < 0)
		return -1;
	announce(r, EVENT_DELETED, NULL, -1);
	if (config && r->saved.complete && life_hooks(r, config, HOOK_POSTSTOP, STATUS_STOPPED, a, &why) < 0)
		log_warning("delete \"%s\": %s", r->id, why.msg);
	return 0;
}

int life_delete_locked(struct record *r, struct arena *a, struct err *e)
{
	return destroy(r, false, is_dead(r), a, e);
}

bool life_delete_ended(struct record *r, struct cgroup *cg, const struct oci_config *config, struct arena *a)
{
	TRACE("delete");
	struct err e;

	if ((config->linux_ && config->linux_->intel_rdt) || !record_lock_again(r) || !cgroup_remove_empty(cg)) {
		record_unlock(r);
		return false;
	}
	if (record_remove(r, &e) < 0) {
		log_warning("delete \"%s\": %s", r->id, e.msg);
		return true;
	}
	announce(r, EVENT_DELETED, NULL, -1);
	if (life_hooks(r, config, HOOK_POSTSTOP, STATUS_STOPPED, a, &e) < 0)
		log_warning("delete \"%s\": %s", r->id, e.msg);
	return true;
}

/*
 * The specification wants it stopped.  But in a created one no program of the user's has run, and engines call this for those
 * that they give up before the start.
 */
static int check_status(const struct record *r, bool *has_ended, struct err *e)
{
	enum status status = status_of(r, NULL);

	switch (status) {
	case STATUS_CREATED:
	case STATUS_STOPPED:
		*has_ended = status == STATUS_STOPPED;
		return 0;
	case STATUS_CREATING:
	case STATUS_RUNNING:
	case STATUS_PAUSED:
		err_set(e, ERR_STATE, "cannot delete container \"%s\" that is not stopped: %s", r->id, status_word(status));
		return err_hint(e, "husk stop ends it, --force kills it");
	}
	return err_set(e, ERR_BUG, "no such status");
}

/* The holder of the lock may be a create that hangs in a hook: without its init it gives up. */
static int lock_by_force(struct record *r, struct arena *a, struct err *e)
{
	AUTO(cgroup) cg = CGROUP_NONE;
	struct err ignored;
	int got = record_lock(r, 0, a, e);

	if (got != 0)
		return got;
	(void)groups_open(&cg, r, &ignored);
	(void)kill_all(r, &cg, &ignored);
	got = record_lock(r, FORCE_LOCK_MSEC, a, e);
	if (got == 0)
		log_warning("delete \"%s\": another command holds its lock; going on without", r->id);
	return got;
}

/* There is a record and it makes no sense: what it told of may be running, and nobody knows it any more. */
static bool is_damaged(struct record *r, struct arena *a)
{
	struct err ignored;

	return !r->is_readable && record_read(r, a, &ignored) != 0;
}

static int delete_it(const struct target *target, bool force, struct err *e)
{
	ARENA_HERE(mem);
	AUTO(record) r = RECORD_NONE;
	TRACE("delete");
	bool has_ended;
	int got;

	if (force) {
		if (record_open(&r, target->root, target->id, &mem, e) < 0)
			return -1;
		got = lock_by_force(&r, &mem, e);
		if (got >= 0 && is_damaged(&r, &mem))
			log_warning("delete \"%s\": its record cannot be read: processes and cgroups of it, if there are any, stay", r.id);
		return got < 0 ? -1 : destroy(&r, true, is_dead(&r), &mem, e);
	}
	if (record_find(&r, target->root, target->id, e) < 0)
		return -1;
	got = record_lock(&r, 0, &mem, e);
	if (got < 0)
		return -1;
	/* Before waiting for the lock, too: whoever is refused anyway need not wait. */
	if (got == 0 && (record_read(&r, &mem, e) < 0 || check_status(&r, &has_ended, e) < 0 || target_lock(&r, &mem, e) < 0))
		return -1;
	if (is_damaged(&r, &mem))
		return record_check_readable(&r, e);
	return check_status(&r, &has_ended, e) < 0 ? -1 : destroy(&r, false, has_ended, &mem, e);
}

int life_delete(const struct target *target, bool force, struct err *e)
{
	if (delete_it(target, force, e) == 0)
		return 0;
	/* Somebody else was faster, or it never was: what was asked for is so. */
	if (force && e->kind == ERR_STATE && record_is_absent(target->root, target->id))
		return 0;
	return err_in(e, "delete \"%s\"", target->id);
}
