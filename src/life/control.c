/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a living container's cgroups. */
#include "life/control.h"

#include <errno.h>

#include "base/own.h"
#include "base/str.h"
#include "life/locate.h"
#include "life/members.h"
#include "parts/cgroup/control.h"
#include "parts/rdt/rdt.h"
#include "record/groups.h"
#include "record/record.h"
#include "record/status.h"
#include "record/words.h"
#include "sys/host.h"

struct living {
	struct arena mem;
	struct record record;
	struct cgroup cgroup;
	enum status status;
};

#define LIVING_NONE ((struct living){ .mem = ARENA_NONE, .record = RECORD_NONE, .cgroup = CGROUP_NONE })

static void living_undo(struct living *l)
{
	cgroup_undo(&l->cgroup);
	record_undo(&l->record);
	arena_undo(&l->mem);
}

/* WITH_LOCK: what changes the container waits for others that do. */
static int look(struct living *l, const struct target *target, bool with_lock, struct err *e)
{
	if (record_load(&l->record, target->root, target->id, &l->mem, e) < 0)
		return -1;
	if (with_lock && target_lock(&l->record, &l->mem, e) < 0)
		return -1;
	l->status = status_of(&l->record, NULL);
	return groups_open(&l->cgroup, &l->record, e);
}

static bool is_alive(enum status s)
{
	return s == STATUS_CREATED || s == STATUS_RUNNING || s == STATUS_PAUSED;
}

static int no_groups(struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "the container has no cgroup to do that with (--cgroup-manager=disabled)");
}

static int pause_it(const struct target *target, struct err *e)
{
	AUTO(living) l = LIVING_NONE;

	if (look(&l, target, true, e) < 0)
		return -1;
	if (!is_alive(l.status) || l.status == STATUS_PAUSED)
		return err_set(e, ERR_STATE, l.status == STATUS_PAUSED ? WORDS_NOT_RUNNING ": it is paused" : WORDS_NOT_RUNNING);
	return l.cgroup.n ? cgroup_freeze(&l.cgroup, e) : no_groups(e);
}

static int resume(const struct target *target, struct err *e)
{
	AUTO(living) l = LIVING_NONE;

	if (look(&l, target, true, e) < 0)
		return -1;
	if (l.status != STATUS_PAUSED)
		return err_set(e, ERR_STATE, WORDS_NOT_PAUSED);
	return cgroup_thaw(&l.cgroup, e);
}

static int update_rdt(struct living *l, const struct oci_rdt *wanted, struct err *e)
{
	struct oci_config *config;
	struct rdt_plan plan = {};
	struct oci_rdt rdt = *wanted;
	struct host host;
	size_t len;
	char *text = record_load_config(&l->record, &l->mem, &len, e);

	if (!text || config_decode(&config, "config.json", text, len, &l->mem, e) < 0)
		return -1;
	if (config->linux_ && config->linux_->intel_rdt)
		rdt.clos_id = config->linux_->intel_rdt->clos_id;
	if (host_look(&host, &l->mem, e) < 0 || rdt_plan(&plan, &rdt, l->record.id, &host, &l->mem, e) < 0)
		return -1;
	return rdt_update(&plan, e);
}

static int update(const struct target *target, const struct oci_resources *r, const struct oci_rdt *rdt, struct err *e)
{
	AUTO(living) l = LIVING_NONE;

	if (look(&l, target, true, e) < 0)
		return -1;
	if (!is_alive(l.status))
		return err_set(e, ERR_STATE, WORDS_NOT_RUNNING);
	if (!l.cgroup.n)
		return no_groups(e);
	if (cgroup_update(&l.cgroup, r, false, &l.mem, e) < 0)
		return -1;
	return rdt ? update_rdt(&l, rdt, e) : 0;
}

static int ps(const struct target *target, pid_t **pids, size_t *n, struct arena *a, struct err *e)
{
	AUTO(living) l = LIVING_NONE;

	*n = 0;
	if (look(&l, target, false, e) < 0)
		return -1;
	return members_list(&l.record, &l.cgroup, pids, n, a, e);
}

int life_pause(const struct target *target, struct err *e)
{
	return pause_it(target, e) < 0 ? err_in(e, "pause \"%s\"", target->id) : 0;
}

int life_resume(const struct target *target, struct err *e)
{
	return resume(target, e) < 0 ? err_in(e, "resume \"%s\"", target->id) : 0;
}

int life_update(const struct target *target, const struct oci_resources *r, const struct oci_rdt *rdt, struct err *e)
{
	return update(target, r, rdt, e) < 0 ? err_in(e, "update \"%s\"", target->id) : 0;
}

int life_ps(const struct target *target, pid_t **pids, size_t *n, struct arena *a, struct err *e)
{
	return ps(target, pids, n, a, e) < 0 ? err_in(e, "ps \"%s\"", target->id) : 0;
}
