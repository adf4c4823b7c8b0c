/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's groups as a thing: made, undone, remembered, reopened, entered.  On the host; the work
 * of making one group is the manager's, that of limits the writer's.
 */
#include "parts/cgroup/cgroup.h"

#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"
#include "parts/cgroup/manager-fs.h"
#include "parts/cgroup/write.h"
#include "sys/bpf.h"
#include "sys/fd.h"
#include "sys/groupfs.h"
#include "sys/procfs.h"

void cgroup_undo(struct cgroup *cg)
{
	int saved = errno, fds[CGROUP_DIRS];
	struct err e;

	for (int i = cg->n - 1; i >= 0; i--) {
		if (cg->is_made && cg->dir[i].made && manager_fs_remove(&cg->dir[i], &e) < 0)
			log_warning("%s", e.msg);
		fds[i] = cg->dir[i].fd;
	}
	fd_close_all(fds, cg->n);
	if (cg->is_made && cg->scope && unit_stop(cg->scope, cg->is_user, &e) < 0)
		log_warning("%s", e.msg);
	*cg = CGROUP_NONE;
	errno = saved;
}

void cgroup_keep(struct cgroup *cg)
{
	cg->is_made = false;
}

/* ---- making ------------------------------------------------------------------------ */

/* The files that a delegated group's owner may write to, as the kernel lists them. */
static const char *delegate_files(char buf[4096])
{
	struct err ignored;

	if (file_read_at(AT_FDCWD, "/sys/kernel/cgroup/delegate", buf, 4096, &ignored) > 0)
		return buf;
	return "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";
}

static int give(int group, uid_t owner, struct err *e)
{
	char buf[4096];
	const char *word, *rest = delegate_files(buf);
	size_t len;

	if (groupfs_chown(group, "", owner, (gid_t)-1, e) < 0)
		return -1;
	while ((word = str_word(&rest, "\n", &len))) {
		char file[GROUP_NAME_MAX + 1];
		struct text t = TEXT(file);

		text_addn(&t, word, len);
		if (!len || t.cut || memchr(word, '/', len))
			continue;
		if (groupfs_chown(group, file, owner, (gid_t)-1, e) < 0 && e->num != ENOENT)
			return -1;
	}
	return 0;
}

/* The path beneath GROUP, made as far as it is not there. A descriptor. */
static int make_inner(int group, const char *path, struct err *e)
{
	AUTO_FD int cur = groupfs_find(group, "", e);
	const char *word;
	size_t len;

	while (cur >= 0 && (word = str_word(&path, "/", &len))) {
		char name[GROUP_NAME_MAX + 1];
		struct text t = TEXT(name);
		int next;

		text_addn(&t, word, len);
		next = groupfs_make(cur, name, e) < 0 ? -1 : groupfs_find(cur, name, e);
		own_close(&cur);
		cur = next;
	}
	return TAKE_FD(cur);
}

static int delegate(const struct cgroup_dir *d, const struct cgroup_plan *p, struct err *e)
{
	AUTO_FD int inner = p->inner ? make_inner(d->fd, p->inner, e) : -EBADF;

	if ((p->inner && inner < 0) || (p->delegate && give(p->inner ? inner : d->fd, p->owner, e) < 0)) {
		/* Without root of the host a group can be given to nobody else. The specification says MAY. */
		if (!p->is_rootless || e->num != EPERM)
			return -1;
		log_warning("the container's user cannot be given its cgroup, which stays that of who has made it: %s", e->msg);
	}
	return 0;
}

static int attach(const struct cgroup_dir *d, const struct device_program *p, struct err *e)
{
	AUTO_FD int prog = bpf_load_device_program(p->v, p->n, e);

	if (prog < 0 || bpf_attach_device_program(d->fd, prog, e) < 0)
		return err_in(e, "linux.resources.devices");
	return 0;
}

int cgroup_set_devices(const struct cgroup_dir *d, const struct device_rules *rules, struct arena *a, struct err *e)
{
	struct device_program p;

	devices_program(&p, rules, a);
	return attach(d, &p, e);
}

