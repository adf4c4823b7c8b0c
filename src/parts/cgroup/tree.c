/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over groups; see tree.h.  On the host, in `kill --all`, `ps`, `delete`, and when `create` finds a group. */
#include "parts/cgroup/tree.h"

#include <fcntl.h>
#include <string.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/groupfs.h"

/*
 * Depth first, holding one descriptor: down by name, up by "..", and on at the sibling behind the one we came
 * from.  A group that vanishes under our feet makes us miss siblings at worst; who needs all (kill) looks again.
 * The depth is counted: whatever the kernel tells of identities, nothing above TOP is ever opened.
 */
int tree_walk(int top, tree_fn *each, void *self, struct err *e)
{
	AUTO_FD int cur = groupfs_find(top, "", e);
	uint64_t after = 0, id;
	char name[GROUP_NAME_MAX + 1];
	unsigned depth = 0;

	if (cur < 0)
		return e->num == ENOENT || e->num == ENODEV ? 0 : -1;
	if (each(self, cur, e) < 0)
		return -1;
	for (;;) {
		AUTO_FD int next = -EBADF;
		int r = groupfs_child(cur, after, name, &id, e);

		if (r < 0)
			return -1;
		if (r > 0) {
			next = groupfs_find(cur, name, e);
			if (next < 0) {
				if (e->num != ENOENT && e->num != ENODEV)
					return -1;
				after = id;
				continue;
			}
			if (each(self, next, e) < 0)
				return -1;
			after = 0;
			depth++;
		} else {
			if (depth-- == 0)
				return 0;
			after = groupfs_id(cur);
			if (!after)
				return err_sys(e, "stat a cgroup");
			next = groupfs_parent(cur, e);
			if (next < 0)
				return -1;
		}
		own_close(&cur);
		cur = TAKE_FD(next);
	}
}

static void add_pid(struct tree_pids *p, pid_t pid)
{
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 64;
		pid_t *v = ARENA_ARRAY(p->arena, pid_t, room);

		if (p->n)
			memcpy(v, p->v, p->n * sizeof(*v));
		p->v = v;
		p->room = room;
	}
	p->v[p->n++] = pid;
}

/* cgroup.procs of one group: may be megabytes, so through a small window. */
static int pids_of(void *self, int group, struct err *e)
{
	AUTO_FD int fd = groupfs_open_file(group, "cgroup.procs", O_RDONLY, e);
	uint64_t pid = 0;
	char buf[4096];
	ssize_t n;
	bool in_number = false;

	if (fd < 0)
		return e->num == ENOENT || e->num == ENODEV ? 0 : -1;
	while ((n = fd_read_text(fd, buf, sizeof(buf), e)) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				pid = pid * 10 + (uint64_t)(buf[i] - '0');
				in_number = true;
				continue;
			}
			/* 0: a process of a PID namespace that we do not see into. */
			if (in_number && pid > 0 && pid <= INT32_MAX)
				add_pid(self, (pid_t)pid);
			pid = 0;
			in_number = false;
		}
	/* Threaded groups do not list processes (EOPNOTSUPP); their domain does. ENODEV: removed. */
	if (n < 0 && e->num != ENODEV && e->num != EOPNOTSUPP)
		return -1;
	return 0;
}

int tree_pids(int top, struct tree_pids *p, struct err *e)
{
	return tree_walk(top, pids_of, p, e);
}

int tree_is_populated(int top, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	struct tree_pids pids = { .arena = &mem };
	char text[256];

	/* v2 knows it by itself. */
	if (groupfs_read(top, "cgroup.events", text, sizeof(text), e) > 0)
		return strstr(text, "populated 1") != NULL;
	if (tree_pids(top, &pids, e) < 0)
		return -1;
	return pids.n > 0;
}
