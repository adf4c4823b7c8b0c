/* SPDX-License-Identifier: Apache-2.0 */
/* The file system manager; see manager-fs.h. */
#include "parts/cgroup/manager-fs.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/own.h"
#include "base/str.h"
#include "parts/cgroup/tree.h"
#include "sys/groupfs.h"

/* Any v2 group but the root may either hold processes or hand controllers down. */
static bool holds_processes(int group)
{
	char text[32];
	struct err ignored;

	return groupfs_read(group, "cgroup.type", text, sizeof(text), &ignored) >= 0 &&
	       groupfs_read(group, "cgroup.procs", text, sizeof(text), &ignored) > 0;
}

/*
 * Enables in GROUP what its children shall have.  All at once, which is one write; when that is refused
 * (one controller is busy elsewhere), one by one, as far as it goes.  Nothing in a group that holds processes:
 * the kernel would take some controllers there, and turn the group into a threaded one, of no use to us and a
 * surprise to its owner.
 */
static void hand_down(int group, const char *controllers)
{
	char have[512], on[512], line[600];
	struct text t = TEXT(line);
	const char *word, *rest = controllers;
	struct err ignored;
	size_t len;

	if (!*controllers || groupfs_read(group, "cgroup.controllers", have, sizeof(have), &ignored) < 0 ||
	    groupfs_read(group, "cgroup.subtree_control", on, sizeof(on), &ignored) < 0)
		return;
	while ((word = str_word(&rest, " ", &len)))
		if (len && str_has_word(have, " \n", word, len) && !str_has_word(on, " \n", word, len)) {
			text_add(&t, t.len ? " +" : "+");
			text_addn(&t, word, len);
		}
	if (!t.len || t.cut || holds_processes(group) ||
	    groupfs_write(group, "cgroup.subtree_control", line, &ignored) == 0)
		return;
	rest = line;
	while ((word = str_word(&rest, " ", &len))) {
		char one[64];
		struct text o = TEXT(one);

		text_addn(&o, word, len);
		if (!o.cut)
			(void)groupfs_write(group, "cgroup.subtree_control", one, &ignored);
	}
}

