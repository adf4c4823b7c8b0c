/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the hooks of the runtime's namespaces: on the host, in husk, within create, start and delete. */
#include "parts/hook/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "base/own.h"
#include "sys/fd.h"
#include "base/trace.h"
#include "sys/helper.h"

int hooks_open(const char *path, int *fd, struct err *e)
{
	if (!path)
		return 0;
	/* A FIFO without a reader is an error, not something to wait for. */
	*fd = fd_open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK, 0600, e);
	return *fd < 0 ? err_in(e, "output of hooks") : 0;
}

int hooks_run(const struct hooks_plan *p, enum hook_kind kind, const char *state, int purpose, struct err *e)
{
	const struct hook_list *l = &p->kind[kind];
	/* iov_base is not const, though nobody writes to it. */
	const struct iovec input = { (void *)(unsigned long)state, strlen(state) };
	AUTO_FD int out = -EBADF;
	AUTO_FD int err = -EBADF;

	if (l->n && (hooks_open(p->out, &out, e) < 0 || hooks_open(p->err, &err, e) < 0))
		return -1;

	for (size_t i = 0; i < l->n; i++) {
		const struct helper h = {
			.path = l->v[i].path, .argv = l->v[i].argv, .envp = l->v[i].envp, .cwd = p->cwd,
			.input = &input, .pieces = 1, .timeout = l->v[i].timeout, .purpose = purpose,
			.out = out, .err = err,
		};

		TRACE_OF(hook_kind_name(kind), l->v[i].path);
		hook_tell(kind, i, &l->v[i]);
		if (helper_run(&h, e) == 0)
			continue;
		err_in(e, "hooks.%s[%zu]: \"%.300s\"", hook_kind_name(kind), i, l->v[i].path);
		if (kind != HOOK_POSTSTOP)
			return -1;
		/* runtime.md, step 13: the rest goes on as if it had succeeded. */
		log_warning("%s", e->msg);
		*e = (struct err){ 0 };
	}
	return 0;
}
