/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a new container's first process, from the plan (main.c: what comes before that) to execve(2), as a list.  In
 * husk-init.  This list is the one place where the order stands; each line says why there.
 */
#include "init/stages.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/calls.h"

static int cgroup_ns(struct init *in, struct err *e)
{
	if (in->plan->ns.make & CLONE_NEWCGROUP && sys_unshare(CLONE_NEWCGROUP) < 0)
		return err_sys(e, "make a cgroup namespace");
	return in->plan->cgroup.inner && in->inner_group >= 0 ? cgroup_enter_apply(&in->inner_group, 1, e) : 0;
}

static int network(struct init *in, struct err *e)
{
	return net_apply(&in->plan->net, e);
}

/* The working directory is made when the image lacks it, as every runtime does: most images rely on it. */
static void make_cwd(struct init *in)
{
	struct err ignored;
	AUTO_FD int fd = -EBADF;

	if (str_eq(in->plan->cwd.s, "/"))
		return;
	fd = root_find(&in->rootfs.root, in->plan->cwd, O_PATH, &ignored);
	if (fd < 0 && ignored.num == ENOENT)
		fd = root_make_dir(&in->rootfs.root, in->plan->cwd, 0755, &ignored);
}

static int root_fs(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;

	if (spawn_places_late(p) && handshake_await(&in->talk, STEP_GROUPS, NULL, e) < 0)
		return -1;
	in->inputs = (struct rootfs_inputs){
		.rootfs = &p->rootfs, .mounts = &p->mounts, .devices = &p->devices, .shield = &p->shield,
		.ask = init_ask_trees, .context = in,
	};
	if (rootfs_build(&in->rootfs, &in->inputs, e) < 0)
		return -1;
	make_cwd(in);
	return 0;
}

static int kernel_settings(struct init *in, struct err *e)
{
	if (!in->plan->kernel.n)
		return 0;
	return init_proc(in, e) < 0 ? -1 : sysctl_apply(&in->plan->kernel, &in->proc, e);
}

static int runtime_hooks(struct init *in, struct err *e)
{
	return handshake_ask(&in->talk, STEP_HOOKS, NULL, NULL, e);
}

static int create_hooks(struct init *in, struct err *e)
{
	return hooks_apply(&in->plan->hooks, HOOK_CREATE_CONTAINER, in->hook_out, in->hook_err, e);
}

static int shield(struct init *in, struct err *e)
{
	return rootfs_shield(&in->rootfs, &in->inputs, e);
}

static int enter_root(struct init *in, struct err *e)
{
	return rootfs_enter(&in->rootfs, &in->inputs, e);
}

static int host_name(struct init *in, struct err *e)
{
	return hostname_apply(&in->plan->kernel, e);
}