static int make_dirs(struct cgroup *cg, const struct cgroup_plan *p, struct err *e)
{
	for (int i = 0; i < p->n; i++) {
		struct cgroup_dir *d = &cg->dir[cg->n];

		*d = (struct cgroup_dir){
			.controllers = p->dir[i].controllers, .path = p->dir[i].full, .is_v2 = p->dir[i].is_v2, .fd = -EBADF };
		cg->n++;
		if (manager_fs_make(d, &p->dir[i], p->v2_controllers ? p->v2_controllers : "", !p->unit.name, e) < 0)
			return -1;
	}
	return 0;
}

/* Who is not root and has been given no group to make groups in can live without, unless limits were asked for. */
static bool is_forgiven(const struct cgroup_plan *p, const struct err *e)
{
	return p->is_rootless && p->writes.n == 0 && p->devices.n == 0 &&
	       (e->num == EACCES || e->num == EPERM || e->num == EROFS || e->num == ENOENT);
}

/* A user who asks for limits has to be told how one gets a place for them. */
static int tell_what_is_missing(const struct cgroup_plan *p, struct err *e)
{
	if (!p->is_rootless || p->unit.name || (e->num != EACCES && e->num != EPERM && e->num != EROFS))
		return -1;
	if (!p->dir[p->n - 1].is_v2 || p->n > 1)
		return err_hint(e, "cgroups of v1 are root's alone: without linux.resources the container needs none");
	return err_hint(e, "without root, limits need a delegated cgroup: --systemd-cgroup, or "
			"systemd-run --user --scope -p Delegate=yes husk ...");
}

static const struct cgroup_dir *unified(const struct cgroup *cg)
{
	for (int i = 0; i < cg->n; i++)
		if (cg->dir[i].is_v2)
			return &cg->dir[i];
	return NULL;
}

/*
 * From the unit's own group, where systemd has put it, into ours beneath: a group of v2 that holds processes hands nothing
 * down.  Those of v1 init enters by itself.
 */
static int leave_unit(const struct cgroup *cg, const struct cgroup_plan *p, pid_t init, struct err *e)
{
	const struct cgroup_dir *d = unified(cg);
	char pid[16];
	struct text t = TEXT(pid);

	if (!p->unit.is_divided || !d)
		return 0;
	text_addf(&t, "%d", (int)init);
	if (groupfs_write(d->fd, "cgroup.procs", pid, e) < 0)
		return err_in(e, "cgroup \"%s\"", d->path);
	return manager_fs_hand_down(&p->dir[d - cg->dir], p->v2_controllers ? p->v2_controllers : "", e);
}

static int make_bare(struct cgroup *cg, const struct cgroup_plan *p, struct err *e)
{
	if (make_dirs(cg, p, e) == 0)
		return 0;
	if (p->unit.name || !is_forgiven(p, e))
		return tell_what_is_missing(p, e);
	log_debug("no cgroup for this container: %s", e->msg);
	cgroup_undo(cg);
	cg->manager = p->manager;
	return 0;
}

static int fit_out(struct cgroup *cg, const struct cgroup_plan *p, pid_t init, struct err *e)
{
	/* Forgiven. */
	if (p->n && !cg->n)
		return 0;
	for (int i = 0; i < cg->n; i++)
		if (manager_fs_fit_out(&cg->dir[i], e) < 0)
			return -1;
	if (leave_unit(cg, p, init, e) < 0 || write_limits(cg, &p->writes, false, e) < 0)
		return -1;
	if (p->devices.n && attach(&cg->dir[cg->n - 1], &p->devices, e) < 0)
		return -1;
	return p->delegate ? delegate(&cg->dir[cg->n - 1], p, e) : 0;
}

int cgroup_make_bare(struct cgroup *out, const struct cgroup_plan *p, struct err *e)
{
	TRACE("make cgroup");
	AUTO(cgroup) cg = { .manager = p->manager, .is_made = true };

	if (!p->unit.name && make_bare(&cg, p, e) < 0)
		return -1;
	*out = TAKE(cg, CGROUP_NONE);
	return 0;
}

