/* SPDX-License-Identifier: Apache-2.0 */
/* The process of a new container or of exec, planned; see process.h. Pure, in husk. */
#include "plan/process.h"

#include "base/num.h"
#include "base/str.h"

static const char *const *arguments(const str_list *args, struct arena *a)
{
	const char **v = ARENA_ARRAY(a, const char *, args->n + 1);

	for (size_t i = 0; i < args->n; i++)
		v[i] = arena_strdup(a, args->v[i]);
	return v;
}

unsigned process_preserved(const struct oci_process *proc, const struct activation *activation, unsigned preserve_fds)
{
	unsigned listen = activation ? activation->listen_fds : 0;

	for (size_t i = 0; proc && i < proc->env.n; i++)
		if (str_starts(proc->env.v[i], "LISTEN_FDS="))
			return MAX(listen, preserve_fds);
	return listen + preserve_fds;
}

static int seccomp(struct plan *p, const struct process_request *rq, const struct host *host, struct arena *a,
		   struct err *e)
{
	const struct annotations *note = rq->annotations;
	struct oci_seccomp profile;

	if (note->seccomp_program)
		return seccomp_plan_program(&p->seccomp, note->seccomp_program, rq->seccomp, host, a, e);
	if (!rq->seccomp)
		return 0;
	if (note->strict_seccomp && seccomp_check_names(rq->seccomp, e) < 0)
		return -1;
	profile = *rq->seccomp;
	if (!profile.listener_path)
		profile.listener_path = note->seccomp_receiver;
	return seccomp_plan(&p->seccomp, &profile, host, a, e);
}

static int guards(struct plan *p, const struct process_request *rq, const struct host *host, struct arena *a,
		  struct err *e)
{
	const struct oci_process *proc = rq->process;
	bool loads_filter;

	p->no_new_privileges = proc && proc->no_new_privileges;
	if (seccomp(p, rq, host, a, e) < 0)
		return -1;
	loads_filter = p->seccomp.code && !p->no_new_privileges;
	if (caps_plan(&p->caps, proc ? proc->capabilities : NULL, rq->own_userns, loads_filter, host, a, e) < 0)
		return -1;
	return lsm_plan(&p->lsm, proc, host, a, e);
}

int process_plan(struct plan *p, const struct process_request *rq, const struct host *host, struct arena *a,
		 struct err *e)
{
	const struct oci_process *proc = rq->process;
	const struct environment_extra extra = {
		.set = rq->env, .n = rq->nenv, .notify = rq->notify,
		.listen_fds = rq->activation ? rq->activation->listen_fds : 0,
		.listen_names = rq->activation ? rq->activation->listen_names : NULL,
	};

	p->signals = host->ignored_signals;
	p->args = proc ? arguments(&proc->args, a) : NULL;
	p->cwd = CPATH(arena_strdup(a, proc ? proc->cwd : "/"));
	if (user_plan(&p->user, proc ? proc->user : NULL, rq->denies_setgroups, rq->annotations->keeps_groups, "process.user",
		      host, a, e) < 0 ||
	    stdio_plan(&p->stdio, proc && proc->terminal, proc ? proc->console_size : NULL,
		       process_preserved(proc, rq->activation, rq->preserve_fds), p->user.uid, e) < 0 ||
	    environment_plan(&p->environment, proc ? &proc->env : NULL, &extra, "process.env", a, e) < 0 ||
	    guards(p, rq, host, a, e) < 0 ||
	    limits_plan(&p->limits, proc, "process", a, e) < 0 || limits_compare(&p->limits, e) < 0 ||
	    schedule_plan(&p->schedule, proc, rq->is_exec, "process", host, a, e) < 0)
		return -1;
	return 0;
}
