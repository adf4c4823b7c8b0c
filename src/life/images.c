/* SPDX-License-Identifier: Apache-2.0 */
/* The two directories of a checkpoint, and the one file in them that is not CRIU's. */
#include "life/images.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "parts/fs/userns.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "sys/procfs.h"
#include "sys/root.h"

#define DESCRIPTORS     "descriptors.json"
#define DESCRIPTORS_MAX 65536

SPEC_TYPE(descriptors, "descriptors",
	LIST  (descriptors, list, SPEC_ITSELF));

void images_undo(struct images *m)
{
	own_close(&m->dir);
	own_close(&m->logs);
}

static int open_dir(const char *path, bool may_make, const char *what, struct err *e)
{
	int fd;

	if (may_make && path_make_dir(path, 0700, e) < 0)
		return err_in(e, "%s", what);
	fd = fd_open(path, O_RDONLY | O_DIRECTORY, 0, e);
	return fd < 0 ? err_in(e, "%s", what) : fd;
}

static int open_both(struct images *m, bool may_make, const char *dir, const char *logs, const char *log, struct arena *a,
		     struct err *e)
{
	char cwd[PATH_MAX] = "";

	m->dir = open_dir(dir, may_make, "images", e);
	if (m->dir < 0)
		return -1;
	m->logs = logs ? open_dir(logs, true, "logs of criu", e) : fd_dup(m->dir, e);
	if (m->logs < 0)
		return -1;
	logs = logs ? logs : dir;
	if (logs[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return err_sys(e, "working directory");
	m->log_path = arena_printf(a, "%s%s%s/%s", cwd, *cwd ? "/" : "", logs, log);
	return 0;
}

int images_make(struct images *m, const char *dir, const char *logs, const char *log, struct arena *a, struct err *e)
{
	return open_both(m, true, dir, logs, log, a, e);
}

int images_open(struct images *m, const char *dir, const char *logs, const char *log, struct arena *a, struct err *e)
{
	return open_both(m, false, dir, logs, log, a, e);
}

static int see_as(int *fd, const struct procfs *proc, const struct root *root, struct err *e)
{
	char link[64], path[PATH_MAX];
	struct text t = TEXT(link);
	AUTO_FD int there = -EBADF;

	text_addf(&t, "self/fd/%d", *fd);
	if (procfs_read_link(proc, link, path, sizeof(path), e) < 0)
		return -1;
	there = root_open(root, CPATH(path), O_RDONLY | O_DIRECTORY, e);
	if (there < 0)
		return -1;
	if (!fd_same(*fd, there))
		return err_set(e, ERR_STATE, "\"%s\" has become another directory", path);
	own_close(fd);
	*fd = TAKE_FD(there);
	return 0;
}

int images_see_as(struct images *m, pid_t criu, struct err *e)
{
	AUTO(procfs) proc = PROCFS_NONE;
	AUTO_FD int fd = -EBADF;
	char link[64];
	struct text t = TEXT(link);
	struct root root = { .name = "criu's root" };

	text_addf(&t, "%d/root", (int)criu);
	if (procfs_open_host(&proc, e) < 0)
		return -1;
	fd = procfs_open_link(&proc, link, O_PATH | O_DIRECTORY, e);
	if (fd < 0)
		return -1;
	root.fd = fd;
	if (!m->is_mapped && see_as(&m->dir, &proc, &root, e) < 0)
		return -1;
	return see_as(&m->logs, &proc, &root, e);
}

/* ---- ids ---------------------------------------------------------------------------- */

static const struct id_range *ranges(const oci_id_mapping_list *l, struct arena *a)
{
	struct id_range *out = ARENA_ARRAY(a, struct id_range, l->n);

	for (size_t i = 0; i < l->n; i++)
		out[i] = (struct id_range){ l->v[i].container_id, l->v[i].host_id, l->v[i].size };
	return out;
}

/* The root of the mount that DIR lies on, since the images may name a parent beside them. */
static int open_top(int dir, struct err *e)
{
	AUTO_FD int at = fd_dup(dir, e);

	for (;;) {
		struct sys_mount_facts facts;
		int up;

		if (at < 0)
			return -1;
		if (sys_mount_facts(at, "", &facts) < 0)
			return err_sys(e, "statx");
		if (facts.is_root)
			return TAKE_FD(at);
		up = fd_open_at(at, "..", O_PATH | O_DIRECTORY, 0, e);
		own_close(&at);
		at = up;
	}
}

static int path_of(int fd, char path[PATH_MAX], struct err *e)
{
	AUTO(procfs) proc = PROCFS_NONE;
	char link[64];
	struct text t = TEXT(link);

	text_addf(&t, "self/fd/%d", fd);
	if (procfs_open_host(&proc, e) < 0 || procfs_read_link(&proc, link, path, PATH_MAX, e) < 0)
		return -1;
	return 0;
}

/* The same directory, on a clone of its mount. */
static int open_mapped(int dir, const struct userns_plan *ids, struct err *e)
{
	char path[PATH_MAX], top_path[PATH_MAX];
	AUTO_FD int top = open_top(dir, e), mount = -EBADF, userns = -EBADF, fd = -EBADF;
	const char *rest;

	if (top < 0 || path_of(dir, path, e) < 0 || path_of(top, top_path, e) < 0)
		return -1;
	rest = str_eq(top_path, "/") ? path : str_after(path, top_path);
	if (!rest)
		return err_set(e, ERR_SYSTEM, "\"%s\" does not lie beneath \"%s\"", path, top_path);
	mount = mountfd_clone(top, "", false, false, e);
	userns = mount < 0 ? -1 : userns_open(ids, e);
	if (userns < 0 || mountfd_idmap(mount, userns, false, e) < 0)
		return -1;
	rest += strspn(rest, "/");
	fd = fd_open_at(mount, *rest ? rest : ".", O_RDONLY | O_DIRECTORY, 0, e);
	if (fd >= 0 && !fd_same(fd, dir))
		return err_set(e, ERR_STATE, "\"%s\" has become another directory", path);
	return TAKE_FD(fd);
}

int images_map_ids(struct images *m, const struct oci_config *c, struct arena *a, struct err *e)
{
	struct userns_plan ids = { .path = NULL };
	struct stat st;
	int mapped;

	if (!c->linux_ || !c->linux_->uid_mappings.n || !oci_namespace_of(c->linux_, OCI_NS_USER))
		return 0;
	ids.n_uids = c->linux_->uid_mappings.n;
	ids.n_gids = c->linux_->gid_mappings.n;
	ids.uids = ranges(&c->linux_->uid_mappings, a);
	ids.gids = ranges(&c->linux_->gid_mappings, a);
	mapped = open_mapped(m->dir, &ids, e);
	if (mapped < 0) {
		if (fstat(m->dir, &st) == 0 && st.st_mode & S_IXOTH)
			return 0;
		(void)err_in(e, "images: root of the container's user namespace may not enter their directory");
		return err_hint(e, "let others enter it (chmod o+x), or put them on a file system with idmapped mounts");
	}
	own_close(&m->dir);
	m->dir = mapped;
	m->is_mapped = true;
	return 0;
}

int images_check_parent(const struct images *m, const char *parent, struct err *e)
{
	AUTO_FD int fd = -EBADF;

	if (parent[0] == '/' || !*parent)
		return err_set(e, ERR_USAGE, "option --parent-path: \"%s\" is not relative to the images", parent);
	fd = fd_open_at(m->dir, parent, O_PATH | O_DIRECTORY, 0, e);
	return fd < 0 ? err_in(e, "option --parent-path") : 0;
}

int images_save_descriptors(const struct images *m, const struct oci_descriptors *d, struct arena *a, struct err *e)
{
	char *text = spec_encode(&oci_descriptors_type, d, a, false);

	return file_replace_at(m->dir, DESCRIPTORS, text, strlen(text), 0600, e);
}

int images_load_descriptors(const struct images *m, struct oci_descriptors **out, struct arena *a, struct err *e)
{
	AUTO_FD int fd = fd_open_at(m->dir, DESCRIPTORS, O_RDONLY, 0, e);
	struct spec_error why;
	void *decoded;
	char *text;
	size_t len;

	if (fd < 0)
		return err_in(e, "images");
	text = fd_read_all(fd, DESCRIPTORS_MAX, a, &len, e);
	if (!text)
		return err_in(e, DESCRIPTORS);
	if (spec_decode(&oci_descriptors_type, text, len, a, &decoded, &why) < 0)
		return spec_fail(e, DESCRIPTORS, &why);
	*out = decoded;
	return 0;
}

const char *images_config_file(const str_map *annotations)
{
	static const char *const defaults[] = { "/etc/criu/husk.conf", "/etc/criu/runc.conf" };

	for (size_t i = 0; i < annotations->n; i++)
		if (str_eq(annotations->v[i].key, "org.criu.config"))
			return *annotations->v[i].value ? annotations->v[i].value : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		if (path_allows(defaults[i], R_OK))
			return defaults[i];
	return NULL;
}
