/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts that come into a container that is there, or go (`husk mounts`), as a list of stages.  In husk-init, which joins the
 * container's namespaces and, unless a procfs is to be mounted, not its PID namespace: nobody inside ever sees it.  It
 * enters none of the container's cgroups, so a paused container is no obstacle.
 *
 * All or nothing: whatever fails, the answer of husk to READY included, what was attached goes again.
 */
#include "init/stages.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/fd.h"
#include "sys/mountfd.h"

/* A procfs in which we have a number, whichever namespaces are joined: to unmount what is no directory. */
static int look(struct init *in, struct err *e)
{
	return procfs_open(&in->outer, e);
}

/* setns(2) has put us into the root of the container's mount namespace. */
static int open_root(struct init *in, struct err *e)
{
	in->rootfs.root.fd = fd_open("/", O_PATH | O_DIRECTORY, 0, e);
	return in->rootfs.root.fd < 0 ? -1 : 0;
}

static int tell(struct init *in, struct err *e)
{
	const struct anchors *a = &in->rootfs.anchors;

	for (int i = 0; i < a->n_attached; i++) {
		uint64_t number;

		if (mountfd_id(a->attached[i], &number, e) < 0)
			return -1;

		struct letter q = { .number = (int64_t)number };

		if (handshake_ask(&in->talk, STEP_MOUNTED, &q, NULL, e) < 0)
			return -1;
	}
	return stage_ready(in, e);
}

static int add(struct init *in, struct err *e)
{
	AUTO(trees) trees = { .ask = init_ask_trees, .context = in };
	struct anchors *a = &in->rootfs.anchors;

	a->attached = in->attached;
	a->attached_max = HOTPLUG_MAX;
	if (mounts_apply(&in->plan->mounts, &in->rootfs.root, &trees, a, e) == 0 && mounts_finish_apply(a, e) == 0 &&
	    tell(in, e) == 0)
		return 0;
	unmounts_back_out(a->attached, a->n_attached, &in->outer);
	return -1;
}

static int mounts(struct init *in, struct err *e)
{
	if (open_root(in, e) < 0)
		return -1;
	if (!in->plan->unmounts.n)
		return add(in, e);
	if (unmounts_apply(&in->plan->unmounts, &in->rootfs.root, &in->outer, e) < 0)
		return -1;
	return stage_ready(in, e);
}

static int leave(struct init *in, struct err *e)
{
	(void)in, (void)e;
	_exit(0);
}

const struct stage hotplug_stages[] = {
	{ STAGE_START,         look                }, /* before we are undumpable, and on the host's side */
	{ STAGE_CLEAN_STATE,   stage_clean_state   }, /* undumpable before setns(2): the container must not trace us */
	{ STAGE_JOIN,          stage_join          }, /* all at once, by the pidfd of its init */
	{ STAGE_USER_NS,       stage_user_ns       }, /* root inside the user namespace that was joined: owner of what is made */
	{ STAGE_FORK,          stage_fork          }, /* for a procfs alone; asks INIT */
	{ STAGE_MOUNTS,        mounts              }, /* asks TREES, MOUNTED, READY */
	{ STAGE_PAYLOAD,       leave               },
	{ 0 }
};
