/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the process of a new container and one of exec both go through, once they are where they belong: it becomes the
 * user, loses what it may not have, and waits or executes.  In husk-init, in the container's root.
 */
#include "init/stages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "payload/exec.h"
#include "sys/calls.h"
#include "sys/fd.h"

int stage_keyring(struct init *in, struct err *e)
{
	if (!in->plan->keyring.name)
		return 0;
	return in->plan->keyring.label && init_proc(in, e) < 0 ? -1 : keyring_apply(&in->plan->keyring, &in->proc, e);
}

/* Before the root is entered it is a descriptor, afterwards (and in exec) it is "/". */
int stage_terminal(struct init *in, struct err *e)
{
	AUTO_FD int slash = -EBADF;
	AUTO_FD int master = -EBADF;
	struct root root = in->rootfs.root;

	if (!in->plan->stdio.terminal)
		return 0;
	if (root.fd < 0) {
		slash = fd_open("/", O_PATH | O_DIRECTORY, 0, e);
		if (slash < 0)
			return -1;
		root = (struct root){ slash, "rootfs" };
	}
	if (stdio_terminal_apply(&in->plan->stdio, &root, &master, &in->slave, e) < 0)
		return -1;
	if (!in->plan->is_exec && console_attach(&root, in->slave, e) < 0)
		return -1;
	close(TAKE_FD(in->slave));

	struct letter q = { .parcel = { .fds = { master }, .nfds = 1 } };

	return handshake_ask(&in->talk, STEP_CONSOLE, &q, NULL, e);
}

int stage_environment(struct init *in, struct err *e)
{
	AUTO_FD int slash = -EBADF;

	if (in->plan->environment.wants_home) {
		slash = fd_open("/", O_PATH | O_DIRECTORY, 0, e);
		if (slash < 0)
			return -1;
	}
	return environment_apply(&in->environment, &in->plan->environment, &(struct root){ slash, "rootfs" },
				 in->plan->user.uid, e);
}

int stage_labels(struct init *in, struct err *e)
{
	if (!in->plan->lsm.apparmor && !in->plan->lsm.selinux)
		return 0;
	return init_proc(in, e) < 0 ? -1 : lsm_apply(&in->plan->lsm, &in->proc, e);
}

int stage_task(struct init *in, struct err *e)
{
	if (memory_apply(&in->plan->memory, e) < 0 || personality_apply(&in->plan->kernel, e) < 0)
		return -1;
	return stdio_owner_apply(&in->plan->stdio, e);
}

/* P8: what was entered must lie beneath our root; the kernel says "(unreachable)" of anything else. */
static int enter_cwd(const char *dir, struct err *e)
{
	char where[4096];

	if (chdir(dir) < 0)
		return err_sys(e, "chdir to \"%s\"", dir);
	if (sys_getcwd(where, sizeof(where)) < 0 || where[0] != '/') {
		err_set(e, ERR_SPEC, "process.cwd: \"%s\" is outside of the container's root", dir);
		(void)!chdir("/");
		return -1;
	}
	return 0;
}

/*
 * In a user namespace that somebody else has made without privilege (joined by its path, or husk itself is in it) nobody can
 * change groups, as in one of ours of that kind, which the plan knows about.
 */
static bool are_groups_locked(struct init *in, const struct err *why)
{
	char text[16];
	struct err ignored;

	return why->num == EPERM && !in->plan->user.ngroups && init_proc(in, &ignored) == 0 &&
	       procfs_read(&in->proc, "self/setgroups", text, sizeof(text), &ignored) > 0 && str_starts(text, "deny");
}

