/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors that `create` would meet on its way, found by looking alone: what the config names and the host has not.
 * On the host, in `check`.  Who checks looks before somebody acts, so all of this is a forecast; create does not build on it.
 */
#include "life/check.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "life/state.h"
#include "plan/check.h"
#include "sys/accounts.h"
#include "sys/fd.h"
#include "sys/groupfs.h"
#include "sys/procfs.h"
#include "sys/root.h"

struct look {
	struct problems *problems;
	const struct oci_config *config;
	const struct plan *plan;        /* only good for members without errors */
	const struct host *host;
	const struct create_request *rq;
	struct arena *mem;
};

#define ERROR(l, kind, ...) problem_addf((l)->problems, false, (kind), __VA_ARGS__)
/* As WHERE says, with the reason that *E has. */
static void missing(const struct look *l, bool is_warning, struct err *e, const char *where)
{
	(void)err_in(e, "%s", where);
	problem_add(l->problems, is_warning, e->kind, e->msg);
}

#define WARN(l, ...) problem_addf((l)->problems, true, ERR_NONE, __VA_ARGS__)

static bool can(const struct look *l, int cap)
{
	return l->host->capabilities >> cap & 1;
}

static const char *of_bundle(const struct look *l, const char *path)
{
	return path[0] == '/' ? path : arena_printf(l->mem, "%s/%s", l->rq->bundle, path);
}

/* ---- files that the config names ------------------------------------------------------ */

/* Returns whether the directory is there. */
static bool root(const struct look *l)
{
	const struct oci_root *r = l->config->root;
	const char *path = r && *r->path ? of_bundle(l, r->path) : NULL;
	struct err e;
	mode_t mode;

	if (!path)
		return false;
	if (path_mode(path, false, &mode, &e) < 0) {
		missing(l, false, &e, "root.path");
		return false;
	}
	if (!S_ISDIR(mode)) {
		ERROR(l, ERR_SPEC, "root.path: \"%.300s\" is not a directory", path);
		return false;
	}
	return true;
}

static void sources(const struct look *l)
{
	for (size_t i = 0; i < l->config->mounts.n; i++) {
		const struct oci_mount *m = &l->config->mounts.v[i];
		bool nofollow = oci_mount_has(m, "src-nofollow") || oci_mount_has(m, "copy-symlink");
		struct err e;
		mode_t mode;

		if (!m->source || !*m->source || oci_mount_has(m, "remount") ||
		    (!str_eq(m->type, "bind") && !str_eq(m->type, "rbind") && !oci_mount_has(m, "bind") &&
		     !oci_mount_has(m, "rbind")))
			continue;
		if (path_mode(of_bundle(l, m->source), nofollow, &mode, &e) < 0)
			missing(l, false, &e, arena_printf(l->mem, "mounts[%zu].source", i));
	}
}

static void joined(const struct look *l)
{
	const struct oci_linux *linux_ = l->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->namespaces.n; i++) {
		const struct oci_namespace *n = &linux_->namespaces.v[i];
		struct ns_plan one = { .n_joins = 1 };
		int fds[NS_KINDS];
		struct err e;

		if (!n->path || *n->path != '/' ||
		    problems_within(l->problems, arena_printf(l->mem, "linux.namespaces[%zu]", i)))
			continue;
		one.joins[0] = (struct ns_join){
			check_ns_kind(n->type), n->path, arena_printf(l->mem, "linux.namespaces[%zu].path", i) };
		if (ns_open(&one, fds, &e) < 0)
			problem_add(l->problems, false, e.kind, e.msg);
		else
			own_close(&fds[0]);
	}
}

static const oci_hook_list *hooks_of(const struct oci_hooks *h, enum hook_kind kind)
{
	switch (kind) {
	case HOOK_PRESTART:         return &h->prestart;
	case HOOK_CREATE_RUNTIME:   return &h->create_runtime;
	case HOOK_CREATE_CONTAINER: return &h->create_container;
	case HOOK_START_CONTAINER:  return &h->start_container;
	case HOOK_POSTSTART:        return &h->poststart;
	case HOOK_POSTSTOP:         return &h->poststop;
	case HOOK_KINDS:            break;
	}
	return NULL;
}

