/* SPDX-License-Identifier: Apache-2.0 */
/* Names are destinations as config.json has them; "/dev/null" is what hides masked files. So do runc and crun. */
#include "life/outside.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/own.h"
#include "base/str.h"
#include "record/streams.h"
#include "sys/fd.h"
#include "sys/mountinfo.h"
#include "sys/procfs.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define NAME_OF_NULL    "/dev/null"
#define MOUNTINFO_MAX   (16u << 20)

/* ---- namespaces --------------------------------------------------------------------- */

enum ns_way { NS_REFUSED, NS_EXTERNAL, NS_JOINED };

/* How CRIU comes into a namespace that is there: as a descriptor named in the images, or by the file. */
static const struct ns_kind { uint64_t kind; const char *word, *name; enum ns_way way; } ns_kinds[] = {
	{ CLONE_NEWNET, "net", "extRootNetNS", NS_EXTERNAL },
	{ CLONE_NEWPID, "pid", "extRootPidNS", NS_EXTERNAL },
	{ CLONE_NEWIPC, "ipc", NULL, NS_JOINED },
	{ CLONE_NEWUTS, "uts", NULL, NS_JOINED },
	{ CLONE_NEWTIME, "time", NULL, NS_JOINED },
	{ CLONE_NEWUSER, "user", NULL, NS_REFUSED },
	{ CLONE_NEWNS, "mount", NULL, NS_REFUSED },
	{ CLONE_NEWCGROUP, "cgroup", NULL, NS_REFUSED },
	{}
};

static const struct ns_kind *ns_kind_of(uint64_t kind)
{
	const struct ns_kind *k = ns_kinds;

	while (k->kind && k->kind != kind)
		k++;
	return k;
}

int outside_check(const struct plan *p, struct err *e)
{
	for (int i = 0; i < p->ns.n_joins; i++)
		if (ns_kind_of(p->ns.joins[i].kind)->way == NS_REFUSED)
			return err_set(e, ERR_UNSUPPORTED, "%s: criu cannot restore into a %s namespace that is there",
				       p->ns.joins[i].where, ns_kind_of(p->ns.joins[i].kind)->word);
	for (size_t i = 0; i < p->mounts.n; i++)
		if (p->mounts.v[i].tree && p->mounts.v[i].tree->idmap)
			return err_set(e, ERR_UNSUPPORTED, "%s: criu cannot restore an idmapped mount", p->mounts.v[i].where);
	if (p->seccomp.has_listener)
		return err_set(e, ERR_UNSUPPORTED, "linux.seccomp: criu cannot restore a filter that asks an agent (SCMP_ACT_NOTIFY)");
	return 0;
}

static int name_namespaces(struct criu_request *rq, const struct plan *p, const struct procfs *proc, struct arena *a, struct err *e)
{
	for (int i = 0; i < p->ns.n_joins; i++) {
		const struct ns_kind *k = ns_kind_of(p->ns.joins[i].kind);
		char file[64], link[64], *bracket;
		struct text t = TEXT(file);

		if (k->way != NS_EXTERNAL)
			continue;
		text_addf(&t, "%d/ns/%s", (int)rq->pid, k->word);
		if (procfs_read_link(proc, file, link, sizeof(link), e) < 0)
			return -1;
		bracket = strchr(link, '[');
		if (bracket)
			criu_add(&rq->externals, arena_printf(a, "%s%s", k->word, bracket), k->name, a);
	}
	return 0;
}

static int find_namespaces(struct criu_request *rq, struct outside *o, const struct plan *p, struct arena *a, struct err *e)
{
	if (ns_open(&p->ns, o->fds, e) < 0)
		return -1;
	o->n = p->ns.n_joins;
	for (int i = 0; i < o->n; i++) {
		const struct ns_kind *k = ns_kind_of(p->ns.joins[i].kind);

		if (k->way == NS_EXTERNAL)
			criu_add(&rq->inherited, k->name, arena_printf(a, "%d", CRIU_FIRST_FD + i), a);
		else
			criu_add(&rq->joins, k->word, p->ns.joins[i].path, a);
	}
	return 0;
}

/* ---- mounts ------------------------------------------------------------------------- */

/*
 * Where the path leads in the container: CRIU knows mounts by that.  NULL, and no error: there is no such thing.
 */