int cgroup_fit_out(struct cgroup *cg, const struct cgroup_plan *p, struct err *e)
{
	TRACE("fit out cgroup");
	return p->unit.name ? 0 : fit_out(cg, p, 0, e);
}

int cgroup_make(struct cgroup *out, const struct cgroup_plan *p, struct err *e)
{
	AUTO(cgroup) cg = CGROUP_NONE;

	if (cgroup_make_bare(&cg, p, e) < 0 || cgroup_fit_out(&cg, p, e) < 0)
		return -1;
	*out = TAKE(cg, CGROUP_NONE);
	return 0;
}

int cgroup_make_scope(struct cgroup *cg, const struct cgroup_plan *p, pid_t init, struct err *e)
{
	*cg = (struct cgroup){ .manager = p->manager, .is_made = true };
	if (unit_start(&p->unit, init, e) < 0)
		return -1;
	/* Not before: a unit of that name that was there is somebody else's. */
	cg->scope = p->unit.name;
	cg->is_user = p->unit.is_user;
	return make_bare(cg, p, e) < 0 ? -1 : fit_out(cg, p, init, e);
}

/* Init has gone on into the inner group: what is above holds no processes any more. */
static int give_controllers(const struct cgroup_plan *p, struct err *e)
{
	struct cgroup_plan_dir inner = p->dir[p->n - 1];
	char path[4096];
	struct text t = TEXT(path);

	text_add(&t, inner.path);
	text_add(&t, "/");
	text_add(&t, p->inner);
	inner.path = path;
	return manager_fs_hand_down(&inner, p->v2_controllers ? p->v2_controllers : "", e);
}

int cgroup_finish(const struct cgroup *cg, const struct cgroup_plan *p, struct err *e)
{
	TRACE("finish cgroup");
	if (p->inner && give_controllers(p, e) < 0)
		return -1;
	return write_limits(cg, &p->writes, true, e);
}

/* ---- remembering -------------------------------------------------------------------- */

void cgroup_paths_planned(struct cgroup_paths *out, const struct cgroup_plan *p)
{
	*out = (struct cgroup_paths){
		.manager = p->manager, .n = p->n, .scope = p->unit.name, .is_user = p->unit.is_user };
	for (int i = 0; i < p->n; i++)
		out->v[i] = (struct cgroup_path){
			.controllers = p->dir[i].controllers,
			.path = p->dir[i].full,
		};
}

void cgroup_paths_of(struct cgroup_paths *out, const struct cgroup *cg)
{
	*out = (struct cgroup_paths){ .manager = cg->manager, .n = cg->n, .scope = cg->scope, .is_user = cg->is_user };
	for (int i = 0; i < cg->n; i++)
		out->v[i] = (struct cgroup_path){
			.controllers = cg->dir[i].controllers, .path = cg->dir[i].path,
			.made = cg->dir[i].made, .id = cg->dir[i].id,
		};
}

int cgroup_open(struct cgroup *out, const struct cgroup_paths *saved, struct err *e)
{
	AUTO(cgroup) cg = {
		.manager = saved->manager, .scope = saved->scope, .is_user = saved->is_user, .is_intent = saved->is_intent };

	for (int i = 0; i < saved->n && i < CGROUP_DIRS; i++) {
		const struct cgroup_path *p = &saved->v[i];
		struct cgroup_dir *d = &cg.dir[cg.n];
		bool is_v2 = !*p->controllers;
		AUTO_FD int fd = p->id ? groupfs_reopen(p->path, p->id, e) : groupfs_open(p->path, is_v2, e);

		if (fd < 0 && e->num != ENOENT)
			return -1;
		/* Gone, or somebody else's of the same name: not ours to touch any more. */
		if (fd < 0)
			continue;
		*d = (struct cgroup_dir){
			.controllers = p->controllers, .path = p->path, .made = p->made, .id = p->id,
			.is_v2 = is_v2, .fd = TAKE_FD(fd),
		};
		cg.n++;
	}
	*out = TAKE(cg, CGROUP_NONE);
	return 0;
}