/* Those that create runs must be there; what comes later can still be put there. startContainer is the container's. */
static void hooks(const struct look *l)
{
	for (enum hook_kind k = 0; l->config->hooks && k < HOOK_KINDS; k++) {
		const oci_hook_list *list = hooks_of(l->config->hooks, k);
		bool is_late = k == HOOK_POSTSTART || k == HOOK_POSTSTOP;

		for (size_t i = 0; k != HOOK_START_CONTAINER && i < list->n; i++) {
			const char *path = list->v[i].path;
			const char *where = arena_printf(l->mem, "hooks.%s[%zu].path", hook_kind_name(k), i);
			struct err e;
			mode_t mode;

			if (*path != '/')
				continue;
			if (path_mode(path, false, &mode, &e) < 0)
				missing(l, is_late, &e, where);
			else if (S_ISDIR(mode) || !path_allows(path, X_OK))
				problem_addf(l->problems, is_late, ERR_SPEC, "%s: \"%.300s\" is not an executable file", where, path);
		}
	}
}

static void sockets(const struct look *l)
{
	const struct oci_linux *linux_ = l->config->linux_;
	const char *path = linux_ && linux_->seccomp ? linux_->seccomp->listener_path : NULL;
	struct err ignored;
	mode_t mode;

	if (path && *path && (path_mode(path, false, &mode, &ignored) < 0 || !S_ISSOCK(mode)))
		WARN(l, "linux.seccomp.listenerPath: nobody listens at \"%.300s\"", path);
}

static void network(const struct look *l)
{
	const struct oci_linux *linux_ = l->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->net_devices.n; i++)
		if (!if_nametoindex(linux_->net_devices.v[i].host_name))
			ERROR(l, ERR_SYSTEM, "linux.netDevices[\"%.100s\"]: this host has no such network device",
			      linux_->net_devices.v[i].host_name);
}

/* ---- the program ---------------------------------------------------------------------- */

/* Is it decided by a mount what is at PATH? */
static bool is_covered(const struct look *l, const char *path)
{
	for (size_t i = 0; i < l->config->mounts.n; i++) {
		const char *at = l->config->mounts.v[i].destination;
		const char *rest = str_after(path, str_eq(at, "/") ? "" : at);

		if (rest && (!*rest || *rest == '/'))
			return true;
	}
	return false;
}

enum program { PROGRAM_THERE, PROGRAM_MISSING, PROGRAM_NOT_EXECUTABLE, PROGRAM_UNKNOWN };

static enum program look_for(const struct look *l, const struct root *r, const char *path)
{
	struct err ignored;
	struct stat st;
	AUTO_FD int fd = -EBADF;

	if (is_covered(l, path))
		return PROGRAM_UNKNOWN;
	fd = root_find(r, CPATH(path), O_PATH, &ignored);
	if (fd < 0)
		return ignored.num == ENOENT || ignored.num == ENOTDIR ? PROGRAM_MISSING : PROGRAM_UNKNOWN;
	if (fstat(fd, &st) < 0)
		return PROGRAM_UNKNOWN;
	return S_ISREG(st.st_mode) && st.st_mode & 0111 ? PROGRAM_THERE : PROGRAM_NOT_EXECUTABLE;
}

static enum program search(const struct look *l, const struct root *r, const struct oci_process *p)
{
	const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *dir;
	enum program best = PROGRAM_MISSING;
	size_t len;

	for (size_t i = 0; i < p->env.n; i++)
		if (str_starts(p->env.v[i], "PATH="))
			path = p->env.v[i] + 5;
	while ((dir = str_word(&path, ":", &len))) {
		bool is_absolute = len && dir[0] == '/';
		enum program found = look_for(l, r, arena_printf(l->mem, "%s%s%.*s/%s", is_absolute ? "" : p->cwd,
								 is_absolute ? "" : "/", (int)len, dir, p->args.v[0]));

		if (found == PROGRAM_THERE || found == PROGRAM_UNKNOWN)
			return found;
		if (found == PROGRAM_NOT_EXECUTABLE)
			best = found;
	}
	return best;
}

static void program(const struct look *l)
{
	const struct oci_process *p = l->config->process;
	const char *name = p && p->args.n ? p->args.v[0] : "";
	enum program found;
	struct err ignored;
	AUTO_FD int fd = -EBADF;
	struct root r;

	if (!*name)
		return;
	fd = fd_open(of_bundle(l, l->config->root->path), O_PATH | O_DIRECTORY, 0, &ignored);
	r = (struct root){ fd, "rootfs" };
	if (fd < 0)
		return;
	if (!strchr(name, '/'))
		found = search(l, &r, p);
	else
		found = look_for(l, &r, *name == '/' ? name : arena_printf(l->mem, "%s/%s", p->cwd, name));
	if (found == PROGRAM_MISSING)
		WARN(l, strchr(name, '/') ? "process.args[0]: \"%.200s\" is not in the root file system" :
		     "process.args[0]: \"%.200s\" is in no directory of PATH in the root file system", name);
	if (found == PROGRAM_NOT_EXECUTABLE)
		WARN(l, "process.args[0]: \"%.200s\" is not an executable file", name);
}