static const char *resolve(const struct root *root, cpath path, bool *is_dir, struct arena *a, struct err *e)
{
	AUTO(procfs) proc = PROCFS_NONE;
	AUTO_FD int fd = root_find(root, path, O_PATH, e);
	char file[64], buf[4096];
	struct text t = TEXT(file);

	e->kind = fd < 0 && e->num != ENOENT && e->num != ENOTDIR ? e->kind : ERR_NONE;
	if (fd < 0)
		return NULL;
	*is_dir = fd_is_dir(fd);
	text_addf(&t, "self/fd/%d", fd);
	if (procfs_open_host(&proc, e) < 0 || procfs_read_link(&proc, file, buf, sizeof(buf), e) < 0)
		return NULL;
	return arena_strdup(a, buf);
}

static bool is_named(const struct criu_pairs *pairs, const char *key)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (str_eq(pairs->v[i].key, key))
			return true;
	return false;
}

static int name_mount(struct criu_request *rq, const struct root *root, cpath path, const char *name, struct arena *a, struct err *e)
{
	struct err why = { .kind = ERR_NONE };
	bool is_dir = false;
	const char *where = resolve(root, path, &is_dir, a, &why);

	if (!where && why.kind != ERR_NONE) {
		*e = why;
		return -1;
	}
	/* A masked directory hides an empty tmpfs of the container's own. */
	if (where && !(is_dir && str_eq(name, NAME_OF_NULL)) && !is_named(&rq->mounts, where))
		criu_add(&rq->mounts, where, name, a);
	return 0;
}

static bool is_outside(const struct mount_plan *m)
{
	return m->op == MOUNT_TREE && m->tree && m->tree->source;
}

/* PATH lies beneath DIR, and is not DIR itself: what is left of it, or NULL. */
static const char *beneath(const char *path, const char *dir)
{
	const char *rest = str_eq(dir, "/") ? path : str_after(path, dir);

	return rest && rest[0] == '/' && rest[1] ? rest : NULL;
}

static bool is_planned(const struct plan *p, const char *destination)
{
	for (size_t i = 0; i < p->mounts.n; i++)
		if (str_eq(p->mounts.v[i].destination.s, destination))
			return true;
	return false;
}

/* Has the container the host's mount there, or one of its own? */
static bool is_same_inside(const struct root *root, cpath there, const char *source)
{
	struct err ignored;
	AUTO_FD int inside = root_find(root, there, O_PATH, &ignored), outside = fd_open(source, O_PATH, 0, &ignored);

	return inside >= 0 && outside >= 0 && fd_same(inside, outside);
}

/*
 * What is mounted beneath the source of a recursive bind mount comes along with it, and is of the host, too: CRIU would
 * take it for the container's own.  ROOT: the container's, at a checkpoint; NULL at a restore.
 */
static int add_inner(struct criu_request *rq, const struct plan *p, const struct mount_plan *m, const struct root *root,
		     struct arena *a, struct err *e)
{
	AUTO_FD int mounts = procfs_open_own("mountinfo", O_RDONLY, e), host = fd_open("/", O_PATH | O_DIRECTORY, 0, e);
	const struct root all = { .fd = host, .name = "/" };
	const char *text, *source;
	struct mountinfo line;
	bool is_dir;
	size_t len;

	text = mounts < 0 || host < 0 ? NULL : fd_read_all(mounts, MOUNTINFO_MAX, a, &len, e);
	source = text ? resolve(&all, CPATH(m->tree->source), &is_dir, a, e) : NULL;
	if (!source)
		return text && e->kind == ERR_NONE ? 0 : -1;
	while (mountinfo_next(&text, &line, a)) {
		const char *rest = beneath(line.target, source), *there;

		there = rest ? arena_printf(a, "%s%s", m->destination.s, rest) : NULL;
		if (!there || is_planned(p, there))
			continue;
		if (!root && !is_named(&rq->mounts, there))
			criu_add(&rq->mounts, there, line.target, a);
		if (root && is_same_inside(root, CPATH(there), line.target) && name_mount(rq, root, CPATH(there), there, a, e) < 0)
			return -1;
	}
	return 0;
}

