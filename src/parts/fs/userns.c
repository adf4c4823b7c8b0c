/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user namespace lives as long as a descriptor of it: a child is cloned into a new one, its maps are
 * written, the namespace is opened, and the child is killed.  Runs in husk, answering TREES.
 */
#include "parts/fs/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/procfs.h"

/* One write(2) of less than a page is all that the kernel takes. */
#define MAP_SIZE 4096

struct lodger { int pidfd; pid_t pid; };

static void lodger_undo(struct lodger *l)
{
	struct process_end end;
	struct err ignored;

	if (l->pidfd < 0)
		return;
	(void)process_signal(l->pidfd, SIGKILL, &ignored);
	(void)process_wait(l->pidfd, &end, &ignored);
	own_close(&l->pidfd);
}

static int lodger_start(struct lodger *l, struct err *e)
{
	int pidfd = -EBADF;
	struct clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid = sys_clone3(&args, sizeof(args));

	if (pid < 0)
		return err_sys(e, "make a user namespace");
	if (pid == 0)
		for (;;)
			pause();
	l->pidfd = pidfd;
	l->pid = (pid_t)pid;
	return 0;
}

static int write_map(const struct procfs *proc, pid_t pid, const char *name, const struct id_range *v, size_t n,
		     struct err *e)
{
	char map[MAP_SIZE], file[64];
	struct text t = TEXT(map);

	for (size_t i = 0; i < n; i++)
		text_addf(&t, "%u %u %u\n", v[i].inside, v[i].outside, v[i].size);
	if (t.cut)
		return err_set(e, ERR_UNSUPPORTED, "%s: more mappings than the kernel takes", name);
	snprintf(file, sizeof(file), "%d/%s", (int)pid, name);
	return procfs_write(proc, file, map, e);
}

bool userns_same(const struct userns_plan *a, const struct userns_plan *b)
{
	return str_eq(a->path, b->path) && a->n_uids == b->n_uids && a->n_gids == b->n_gids &&
	       (!a->n_uids || memcmp(a->uids, b->uids, a->n_uids * sizeof(*a->uids)) == 0) &&
	       (!a->n_gids || memcmp(a->gids, b->gids, a->n_gids * sizeof(*a->gids)) == 0);
}

int userns_open(const struct userns_plan *u, struct err *e)
{
	AUTO(lodger) lodger = { .pidfd = -EBADF };
	AUTO(procfs) proc = PROCFS_NONE;
	char link[64];

	if (u->path)
		return fd_open(u->path, O_RDONLY, 0, e);
	if (procfs_open(&proc, e) < 0 || lodger_start(&lodger, e) < 0 ||
	    write_map(&proc, lodger.pid, "uid_map", u->uids, u->n_uids, e) < 0 ||
	    write_map(&proc, lodger.pid, "gid_map", u->gids, u->n_gids, e) < 0)
		return err_in(e, "user namespace of an idmapped mount");
	snprintf(link, sizeof(link), "%d/ns/user", (int)lodger.pid);
	return procfs_open_link(&proc, link, O_RDONLY, e);
}