/* ---- rights --------------------------------------------------------------------------- */

static uint64_t number_in(const struct look *l, const char *file, uint64_t otherwise)
{
	AUTO(procfs) proc = PROCFS_NONE;
	char text[64];
	struct err ignored;
	uint64_t n;

	(void)l;
	if (procfs_open_host(&proc, &ignored) < 0 || procfs_read(&proc, file, text, sizeof(text), &ignored) < 0)
		return otherwise;
	text[strcspn(text, "\n")] = '\0';
	return num_parse(text, UINT64_MAX, &n) ? n : otherwise;
}

static void limits(const struct look *l)
{
	const struct limits_plan *p = &l->plan->limits;

	for (size_t i = 0; i < p->n; i++) {
		const struct limit *want = &p->list[i];
		struct rlimit now;

		if (getrlimit(want->resource, &now) < 0 || want->hard <= now.rlim_max)
			continue;
		if (!can(l, CAP_SYS_RESOURCE))
			ERROR(l, ERR_UNSUPPORTED, "process.rlimits[%zu].hard: %llu is above husk's own limit of %llu, which "
			      "only CAP_SYS_RESOURCE could raise", i, (unsigned long long)want->hard,
			      (unsigned long long)now.rlim_max);
		else if (want->resource == RLIMIT_NOFILE && want->hard > number_in(l, "sys/fs/nr_open", UINT64_MAX))
			ERROR(l, ERR_UNSUPPORTED, "process.rlimits[%zu].hard: %llu is above what this kernel allows "
			      "(/proc/sys/fs/nr_open)", i, (unsigned long long)want->hard);
	}
}

/* A warning: what was raised before may be lowered again, which only the kernel knows. */
static void oom_score(const struct look *l)
{
	const struct limits_plan *p = &l->plan->limits;
	AUTO(procfs) proc = PROCFS_NONE;
	char text[16] = "";
	struct err ignored;
	int64_t now;

	if (!p->has_oom_score || can(l, CAP_SYS_RESOURCE))
		return;
	if (procfs_open_host(&proc, &ignored) == 0)
		(void)procfs_read(&proc, "self/oom_score_adj", text, sizeof(text), &ignored);
	text[strcspn(text, "\n")] = '\0';
	if (num_parse_signed(text, -1000, 1000, &now) && p->oom_score < now)
		WARN(l, "process.oomScoreAdj: %d is below husk's own %d, which needs CAP_SYS_RESOURCE", p->oom_score, (int)now);
}

static void settings(const struct look *l)
{
	AUTO(procfs) proc = PROCFS_NONE;
	struct err ignored;

	if (procfs_open_host(&proc, &ignored) < 0)
		return;
	for (size_t i = 0; i < l->plan->kernel.n; i++) {
		AUTO_FD int fd = procfs_open_file(&proc, l->plan->kernel.sysctls[i].file, O_PATH, &ignored);

		if (fd < 0)
			WARN(l, "linux.sysctl[\"%s\"]: this kernel has no such setting outside of the container",
			     l->config->linux_->sysctl.v[i].key);
	}
}

/* Without the rights of root every range must be one's own, or lent by /etc/subuid. */
static void subids(const struct look *l, const oci_id_mapping_list *maps, const char *member, const char *file, unsigned own)
{
	unsigned first, count;
	struct err ignored;
	int has = accounts_subids(file, l->host->uid, life_user_name(l->host->uid, l->mem), &first, &count, &ignored);

	for (size_t i = 0; i < maps->n; i++) {
		const struct oci_id_mapping *m = &maps->v[i];

		if (m->host_id == own && m->size == 1)
			continue;
		if (has <= 0)
			ERROR(l, ERR_UNSUPPORTED, "linux.%s[%zu]: %s lends no ids to user %u", member, i, file, l->host->uid);
		else if (m->host_id < first || (uint64_t)m->host_id + m->size > (uint64_t)first + count)
			WARN(l, "linux.%s[%zu]: outside of the ids %u to %u that %s lends to user %u", member, i, first,
			     first + count - 1, file, l->host->uid);
	}
}

static void mappings(const struct look *l)
{
	const struct oci_linux *linux_ = l->config->linux_;

	if (!l->plan->idmap.by_helper)
		return;
	if (!path_allows("/usr/bin/newuidmap", X_OK))
		ERROR(l, ERR_UNSUPPORTED, "linux.uidMappings: more than one's own id needs newuidmap(1), which is not installed "
		      "(package uidmap or shadow-utils)");
	subids(l, &linux_->uid_mappings, "uidMappings", "/etc/subuid", l->host->uid);
	subids(l, &linux_->gid_mappings, "gidMappings", "/etc/subgid", l->host->gid);
}

