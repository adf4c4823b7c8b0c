/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maps of a user namespace, written by husk on the host while the process that made it waits (the step
 * IDMAP).  Without the privilege for the ranges, newuidmap(1) and newgidmap(1) do it, which
 * look into /etc/subuid and /etc/subgid.
 */
#include "parts/ns/idmap.h"

#include <stdint.h>
#include <stdio.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/helper.h"
#include "sys/procfs.h"

#define RANGES_MAX      340     /* kernel: UID_GID_MAP_MAX_EXTENTS */

/* MAP is "inside outside size\n" and so on: each number one argument. */
static int run_helper(const char *path, const char *name, pid_t pid, const char *map, struct err *e)
{
	char text[RANGES_MAX * 33 + 1], number[16];
	char *argv[3 + 3 * RANGES_MAX];
	size_t n = 0, len;
	const char *word, *rest = map;
	struct text t = TEXT(text);
	struct helper helper = { .path = path, .argv = argv };

	snprintf(number, sizeof(number), "%ld", (long)pid);
	argv[n++] = (char *)(uintptr_t)name;
	argv[n++] = number;
	while ((word = str_word(&rest, " \n", &len)) != NULL) {
		if (!len || n >= ARRAY_SIZE(argv) - 1)
			continue;
		argv[n++] = text + t.len;
		text_addn(&t, word, len);
		text_addn(&t, "", 1);
	}
	argv[n] = NULL;
	if (t.cut)
		return err_set(e, ERR_BUG, "%s: too many mappings", name);
	return helper_run(&helper, e) < 0 ? err_in(e, "%s", path) : 0;
}

static int write_map(const struct procfs *proc, pid_t pid, const char *file, const char *text, struct err *e)
{
	char name[64];

	snprintf(name, sizeof(name), "%ld/%s", (long)pid, file);
	return procfs_write(proc, name, text, e);
}

int idmap_serve(const struct idmap_plan *p, pid_t pid, struct err *e)
{
	AUTO(procfs) proc = PROCFS_NONE;

	if (!p->is_set)
		return 0;
	if (p->by_helper)
		return run_helper("/usr/bin/newuidmap", "newuidmap", pid, p->uid_map, e) < 0 ||
		       run_helper("/usr/bin/newgidmap", "newgidmap", pid, p->gid_map, e) < 0 ? -1 : 0;
	if (procfs_open_host(&proc, e) < 0)
		return -1;
	if (p->denies_setgroups && write_map(&proc, pid, "setgroups", "deny", e) < 0)
		return -1;
	if (write_map(&proc, pid, "uid_map", p->uid_map, e) < 0)
		return err_in(e, "linux.uidMappings");
	if (write_map(&proc, pid, "gid_map", p->gid_map, e) < 0)
		return err_in(e, "linux.gidMappings");
	return 0;
}