static int name_mounts(struct criu_request *rq, const struct plan *p, const struct procfs *proc, struct arena *a, struct err *e)
{
	struct root root = { .name = "the container's root" };
	char file[64];
	struct text t = TEXT(file);
	AUTO_FD int fd = -EBADF;

	text_addf(&t, "%d/root", (int)rq->pid);
	fd = procfs_open_link(proc, file, O_PATH | O_DIRECTORY, e);
	if (fd < 0)
		return -1;
	root.fd = fd;
	for (size_t i = 0; i < p->mounts.n; i++) {
		const struct mount_plan *m = &p->mounts.v[i];

		if (is_outside(m) && (name_mount(rq, &root, m->destination, m->destination.s, a, e) < 0 ||
				      (m->tree->recursive && add_inner(rq, p, m, &root, a, e) < 0)))
			return -1;
	}
	for (size_t i = 0; i < p->devices.n_nodes && p->devices.by_bind; i++)
		if (name_mount(rq, &root, p->devices.nodes[i].path, p->devices.nodes[i].path.s, a, e) < 0)
			return -1;
	for (size_t i = 0; i < p->shield.n_masked; i++)
		if (name_mount(rq, &root, p->shield.masked[i].path, NAME_OF_NULL, a, e) < 0)
			return -1;
	return 0;
}

static int find_mounts(struct criu_request *rq, const struct plan *p, struct arena *a, struct err *e)
{
	for (size_t i = 0; i < p->mounts.n; i++) {
		const struct mount_plan *m = &p->mounts.v[i];

		if (!is_outside(m))
			continue;
		criu_add(&rq->mounts, m->destination.s, m->tree->source, a);
		if (m->tree->recursive && add_inner(rq, p, m, NULL, a, e) < 0)
			return -1;
		if (m->tree->is_peer)
			log_warning("%s: criu does not make it a peer of the host's mount again: what is mounted in one will not "
				    "be seen in the other", m->where);
	}
	for (size_t i = 0; i < p->devices.n_nodes && p->devices.by_bind; i++)
		criu_add(&rq->mounts, p->devices.nodes[i].path.s, p->devices.nodes[i].host_path, a);
	criu_add(&rq->mounts, NAME_OF_NULL, NAME_OF_NULL, a);
	return 0;
}

/* ---- streams ------------------------------------------------------------------------ */

/* A file of the host's CRIU has to be told of; pipes and sockets it finds by their number. */
static void name_file(struct criu_request *rq, const char *word, struct arena *a)
{
	const char *null = str_after(word, STREAMS_NULL);
	const char *key = null ? null : word;

	if (str_starts(key, "file["))
		criu_add(&rq->externals, key, NULL, a);
}

/*
 * What it was given when it was made, not what it has there now: a shell that writes into a file has that as its output for
 * a moment, or for good, and what it was given under another number.
 */
static void name_streams(struct criu_request *rq, const str_list *given, const struct procfs *proc, struct oci_descriptors *d,
			 struct arena *a)
{
	struct err ignored;
	AUTO_FD int null = fd_open_null(O_RDONLY, &ignored);

	d->list.v = ARENA_ARRAY(a, const char *, 4);
	d->list.n = 4;
	for (size_t i = 0; i < 3; i++) {
		char file[64], link[4096];
		struct text t = TEXT(file);

		d->list.v[i] = i < given->n ? given->v[i] : "";
		name_file(rq, d->list.v[i], a);
		text_addf(&t, "%d/fd/%zu", (int)rq->pid, i);
		/* A terminal: for who reads the file. */
		if (!*d->list.v[i] && procfs_read_link(proc, file, link, sizeof(link), &ignored) >= 0)
			d->list.v[i] = arena_strdup(a, link);
	}
	/* What `exec` has started may have it, too, whatever the container was given. */
	d->list.v[3] = null < 0 ? "" : streams_word(null, a);
	name_file(rq, d->list.v[3], a);
}

static bool is_inherited(const char *what)
{
	return str_starts(what, "pipe:[") || str_starts(what, "socket:[") || str_starts(what, "file[");
}

/* FD: the number that CRIU has it under. What has been said before (both outputs may have been one pipe) is not said again. */
static void inherit(struct criu_request *rq, const char *key, int fd, struct arena *a)
{
	for (size_t i = 0; i < rq->inherited.n; i++)
		if (str_eq(rq->inherited.v[i].key, key))
			return;
	criu_add(&rq->inherited, key, arena_printf(a, "%d", fd), a);
}

static int find_streams(struct criu_request *rq, struct outside *o, const struct oci_descriptors *d, struct arena *a, struct err *e)
{
	o->fds[o->n] = fd_open_null(O_RDWR, e);
	if (o->fds[o->n] < 0)
		return -1;
	o->n++;
	for (size_t i = 0; i < d->list.n; i++) {
		const char *null = str_after(d->list.v[i], STREAMS_NULL);

		if (null)
			inherit(rq, null, CRIU_FIRST_FD + o->n - 1, a);
		else if (i < 3 && is_inherited(d->list.v[i]))
			inherit(rq, d->list.v[i], (int)i, a);
	}
	return 0;
}