/* ---- cgroups and devices -------------------------------------------------------------- */

/* Files that only some kernels have, but then in every group, the topmost one too. */
static bool is_kernels_choice(const char *file)
{
	return str_starts(file, "memory.memsw.") || str_starts(file, "hugetlb.") || str_starts(file, "cpu.rt_");
}

/* The directory that is there already on the way to the container's group. */
static char *existing(const struct look *l, const struct cgroup_plan_dir *d)
{
	char *path = arena_printf(l->mem, "%s/%s", d->mount, d->path);

	while (strlen(path) > strlen(d->mount) && !path_allows(path, F_OK))
		*strrchr(path, '/') = '\0';
	return path;
}

static bool has_file(const struct look *l, const char *dir, const char *file)
{
	return path_allows(arena_printf(l->mem, "%s/%s", dir, file), F_OK);
}

/* A group of v1, which has all files of its controllers, unlike the topmost one; NULL: none is there to look at. */
static const char *sample(const struct look *l, const struct cgroup_plan_dir *d)
{
	const char *at = existing(l, d);
	char name[GROUP_NAME_MAX + 1];
	AUTO_FD int top = -EBADF;
	struct err ignored;
	uint64_t id;

	if (!str_eq(at, d->mount))
		return at;
	top = groupfs_open_known(d->mount, &ignored);
	if (top < 0 || groupfs_child(top, 0, name, &id, &ignored) <= 0)
		return NULL;
	return arena_printf(l->mem, "%s/%s", d->mount, name);
}

/* Of "mlx5_0 hca_handle=3" for rdma.max. */
static bool has_device(const struct look *l, const struct cgroup_write *w)
{
	return !str_eq(w->file, "rdma.max") ||
	       path_allows(arena_printf(l->mem, "/sys/class/infiniband/%.*s", (int)strcspn(w->text, " "), w->text), F_OK);
}

/* BEFORE: the write in whose place this one stands, NULL: none. */
static bool lacks_file(const struct look *l, const struct cgroup_plan_dir *d, const struct cgroup_write *w,
		       const struct cgroup_write *before)
{
	const char *group;
	struct err e;

	while ((group = sample(l, d))) {
		AUTO_FD int there = groupfs_open_known(group, &e);

		if (there < 0 && e.num != ENOENT)
			return false;
		if (there >= 0 && (has_file(l, group, w->file) || (before && has_file(l, group, before->file))))
			return false;
		/* Otherwise it was a container's that has just ended, also if another has its name by now, and says nothing. */
		if (there >= 0 && groupfs_is(group, groupfs_id(there)))
			return true;
	}
	return is_kernels_choice(w->file) && !has_file(l, d->mount, w->file);
}

static void write_v1(const struct look *l, const struct cgroup_write *w, const struct cgroup_write *before, const char *path)
{
	const struct cgroup_plan_dir *d = &l->plan->cgroup.dir[w->dir];
	const char *at = existing(l, d);
	char text[32];
	struct err ignored;

	if (lacks_file(l, d, w, before)) {
		ERROR(l, ERR_UNSUPPORTED, "%s: this kernel has no %s", path, w->file);
		return;
	}
	if (!has_device(l, w))
		ERROR(l, ERR_UNSUPPORTED, "%s: this host has no such RDMA device", path);
	/* Groups begin without any, and can give no more than they have. */
	if (str_eq(w->file, "cpu.rt_runtime_us") && !str_eq(w->text, "0") &&
	    file_read_at(AT_FDCWD, arena_printf(l->mem, "%s/%s", at, w->file), text, sizeof(text), &ignored) > 0 &&
	    str_eq(text, "0\n"))
		ERROR(l, ERR_UNSUPPORTED, "%s: the cgroup \"%s\" has no real-time runtime to give", path, at);
}

/* Of "hugetlb.2MB.max". */
static bool has_page_size(const struct look *l, const char *file)
{
	const char *size = str_after(file, "hugetlb.");
	uint64_t bytes;

	return !size || !num_parse_size(arena_strndup(l->mem, size, strcspn(size, ".")), &bytes) ||
	       path_allows(arena_printf(l->mem, "/sys/kernel/mm/hugepages/hugepages-%llukB", (unsigned long long)bytes / 1024), F_OK);
}

