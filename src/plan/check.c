/* SPDX-License-Identifier: Apache-2.0 */
/* Contradictions between members of config.json; see check.h. Pure, in husk, in create and exec. */
#include "plan/check.h"

#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/str.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* ---- version ------------------------------------------------------------------------ */

/* SemVer 2.0.0: a number without leading zeros. */
static bool number(const char **s)
{
	size_t n = strspn(*s, "0123456789");

	if (!n || (n > 1 && **s == '0'))
		return false;
	*s += n;
	return true;
}

/* Dot-separated identifiers, none of them empty. */
static bool identifiers(const char **s)
{
	static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-";

	for (;;) {
		size_t n = strspn(*s, letters);

		if (!n)
			return false;
		*s += n;
		if (**s != '.')
			return true;
		(*s)++;
	}
}

static bool is_semver(const char *s)
{
	if (!number(&s) || *s++ != '.' || !number(&s) || *s++ != '.' || !number(&s))
		return false;
	if (*s == '-' && (s++, !identifiers(&s)))
		return false;
	if (*s == '+' && (s++, !identifiers(&s)))
		return false;
	return !*s;
}

int check_version(const char *version, struct err *e)
{
	if (!version)
		return err_set(e, ERR_SPEC, "ociVersion: missing");
	if (!is_semver(version))
		return err_set(e, ERR_SPEC, "ociVersion: \"%.100s\" is not of the form 1.2.3", version);
	if (!str_starts(version, "1."))
		return err_set(e, ERR_SPEC, "ociVersion: \"%.100s\" is not supported, husk knows 1.x", version);
	return 0;
}

/* ---- namespaces --------------------------------------------------------------------- */

uint64_t check_ns_kind(enum oci_ns type)
{
	switch (type) {
	case OCI_NS_PID:     return CLONE_NEWPID;
	case OCI_NS_NETWORK: return CLONE_NEWNET;
	case OCI_NS_MOUNT:   return CLONE_NEWNS;
	case OCI_NS_IPC:     return CLONE_NEWIPC;
	case OCI_NS_UTS:     return CLONE_NEWUTS;
	case OCI_NS_USER:    return CLONE_NEWUSER;
	case OCI_NS_CGROUP:  return CLONE_NEWCGROUP;
	case OCI_NS_TIME:    return CLONE_NEWTIME;
	}
	return 0;
}

/* The caller's own namespace, asked for by its path?  What cannot be looked at is not; opening it will say why. */
static bool is_callers(enum oci_ns type, const char *path)
{
	static const char *const own[] = {
		[OCI_NS_PID] = "/proc/self/ns/pid", [OCI_NS_NETWORK] = "/proc/self/ns/net",
		[OCI_NS_MOUNT] = "/proc/self/ns/mnt", [OCI_NS_IPC] = "/proc/self/ns/ipc",
		[OCI_NS_UTS] = "/proc/self/ns/uts", [OCI_NS_USER] = "/proc/self/ns/user",
		[OCI_NS_CGROUP] = "/proc/self/ns/cgroup", [OCI_NS_TIME] = "/proc/self/ns/time",
	};
	struct stat theirs, ours;

	return stat(path, &theirs) == 0 && stat(own[type], &ours) == 0 && theirs.st_dev == ours.st_dev &&
	       theirs.st_ino == ours.st_ino;
}

int check_namespaces(const struct oci_config *c, struct check_ns *ns, struct err *e)
{
	*ns = (struct check_ns){ 0 };
	for (size_t i = 0; c->linux_ && i < c->linux_->namespaces.n; i++) {
		const struct oci_namespace *n = &c->linux_->namespaces.v[i];
		uint64_t kind = check_ns_kind(n->type);

		if ((ns->made | ns->joined) & kind)
			return err_set(e, ERR_SPEC, "linux.namespaces[%zu].type: \"%s\" is there twice", i,
				       spec_enum_name(&oci_namespaces, n->type));
		if (!n->path || !*n->path) {
			ns->made |= kind;
			ns->own |= kind;
			continue;
		}
		if (n->path[0] != '/')
			return err_set(e, ERR_SPEC, "linux.namespaces[%zu].path: \"%.200s\" is not absolute", i, n->path);
		ns->joined |= kind;
		if (!is_callers(n->type, n->path))
			ns->own |= kind;
		if (n->type == OCI_NS_USER)
			ns->user_path = n->path;
	}
	return 0;
}

/* ---- process ------------------------------------------------------------------------ */

int check_process(const struct oci_process *p, bool needs, struct err *e)
{
	if (!p)
		return needs ? err_set(e, ERR_SPEC, "process: missing") : 0;
	if (!p->cwd || p->cwd[0] != '/')
		return err_set(e, ERR_SPEC, "process.cwd: \"%.200s\" is not absolute", p->cwd ? p->cwd : "");
	if (!p->args.n)
		return err_set(e, ERR_SPEC, "process.args: has no entry, but must name the program");
	if (!*p->args.v[0])
		return err_set(e, ERR_SPEC, "process.args[0]: is empty, but must name the program");
	return 0;
}