/* v1: a new cpuset has neither CPUs nor memory, and nobody can enter it before it has: those of its parent. */
static int inherit(int child, bool is_new, const char *file, struct err *e)
{
	char text[4096];
	ssize_t n = is_new ? 0 : groupfs_read(child, file, text, sizeof(text), e);

	if (n < 0)
		return -1;
	if (n > 1)
		return 0;
	if (groupfs_read_above(child, file, text, sizeof(text), e) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	return groupfs_write(child, file, text, e);
}

static int inherit_all(int child, bool is_new, struct err *e)
{
	return inherit(child, is_new, "cpuset.cpus", e) < 0 ? -1 : inherit(child, is_new, "cpuset.mems", e);
}

static bool is_cpuset(const struct cgroup_plan_dir *p)
{
	return !p->is_v2 && str_has_word(p->controllers, ",", "cpuset", 6);
}

/* All components but the last; *made counts those at the end of the path that are ours. */
static int step(int *cur, const char *name, bool cpuset, uint32_t *made, struct err *e)
{
	AUTO_FD int child = -EBADF;
	int new = groupfs_make(*cur, name, e);

	if (new < 0)
		return -1;
	*made = new ? *made + 1 : 0;
	child = groupfs_find(*cur, name, e);
	if (child < 0)
		return -1;
	if (cpuset && inherit_all(child, new, e) < 0)
		return -1;
	own_close(cur);
	*cur = TAKE_FD(child);
	return 0;
}

static int walk(struct cgroup_dir *out, const struct cgroup_plan_dir *p, const char *controllers, struct err *e)
{
	AUTO_FD int cur = groupfs_open(p->mount, p->is_v2, e);
	const char *word, *rest = p->path;
	bool cpuset = is_cpuset(p);
	char name[GROUP_NAME_MAX + 1];
	size_t len;

	if (cur < 0)
		return -1;
	out->made = 0;
	while ((word = str_word(&rest, "/", &len))) {
		struct text t = TEXT(name);

		text_addn(&t, word, len);
		if (t.cut)
			return err_set(e, ERR_SPEC, "cgroup \"%s\": a name is too long", p->path);
		if (p->is_v2)
			hand_down(cur, controllers);
		if (step(&cur, name, cpuset, &out->made, e) < 0)
			return -1;
	}
	out->fd = TAKE_FD(cur);
	return 0;
}

/* config-linux.md: a runtime may check that the cgroup is fit for purpose. Another container's is not. */
static int check_unused(const struct cgroup_dir *d, struct err *e)
{
	char text[64];
	int used = tree_is_populated(d->fd, e);

	if (used < 0)
		return -1;
	if (used)
		return err_set(e, ERR_STATE, "cgroup \"%s\" exists and holds processes: not ours", d->path);
	if (groupfs_read(d->fd, d->is_v2 ? "cgroup.freeze" : "freezer.state", text, sizeof(text), e) > 0 &&
	    (text[0] == '1' || str_starts(text, "FR")))
		return err_set(e, ERR_STATE, "cgroup \"%s\" exists and is frozen", d->path);
	return 0;
}

static int check_type(const struct cgroup_dir *d, struct err *e)
{
	char type[64];

	if (!d->is_v2 || groupfs_read(d->fd, "cgroup.type", type, sizeof(type), e) < 0)
		return 0;
	if (str_starts(type, "domain invalid") || str_starts(type, "threaded"))
		return err_set(e, ERR_STATE, "cgroup \"%s\" lies in a threaded cgroup, where no container can be", d->path);
	return 0;
}

/* v2: everything that the child shall have is handed down by GROUP already, so also by all above it. */
static bool hands_down(int group, const char *controllers)
{
	char on[512];
	const char *word;
	struct err ignored;
	size_t len;

	if (*controllers && groupfs_read(group, "cgroup.subtree_control", on, sizeof(on), &ignored) < 0)
		return false;
	while ((word = str_word(&controllers, " ", &len)))
		if (len && !str_has_word(on, " \n", word, len))
			return false;
	return true;
}

/*
 * The common case without a walk: the parent is there, and in it nothing of that name.  The path is safe to use: host_look()
 * has asked for this very plan whether the mount is a cgroup file system, and nobody can put links into one.
 * False: nothing is made, the reason will be found by the walk.
 */
static bool make_last(struct cgroup_dir *out, const struct cgroup_plan_dir *p, const char *controllers)
{
	AUTO_FD int parent = -EBADF;
	struct text t;
	char path[4096];
	struct err ignored;

	if (p->is_v2) {
		t = (struct text)TEXT(path);
		text_addn(&t, out->path, (size_t)(strrchr(out->path, '/') - out->path));
		parent = t.cut ? -1 : groupfs_open_known(path, &ignored);
		if (parent < 0 || !hands_down(parent, controllers))
			return false;
	}
	if (groupfs_make(AT_FDCWD, out->path, &ignored) != 1)
		return false;
	out->fd = groupfs_open_known(out->path, &ignored);
	if (out->fd < 0) {
		(void)groupfs_remove(AT_FDCWD, out->path, &ignored);
		return false;
	}
	out->made = 1;
	out->is_unfit = is_cpuset(p);
	return true;
}

int manager_fs_make(struct cgroup_dir *out, const struct cgroup_plan_dir *p, const char *controllers, bool alone,
		    struct err *e)
{
	int made = make_last(out, p, controllers);

	/* ENOENT: somebody removed an empty parent between our two steps; ENODEV: while we wrote. */
	for (int tries = 0; !made && walk(out, p, controllers, e) < 0; tries++)
		if ((e->num != ENOENT && e->num != ENODEV) || tries == 10)
			return err_in(e, "cgroup \"%s\"", out->path);
	out->id = groupfs_id(out->fd);
	if (check_type(out, e) < 0)
		return -1;
	return out->made || !alone ? 0 : check_unused(out, e);
}

int manager_fs_fit_out(struct cgroup_dir *d, struct err *e)
{
	if (!d->is_unfit)
		return 0;
	d->is_unfit = false;
	return inherit_all(d->fd, true, e) < 0 ? err_in(e, "cgroup \"%s\"", d->path) : 0;
}

int manager_fs_hand_down(const struct cgroup_plan_dir *p, const char *controllers, struct err *e)
{
	struct cgroup_dir again = { .fd = -EBADF };
	int r = walk(&again, p, controllers, e);

	own_close(&again.fd);
	return r;
}

static void pause_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* rmdir(2) of one group, with patience: killed processes take a moment to leave. */
static int remove_one(int parent, const char *name, long *patience, struct err *e)
{
	long wait = 1;

	while (groupfs_remove(parent, name, e) < 0) {
		if (e->num == ENOENT)
			return 0;
		if (e->num != EBUSY || *patience <= 0)
			return -1;
		pause_ms(wait);
		*patience -= wait;
		wait = wait < 50 ? 2 * wait : 50;
	}
	return 0;
}

/* Children first, without a stack: groups know their parents, and nobody can move them. */
static int remove_children(int top, long *patience, struct err *e)
{
	AUTO_FD int cur = groupfs_find(top, "", e);
	uint64_t top_id = groupfs_id(top), id;
	char name[GROUP_NAME_MAX + 1];
	int r;

	if (cur < 0)
		return -1;
	for (;;) {
		AUTO_FD int next = -EBADF;

		r = groupfs_child(cur, 0, name, &id, e);
		if (r < 0)
			return -1;
		if (r == 0 && groupfs_id(cur) == top_id)
			return 0;
		if (r == 0) {
			next = groupfs_parent(cur, e);
		} else {
			struct err busy;
			char below[GROUP_NAME_MAX + 1];

			next = groupfs_find(cur, name, e);
			if (next < 0 && e->num == ENOENT)
				continue;
			if (next >= 0 && groupfs_child(next, 0, below, &id, &busy) == 0) {
				if (remove_one(cur, name, patience, e) < 0)
					return -1;
				continue;
			}
		}
		if (next < 0)
			return -1;
		own_close(&cur);
		cur = TAKE_FD(next);
	}
}

/* Where the last N components of PATH begin. */
static char *cut(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return NULL;
	*slash = '\0';
	return slash + 1;
}

int manager_fs_remove(struct cgroup_dir *d, struct err *e)
{
	char path[4096];
	struct text t = TEXT(path);
	long patience = 10000;
	uint32_t made = d->made > 1 ? d->made : 1;

	text_add(&t, d->path);
	if (t.cut)
		return err_set(e, ERR_BUG, "cgroup \"%s\": too long", d->path);
	if (groupfs_remove(AT_FDCWD, path, e) == 0 && made == 1)
		return 0;
	if (d->fd >= 0 && remove_children(d->fd, &patience, e) < 0)
		return err_in(e, "remove the cgroup \"%s\"", d->path);
	for (uint32_t i = 0; i < made; i++) {
		const char *name = cut(path);
		AUTO_FD int parent = name ? groupfs_open(path, d->is_v2, e) : -EBADF;

		if (!name)
			break;
		if (parent < 0 && e->num == ENOENT)
			continue;
		if (parent < 0)
			return err_in(e, "remove the cgroup \"%s\"", d->path);
		if (remove_one(parent, name, i ? &(long){ 0 } : &patience, e) == 0)
			continue;
		/* A parent that has other children by now is theirs. */
		if (i)
			break;
		return err_in(e, "remove the cgroup \"%s\"", d->path);
	}
	return 0;
}