int stage_user(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;

	if (caps_bound_apply(&p->caps, e) < 0)
		return -1;
	/* Entering the root has left us in "/", which is the root by definition. */
	if (!p->is_exec && str_eq(p->cwd.s, "/"))
		in->is_in_cwd = true;
	/* As root first, who may enter what the user may not; a home that only he may enter comes in "working directory". */
	else if (enter_cwd(p->cwd.s, e) == 0)
		in->is_in_cwd = true;
	else if (e->num != EACCES)
		return -1;
	user_umask_apply(&p->user);
	if (user_groups_apply(&p->user, e) < 0 && !are_groups_locked(in, e))
		return -1;
	if (caps_keep_apply(&p->caps, p->user.uid, e) < 0 || user_apply(&p->user, e) < 0)
		return -1;
	/* setuid(2) makes a process dumpable as fs.suid_dumpable says: not for us, not yet. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(e, "become undumpable");
	return 0;
}

int stage_capabilities(struct init *in, struct err *e)
{
	return caps_apply(&in->plan->caps, e);
}

static int load_filter(struct init *in, struct err *e)
{
	AUTO_FD int listener = -EBADF;

	in->has_filter = true;
	/* Nothing is dropped afterwards: the filter might not let us, and execve(2) does it anyway (caps.h). */
	if (caps_admin_apply(&in->plan->caps, e) < 0 || seccomp_apply(&in->plan->seccomp, &listener, e) < 0)
		return -1;
	if (listener < 0)
		return 0;

	struct letter q = { .parcel = { .fds = { listener }, .nfds = 1 } };

	return handshake_ask(&in->talk, STEP_NOTIFY, &q, NULL, e);
}

static int no_new_privs(const struct init *in, struct err *e)
{
	if (in->plan->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "set no_new_privs");
	return 0;
}

/*
 * A filter with a listener has to be there before READY, as husk passes the listener on; all others are loaded
 * by the stage "seccomp", so that a profile need not allow what init still has to do.
 */
int stage_seccomp_early(struct init *in, struct err *e)
{
	if (!in->plan->seccomp.has_listener)
		return 0;
	return no_new_privs(in, e) < 0 ? -1 : load_filter(in, e);
}

static bool loads_filter_last(const struct init *in)
{
	return in->plan->seccomp.code && !in->plan->seccomp.has_listener;
}

int stage_no_new_privs(struct init *in, struct err *e)
{
	return no_new_privs(in, e);
}

int stage_cwd(struct init *in, struct err *e)
{
	return in->is_in_cwd ? 0 : enter_cwd(in->plan->cwd.s, e);
}

int stage_program(struct init *in, struct err *e)
{
	if (!in->plan->args)
		return 0;               /* `start` will say that there is no process */
	return payload_find(in->plan->args[0], in->environment.envp, in->program, sizeof(in->program), e);
}

int stage_descriptors(struct init *in, struct err *e)
{
	procfs_undo(&in->proc);
	return stdio_close_apply(&in->plan->stdio, e);
}

int stage_ready(struct init *in, struct err *e)
{
	struct letter a = { .parcel = { .nfds = 0 } };

	/*
	 * Who was called off (while it stood still in a frozen group), or whom the bridge could not tell of, must not run when
	 * nobody knows of it.
	 */
	if (!handshake_needs(&in->talk, STEP_READY)) {
		if (handshake_settle(&in->talk, NULL, e) < 0)
			return -1;
		return handshake_is_over(&in->talk) ? err_set(e, ERR_PEER, "husk went away") : 0;
	}
	if (handshake_ask(&in->talk, STEP_READY, NULL, &a, e) < 0)
		return -1;
	if (a.parcel.nfds)
		in->gate = a.parcel.fds[0];
	return 0;
}

int stage_limits(struct init *in, struct err *e)
{
	return limits_apply(&in->plan->limits, e);
}

int stage_seccomp(struct init *in, struct err *e)
{
	return loads_filter_last(in) ? load_filter(in, e) : 0;
}

int stage_payload(struct init *in, struct err *e)
{
	if (!in->plan->args)
		return err_set(e, ERR_SPEC, "process: required to start the container, but missing");
	return payload_exec(in->program, in->plan->args, in->environment.envp, e);
}
