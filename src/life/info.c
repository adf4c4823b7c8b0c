/* SPDX-License-Identifier: Apache-2.0 */
/* See info.h.  One function per subject; what struct host knows is taken from there. */
#include "life/info.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "life/describe.h"
#include "life/state.h"
#include "oci-spec/spec.h"
#include "parts/cgroup/unit.h"
#include "parts/guard/caps.h"
#include "sys/accounts.h"
#include "sys/fd.h"
#include "sys/host.h"
#include "sys/probe.h"

#define MOST 32

struct looker {
	struct findings *out;
	struct arena *a;
	struct host host;
};

static void found(struct looker *l, const char *subject, const char *value)
{
	l->out->v[l->out->n++] = (struct finding){ FINDING_OK, subject, value, NULL, NULL };
}

static void lacks(struct looker *l, enum finding_state state, const char *subject, const char *value, const char *consequence,
		  const char *cure)
{
	l->out->v[l->out->n++] = (struct finding){ state, subject, value, consequence, cure };
}

/* The first line of a file of the host; NULL when it cannot be read. */
static const char *line_of(struct looker *l, const char *path)
{
	char text[4096];
	struct err ignored;

	if (file_read_at(AT_FDCWD, path, text, sizeof(text), &ignored) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return arena_strdup(l->a, text);
}

static const char *add_word(struct looker *l, const char *list, const char *word)
{
	return *list ? arena_printf(l->a, "%s %s", list, word) : word;
}

/* ---- kernel --------------------------------------------------------------------------- */

static void kernel(struct looker *l)
{
	const char *release = line_of(l, "/proc/sys/kernel/osrelease");
	const char *value = arena_printf(l->a, "Linux %s on %s; husk needs 5.14", release ? release : "?", l->host.machine);
	const char *missing = "", *name;

	found(l, "kernel", value);
	for (size_t i = 0; (name = probe_name(i)); i++)
		if (!probe_has(i))
			missing = add_word(l, missing, name);
	if (*missing)
		lacks(l, FINDING_FATAL, "system calls", arena_printf(l->a, "missing: %s", missing), "no container can run",
		      "a newer kernel; inside of a container, a seccomp profile that allows them");
	else
		found(l, "system calls", "all that husk needs");
}

static void namespaces(struct looker *l)
{
	static const struct { uint64_t bit; const char *name; } kinds[] = {
		{ CLONE_NEWNS, "mount" }, { CLONE_NEWPID, "pid" }, { CLONE_NEWNET, "network" }, { CLONE_NEWIPC, "ipc" },
		{ CLONE_NEWUTS, "uts" }, { CLONE_NEWUSER, "user" }, { CLONE_NEWCGROUP, "cgroup" }, { 0x80, "time" },
	};
	const char *has = "", *missing = "";

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (l->host.ns_kinds & kinds[i].bit)
			has = add_word(l, has, kinds[i].name);
		else
			missing = add_word(l, missing, kinds[i].name);
	if (*missing)
		lacks(l, l->host.ns_kinds & CLONE_NEWNS ? FINDING_LACK : FINDING_FATAL, "namespaces",
		      arena_printf(l->a, "%s; not %s", has, missing), "configurations that ask for the missing ones are refused",
		      "a kernel that is built with them");
	else
		found(l, "namespaces", has);
}

static void user_namespaces(struct looker *l)
{
	const char *most = line_of(l, "/proc/sys/user/max_user_namespaces");
	const char *allowed = line_of(l, "/proc/sys/kernel/unprivileged_userns_clone");
	const char *restricted = line_of(l, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
	static const char consequence[] = "no containers with user namespaces, and none at all without root";

	if (!(l->host.ns_kinds & CLONE_NEWUSER))
		lacks(l, FINDING_LACK, "user namespaces", "not in this kernel", consequence, "a kernel with CONFIG_USER_NS");
	else if (str_eq(most, "0"))
		lacks(l, FINDING_LACK, "user namespaces", "forbidden by /proc/sys/user/max_user_namespaces", consequence,
		      "sysctl user.max_user_namespaces=15000");
	else if (str_eq(allowed, "0") || str_eq(restricted, "1"))
		lacks(l, l->host.uid ? FINDING_FATAL : FINDING_LACK, "user namespaces", "for root alone",
		      "only root can run containers", str_eq(allowed, "0") ? "sysctl kernel.unprivileged_userns_clone=1" :
		      "an AppArmor profile for husk with \"userns,\", or sysctl kernel.apparmor_restrict_unprivileged_userns=0");
	else
		found(l, "user namespaces", most ? arena_printf(l->a, "for everybody, at most %s", most) : "for everybody");
}

static void idmapped(struct looker *l)
{
	if (l->host.has_idmap)
		found(l, "idmapped mounts", "yes; each file system decides for itself");
	else
		lacks(l, FINDING_LACK, "idmapped mounts", "no", "mounts with idmap or uidMappings are refused", "Linux 5.12 or newer");
}

/* ---- cgroups -------------------------------------------------------------------------- */

static const char *layout(enum host_cgroups c)
{
	switch (c) {
	case HOST_CGROUP_NONE:   return "none";
	case HOST_CGROUP_V1:     return "v1";
	case HOST_CGROUP_HYBRID: return "hybrid";
	case HOST_CGROUP_V2:     return "v2";
	}
	return "?";
}

static const char *controllers(struct looker *l)
{
	const struct host *h = &l->host;
	const char *all = "";

	for (int i = 0; i < h->v1_count; i++)
		if (!str_starts(h->v1[i].controllers, "name="))
			all = add_word(l, all, h->v1[i].controllers);
	if (h->v2_controllers && *h->v2_controllers)
		all = add_word(l, all, h->v1_count ? arena_printf(l->a, "(v2: %s)", h->v2_controllers) : h->v2_controllers);
	return all;
}

static bool has_controller(struct looker *l, const char *name)
{
	const char *list = l->host.v2_controllers ? l->host.v2_controllers : "", *word;
	size_t len;

	while ((word = str_word(&list, " ", &len)))
		if (len == strlen(name) && memcmp(word, name, len) == 0)
			return true;
	return host_v1_with(&l->host, str_eq(name, "io") ? "blkio" : name) != NULL;
}

static void cgroups(struct looker *l)
{
	static const char *const wanted[] = { "cpu", "cpuset", "io", "memory", "pids" };
	const char *missing = "";

	if (l->host.cgroups == HOST_CGROUP_NONE) {
		lacks(l, FINDING_LACK, "cgroups", "none are mounted", "no limits, no pause, no statistics; containers run with "
		      "--cgroup-manager=disabled", "mount -t cgroup2 none /sys/fs/cgroup");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!has_controller(l, wanted[i]))
			missing = add_word(l, missing, wanted[i]);
	found(l, "cgroup layout", layout(l->host.cgroups));
	if (*missing)
		lacks(l, FINDING_LACK, "cgroup controllers", arena_printf(l->a, "%s; not %s", controllers(l), missing),
		      "limits of the missing ones are refused", "a kernel that is built with them, and no cgroup_disable= on its "
		      "command line");
	else
		found(l, "cgroup controllers", controllers(l));
}

/* What a user was given. On v1 nothing ever is; root takes what it needs. */
static void delegation(struct looker *l)
{
	const struct host *h = &l->host;
	static const char consequence[] = "limits are refused; without limits containers run, but cannot be paused";
	const char *at, *given;

	if (!h->is_rootless || h->cgroups == HOST_CGROUP_NONE)
		return;
	if (h->cgroups != HOST_CGROUP_V2) {
		lacks(l, FINDING_LACK, "delegated controllers", "none: only cgroup v2 can be delegated", consequence,
		      "boot with systemd.unified_cgroup_hierarchy=1");
		return;
	}
	at = arena_printf(l->a, "%s%s", h->v2_mount, h->v2_own ? h->v2_own : "");
	given = line_of(l, arena_printf(l->a, "%s/cgroup.controllers", at));
	if (!path_allows(at, W_OK))
		lacks(l, FINDING_LACK, "delegated controllers", arena_printf(l->a, "none: \"%s\" belongs to somebody else", at),
		      consequence, "start from a service of systemd --user with Delegate=yes (systemd-run --user --scope -p "
		      "Delegate=yes)");
	else if (!given || !*given)
		lacks(l, FINDING_LACK, "delegated controllers", arena_printf(l->a, "none in \"%s\"", at), consequence,
		      "Delegate=cpu cpuset io memory pids in a drop-in of user@.service");
	else
		found(l, "delegated controllers", given);
}

/* ---- security ------------------------------------------------------------------------- */

static void lsms(struct looker *l)
{
	const char *mode;

	mode = line_of(l, "/sys/module/apparmor/parameters/mode");
	if (l->host.has_apparmor)
		found(l, "AppArmor", mode ? arena_printf(l->a, "enabled, mode %s", mode) : "enabled");
	else
		lacks(l, FINDING_LACK, "AppArmor", "not enabled", "configurations with process.apparmorProfile are refused",
		      "if it is to be used: apparmor=1 security=apparmor on the kernel's command line");
	mode = line_of(l, "/sys/fs/selinux/enforce");
	if (l->host.has_selinux)
		found(l, "SELinux", str_eq(mode, "1") ? "enforcing" : str_eq(mode, "0") ? "permissive" : "enabled");
	else
		lacks(l, FINDING_LACK, "SELinux", "not enabled", "configurations with process.selinuxLabel or linux.mountLabel are "
		      "refused", "if it is to be used: a policy, and selinux=1 security=selinux on the kernel's command line");
}

static void seccomp(struct looker *l)
{
	const char *actions = line_of(l, "/proc/sys/kernel/seccomp/actions_avail");

	if (!l->host.has_seccomp) {
		lacks(l, FINDING_LACK, "seccomp", "not in this kernel", "configurations with linux.seccomp are refused",
		      "a kernel with CONFIG_SECCOMP_FILTER");
		return;
	}
	found(l, "seccomp", actions ? actions : "yes");
	if (probe_seccomp_action(SECCOMP_RET_USER_NOTIF))
		found(l, "seccomp notification", "yes");
	else
		lacks(l, FINDING_LACK, "seccomp notification", "no", "profiles with SCMP_ACT_NOTIFY fail", "Linux 5.0 or newer");
}

static void capabilities(struct looker *l)
{
	const char *missing = "";

	for (unsigned i = 0; i <= l->host.last_cap; i++)
		if (!(l->host.capabilities >> i & 1))
			missing = add_word(l, missing, caps_name(i) ? caps_name(i) : "?");
	if (l->host.is_rootless)
		found(l, "capabilities of husk", "those of its user namespace");
	else if (!(l->host.capabilities >> CAP_SYS_ADMIN & 1))
		lacks(l, FINDING_FATAL, "capabilities of husk", arena_printf(l->a, "without %s", missing), "root cannot mount: no "
		      "container can run", "more capabilities for husk's own process");
	else if (*missing)
		lacks(l, FINDING_LACK, "capabilities of husk", arena_printf(l->a, "all but %s", missing), "containers cannot have "
		      "these; without CAP_SYS_RESOURCE no rlimit above husk's own, without CAP_MKNOD devices are bound",
		      "more capabilities for husk's own process");
	else
		found(l, "capabilities of husk", "all");
}

/* ---- who calls ------------------------------------------------------------------------- */

static void caller(struct looker *l)
{
	const struct host *h = &l->host;
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	found(l, "user", h->is_rootless ? h->in_userns ? arena_printf(l->a, "%u in a user namespace: rootless", h->uid) :
	      arena_printf(l->a, "%u: rootless", h->uid) : "root");
	if (h->is_rootless && (!runtime || !path_allows(runtime, W_OK)))
		lacks(l, FINDING_LACK, "XDG_RUNTIME_DIR", runtime ? runtime : "not set", "the state of containers is kept in "
		      "/run/user or has to be named by --root", "log in by pam_systemd, or set it to a directory of yours");
}

static const char *range(struct looker *l, const char *file, bool *has)
{
	unsigned first, count;
	struct err ignored;

	*has = accounts_subids(file, l->host.uid, life_user_name(l->host.uid, l->a), &first, &count, &ignored) > 0;
	return *has ? arena_printf(l->a, "%s %u to %u", file, first, first + count - 1) : arena_printf(l->a, "%s none", file);
}

static void subids(struct looker *l)
{
	static const char consequence[] = "without root, containers have one user id alone";
	bool has_uids, has_gids;
	const char *uids = range(l, "/etc/subuid", &has_uids), *gids = range(l, "/etc/subgid", &has_gids);
	const char *value = arena_printf(l->a, "%s, %s", uids, gids);

	if (has_uids && has_gids)
		found(l, "subordinate ids", value);
	else if (!l->host.is_rootless)
		found(l, "subordinate ids", arena_printf(l->a, "%s; root needs none", value));
	else
		lacks(l, FINDING_LACK, "subordinate ids", value, consequence, "usermod --add-subuids 100000-165535 --add-subgids "
		      "100000-165535 USER");
	if (path_allows("/usr/bin/newuidmap", X_OK) && path_allows("/usr/bin/newgidmap", X_OK))
		found(l, "newuidmap, newgidmap", "installed");
	else
		lacks(l, FINDING_LACK, "newuidmap, newgidmap", "not in /usr/bin", consequence, "install the package uidmap (Debian) or "
		      "shadow-utils");
}

/* ---- helpers and hardware --------------------------------------------------------------- */

static void services(struct looker *l)
{
	static const char consequence[] = "--systemd-cgroup and --cgroup-manager=systemd are refused";

	if (path_allows("/run/systemd/system", F_OK))
		found(l, "systemd", "runs this host");
	else
		lacks(l, FINDING_LACK, "systemd", "does not run this host", consequence, "the default cgroup manager, cgroupfs");
	if (unit_is_supported())
		found(l, "systemd client", "part of this husk (husk-bus)");
	else
		lacks(l, FINDING_LACK, "systemd client", "not part of this husk", consequence, "build husk where libsystemd's headers "
		      "are installed (package libsystemd-dev)");
	if (path_allows("/usr/sbin/criu", X_OK) || path_allows("/usr/bin/criu", X_OK) || path_allows("/usr/local/sbin/criu", X_OK))
		found(l, "criu", "installed");
	else
		lacks(l, FINDING_LACK, "criu", "not installed", "no checkpoint and restore", "install the package criu");
	if (l->host.rdt_mount)
		found(l, "resctrl", l->host.rdt_mount);
	else
		lacks(l, FINDING_LACK, "resctrl", l->host.has_rdt ? "not mounted" : "neither in this kernel nor in this processor",
		      "configurations with linux.intelRdt are refused", l->host.has_rdt ?
		      "mount -t resctrl resctrl /sys/fs/resctrl" :
		      "a processor that divides its cache or memory bandwidth, and CONFIG_X86_CPU_RESCTRL");
}

bool life_info(struct findings *out, struct arena *a)
{
	struct looker l = { .out = out, .a = a };
	struct err e;

	*out = (struct findings){ .v = ARENA_ARRAY(a, struct finding, MOST) };
	found(&l, "husk", arena_printf(a, "%s, specification %s", life_version(), life_spec_version()));
	if (host_look(&l.host, a, &e) < 0) {
		lacks(&l, FINDING_FATAL, "kernel", arena_strdup(a, e.msg), "no container can run", "Linux 5.14 or newer, with /proc");
		return false;
	}
	kernel(&l);
	namespaces(&l);
	user_namespaces(&l);
	idmapped(&l);
	cgroups(&l);
	delegation(&l);
	seccomp(&l);
	lsms(&l);
	capabilities(&l);
	caller(&l);
	subids(&l);
	services(&l);
	for (size_t i = 0; i < out->n; i++)
		if (out->v[i].state == FINDING_FATAL)
			return false;
	return true;
}

/* ---- as JSON -------------------------------------------------------------------------- */

const char *finding_word(enum finding_state s)
{
	switch (s) {
	case FINDING_OK:    return "ok";
	case FINDING_LACK:  return "lack";
	case FINDING_FATAL: return "fatal";
	}
	return "?";
}

struct oci_finding { const char *subject, *state, *value, *consequence, *cure; };
struct oci_info { struct opt_bool usable; LIST_OF(struct oci_finding) findings; };

SPEC_TYPE(finding, "finding",
	VALUE (finding, subject,     "subject"),
	VALUE (finding, state,       "state"),
	VALUE (finding, value,       "value"),
	VALUE (finding, consequence, "consequence"),
	VALUE (finding, cure,        "cure"));

SPEC_TYPE(info, "info",
	VALUE (info, usable, "usable"),
	LIST_OBJECT (info, findings, "findings", finding));

char *life_info_json(const struct findings *f, struct arena *a)
{
	struct oci_info out = { .usable = { true, true } };

	out.findings.n = f->n;
	out.findings.v = ARENA_ARRAY(a, struct oci_finding, f->n + 1);
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *v = &f->v[i];

		out.findings.v[i] = (struct oci_finding){ v->subject, finding_word(v->state), v->value, v->consequence, v->cure };
		out.usable.v &= v->state != FINDING_FATAL;
	}
	return spec_encode(&oci_info_type, &out, a, true);
}
