/* SPDX-License-Identifier: Apache-2.0 */
/* Joins or makes the session keyring, in husk-init. */
#include "parts/guard/keyring.h"

#include <errno.h>

#include "base/log.h"
#include "sys/credentials.h"

/* A label for new keys of this process; an empty line takes it back. */
static int label_new_keys(const struct procfs *proc, const char *label, struct err *e)
{
	if (procfs_write(proc, "self/attr/keycreate", label, e) < 0)
		return err_in(e, "label the session keyring \"%s\"", label);
	return 0;
}

static int join(const struct keyring_plan *p, struct err *e)
{
	int32_t key = sys_join_session_keyring(p->name);

	if (key < 0 && errno == ENOSYS) {
		log_debug("the kernel has no keyrings");
		return 0;
	}
	/* A user namespace has a small quota that other containers of the same user share: crun#981. */
	if (key < 0 && p->is_optional && (errno == EDQUOT || errno == ENOMEM || errno == ENFILE)) {
		log_warning("join session keyring \"%s\": the quota of keys is used up", p->name);
		return 0;
	}
	if (key < 0)
		return err_sys(e, "join session keyring \"%s\"", p->name);
	if (p->permissions && sys_key_set_permissions(key, p->permissions) < 0 && errno != ENOSYS)
		return err_sys(e, "set the permissions of session keyring \"%s\"", p->name);
	return 0;
}

int keyring_apply(const struct keyring_plan *p, const struct procfs *proc, struct err *e)
{
	int rc;

	if (!p->name)
		return 0;
	if (p->label && label_new_keys(proc, p->label, e) < 0)
		return -1;
	rc = join(p, e);
	if (p->label && rc == 0)
		rc = label_new_keys(proc, "\n", e);
	return rc;
}