/* What ID of the container's is on the host; -1: nothing. */
static uid_t uid_outside(const struct oci_config *config, uid_t id)
{
	const oci_id_mapping_list *maps = config->linux_ ? &config->linux_->uid_mappings : NULL;

	if (!maps || !maps->n)
		return id;
	for (size_t i = 0; i < maps->n; i++)
		if (id - maps->v[i].container_id < maps->v[i].size)
			return maps->v[i].host_id + (id - maps->v[i].container_id);
	return (uid_t)-1;
}

/* As `create` does it in init, for the same reasons, and with the same exceptions. */
void outside_give_streams(const struct plan *p, const struct oci_config *config)
{
	uid_t uid = uid_outside(config, p->stdio.uid);

	for (int fd = 0; fd <= 2 && !p->stdio.terminal && uid != (uid_t)-1; fd++) {
		struct stat st;
		struct err ignored;

		if (fstat(fd, &st) == 0 && st.st_uid != uid && !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
			(void)root_chown(fd, uid, (gid_t)-1, &ignored);
	}
}

/* ---- both ways ---------------------------------------------------------------------- */

int outside_name(struct criu_request *rq, const struct plan *p, const str_list *given, struct oci_descriptors *d, struct arena *a,
		 struct err *e)
{
	AUTO(procfs) proc = PROCFS_NONE;

	if (procfs_open_host(&proc, e) < 0 || name_mounts(rq, p, &proc, a, e) < 0 || name_namespaces(rq, p, &proc, a, e) < 0)
		return -1;
	name_streams(rq, given, &proc, d, a);
	return 0;
}

void outside_undo(struct outside *o)
{
	fd_close_all(o->fds, o->n);
	o->n = 0;
}

int outside_find(struct criu_request *rq, struct outside *o, const struct plan *p, const struct oci_descriptors *d, struct arena *a,
		 struct err *e)
{
	if (find_namespaces(rq, o, p, a, e) < 0 || find_mounts(rq, p, a, e) < 0)
		return -1;
	return find_streams(rq, o, d, a, e);
}

/* ---- mount points ------------------------------------------------------------------- */

/* The mount before number N on which its destination lies; NULL: the root file system itself. */
static const struct mount_plan *ground_of(const struct plan *p, size_t n, const char **rest)
{
	const struct mount_plan *ground = NULL;

	*rest = p->mounts.v[n].destination.s;
	for (size_t i = 0; i < n; i++) {
		const struct mount_plan *m = &p->mounts.v[i];
		const char *r = beneath(p->mounts.v[n].destination.s, m->destination.s);

		if (!r || (m->op != MOUNT_NEW && m->op != MOUNT_TREE))
			continue;
		if (!ground || strlen(m->destination.s) >= strlen(ground->destination.s)) {
			ground = m;
			*rest = r;
		}
	}
	return ground;
}

static int make_mount_point(const struct plan *p, size_t n, int rootfs, struct err *e)
{
	const struct mount_plan *m = &p->mounts.v[n];
	const char *rest;
	const struct mount_plan *ground = ground_of(p, n, &rest);
	struct root root = { .fd = rootfs, .name = "rootfs" };
	AUTO_FD int dir = -EBADF, fd = -EBADF;
	mode_t mode = S_IFDIR;

	/* A file system of the container's own comes back with what was in it. */
	if (ground && ground->op == MOUNT_NEW)
		return 0;
	if (ground) {
		dir = fd_open(ground->tree->source, O_PATH | O_DIRECTORY, 0, e);
		if (dir < 0)
			return -1;
		root = (struct root){ .fd = dir, .name = ground->tree->source };
	}
	if (is_outside(m) && path_mode(m->tree->source, false, &mode, e) < 0)
		return -1;
	fd = S_ISDIR(mode) ? root_make_dir(&root, CPATH(rest), 0755, e) : root_make_file(&root, CPATH(rest), 0644, e);
	return fd < 0 ? -1 : 0;
}

int outside_make_mount_points(const struct plan *p, int rootfs, struct err *e)
{
	for (size_t i = 0; i < p->mounts.n; i++) {
		const struct mount_plan *m = &p->mounts.v[i];

		if ((m->op == MOUNT_NEW || m->op == MOUNT_TREE) && make_mount_point(p, i, rootfs, e) < 0)
			return err_in(e, "%s", m->where);
	}
	return 0;
}
