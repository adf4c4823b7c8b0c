/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session keyring of the container's own, "_ses.<id>" as in runc: without it the container
 * would possess the keys of whoever called husk.  `exec` joins the same keyring by its name.
 *
 * When: inside the user namespace (the keyring belongs to its root), before the labels.
 * Sources: keyctl(2) KEYCTL_JOIN_SESSION_KEYRING, session-keyring(7).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "sys/host.h"
#include "sys/procfs.h"

struct keyring_plan {
	const char *name;               /* "_ses.ID"; NULL: keep the caller's keyring */
	const char *label;              /* SELinux label for it, NULL: none */
	uint32_t permissions;           /* KEY_* bits; 0: leave as they are (exec) */
	bool is_optional;               /* in a user namespace: a quota that is used up is a warning */
};

/*
 * NO_NEW: --no-new-keyring.  LABEL: process.selinuxLabel.  OWN_USERNS: a user namespace is made
 * or joined.  JOINS: for exec, which enters the keyring that the container's init made.
 */
int keyring_plan(struct keyring_plan *, const char *id, bool no_new, bool joins, const char *label, bool own_userns,
		 const struct host *, struct arena *, struct err *);

/* PROC: for attr/keycreate. */
int keyring_apply(const struct keyring_plan *, const struct procfs *proc, struct err *);
