/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of saved.h, and its cgroups as lines. */
#include "record/saved.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "record/reread.h"

SPEC_TYPE(saved_group, "cgroup",
	VALUE (saved_group, hierarchy, "hierarchy", REQUIRED),
	VALUE (saved_group, path,      "path", REQUIRED),
	VALUE (saved_group, made,      "made"),
	VALUE (saved_group, inode,     "inode"));

SPEC_TYPE(saved_mount, "mount",
	VALUE (saved_mount, destination, "destination", REQUIRED),
	VALUE (saved_mount, number,      "number", REQUIRED));

SPEC_TYPE(saved, "record",
	VALUE (saved, version,    "version", REQUIRED),
	VALUE (saved, id,         "id", REQUIRED),
	VALUE (saved, bundle,     "bundle", REQUIRED),
	VALUE (saved, rootfs,     "rootfs"),
	VALUE (saved, created,    "created", REQUIRED),
	VALUE (saved, owner,      "owner"),
	VALUE (saved, uid,        "uid"),
	VALUE (saved, pid,        "pid"),
	VALUE (saved, start_time, "startTime"),
	VALUE (saved, pidfs,      "pidfs"),
	VALUE (saved, complete,   "complete"),
	VALUE (saved, plain,      "plain"),
	VALUE (saved, rootless,   "rootless"),
	VALUE (saved, own_pids,   "ownPids"),
	VALUE (saved, no_new_keyring, "noNewKeyring"),
	VALUE (saved, rdt_stays,  "rdtStays"),
	VALUE (saved, manager,    "manager"),
	VALUE (saved, scope,      "scope"),
	LIST_OBJECT (saved, groups, "groups", saved_group),
	LIST   (saved, group_lines, "cgroups"),
	LIST_OBJECT (saved, mounts, "mounts", saved_mount),
	LIST  (saved, streams,    "streams"),
	VALUE (saved, notify,     "notifySocket"),
	VALUE (saved, annotations, "annotations"));

/* "MADE INODE HIERARCHY PATH": only a path can have a space in it. */
static const char *write_line(const struct oci_saved_group *g, struct arena *a)
{
	return arena_printf(a, "%u %llu %s %s", g->made, (unsigned long long)g->inode, g->hierarchy, g->path);
}

static bool read_line(struct oci_saved_group *g, const char *line)
{
	uint64_t made;
	const char *rest = num_parse_start(line, UINT32_MAX, &made);
	size_t len;

	if (!rest || *rest++ != ' ')
		return false;
	rest = num_parse_start(rest, UINT64_MAX, &g->inode);
	if (!rest || *rest++ != ' ')
		return false;
	g->made = (uint32_t)made;
	g->hierarchy = str_word(&rest, " ", &len);
	g->path = rest;
	if (!rest || *rest != '/')
		return false;
	/* The line lies in the arena, and nobody else needs it: it is divided where it is. */
	((char *)g->hierarchy)[len] = '\0';
	return true;
}

char *saved_write(const struct oci_saved *saved, struct arena *a)
{
	struct oci_saved written = *saved;

	written.groups.v = NULL;
	written.groups.n = 0;
	written.group_lines.n = saved->groups.n;
	written.group_lines.v = ARENA_ARRAY(a, const char *, saved->groups.n);
	for (size_t i = 0; i < saved->groups.n; i++)
		written.group_lines.v[i] = write_line(&saved->groups.v[i], a);
	return spec_encode(&oci_saved_type, &written, a, false);
}

static bool read_lines(struct oci_saved *saved, struct arena *a, struct spec_error *why)
{
	if (saved->version < 2)
		return true;
	saved->groups.n = saved->group_lines.n;
	saved->groups.v = ARENA_ARRAY(a, struct oci_saved_group, saved->groups.n);
	for (size_t i = 0; i < saved->groups.n; i++)
		if (!read_line(&saved->groups.v[i], saved->group_lines.v[i])) {
			*why = (struct spec_error){ .path = "cgroups", .message = "not \"MADE INODE HIERARCHY PATH\"" };
			return false;
		}
	return true;
}

struct oci_saved *saved_read(const char *text, size_t len, struct arena *a, struct spec_error *why)
{
	struct oci_saved *saved = ARENA_NEW(a, struct oci_saved);
	void *decoded;

	if (!reread(&oci_saved_type, text, len, a, saved)) {
		if (spec_decode(&oci_saved_type, text, len, a, &decoded, why) < 0)
			return NULL;
		saved = decoded;
	}
	if (saved->version > SAVED_VERSION) {
		*why = (struct spec_error){ .path = "version", .message = "of a newer husk" };
		return NULL;
	}
	return read_lines(saved, a, why) ? saved : NULL;
}
