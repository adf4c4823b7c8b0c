/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd is asked for, as text: for people (`check --explain`), and for golden files. In husk. */
#include "parts/cgroup/unit.h"

#include <string.h>

/* A name and its signature, where systemd's names begin with a capital ('?': may be unknown to it), and signatures have none. */
static bool begins_property(const struct cgroup_unit *u, size_t i)
{
	const char *name = u->words[i] + (u->words[i][0] == '?'), *signature = i + 1 < u->n ? u->words[i + 1] : "";
	size_t len = strlen(signature);

	return *name >= 'A' && *name <= 'Z' && len && strspn(signature, "ybnqiuxtdsogav(){}") == len;
}

char *unit_print(const struct cgroup_unit *u, struct arena *a)
{
	char *all = arena_strdup(a, "");

	for (size_t i = 0; i < u->n; i++) {
		if (begins_property(u, i)) {
			bool may_lack = u->words[i][0] == '?';

			all = arena_printf(a, "%s%s%s%s =", all, i ? "\n" : "", u->words[i] + may_lack,
					   may_lack ? " (if systemd knows it)" : "");
			i++;
		} else {
			all = arena_printf(a, "%s %s", all, u->words[i]);
		}
	}
	return all;
}
