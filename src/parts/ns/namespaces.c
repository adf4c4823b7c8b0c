/* SPDX-License-Identifier: Apache-2.0 */
/* Existing namespaces, opened by husk on the host before the first clone: their paths mean something here only. */
#include "parts/ns/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "base/own.h"
#include "sys/fd.h"

static int open_one(const struct ns_join *j, struct err *e)
{
	AUTO_FD int fd = fd_open(j->path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, e);
	int kind;

	if (fd < 0)
		return err_in(e, "%s", j->where);
	kind = ioctl(fd, NS_GET_NSTYPE);
	if (kind < 0)
		return err_set(e, ERR_SPEC, "%s: \"%s\" is not a namespace", j->where, j->path);
	if ((uint64_t)kind != j->kind)
		return err_set(e, ERR_SPEC, "%s: \"%s\" is a namespace of another type", j->where, j->path);
	return TAKE_FD(fd);
}

int ns_open(const struct ns_plan *p, int fds[NS_KINDS], struct err *e)
{
	for (int i = 0; i < p->n_joins; i++) {
		fds[i] = open_one(&p->joins[i], e);
		if (fds[i] < 0) {
			while (i-- > 0)
				own_close(&fds[i]);
			return -1;
		}
	}
	return 0;
}
