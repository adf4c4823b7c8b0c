/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mounts add` and `mounts remove`.  Under the container's lock: planned from its saved config, carried out by a husk-init that
 * joins it, and written into the record by the answer to init's last question, so that neither husk nor init can
 * end in between with one half of it done.
 */
#include "life/mounts.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "base/str.h"
#include "life/answers.h"
#include "life/locate.h"
#include "life/making.h"
#include "parts/fs/unmount.h"
#include "record/status.h"
#include "record/words.h"
#include "sys/process.h"

#define BACK_OUT_MSEC 10000     /* for an init that takes back what it has mounted */

struct plugging {
	struct making making;
	int target;                     /* pidfd of the container's init */
	struct oci_mounts *wanted;
};

#define PLUGGING_NONE ((struct plugging){ .making = MAKING_NONE, .target = -EBADF })

static void plugging_undo(struct plugging *p)
{
	making_undo(&p->making);
	own_close(&p->target);
}

static int look(struct plugging *p, const struct target *target, const struct mounts_file *file, struct err *e)
{
	struct making *m = &p->making;
	enum status status;

	p->wanted = document_decode(&oci_mounts_type, file->name, true, file->text, file->len, &m->mem, e);
	if (!p->wanted || target_load(&m->record, target, &m->mem, e) < 0)
		return -1;
	status = status_of(&m->record, &p->target);
	if (status != STATUS_CREATED && status != STATUS_RUNNING && status != STATUS_PAUSED)
		return err_set(e, ERR_STATE, WORDS_NOT_RUNNING);
	m->text = record_load_config(&m->record, &m->mem, &m->len, e);
	if (!m->text || arena_share(&m->shared, e) < 0 || host_look(&m->host, &m->mem, e) < 0)
		return -1;
	return config_decode(&m->config, "config.json", m->text, m->len, &m->shared, e);
}

static int carry_out(struct plugging *p, struct err *e)
{
	struct making *m = &p->making;
	const struct spawn_birth birth = spawn_birth_of(m->plan);
	const struct spawn_request told = {
		.plan = m->plan, .arena = &m->shared, .target = p->target, .target_root = -1, .hook_out = -1, .hook_err = -1 };
	struct err ignored;

	m->owner = p->target;
	if (arena_seal(&m->shared, m->plan, e) < 0 || spawn(&m->child, &birth, e) < 0 || spawn_tell(&m->child, &told, e) < 0)
		return -1;
	if (converse(m, e) == 0)
		return 0;
	if (m->child.pidfd >= 0)
		(void)process_wait_gone(m->child.pidfd, BACK_OUT_MSEC, &ignored);
	return -1;
}

/* A path in an error is one in the list that was given: "mounts[1]" stands there as "[1]". */
static int locate(const struct mounts_file *file, struct err *e)
{
	return config_locate(e, "mounts", file->name, file->text, file->len);
}

int making_note_mount(struct making *m, int64_t number, struct err *e)
{
	struct oci_saved *saved = &m->record.saved;
	const struct mounts_plan *plan = &m->plan->mounts;
	struct oci_saved_mount *v;
	size_t n = saved->mounts.n;

	while (m->noted < plan->n && plan->v[m->noted].op == MOUNT_LINK)
		m->noted++;
	if (m->noted >= plan->n || number <= 0)
		return err_set(e, ERR_PEER, "init has added more mounts than were planned");
	v = ARENA_ARRAY(&m->mem, struct oci_saved_mount, n + 1);
	if (n)
		memcpy(v, saved->mounts.v, n * sizeof(*v));
	v[n] = (struct oci_saved_mount){ .destination = plan->v[m->noted++].destination.s, .number = (uint64_t)number };
	saved->mounts.v = v;
	saved->mounts.n = n + 1;
	return 0;
}

int life_mounts_add(const struct target *target, const struct mounts_file *file, struct err *e)
{
	AUTO(plugging) p = PLUGGING_NONE;
	struct making *m = &p.making;

	if (look(&p, target, file, e) < 0)
		return err_in(e, "add mounts to \"%s\"", target->id);
	if (!p.wanted->list.n)
		return 0;
	if (plan_mounts_add(&m->plan, m->config, &p.wanted->list, target->id, m->record.saved.bundle, &m->host, &m->shared,
			    e) < 0 ||
	    carry_out(&p, e) < 0) {
		(void)locate(file, e);
		return err_in(e, "add mounts to \"%s\"", target->id);
	}
	return 0;
}

/* ---- remove -------------------------------------------------------------------------- */

/* The one that was added last on AT; -1: none. */
static long added_on(const struct oci_saved *saved, const char *at)
{
	for (size_t i = saved->mounts.n; i-- > 0;)
		if (str_eq(saved->mounts.v[i].destination, at))
			return (long)i;
	return -1;
}

static bool is_beneath(const char *path, const char *dir)
{
	const char *rest = str_after(path, dir);

	return rest && (*rest == '/' || *rest == '\0');
}

/*
 * Takes those that GO marks out of the record, and with them what was added beneath one of them afterwards: it is
 * unmounted with it.
 */
static void forget(struct oci_saved *saved, const bool *go)
{
	size_t kept = 0;

	for (size_t i = 0; i < saved->mounts.n; i++) {
		bool gone = go[i];

		for (size_t j = 0; j < i && !gone; j++)
			gone = go[j] && is_beneath(saved->mounts.v[i].destination, saved->mounts.v[j].destination);
		if (!gone)
			saved->mounts.v[kept++] = saved->mounts.v[i];
	}
	saved->mounts.n = kept;
}

/* The last one first: it may lie in one of those before. */
static int choose(struct plugging *p, struct unmount **out, struct err *e)
{
	struct making *m = &p->making;
	struct oci_saved *saved = &m->record.saved;
	const oci_mount_list *list = &p->wanted->list;
	const char **where = ARENA_ARRAY(&m->mem, const char *, saved->mounts.n + 1);
	bool *go = ARENA_ARRAY(&m->mem, bool, saved->mounts.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		const char *at = mounts_destination(list->v[i].destination, &m->mem).s;
		long found = added_on(saved, at);

		if (found < 0)
			return err_set(e, ERR_SPEC, "mounts[%zu].destination: nothing was added on \"%s\"", i, at);
		if (go[found])
			return err_set(e, ERR_SPEC, "mounts[%zu].destination: \"%s\" is given twice", i, at);
		go[found] = true;
		where[found] = arena_printf(&m->mem, "mounts[%zu]", i);
	}
	*out = ARENA_ARRAY(&m->mem, struct unmount, list->n + 1);
	for (size_t i = saved->mounts.n; i-- > 0;)
		if (go[i])
			(*out)[n++] = (struct unmount){
				.where = where[i], .destination = CPATH(saved->mounts.v[i].destination),
				.number = saved->mounts.v[i].number,
			};
	forget(saved, go);
	return 0;
}

int life_mounts_remove(const struct target *target, const struct mounts_file *file, struct err *e)
{
	AUTO(plugging) p = PLUGGING_NONE;
	struct making *m = &p.making;
	struct unmount *v = NULL;

	if (look(&p, target, file, e) < 0)
		return err_in(e, "remove mounts from \"%s\"", target->id);
	if (!p.wanted->list.n)
		return 0;
	if (choose(&p, &v, e) < 0 ||
	    plan_mounts_remove(&m->plan, m->config, v, p.wanted->list.n, target->id, &m->host, &m->shared, e) < 0 ||
	    carry_out(&p, e) < 0) {
		(void)locate(file, e);
		return err_in(e, "remove mounts from \"%s\"", target->id);
	}
	return 0;
}
