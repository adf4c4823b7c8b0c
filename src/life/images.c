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
#include "sys/fd.h"
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
	return see_as(&m->dir, &proc, &root, e) < 0 ? -1 : see_as(&m->logs, &proc, &root, e);
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
