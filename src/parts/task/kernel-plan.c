/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.sysctl, hostname, domainname, linux.personality for the plan. Pure, in husk.
 *
 * A sysctl that no namespace of the container's own confines would change the host, so it is
 * refused.  Which ones are confined, and by what: sysctl tables of the kernel (ipc/ipc_sysctl.c, ipc/mq_sysctl.c,
 * kernel/utsname_sysctl.c, kernel/ucount.c, net/), of which the writable ones are listed here.
 */
#include "parts/task/kernel.h"

#include <sched.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/utsname.h>

#include "base/num.h"
#include "base/str.h"


/* A file, or a folder when it ends with '/', relative to /proc/sys. */
static const struct confined { const char *file; uint64_t ns; const char *ns_name; } confined[] = {
	{ "kernel/msgmax",             CLONE_NEWIPC,  "ipc" },
	{ "kernel/msgmnb",             CLONE_NEWIPC,  "ipc" },
	{ "kernel/msgmni",             CLONE_NEWIPC,  "ipc" },
	{ "kernel/sem",                CLONE_NEWIPC,  "ipc" },
	{ "kernel/shmall",             CLONE_NEWIPC,  "ipc" },
	{ "kernel/shmmax",             CLONE_NEWIPC,  "ipc" },
	{ "kernel/shmmni",             CLONE_NEWIPC,  "ipc" },
	{ "kernel/shm_rmid_forced",    CLONE_NEWIPC,  "ipc" },
	{ "kernel/auto_msgmni",        CLONE_NEWIPC,  "ipc" },
	{ "fs/mqueue/",                CLONE_NEWIPC,  "ipc" },
	{ "kernel/domainname",         CLONE_NEWUTS,  "uts" },
	{ "net/",                      CLONE_NEWNET,  "network" },
	{ "user/",                     CLONE_NEWUSER, "user" },
};

/*
 * sysctl(8): the first '.' or '/' says which of the two separates; with '.', a '/' in a component
 * stands for '.' ("net.ipv4.conf.eth0/100.forwarding").  NULL for names that could leave the folder.
 */
static char *file_of(const char *name, struct arena *a)
{
	char *file = arena_strdup(a, name);
	size_t sep = strcspn(name, "./"), start = 0;

	if (name[sep] == '.')
		for (char *c = file; *c; c++)
			*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	for (size_t i = 0; ; i++) {
		size_t len = i - start;

		if (file[i] && file[i] != '/')
			continue;
		if (len == 0 || (len <= 2 && strspn(file + start, ".") >= len))
			return NULL;
		if (!file[i])
			return file;
		start = i + 1;
	}
}

static const struct confined *find(const char *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(confined); i++) {
		const char *rest = str_after(file, confined[i].file);

		if (rest && (str_ends(confined[i].file, "/") ? *rest != '\0' : *rest == '\0'))
			return &confined[i];
	}
	return NULL;
}

static int sysctl_check(const struct oci_config *c, const char *name, const char *file, uint64_t own_ns,
			struct err *e)
{
	const struct confined *k = find(file);

	if (strcmp(file, "kernel/hostname") == 0)
		return err_set(e, ERR_SPEC, "linux.sysctl[\"%s\"]: conflicts with hostname, which is where the name "
			       "belongs", name);
	if (!k)
		return err_set(e, ERR_SPEC, "linux.sysctl[\"%s\"]: is not confined to a namespace, it would change "
			       "the host", name);
	if (!(own_ns & k->ns))
		return err_set(e, ERR_SPEC, "linux.sysctl[\"%s\"]: needs its own %s namespace, it would change the "
			       "host", name, k->ns_name);
	if (strcmp(file, "kernel/domainname") == 0 && c->domainname && *c->domainname)
		return err_set(e, ERR_SPEC, "linux.sysctl[\"%s\"]: conflicts with domainname", name);
	return 0;
}

static int sysctls(struct kernel_plan *p, const struct oci_config *c, uint64_t own_ns, struct arena *a, struct err *e)
{
	const str_map *m = &c->linux_->sysctl;
	struct sysctl *v = ARENA_ARRAY(a, struct sysctl, m->n + 1);

	for (size_t i = 0; i < m->n; i++) {
		const char *name = m->v[i].key, *file = file_of(name, a);

		if (!file)
			return err_set(e, ERR_SPEC, "linux.sysctl[\"%.200s\"]: is no name of a kernel parameter", name);
		if (sysctl_check(c, name, file, own_ns, e) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (strcmp(v[k].file + strlen("sys/"), file) == 0)
				return err_set(e, ERR_SPEC, "linux.sysctl[\"%s\"]: the same as \"%s\"", name, m->v[k].key);
		v[i].file = arena_printf(a, "sys/%s", file);
		v[i].value = arena_strdup(a, m->v[i].value);
	}
	p->sysctls = v;
	p->n = m->n;
	return 0;
}

/* Of UTS names the kernel takes up to 64 bytes. */
static int uts_name(const char **out, const char *name, const char *path, struct arena *a, struct err *e)
{
	if (!name || !*name)
		return 0;
	if (strlen(name) > sizeof(((struct utsname *)0)->nodename) - 1)
		return err_set(e, ERR_SPEC, "%s: longer than 64 bytes", path);
	*out = arena_strdup(a, name);
	return 0;
}

int kernel_plan_exec(struct kernel_plan *p, const struct oci_linux *l, struct err *e)
{
	*p = (struct kernel_plan){ 0 };
	if (!l || !l->personality)
		return 0;
	if (l->personality->flags.n)
		return err_set(e, ERR_SPEC, "linux.personality.flags[0]: unknown flag \"%s\"",
			       l->personality->flags.v[0]);
	p->has_personality = true;
	p->personality = l->personality->domain == OCI_PERS_LINUX32 ? PER_LINUX32 : PER_LINUX;
	return 0;
}

int kernel_plan(struct kernel_plan *p, const struct oci_config *c, uint64_t own_ns, const struct host *host,
		struct arena *a, struct err *e)
{
	if (kernel_plan_exec(p, c->linux_, e) < 0)
		return -1;
	if (uts_name(&p->hostname, c->hostname, "hostname", a, e) < 0 ||
	    uts_name(&p->domainname, c->domainname, "domainname", a, e) < 0)
		return -1;
	return c->linux_ ? sysctls(p, c, own_ns, a, e) : 0;
}