bool cgroup_remove_empty(struct cgroup *cg)
{
	TRACE("remove cgroup");
	struct err ignored;

	if (cg->manager != CGROUP_MANAGER_FS)
		return false;
	for (int i = cg->n - 1; i >= 0; i--)
		if (cg->dir[i].made != 1 || groupfs_remove(AT_FDCWD, cg->dir[i].path, &ignored) < 0)
			return false;
	cgroup_keep(cg);
	return true;
}

bool cgroup_remove_saved(const struct cgroup_paths *saved)
{
	TRACE("remove cgroup");
	struct err ignored;

	if (saved->n && (saved->manager != CGROUP_MANAGER_FS || saved->scope))
		return false;
	for (int i = saved->n - 1; i >= 0; i--) {
		const struct cgroup_path *p = &saved->v[i];

		if (p->made != 1 || !groupfs_is(p->path, p->id) || groupfs_remove(AT_FDCWD, p->path, &ignored) < 0)
			return false;
	}
	return !saved->scope;
}

/* ---- entering ------------------------------------------------------------------------ */

int cgroup_into_fd(const struct cgroup *cg)
{
	const struct cgroup_dir *d = unified(cg);

	return d ? d->fd : -1;
}

static int open_inner(const struct cgroup *cg, const char *path, struct err *e)
{
	AUTO_FD int group = groupfs_find(cg->dir[cg->n - 1].fd, path, e);

	return group < 0 ? -1 : groupfs_open_file(group, "cgroup.procs", O_WRONLY, e);
}

static int close_entries(int fds[], int *n)
{
	while (*n > 0)
		own_close(&fds[--*n]);
	return -1;
}

int cgroup_entries(const struct cgroup *cg, const char *inner, int fds[], int *n, struct err *e)
{
	*n = 0;
	if (inner && cg->n) {
		fds[0] = open_inner(cg, inner, e);
		*n = fds[0] >= 0;
		return *n ? 0 : -1;
	}
	for (int i = 0; i < cg->n; i++) {
		if (cg->dir[i].is_v2)
			continue;
		fds[*n] = groupfs_open_file(cg->dir[i].fd, "tasks", O_WRONLY, e);
		if (fds[*n] < 0) {
			(void)err_in(e, "cgroup \"%s\"", cg->dir[i].path);
			return close_entries(fds, n);
		}
		++*n;
	}
	return 0;
}

int cgroup_entries_saved(const struct cgroup_paths *saved, int fds[], int *n, struct err *e)
{
	*n = 0;
	for (int i = 0; i < saved->n; i++) {
		fds[*n] = groupfs_open_tasks(saved->v[i].path, saved->v[i].id, e);
		if (fds[*n] >= 0)
			++*n;
		else if (e->num != ENOENT)
			return close_entries(fds, n);
	}
	return 0;
}

int cgroup_take(const struct cgroup *cg, pid_t pid, struct err *e)
{
	char text[16];
	struct text t = TEXT(text);

	text_addf(&t, "%d", (int)pid);
	for (int i = 0; i < cg->n; i++)
		if (groupfs_write(cg->dir[i].fd, "cgroup.procs", text, e) < 0)
			return err_in(e, "cgroup \"%s\"", cg->dir[i].path);
	return 0;
}

bool cgroup_may_need_help(const struct cgroup *cg)
{
	return cg->scope && cg->is_user && unified(cg);
}

int cgroup_attach(const struct cgroup *cg, pid_t pid, struct err *e)
{
	AUTO(procfs) proc = PROCFS_NONE;
	const struct cgroup_dir *d = unified(cg);
	char path[4096], link[32], slash[300];
	struct text l = TEXT(link), s = TEXT(slash);
	const char *below;

	/* Where it is by now, which is not what was recorded: exec may have gone on beneath. */
	text_addf(&l, "self/fd/%d", d->fd);
	text_addf(&s, "/%s", cg->scope);
	if (procfs_open_host(&proc, e) < 0 || procfs_read_link(&proc, link, path, sizeof(path), e) < 0)
		return -1;
	below = strstr(path, slash);
	if (!below)
		return err_set(e, ERR_STATE, "the cgroup \"%s\" is not beneath that of the unit \"%s\"", path, cg->scope);
	below += strlen(slash);
	return unit_attach(cg->scope, cg->is_user, *below ? below : "/", pid, e);
}

