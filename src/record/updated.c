/* SPDX-License-Identifier: Apache-2.0 */
/* The files of `update` in the record; see updated.h. */
#include "record/updated.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/fd.h"

#define UPDATED_MAX (16u << 20)

SPEC_TYPE(put, "write",
	VALUE (put, hierarchy, "hierarchy", REQUIRED),
	VALUE (put, file,      "file", REQUIRED),
	VALUE (put, text,      "text", REQUIRED));

SPEC_TYPE(updated, "update",
	OBJECT (updated, resources, "resources", resources),
	OBJECT (updated, rdt,       "intelRdt", rdt),
	LIST_OBJECT (updated, before, "before", put),
	LIST   (updated, schemata,  "schemataBefore"));

static int load(const struct record *r, const char *name, struct oci_updated **out, struct arena *a, struct err *e)
{
	AUTO_FD int fd = fd_open_at(r->dir, name, O_RDONLY | O_NOFOLLOW, 0, e);
	struct spec_error why;
	size_t len = 0;
	void *decoded;
	char *text;

	*out = NULL;
	if (fd < 0)
		return e->num == ENOENT ? 0 : err_in(e, "the container's record");
	text = fd_read_all(fd, UPDATED_MAX, a, &len, e);
	if (!text)
		return err_in(e, "the container's record");
	if (spec_decode(&oci_updated_type, text, len, a, &decoded, &why) < 0)
		return err_set(e, ERR_STATE, "%s of the container's record: %s: %s", name, why.path, why.message);
	*out = decoded;
	return 0;
}

int updated_load(const struct record *r, struct oci_updated **out, struct arena *a, struct err *e)
{
	return load(r, UPDATED_FILE, out, a, e);
}

bool updated_is_pending(const struct record *r)
{
	return file_is_at(r->dir, ANNOUNCED_FILE);
}

int updated_load_pending(const struct record *r, struct oci_updated **out, struct arena *a, struct err *e)
{
	return load(r, ANNOUNCED_FILE, out, a, e);
}

int updated_announce(struct record *r, const struct oci_updated *u, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	const char *text = spec_encode(&oci_updated_type, u, &mem, false);

	if (file_replace_at(r->dir, ANNOUNCED_FILE, text, strlen(text), 0600, e) < 0)
		return err_in(e, "save the update");
	return 0;
}

int updated_keep(struct record *r, struct err *e)
{
	if (renameat(r->dir, ANNOUNCED_FILE, r->dir, UPDATED_FILE) < 0)
		return err_sys(e, "save the update");
	return 0;
}

void updated_drop(struct record *r)
{
	(void)unlinkat(r->dir, ANNOUNCED_FILE, 0);
}

void updated_set_before(struct oci_updated *u, const struct cgroup_puts *puts, struct arena *a)
{
	u->before.v = ARENA_ARRAY(a, struct oci_put, puts->n + 1);
	u->before.n = puts->n;
	for (size_t i = 0; i < puts->n; i++)
		u->before.v[i] = (struct oci_put){ puts->v[i].controllers, puts->v[i].file, puts->v[i].text };
}

void updated_before(const struct oci_updated *u, struct cgroup_puts *puts, struct arena *a)
{
	puts->v = ARENA_ARRAY(a, struct cgroup_put, u->before.n + 1);
	puts->n = u->before.n;
	for (size_t i = 0; i < u->before.n; i++)
		puts->v[i] = (struct cgroup_put){ u->before.v[i].hierarchy, u->before.v[i].file, u->before.v[i].text };
}
