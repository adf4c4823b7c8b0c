/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a container with and without cgroups; see members.h. */
#include "life/members.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/own.h"
#include "parts/cgroup/control.h"
#include "record/status.h"
#include "sys/calls.h"
#include "sys/process.h"
#include "sys/procfs.h"

#define BATCH       128
#define NESTING_MAX 33          /* PID namespaces nest 32 deep (pid_namespaces(7)) */

struct listing { DIR *d; };

static void listing_undo(struct listing *l)
{
	if (l->d)
		(void)closedir(l->d);
}

struct pids { pid_t *v; size_t n, room; struct arena *arena; };

static void add(struct pids *p, pid_t pid)
{
	if (p->n == p->room) {
		pid_t *v = ARENA_ARRAY(p->arena, pid_t, 2 * p->room + 64);

		for (size_t i = 0; i < p->n; i++)
			v[i] = p->v[i];
		p->v = v;
		p->room = 2 * p->room + 64;
	}
	p->v[p->n++] = pid;
}

static int all_of_host(const struct procfs *proc, struct pids *out, struct err *e)
{
	AUTO(listing) l = {};
	AUTO_FD int fd = procfs_open_file(proc, ".", O_RDONLY | O_DIRECTORY, e);
	struct dirent *entry;
	uint64_t pid;

	if (fd < 0)
		return -1;
	l.d = fdopendir(fd);
	if (!l.d)
		return err_sys(e, "list \"/proc\"");
	(void)TAKE_FD(fd);
	while ((entry = readdir(l.d)))
		if (num_parse(entry->d_name, INT32_MAX, &pid))
			add(out, (pid_t)pid);
	return 0;
}

/* The PID namespace of a process, as a descriptor; negative when it is gone, or none of our business. */
static int open_pid_ns(const struct procfs *proc, pid_t pid)
{
	struct err ignored;
	char name[32];

	(void)snprintf(name, sizeof(name), "%d/ns/pid", (int)pid);
	return procfs_open_link(proc, name, O_RDONLY, &ignored);
}

/* Is the process in the namespace with this inode number, or in one beneath it? */
static bool is_inside(const struct procfs *proc, pid_t pid, ino_t top)
{
	AUTO_FD int ns = open_pid_ns(proc, pid);
	struct stat st;

	for (int i = 0; ns >= 0 && i < NESTING_MAX; i++) {
		int parent;

		if (fstat(ns, &st) == 0 && st.st_ino == top)
			return true;
		parent = ioctl(ns, NS_GET_PARENT);
		own_close(&ns);
		ns = parent < 0 ? -EBADF : parent;
	}
	return false;
}

static void of_namespace(const struct procfs *proc, pid_t init, const struct pids *all, struct pids *out)
{
	AUTO_FD int ns = open_pid_ns(proc, init);
	struct stat st;

	if (ns < 0 || fstat(ns, &st) < 0)
		return;
	for (size_t i = 0; i < all->n; i++)
		if (is_inside(proc, all->v[i], st.st_ino))
			add(out, all->v[i]);
}

static bool has(const struct pids *p, pid_t pid)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i] == pid)
			return true;
	return false;
}

/* Whose parent is a member becomes one, until there are no more. */
static void of_family(pid_t init, const struct pids *all, struct pids *out)
{
	size_t before;

	add(out, init);
	do {
		before = out->n;
		for (size_t i = 0; i < all->n; i++)
			if (!has(out, all->v[i]) && has(out, process_parent(all->v[i])))
				add(out, all->v[i]);
	} while (out->n > before);
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return x < y ? -1 : x > y;
}

/* A zombie is in no cgroup and is nobody that one could signal; init's pidfd tells that it is none. */
static int list_without_groups(const struct record *r, struct pids *out, struct err *e)
{
	AUTO(procfs) proc = PROCFS_NONE;
	AUTO_FD int init = status_open_init(r);
	struct pids all = { .arena = out->arena };

	if (init < 0)
		return 0;
	if (procfs_open_host(&proc, e) < 0 || all_of_host(&proc, &all, e) < 0)
		return -1;
	if (r->saved.own_pids)
		of_namespace(&proc, r->saved.pid, &all, out);
	else
		of_family(r->saved.pid, &all, out);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_number);
	return 0;
}

int members_list(const struct record *r, const struct cgroup *cg, pid_t **pids, size_t *n, struct arena *a, struct err *e)
{
	struct pids found = { .arena = a };

	if (cg->n)
		return cgroup_pids(cg, pids, n, a, e);
	if (list_without_groups(r, &found, e) < 0)
		return -1;
	*pids = found.v;
	*n = found.n;
	return 0;
}

/* The numbers may be others' since they were listed: with pidfds held they are looked up once more. */
static int signal_batch(const struct record *r, const pid_t *pids, size_t n, int sig, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	struct pids again = { .arena = &mem };
	int fds[BATCH], result;

	for (size_t i = 0; i < n; i++)
		fds[i] = sys_pidfd_open(pids[i], 0);
	result = list_without_groups(r, &again, e);
	for (size_t i = 0; i < n; i++) {
		if (result == 0 && fds[i] >= 0 && has(&again, pids[i]) && process_signal(fds[i], sig, e) < 0 && e->num != ESRCH)
			result = -1;
		own_close(&fds[i]);
	}
	return result;
}

int members_signal(const struct record *r, const struct cgroup *cg, int sig, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	struct pids found = { .arena = &mem };

	if (cg->n)
		return cgroup_signal_all(cg, sig, e);
	if (list_without_groups(r, &found, e) < 0)
		return -1;
	for (size_t i = 0; i < found.n; i += BATCH)
		if (signal_batch(r, found.v + i, MIN(found.n - i, (size_t)BATCH), sig, e) < 0)
			return -1;
	return 0;
}
