/* SPDX-License-Identifier: Apache-2.0 */
/* linux.devices, the default devices and the links of /dev, decided.  Pure, in husk, before anything happens. */
#include "parts/dev/devices.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/num.h"
#include "base/str.h"

#define MAJOR_MAX 0xfff
#define MINOR_MAX 0xfffff

/* config-linux.md "Default Devices". */
static const struct { const char *path; unsigned major, minor; } defaults[] = {
	{ "/dev/null", 1, 3 }, { "/dev/zero", 1, 5 },   { "/dev/full", 1, 7 },
	{ "/dev/tty", 5, 0 },  { "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 },
};

static const struct { const char *path, *target; } links[] = {
	{ "/dev/fd", "/proc/self/fd" },
	{ "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" },
	{ "/dev/core", "/proc/kcore" },
	{ "/dev/ptmx", "pts/ptmx" },
};

/* Absolute and clean, or false: ".." would only be a way to hide where something goes. */
static bool clean(char *out, const char *path)
{
	const char *list = path, *word;
	char *p = out;
	size_t len;

	if (path[0] != '/')
		return false;
	while ((word = str_word(&list, "/", &len))) {
		if (len == 0 || (len == 1 && word[0] == '.'))
			continue;
		if (len == 2 && word[0] == '.' && word[1] == '.')
			return false;
		*p++ = '/';
		memcpy(p, word, len);
		p += len;
	}
	*p = '\0';
	return p != out;
}

static int type_of(const struct oci_device *d, const char *where, mode_t *type, struct err *e)
{
	if (str_eq(d->type, "c") || str_eq(d->type, "u"))
		*type = S_IFCHR;
	else if (str_eq(d->type, "b"))
		*type = S_IFBLK;
	else if (str_eq(d->type, "p"))
		*type = S_IFIFO;
	else
		return err_set(e, ERR_SPEC, "%s.type: not a type of device: \"%s\"", where, d->type ? d->type : "");
	return 0;
}

static int number_of(const struct oci_device *d, const char *where, mode_t type, dev_t *dev, struct err *e)
{
	*dev = 0;
	if (type == S_IFIFO)
		return 0;
	if (!d->major.set || !d->minor.set)
		return err_set(e, ERR_SPEC, "%s.%s: required, but missing", where, d->major.set ? "minor" : "major");
	if (d->major.v < 0 || d->major.v > MAJOR_MAX)
		return err_set(e, ERR_SPEC, "%s.major: not in 0..%d: %lld", where, MAJOR_MAX, (long long)d->major.v);
	if (d->minor.v < 0 || d->minor.v > MINOR_MAX)
		return err_set(e, ERR_SPEC, "%s.minor: not in 0..%d: %lld", where, MINOR_MAX, (long long)d->minor.v);
	*dev = makedev((unsigned)d->major.v, (unsigned)d->minor.v);
	return 0;
}

static struct device_node *find(struct device_node *v, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(v[i].path.s, path))
			return &v[i];
	return NULL;
}

static int add(struct devices_plan *out, struct device_node *v, const struct oci_device *d, size_t i, bool is_foreign,
	       struct arena *a, struct err *e)
{
	struct device_node node = { .where = arena_printf(a, "linux.devices[%zu]", i) }, *other;
	char *path = arena_alloc(a, strlen(d->path ? d->path : "") + 2);
	mode_t type = 0;

	if (!d->path || !clean(path, d->path))
		return err_set(e, ERR_SPEC, "%s.path: not an absolute path of a file: \"%s\"", node.where,
			       d->path ? d->path : "");
	if (type_of(d, node.where, &type, e) < 0 || number_of(d, node.where, type, &node.dev, e) < 0)
		return -1;
	/* The terminal multiplexer belongs to the container's own devpts. */
	if (str_eq(path, "/dev/ptmx"))
		return 0;
	node.path = CPATH(path);
	node.host_path = path;
	/* Some engines put the bits of the type here too. */
	node.mode = type | (d->file_mode.set ? d->file_mode.v & 07777 : 0666);
	node.uid = d->uid.set ? d->uid.v : 0;
	node.gid = d->gid.set ? d->gid.v : 0;
	node.must_exist = is_foreign && str_starts(path, "/dev/");

	other = find(v, out->n_nodes, path);
	if (!other) {
		v[out->n_nodes++] = node;
		return 0;
	}
	if ((other->mode & S_IFMT) != type || other->dev != node.dev)
		return err_set(e, ERR_SPEC, "%s.path: \"%s\" is already another device (%s)", node.where, path,
			       other->where);
	*other = node;
	return 0;
}

/* A bind mount on /dev: the host's, or a volume. What is in it is not ours to change. */
static bool is_foreign_dev(const struct oci_config *c, struct arena *a)
{
	for (size_t i = 0; i < c->mounts.n; i++) {
		const struct oci_mount *m = &c->mounts.v[i];
		char *path;

		if (!m->destination)
			continue;
		path = arena_alloc(a, strlen(m->destination) + 2);
		if (!clean(path, m->destination) || !str_eq(path, "/dev"))
			continue;
		if (str_eq(m->type, "bind") || str_eq(m->type, "rbind") || oci_mount_has(m, "bind") || oci_mount_has(m, "rbind"))
			return true;
	}
	return false;
}

int devices_plan(struct devices_plan *out, const struct oci_config *c, bool has_user_ns, const struct host *host,
		 struct arena *a, struct err *e)
{
	const struct oci_linux *l = c->linux_;
	bool is_foreign = is_foreign_dev(c, a);
	struct device_node *v = ARENA_ARRAY(a, struct device_node, ARRAY_SIZE(defaults) + (l ? l->devices.n : 0));
	struct device_link *ln = ARENA_ARRAY(a, struct device_link, ARRAY_SIZE(links));

	*out = (struct devices_plan){ .nodes = v, .links = ln };
	out->by_bind = has_user_ns || host->in_userns || !(host->capabilities & 1ull << 27 /* CAP_MKNOD */);
	for (size_t i = 0; i < ARRAY_SIZE(defaults) && !is_foreign; i++) {
		const char *path = arena_strdup(a, defaults[i].path);

		v[out->n_nodes++] = (struct device_node){
			.where = arena_strdup(a, "default device"),
			.path = CPATH(path),
			.host_path = path,
			.mode = S_IFCHR | 0666,
			.dev = makedev(defaults[i].major, defaults[i].minor),
		};
	}
	for (size_t i = 0; l && i < l->devices.n; i++)
		if (add(out, v, &l->devices.v[i], i, is_foreign, a, e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(links) && !is_foreign; i++) {
		if (find(v, out->n_nodes, links[i].path))
			continue;
		ln[out->n_links++] = (struct device_link){ CPATH(arena_strdup(a, links[i].path)),
							   arena_strdup(a, links[i].target) };
	}
	return 0;
}