/* `start --trace` brings a page of its own: for the rest of our way, this stage included. */
static void trace_anew(struct init *in, int fd)
{
	void *page = mmap(NULL, sizeof(struct crumb), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return;
	in->talk.crumb = page;
	in->talk.crumb->stage = STAGE_GATE;
	in->is_traced = true;
	init_stamp(in, STAGE_GATE);
}

/*
 * Waits for `start`: one byte, with the socket on which a later failure is told.  Without a gate husk is still at
 * the other end of the conversation, and waits for the execve(2) there.
 */
static int gate(struct init *in, struct err *e)
{
	if (in->gate < 0)
		return 0;
	while (in->starter < 0) {
		struct parcel p = { .nfds = 0 };
		char knock;
		ssize_t n = socket_receive(in->gate, &knock, 1, &p, e);

		if (n < 0)
			return -1;
		if (p.nfds)
			in->starter = TAKE_FD(p.fds[0]);
		if (p.nfds > 1)
			trace_anew(in, p.fds[1]);
		parcel_undo(&p);
	}
	close(TAKE_FD(in->gate));
	return 0;
}

static int start_hooks(struct init *in, struct err *e)
{
	struct err ignored;

	if (hooks_apply(&in->plan->hooks, HOOK_START_CONTAINER, in->hook_out, in->hook_err, e) < 0)
		return -1;
	/* What is killed from here on has begun, in the eyes of `start` (record/gate.h): the filter may forbid to tell later. */
	if (in->starter >= 0)
		(void)socket_send(in->starter, "", 1, NULL, &ignored);
	return 0;
}

const struct stage create_stages[] = {
	{ STAGE_OOM_SCORE,     stage_oom_score     }, /* before "clean state": /proc/self is root's once we are undumpable */
	{ STAGE_CLEAN_STATE,   stage_clean_state   }, /* before anybody of the container could look at us */
	{ STAGE_JOIN,          stage_join          }, /* before new ones are made: they shall belong to the joined user namespace */
	{ STAGE_USER_NS,       stage_user_ns       }, /* asks IDMAP; root inside from here on, owner of all that follows */
	{ STAGE_TIME_NS,       stage_time_ns       }, /* offsets can be set as long as nobody is inside: before the fork */
	{ STAGE_FORK,          stage_fork          }, /* PID and time namespaces are entered by children only; asks INIT */
	{ STAGE_SESSION,       stage_session       }, /* before hooks and payload could get at the caller's terminal */
	{ STAGE_KEYRING,       stage_keyring       }, /* in the user namespace that is to own the keys; before we have to wait */
	{ STAGE_NETWORK,       network             }, /* before hooks, which may want "lo"; before we have to wait */
	{ STAGE_PLACE,         stage_place         }, /* asks or awaits PLACE, if anything until "late place" wants it so early */
	{ STAGE_CGROUP_NS,     cgroup_ns           }, /* after "place", or it would show the wrong root */
	{ STAGE_ROOT_FS,       root_fs             }, /* awaits GROUPS, asks TREES; still sees the host's tree */
	{ STAGE_KERNEL,        kernel_settings     }, /* before /proc/sys becomes read-only */
	{ STAGE_RUNTIME_HOOKS, runtime_hooks       }, /* asks HOOKS: root built, not yet entered (config.md) */
	{ STAGE_CREATE_HOOKS,  create_hooks        }, /* after createRuntime, before pivot_root (config.md) */
	{ STAGE_TERMINAL,      stage_terminal      }, /* after hooks, which may replace /dev; asks CONSOLE */
	{ STAGE_SHIELD,        shield              }, /* after all that still writes beneath; the host's /dev/null is at hand */
	{ STAGE_ENTER_ROOT,    enter_root          }, /* nothing of the host is reachable by path any more */
	{ STAGE_HOST_NAME,     host_name           }, /* needs CAP_SYS_ADMIN */
	{ STAGE_LATE_PLACE,    stage_late_place    }, /* awaits PLACE: husk has set the limits meanwhile; before memory counts */
	{ STAGE_ENVIRONMENT,   stage_environment   }, /* HOME stands in the container's /etc/passwd */
	{ STAGE_LABELS,        stage_labels        }, /* while we may still write attr/exec */
	{ STAGE_TASK,          stage_task          }, /* while we may still give stdio to the user */
	{ STAGE_USER,          stage_user          }, /* bounding set, cwd, ids: with all capabilities left to us */
	{ STAGE_CAPABILITIES,  stage_capabilities  }, /* setuid(2) has cleared the effective set; before a filter that might forbid it */
	{ STAGE_SECCOMP_EARLY, stage_seccomp_early }, /* with a listener only; needs CAP_SYS_ADMIN or no_new_privs; asks NOTIFY */
	{ STAGE_NO_NEW_PRIVS,  stage_no_new_privs  }, /* after the labels: some LSMs refuse transitions afterwards */
	{ STAGE_CWD,           stage_cwd           }, /* as the user: may be readable by him alone */
	{ STAGE_PROGRAM,       stage_program       }, /* as the user, in his directory: `create` tells what is missing */
	{ STAGE_DESCRIPTORS,   stage_descriptors   }, /* before anything of the container's runs in us (hooks) */
	{ STAGE_READY,         stage_ready         }, /* asks READY; husk may leave */
	{ STAGE_GATE,          gate                }, /* blocks until `husk start` */
	{ STAGE_START_HOOKS,   start_hooks         }, /* after `start` was called, before the payload (config.md) */
	{ STAGE_LIMITS,        stage_limits        }, /* late: they bind the payload, not us or the hooks */
	{ STAGE_SECCOMP,       stage_seccomp       }, /* last: the profile need not allow what init does */
	{ STAGE_PAYLOAD,       stage_payload       }, /* does not return */
	{ 0 }
};