int check_console(bool terminal, bool detach, const char *console_socket, struct err *e)
{
	if (terminal && detach && !console_socket)
		return err_set(e, ERR_USAGE, "process.terminal: a detached process with a terminal needs --console-socket");
	if (!terminal && console_socket)
		return err_set(e, ERR_USAGE, "--console-socket: the process has no terminal");
	return 0;
}

static bool is_mapped(const oci_id_mapping_list *maps, uint32_t id)
{
	for (size_t i = 0; i < maps->n; i++)
		if (id >= maps->v[i].container_id && id - maps->v[i].container_id < maps->v[i].size)
			return true;
	return false;
}

/* An id that the new user namespace does not have could not be taken on: EINVAL, late and without a reason. */
static int ids(const struct oci_config *c, const struct check_ns *ns, struct err *e)
{
	const struct oci_user *u = c->process ? c->process->user : NULL;

	/* No mappings at all: user_namespace() says so. */
	if (!(ns->made & CLONE_NEWUSER) || !u || !c->linux_->uid_mappings.n || !c->linux_->gid_mappings.n)
		return 0;
	if (!is_mapped(&c->linux_->uid_mappings, u->uid))
		return err_set(e, ERR_SPEC, "process.user.uid: %u is in none of linux.uidMappings", u->uid);
	if (!is_mapped(&c->linux_->gid_mappings, u->gid))
		return err_set(e, ERR_SPEC, "process.user.gid: %u is in none of linux.gidMappings", u->gid);
	for (size_t i = 0; i < u->additional_gids.n; i++)
		if (!is_mapped(&c->linux_->gid_mappings, u->additional_gids.v[i]))
			return err_set(e, ERR_SPEC, "process.user.additionalGids[%zu]: %u is in none of linux.gidMappings",
				       i, u->additional_gids.v[i]);
	return 0;
}

/* ---- linux -------------------------------------------------------------------------- */

static int user_namespace(const struct oci_linux *l, const struct check_ns *ns, const struct host *host, struct err *e)
{
	if (ns->made & CLONE_NEWUSER) {
		if (!l->uid_mappings.n)
			return err_set(e, ERR_SPEC, "linux.uidMappings: missing, but a user namespace is to be made");
		if (!l->gid_mappings.n)
			return err_set(e, ERR_SPEC, "linux.gidMappings: missing, but a user namespace is to be made");
	} else if (!(ns->joined & CLONE_NEWUSER)) {
		if (l && l->uid_mappings.n)
			return err_set(e, ERR_SPEC, "linux.uidMappings: needs a user namespace in linux.namespaces");
		if (l && l->gid_mappings.n)
			return err_set(e, ERR_SPEC, "linux.gidMappings: needs a user namespace in linux.namespaces");
		if (host->uid != 0)
			return err_set(e, ERR_SPEC, "linux.namespaces: needs a user namespace when husk is not run by root");
	}
	return 0;
}

static int linux_(const struct oci_config *c, const struct check_ns *ns, const struct host *host, struct err *e)
{
	const struct oci_linux *l = c->linux_;

	if (user_namespace(l, ns, host, e) < 0)
		return -1;
	if (!l)
		return 0;
	/* The offsets of a time namespace are fixed once a process is in it (time_namespaces(7)). */
	if (l->time_offsets && (l->time_offsets->boottime || l->time_offsets->monotonic) &&
	    !(ns->made & CLONE_NEWTIME))
		return err_set(e, ERR_SPEC, "linux.timeOffsets: needs a new time namespace in linux.namespaces");
	if (!(ns->made & CLONE_NEWNS) && !(ns->joined & CLONE_NEWNS)) {
		if (l->masked_paths.n)
			return err_set(e, ERR_SPEC, "linux.maskedPaths: needs a mount namespace in linux.namespaces");
		if (l->readonly_paths.n)
			return err_set(e, ERR_SPEC, "linux.readonlyPaths: needs a mount namespace in linux.namespaces");
	}
	if (l->mount_label && *l->mount_label && !host->has_selinux)
		return err_set(e, ERR_UNSUPPORTED, "linux.mountLabel: SELinux is not enabled on this host");
	return 0;
}

int check_create(const struct oci_config *c, const struct create_request *rq, const struct check_ns *ns,
		 const struct host *host, struct err *e)
{
	if (check_version(c->oci_version, e) < 0)
		return -1;
	if (!c->root)
		return err_set(e, ERR_SPEC, "root: missing");
	if (!c->root->path || !*c->root->path)
		return err_set(e, ERR_SPEC, "root.path: is empty");
	if (check_process(c->process, false, e) < 0 ||
	    check_console(c->process && c->process->terminal, rq->detach, rq->console_socket, e) < 0 ||
	    ids(c, ns, e) < 0)
		return -1;
	if (c->hostname && *c->hostname && !(ns->own & CLONE_NEWUTS))
		return err_set(e, ERR_SPEC, "hostname: needs a uts namespace of the container's own");
	if (c->domainname && *c->domainname && !(ns->own & CLONE_NEWUTS))
		return err_set(e, ERR_SPEC, "domainname: needs a uts namespace of the container's own");
	if (c->vm)
		return err_set(e, ERR_UNSUPPORTED, "vm: this husk cannot run containers in virtual machines");
	return linux_(c, ns, host, e);
}