static bool has_controller(const struct cgroup_dir *d, const char *list, size_t n)
{
	const char *word, *rest = list, *end = list + n;
	size_t len;

	if (!n)
		return d->is_v2;
	while (rest && rest < end && (word = str_word(&rest, ",:", &len))) {
		const char *have, *all = d->controllers;
		size_t l;

		if (word >= end)
			break;
		while ((have = str_word(&all, ",", &l)))
			if (len && l == len && memcmp(have, word, l) == 0)
				return true;
	}
	return false;
}

/* One spec: all groups that it names go on to the path beneath them. */
static int descend(struct cgroup *cg, const char *spec, struct err *e)
{
	const char *colon = strchr(spec, ':'), *path = colon ? colon + 1 : spec;
	int found = 0;

	for (int i = 0; colon && i < cg->n; i++)
		found += has_controller(&cg->dir[i], spec, (size_t)(colon - spec));
	if (colon && !found)
		return err_set(e, ERR_USAGE, "cgroup \"%s\": the container has no cgroup with this controller", spec);
	path += strspn(path, "/");
	if (!*path)
		return 0;
	found = 0;
	if (!cgroup_is_path(path))
		return err_set(e, ERR_USAGE, "cgroup \"%s\": not a path beneath the container's cgroup", spec);
	for (int i = 0; i < cg->n; i++) {
		struct cgroup_dir *d = &cg->dir[i];
		AUTO_FD int fd = -EBADF;

		if (colon && !has_controller(d, spec, (size_t)(colon - spec)))
			continue;
		fd = groupfs_find(d->fd, path, e);
		if (fd < 0 && e->num != ENOENT)
			return -1;
		if (fd < 0)
			continue;
		own_close(&d->fd);
		d->fd = TAKE_FD(fd);
		found++;
	}
	if (!found)
		return err_set(e, ERR_USAGE, "cgroup \"%s\": the container has no such cgroup", spec);
	return 0;
}

int cgroup_descend(struct cgroup *cg, const char *const *specs, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (descend(cg, specs[i], e) < 0)
			return -1;
	return 0;
}

/* The path of "0::/a/b" in /proc/PID/cgroup, in place. */
static char *unified_line(char *text)
{
	for (char *line = text; line && *line;) {
		char *end = strchr(line, '\n');

		if (end)
			*end++ = '\0';
		if (str_starts(line, "0::/"))
			return line + strlen("0::/");
		line = end;
	}
	return NULL;
}

int cgroup_follow(struct cgroup *cg, pid_t init, bool always, struct err *e)
{
	AUTO(procfs) proc = PROCFS_NONE;
	char text[8192], file[48], *path;
	struct text f = TEXT(file);
	struct cgroup_dir *d = (struct cgroup_dir *)unified(cg);

	if (!d || (groupfs_read(d->fd, "cgroup.subtree_control", text, sizeof(text), e) <= 1 && !always))
		return 0;
	text_addf(&f, "%d/cgroup", (int)init);
	if (procfs_open(&proc, e) < 0 || procfs_read(&proc, file, text, sizeof(text), e) < 0)
		return -1;
	path = unified_line(text);
	/* Ours is a tail of the absolute directory; what follows it in init's path lies beneath us. */
	for (const char *ours = path ? strchr(d->path + 1, '/') : NULL; ours; ours = strchr(ours + 1, '/')) {
		const char *below = str_after(path, ours + 1);
		AUTO_FD int fd = -EBADF;

		if (!below || *below != '/' || !cgroup_is_path(below + 1))
			continue;
		fd = groupfs_find(d->fd, below + 1, e);
		if (fd < 0)
			return err_in(e, "the cgroup of the container's init");
		own_close(&d->fd);
		d->fd = TAKE_FD(fd);
		return 0;
	}
	return 0;
}
