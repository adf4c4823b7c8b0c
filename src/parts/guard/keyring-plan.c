/* SPDX-License-Identifier: Apache-2.0 */
/* The name, label and permissions of the session keyring; in husk. */
#include "parts/guard/keyring.h"

/* What the kernel gives a named session keyring: all to its possessor, view, read and link to its owner. */
#define KEYRING_DEFAULT 0x3f130000u
#define OWNER_SEARCH    0x00080000u     /* KEY_USR_SEARCH */
#define OTHER_SEARCH    0x00000008u     /* KEY_OTH_SEARCH */

int keyring_plan(struct keyring_plan *out, const char *id, bool no_new, bool joins, const char *label, bool own_userns,
		 const struct host *host, struct arena *a, struct err *e)
{
	*out = (struct keyring_plan){};
	if (no_new)
		return 0;
	out->name = arena_printf(a, "_ses.%s", id);
	if (label && *label && host->has_selinux)
		out->label = arena_strdup(a, label);
	/* Search is what `exec` needs to find it by name; from outside its user namespace exec is "other". */
	if (!joins)
		out->permissions = KEYRING_DEFAULT | (own_userns ? OTHER_SEARCH : OWNER_SEARCH);
	out->is_optional = own_userns || host->in_userns;
	return 0;
}
