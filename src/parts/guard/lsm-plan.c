/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The labels of process.apparmorProfile and process.selinuxLabel; in husk.  Whether a profile or a
 * label exists is the kernel's to say: the write fails in init, before the payload.
 */
#include "parts/guard/lsm.h"

#include <string.h>

#include "base/str.h"

/* Both end in a file of /proc that splits at NUL and newline. */
static bool is_plain(const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	}
	return true;
}

static int set_apparmor(struct lsm_plan *out, const char *profile, const char *path, enum err_kind kind,
			const struct host *host, struct arena *a, struct err *e)
{
	out->apparmor = NULL;
	if (!profile || !*profile)
		return 0;
	if (!is_plain(profile))
		return err_set(e, kind, "%s: a profile name has no control characters", path);
	if (!host->has_apparmor) {
		/* Nothing confines here, which is what was asked for. */
		if (str_eq(profile, "unconfined"))
			return 0;
		return err_set(e, ERR_UNSUPPORTED, "%s: profile \"%s\" is asked for, but AppArmor is not enabled on this "
			       "host", path, profile);
	}
	if (strlen(profile) > LSM_LABEL_MAX - sizeof("stack "))
		return err_set(e, kind, "%s: a profile name has at most %zu bytes", path, LSM_LABEL_MAX - sizeof("stack "));
	out->apparmor = arena_strdup(a, profile);
	return 0;
}

static int set_selinux(struct lsm_plan *out, const char *label, const char *path, enum err_kind kind,
		       const struct host *host, struct arena *a, struct err *e)
{
	out->selinux = NULL;
	if (!label || !*label)
		return 0;
	if (!is_plain(label))
		return err_set(e, kind, "%s: a label has no control characters", path);
	if (!host->has_selinux)
		return err_set(e, ERR_UNSUPPORTED, "%s: label \"%s\" is asked for, but SELinux is not enabled on this host",
			       path, label);
	out->selinux = arena_strdup(a, label);
	return 0;
}

int lsm_plan(struct lsm_plan *out, const struct oci_process *p, const struct host *host, struct arena *a,
	     struct err *e)
{
	*out = (struct lsm_plan){};
	if (!p)
		return 0;
	out->no_new_privileges = p->no_new_privileges;
	if (set_apparmor(out, p->apparmor_profile, "process.apparmorProfile", ERR_SPEC, host, a, e) < 0)
		return -1;
	return set_selinux(out, p->selinux_label, "process.selinuxLabel", ERR_SPEC, host, a, e);
}

int lsm_plan_override(struct lsm_plan *out, const char *apparmor, const char *selinux, const struct host *host,
		      struct arena *a, struct err *e)
{
	if (apparmor && set_apparmor(out, apparmor, "--apparmor", ERR_USAGE, host, a, e) < 0)
		return -1;
	if (selinux && set_selinux(out, selinux, "--process-label", ERR_USAGE, host, a, e) < 0)
		return -1;
	return 0;
}
