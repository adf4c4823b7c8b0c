/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of the devices as text: for golden files. Runs in husk's tests; people get plan/explain.h. */
#include "parts/dev/devices.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static char letter(mode_t mode)
{
	return S_ISBLK(mode) ? 'b' : S_ISFIFO(mode) ? 'p' : 'c';
}

char *devices_print(const struct devices_plan *p, struct arena *a)
{
	char *all = arena_strdup(a, "");

	for (size_t i = 0; i < p->n_nodes; i++) {
		const struct device_node *n = &p->nodes[i];

		all = arena_printf(a, "%s%s: %s %c %u:%u %04o %u:%u%s\n", all, n->where, n->path.s, letter(n->mode),
				   major(n->dev), minor(n->dev), (unsigned)(n->mode & 07777), n->uid, n->gid,
				   n->must_exist ? " not ours" : p->by_bind && !S_ISFIFO(n->mode) ? " bind" : "");
	}
	for (size_t i = 0; i < p->n_links; i++)
		all = arena_printf(a, "%slink: %s -> %s\n", all, p->links[i].path.s, p->links[i].target);
	return all;
}
