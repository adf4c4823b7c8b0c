/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the hooks of the container's namespaces: in husk-init, createContainer when the root is built and not
 * yet entered, startContainer right before the payload.  The state has init's pid as the container sees it.
 */
#include "parts/hook/hooks.h"

#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/helper.h"

static struct iovec piece(const char *text)
{
	return (struct iovec){ (void *)(unsigned long)text, strlen(text) };
}

int hooks_apply(const struct hooks_plan *p, enum hook_kind kind, int out, int err, struct err *e)
{
	const struct hook_list *l = &p->kind[kind];
	char pid[16];
	struct text t = TEXT(pid);
	struct iovec input[3];

	if (!l->n)
		return 0;
	text_addf(&t, "%d", (int)getpid());
	input[0] = piece(kind == HOOK_CREATE_CONTAINER ? p->creating_head : p->created_head);
	input[1] = piece(pid);
	input[2] = piece(p->tail);
	for (size_t i = 0; i < l->n; i++) {
		const struct helper h = {
			.path = l->v[i].path, .argv = l->v[i].argv, .envp = l->v[i].envp,
			/* Of the host's tree, or of the container's: never the image's while the host is in reach. */
			.cwd = kind == HOOK_CREATE_CONTAINER ? p->cwd : "/",
			.input = input, .pieces = 3, .timeout = l->v[i].timeout, .out = out, .err = err,
		};

		hook_tell(kind, i, &l->v[i]);
		if (helper_run(&h, e) < 0)
			return err_in(e, "hooks.%s[%zu]: \"%.300s\"", hook_kind_name(kind), i, l->v[i].path);
	}
	return 0;
}