/* BEFORE: the write in whose place this one stands, NULL: none. */
static void write_(const struct look *l, const struct cgroup_write *w, const struct cgroup_write *before)
{
	const struct cgroup_plan_dir *d = &l->plan->cgroup.dir[w->dir];
	size_t controller = strcspn(w->file, ".");
	const char *at = existing(l, d), *path = w->path ? w->path : "linux.resources";
	char text[1024];
	struct err ignored;
	bool has_controller;

	if (w->flags & (WRITE_OPTIONAL | WRITE_ELSE) || str_starts(w->file, "cgroup."))
		return;
	if (!d->is_v2) {
		write_v1(l, w, before, path);
		return;
	}
	if (file_read_at(AT_FDCWD, arena_printf(l->mem, "%s/cgroup.controllers", at), text, sizeof(text), &ignored) < 0)
		return;
	has_controller = str_has_word(text, " \n", w->file, controller);
	/* Root enables controllers on its way; others have those that were given to them. */
	if (!has_controller && l->host->is_rootless)
		ERROR(l, ERR_UNSUPPORTED, "%s: the controller \"%.*s\" is not delegated to \"%s\"", path, (int)controller, w->file,
		      at);
	if (has_controller && !has_device(l, w))
		ERROR(l, ERR_UNSUPPORTED, "%s: this host has no such RDMA device", path);
	/* A group that has the controller has all of its files; only the topmost one has few. */
	if (has_controller && (str_eq(at, d->mount) ? !has_page_size(l, w->file) :
			       !has_file(l, at, w->file) && !(before && has_file(l, at, before->file))))
		ERROR(l, ERR_UNSUPPORTED, "%s: this kernel has no %s", path, w->file);
}

/* Who is not root can live without groups, unless limits are asked for (parts/cgroup/cgroup.c). */
static void places(const struct look *l)
{
	const struct cgroup_plan *p = &l->plan->cgroup;
	bool can_do_without = l->host->is_rootless && !p->writes.n && !p->devices.n;

	for (int i = 0; i < p->n && !can_do_without; i++) {
		const char *at = existing(l, &p->dir[i]);

		if (path_allows(at, W_OK))
			continue;
		ERROR(l, ERR_UNSUPPORTED, "linux.resources: husk may not make a cgroup in \"%s\"", at);
		return;
	}
}

static void groups(const struct look *l)
{
	const struct cgroup_plan *p = &l->plan->cgroup;

	if (p->unit.name && !unit_is_supported())
		problem_add(l->problems, false, ERR_UNSUPPORTED, "this husk was built without libsystemd: use "
			    "--cgroup-manager=cgroupfs");
	else if (p->unit.name && !path_allows("/run/systemd/system", F_OK))
		problem_add(l->problems, false, ERR_UNSUPPORTED, "systemd does not run on this host: use "
			    "--cgroup-manager=cgroupfs");
	for (size_t i = 0; i < p->writes.n; i++)
		write_(l, &p->writes.v[i], i && p->writes.v[i - 1].flags & WRITE_ELSE ? &p->writes.v[i - 1] : NULL);
	if (!p->unit.name)
		places(l);
}

static void devices(const struct look *l)
{
	const struct devices_plan *p = &l->plan->devices;
	struct err ignored;
	mode_t mode;

	for (size_t i = 0; p->by_bind && i < p->n_nodes; i++)
		if (!S_ISFIFO(p->nodes[i].mode) && str_starts(p->nodes[i].where, "linux.") &&
		    path_mode(p->nodes[i].host_path, false, &mode, &ignored) < 0)
			ERROR(l, ERR_SYSTEM, "%s.path: the host has no \"%.200s\" to be bound (devices cannot be made in a user "
			      "namespace)", p->nodes[i].where, p->nodes[i].host_path);
}

/* Those that read the plan, and the members whose errors would make it another one than the config's. */
static const struct { const char *path; void (*look)(const struct look *); } by_plan[] = {
	{ "process.rlimits", limits },
	{ "process.oomScoreAdj", oom_score },
	{ "linux.sysctl", settings },
	{ "linux.uidMappings", mappings },
	{ "linux.resources", groups },
	{ "linux.devices", devices },
};

void check_machine(struct check *c, const struct create_request *rq, struct arena *a)
{
	const struct look l = {
		.problems = &c->found.problems, .config = c->found.config, .plan = c->found.plan, .host = &c->host,
		.rq = rq, .mem = a,
	};

	if (root(&l))
		program(&l);
	sources(&l);
	joined(&l);
	hooks(&l);
	sockets(&l);
	network(&l);
	for (size_t i = 0; i < ARRAY_SIZE(by_plan); i++)
		if (!problems_within(l.problems, by_plan[i].path))
			by_plan[i].look(&l);
}
