/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry of husk-init: finds what husk handed down, gets the plan, and runs its list of stages.  It runs from a
 * sealed memfd, in the namespaces it was cloned into, and is the only program of ours that a container ever sees.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"
#include "init/init.h"
#include "sys/calls.h"
#include "sys/fd.h"

/* For the log sink, which has no argument: where lines go. */
static struct handshake *log_talk;

static void log_line(enum log_level level, const char *text)
{
	if (log_talk)
		(void)handshake_log(log_talk, level, text);
}

static const struct plan *map_plan(int fd)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0)
		return NULL;
	p = mmap((void *)PLAN_ADDRESS, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0);
	return p == (void *)PLAN_ADDRESS ? *(const struct plan *const *)p : NULL;
}

static int receive(struct init *in, int base)
{
	struct err ignored;
	void *page;

	if (fd_cloexec_from(base, &ignored) < 0)
		return -1;
	page = mmap(NULL, sizeof(struct crumb), PROT_READ | PROT_WRITE, MAP_SHARED, base + INIT_FD_CRUMB, 0);
	if (page == MAP_FAILED)
		return -1;
	close(base + INIT_FD_CRUMB);
	in->talk = (struct handshake){ .fd = base + INIT_FD_TALK, .needed = STEP_BIT(PLAN), .at = -1, .crumb = page };
	for (int i = 0; i < in->n_groups; i++)
		in->groups[i] = base + INIT_FD_GROUPS + i;
	return 0;
}

static int make_namespaces(struct init *in, struct err *e)
{
	return ns_make_apply(in->later, e);
}

static int take_plan(struct init *in, struct err *e)
{
	struct letter a;
	int fds[PLAN_FDS], n = 0;

	if (handshake_await(&in->talk, STEP_PLAN, &a, e) < 0)
		return -1;
	for (int i = 0; i < PLAN_FDS; i++)
		fds[i] = a.number & 1 << i && n < a.parcel.nfds ? a.parcel.fds[n++] : -EBADF;
	in->plan = map_plan(fds[PLAN_FD_PLAN]);
	if (!in->plan)
		return err_sys(e, "map the plan");
	close(fds[PLAN_FD_PLAN]);
	in->talk.needed = spawn_needed(in->plan);
	in->target = fds[PLAN_FD_TARGET];
	in->target_root = fds[PLAN_FD_TARGET_ROOT];
	in->hook_out = MAX(fds[PLAN_FD_HOOK_OUT], 0);
	in->hook_err = MAX(fds[PLAN_FD_HOOK_ERR], 0);
	memcpy(in->ns_fds, fds + PLAN_FD_NS, sizeof(in->ns_fds));
	return 0;
}

static const struct stage first_stages[] = {
	{ STAGE_NAMESPACES,    make_namespaces     }, /* husk plans meanwhile, and makes the cgroups, which come with PLACE */
	{ STAGE_PLAN,          take_plan           }, /* awaits PLAN; which of the lists goes on stands there */
	{ 0 }
};

static const struct stage *list_of(const struct plan *p)
{
	if (p->only_mounts)
		return hotplug_stages;
	return p->is_exec ? join_stages : create_stages;
}

int main(int argc, char **argv)
{
	static struct init in;          /* all zero takes no room in the program, which is copied at each start */
	const bool is_traced = argc == 5 && str_eq(argv[4], INIT_TRACES);
	const uint64_t begin = is_traced ? trace_clock() : 0;
	uint64_t base, groups;
	struct err e;

	/* Run by hand, or by somebody inside through /proc/self/exe: nothing is handed down. */
	if ((argc != 4 && !is_traced) || !num_parse(argv[1], 1 << 20, &base) || base < 3 ||
	    !num_parse(argv[2], CGROUP_DIRS, &groups) || !num_parse(argv[3], UINT32_MAX, &in.later))
		return 1;
	in.n_groups = (int)groups;
	in.proc.fd = in.outer.fd = in.slave = in.gate = in.starter = in.inner_group = -EBADF;
	in.rootfs.root = (struct root){ -EBADF, "rootfs" };
	if (receive(&in, (int)base) < 0)
		return 1;
	in.is_traced = is_traced;
	if (is_traced)
		stamp_put(in.talk.crumb, STAGE_START, begin);
	log_talk = &in.talk;
	log_to(log_line, LOG_DEBUG);

	if (init_run(&in, first_stages, &e) == 0 && init_run(&in, list_of(in.plan), &e) == 0)
		err_set(&e, ERR_BUG, "the last stage returned");
	/* After the gate it is `start` who listens. */
	if (in.starter >= 0) {
		struct err ignored;

		(void)socket_send(in.starter, &e, sizeof(e), NULL, &ignored);
	} else {
		handshake_failed(&in.talk, &e);
	}
	return 1;
}
