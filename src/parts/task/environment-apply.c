/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completes the environment in husk-init, once the root is entered: HOME from the container's own
 * /etc/passwd, LISTEN_PID.  The plan is read-only and init has no heap, so a new array of pointers goes into
 * pages of its own; execve(2) copies it and takes the pages away.
 */
#include "parts/task/environment.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/accounts.h"

#define HOME_MAX        4096
#define LISTEN_PID_MAX  32

struct extra {
	char home[HOME_MAX + sizeof("HOME=")];
	char listen_pid[LISTEN_PID_MAX];
};

static int add_home(struct extra *x, const struct root *root, uid_t uid, struct err *e)
{
	char home[HOME_MAX];
	struct text t = TEXT(x->home);
	int found = accounts_home(root, uid, home, sizeof(home), e);

	if (found < 0)
		return -1;
	text_add(&t, "HOME=");
	text_add(&t, found && home[0] == '/' ? home : "/");
	return 0;
}

int environment_apply(struct environment *env, const struct environment_plan *p, const struct root *root, uid_t uid,
		      struct err *e)
{
	size_t array = (p->n + 3) * sizeof(char *), n = 0;
	struct extra *x;
	const char **v;

	/* execve(2) takes the strings of the plan as they are and does not write to them. */
	env->envp = (char *const *)p->env;
	if (!p->wants_home && !p->wants_listen_pid)
		return 0;
	x = mmap(NULL, sizeof(*x) + array, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (x == MAP_FAILED)
		return err_sys(e, "map %zu bytes for the environment", sizeof(*x) + array);
	v = (const char **)(void *)(x + 1);
	for (size_t i = 0; i < p->n; i++)
		if (!(p->wants_home && str_starts(p->env[i], "HOME=")) &&
		    !(p->wants_listen_pid && str_starts(p->env[i], "LISTEN_PID=")))
			v[n++] = p->env[i];
	if (p->wants_home) {
		if (add_home(x, root, uid, e) < 0)
			return -1;
		v[n++] = x->home;
	}
	if (p->wants_listen_pid) {
		struct text t = TEXT(x->listen_pid);

		text_addf(&t, "LISTEN_PID=%d", (int)getpid());
		v[n++] = x->listen_pid;
	}
	env->envp = (char *const *)v;
	return 0;
}
