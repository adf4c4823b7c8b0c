/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `check --explain`: what `create` and `start` will do, one sentence for each thing, under headings in the order of
 * life/making.c, spawn/handshake.h and init/create.c.  print.c says the same for developers, in the order of the specification.
 */
#include "plan/explain.h"

#include <inttypes.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/num.h"
#include "base/str.h"
#include "base/table.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define HEADINGS_MAX 20

struct teller {
	const struct plan *p;
	struct arena *a;
	struct explanation *out;
	size_t room;                    /* lines of the present heading */
};

/* The sentences from here on belong to it; it disappears when there are none. */
static void heading(struct teller *t, const char *title)
{
	struct explanation *x = t->out;

	if (!x->n || x->v[x->n - 1].n)
		x->n++;
	x->v[x->n - 1] = (struct explained){ .title = title };
	t->room = 0;
}

__attribute__((format(printf, 2, 3)))
static void say(struct teller *t, const char *fmt, ...)
{
	struct explained *x = &t->out->v[t->out->n - 1];
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (x->n == t->room) {
		const char **old = x->lines;

		t->room = t->room ? 2 * t->room : 8;
		x->lines = ARENA_ARRAY(t->a, const char *, t->room);
		if (x->n)
			memcpy(x->lines, old, x->n * sizeof(*old));
	}
	x->lines[x->n++] = arena_strdup(t->a, text);
}

static const char *words(struct teller *t, const char *const *v)
{
	const char *all = "";

	for (; v && *v; v++)
		all = arena_printf(t->a, "%s%s%s", all, *all ? " " : "", *v);
	return all;
}

/* ---- before there is a process --------------------------------------------------------- */

static const char *kinds(struct teller *t, uint64_t bits)
{
	static const struct name_value names[] = {
		NAMED("user", CLONE_NEWUSER), NAMED("mount", CLONE_NEWNS), NAMED("PID", CLONE_NEWPID), NAMED("network", CLONE_NEWNET),
		NAMED("IPC", CLONE_NEWIPC), NAMED("UTS", CLONE_NEWUTS), NAMED("cgroup", CLONE_NEWCGROUP), NAMED("time", CLONE_NEWTIME), {}
	};
	const char *all = "";

	for (const struct name_value *n = names; *n->name; n++)
		if (bits & n->value)
			all = arena_printf(t->a, "%s%s%s", all, *all ? ", " : "", n->name);
	return all;
}

/* Systemd is asked when there is a process that it can put there; otherwise the process is born in its groups. */
static void scope(struct teller *t)
{
	const struct cgroup_unit *u = &t->p->cgroup.unit;
	const char *line = unit_print(u, t->a);

	heading(t, "While it waits: cgroups, by systemd");
	say(t, "ask %s for the scope %s, in %s, with", u->is_user ? "the user's systemd" : "systemd", u->name, u->cgroup);
	for (; *line; line += strcspn(line, "\n"), line += *line == '\n')
		say(t, "  %.*s", (int)strcspn(line, "\n"), line);
}

static void cgroups(struct teller *t)
{
	const struct cgroup_plan *c = &t->p->cgroup;

	if (c->unit.name)
		scope(t);
	else
		heading(t, "On the host, before there is a process: cgroups");
	if (c->manager == CGROUP_MANAGER_NONE)
		say(t, "no cgroups are made: the container stays in those of its caller");
	for (int i = 0; i < c->n; i++)
		say(t, "%s %s/%s (%s)", c->unit.name ? "use" : "make", c->dir[i].mount, c->dir[i].path,
		    c->dir[i].is_v2 ? c->n == 1 && c->v2_controllers ? c->v2_controllers : "the unified hierarchy" :
		    c->dir[i].controllers);
	for (size_t i = 0; i < c->writes.n; i++)
		say(t, "write \"%s\" to %s%s%s%s", c->writes.v[i].text, c->writes.v[i].file,
		    c->writes.v[i].flags & WRITE_OPTIONAL ? ", if this kernel has it" :
		    c->writes.v[i].flags & WRITE_ELSE ? ", or, if this kernel lacks it, the next one" : "",
		    c->writes.v[i].path ? "  <- " : "", c->writes.v[i].path ? c->writes.v[i].path : "");
	if (c->devices.n)
		say(t, "attach a program that decides which devices may be used  <- linux.resources.devices");
	if (c->inner)
		say(t, "make %s in it for the process to begin in  <- run.oci.delegate-cgroup", c->inner);
	if (c->delegate)
		say(t, "give %s to user %u, so that the container can divide it", c->inner ? c->inner : "the cgroup", c->owner);
	if (t->p->rdt.is_set)
		say(t, "%s the resctrl class \"%s\"", t->p->rdt.may_make ? "make" : "use", t->p->rdt.clos);
	for (size_t i = 0; i < t->p->rdt.n; i++)
		say(t, "write \"%s\" to its schemata", t->p->rdt.schemata[i]);
}

static void namespaces(struct teller *t)
{
	const struct ns_plan *n = &t->p->ns;
	const struct idmap_plan *m = &t->p->idmap;

	heading(t, "The first process, and the namespaces that separate it from the host");
	if (t->p->limits.has_oom_score)
		say(t, "set its OOM score adjustment to %d", t->p->limits.oom_score);
	for (int i = 0; i < n->n_joins; i++)
		say(t, "join the %s namespace of %s", kinds(t, n->joins[i].kind), n->joins[i].path);
	if (n->make)
		say(t, "new namespaces: %s", kinds(t, n->make));
	if (~(n->make | n->join) & (CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS))
		say(t, "shared with the host: %s", kinds(t, ~(n->make | n->join) & (CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS |
			CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)));
	for (int gid = 0; m->is_set && gid < 2; gid++) {
		const char *line = gid ? m->gid_map : m->uid_map;
		unsigned inside, outside, size;
		int used;

		while (sscanf(line, "%u %u %u\n%n", &inside, &outside, &size, &used) == 3) {
			say(t, "%s ids %u to %u inside are %u to %u on the host", gid ? "group" : "user", inside, inside + size - 1,
			    outside, outside + size - 1);
			line += used;
		}
	}
	if (m->by_helper)
		say(t, "the ids are mapped by newuidmap(1) and newgidmap(1)");
	if (n->time_offsets)
		say(t, "its clocks are moved: %.*s", (int)strcspn(n->time_offsets, "\n"), n->time_offsets);
	if (t->p->keyring.name)
		say(t, "a session keyring of its own, \"%s\"", t->p->keyring.name);
	if (t->p->net.has_loopback)
		say(t, "bring up the loopback device");
	for (size_t i = 0; i < t->p->net.n; i++)
		say(t, "move the network device %s into the container, as %s", t->p->net.devices[i].host_name,
		    t->p->net.devices[i].name);
}

/* ---- the root file system --------------------------------------------------------------- */

static const char *attributes(struct teller *t, uint64_t set)
{
	static const struct name_value names[] = {
		NAMED("read-only", MOUNT_ATTR_RDONLY), NAMED("no set-user-id", MOUNT_ATTR_NOSUID), NAMED("no devices", MOUNT_ATTR_NODEV),
		NAMED("no programs", MOUNT_ATTR_NOEXEC), NAMED("no symbolic links", MOUNT_ATTR_NOSYMFOLLOW), {}
	};
	const char *all = "";

	for (const struct name_value *n = names; *n->name; n++)
		if (set & n->value)
			all = arena_printf(t->a, "%s, %s", all, n->name);
	return all;
}

static const char *data(struct teller *t, const char *list)
{
	const char *all = "";

	for (; list && *list; list += strlen(list) + 1)
		all = arena_printf(t->a, "%s, %s", all, list);
	return all;
}

static void one_mount(struct teller *t, const struct mount_plan *m)
{
	const char *rest = arena_printf(t->a, "%s%s%s  <- %s", attributes(t, m->set | m->rec_set),
					m->tree && m->tree->idmap ? ", with other ids" : "", data(t, m->data), m->where);

	switch (m->op) {
	case MOUNT_NEW:
		say(t, "%s: a new %s%s", m->destination.s, m->type, rest);
		break;
	case MOUNT_TREE:
		say(t, "%s: what the host has at %s%s%s", m->destination.s, m->source,
		    m->tree && m->tree->recursive ? " with all that is mounted there" : "", rest);
		break;
	case MOUNT_REMOUNT:
		say(t, "%s: other flags%s", m->destination.s, rest);
		break;
	case MOUNT_PROPAGATION:
		say(t, "%s: how later mounts spread%s", m->destination.s, rest);
		break;
	case MOUNT_LINK:
		say(t, "%s: a symbolic link to %s  <- %s", m->destination.s, m->source, m->where);
		break;
	}
}

static void root(struct teller *t)
{
	const struct plan *p = t->p;

	heading(t, "Its root file system, in the order in which it is built");
	say(t, "/: %s%s", p->rootfs.tree.source, p->rootfs.readonly ? ", read-only in the end" : "");
	for (size_t i = 0; i < p->mounts.n; i++)
		one_mount(t, &p->mounts.v[i]);
	for (size_t i = 0; i < p->devices.n_nodes; i++) {
		const struct device_node *d = &p->devices.nodes[i];

		say(t, "%s: the device %c %u:%u%s", d->path.s, S_ISBLK(d->mode) ? 'b' : S_ISFIFO(d->mode) ? 'p' : 'c', major(d->dev),
		    minor(d->dev), p->devices.by_bind && !S_ISFIFO(d->mode) ? ", the host's own" : "");
	}
	for (size_t i = 0; i < p->devices.n_links; i++)
		say(t, "%s: a symbolic link to %s", p->devices.links[i].path.s, p->devices.links[i].target);

	heading(t, "Settings of its kernel, before they become read-only");
	for (size_t i = 0; i < p->kernel.n; i++)
		say(t, "write \"%s\" to /proc/%s", p->kernel.sysctls[i].value, p->kernel.sysctls[i].file);
}

static void hooks(struct teller *t, enum hook_kind kind, const char *when)
{
	const struct hook_list *l = &t->p->hooks.kind[kind];

	for (size_t i = 0; i < l->n; i++)
		say(t, "run %s (%s)%s", words(t, (const char *const *)l->v[i].argv), when,
		    l->v[i].timeout ? arena_printf(t->a, ", for at most %u s", l->v[i].timeout) : "");
}

static void enter(struct teller *t)
{
	const struct plan *p = t->p;

	heading(t, "Hooks that may still change it");
	hooks(t, HOOK_PRESTART, "prestart hook, on the host");
	hooks(t, HOOK_CREATE_RUNTIME, "createRuntime hook, on the host");
	hooks(t, HOOK_CREATE_CONTAINER, "createContainer hook, in the container's namespaces");

	heading(t, "Paths that the container must not see or change");
	for (size_t i = 0; i < p->shield.n_masked; i++)
		say(t, "hide %s", p->shield.masked[i].path.s);
	for (size_t i = 0; i < p->shield.n_readonly; i++)
		say(t, "make %s read-only", p->shield.readonly[i].path.s);

	heading(t, "The root is entered; nothing of the host can be reached by path any more");
	say(t, p->rootfs.entry == ROOTFS_PIVOT ? "pivot_root(2)" : p->rootfs.entry == ROOTFS_COVER ? "moved over the old root" :
	       "chroot(2) only, for there is no mount namespace");
	if (p->kernel.hostname)
		say(t, "host name: %s", p->kernel.hostname);
	if (p->kernel.domainname)
		say(t, "NIS domain name: %s", p->kernel.domainname);
}

/* ---- the process ------------------------------------------------------------------------- */

static void capabilities(struct teller *t, const char *what, uint64_t set)
{
	const char *all = "";

	for (unsigned i = 0; i < 64; i++)
		if (set >> i & 1)
			all = arena_printf(t->a, "%s %s", all, caps_name(i) ? caps_name(i) + strlen("CAP_") : "?");
	say(t, "%s capabilities:%s", what, *all ? all : " none");
}

static void become(struct teller *t)
{
	const struct plan *p = t->p;
	const struct user_plan *u = &p->user;
	const char *groups = "";

	heading(t, "It becomes who it is to be");
	if (p->lsm.apparmor)
		say(t, "AppArmor profile for its program: %s", str_starts(p->lsm.apparmor, "exec ") ? p->lsm.apparmor + 5 :
		    p->lsm.apparmor);
	if (p->lsm.selinux)
		say(t, "SELinux label for its program: %s", p->lsm.selinux);
	if (p->kernel.has_personality)
		say(t, "personality %#lx", p->kernel.personality);
	if (p->memory.is_set)
		say(t, "a NUMA memory policy");
	if (p->schedule.has_scheduler)
		say(t, "scheduler: policy %u, nice %d, priority %u", p->schedule.policy, p->schedule.nice, p->schedule.priority);
	if (p->schedule.has_io_priority)
		say(t, "I/O priority %d of class %d", p->schedule.io_priority & 7, p->schedule.io_priority >> 13);
	for (size_t i = 0; !u->keeps_groups && i < u->ngroups; i++)
		groups = arena_printf(t->a, "%s %u", groups, u->groups[i]);
	say(t, "user %u, group %u%s%s%s, umask %04o", u->uid, u->gid, *groups ? ", groups" : "", groups,
	    u->keeps_groups ? ", the caller's supplementary groups" : "", (unsigned)u->umask);
	capabilities(t, "bounding", p->caps.bounding);
	capabilities(t, "permitted", p->caps.permitted);
	if (p->caps.effective != p->caps.permitted)
		capabilities(t, "effective", p->caps.effective);
	if (p->caps.inheritable)
		capabilities(t, "inheritable", p->caps.inheritable);
	if (p->caps.ambient)
		capabilities(t, "ambient", p->caps.ambient);
	if (p->no_new_privileges)
		say(t, "no program can give it more privileges (no_new_privs)");
	if (p->seccomp.has_listener)
		say(t, "system calls go through a filter, some to the agent at %s", p->seccomp.listener_path);
	if (p->stdio.terminal)
		say(t, "its standard streams are a terminal");
	if (p->notify.host)
		say(t, "its readiness is passed on to %s", p->notify.host);
	say(t, "working directory: %s", p->cwd.s);
}

static const char *limit(struct teller *t, uint64_t n)
{
	return n == UINT64_MAX ? "unlimited" : arena_printf(t->a, "%" PRIu64, n);
}

static void start(struct teller *t)
{
	const struct plan *p = t->p;

	heading(t, "Now it is \"created\", and waits for husk start. Then");
	hooks(t, HOOK_START_CONTAINER, "startContainer hook, inside");
	for (size_t i = 0; i < p->limits.n; i++)
		say(t, "%s: %s, at most %s", limits_name(p->limits.list[i].resource), limit(t, p->limits.list[i].soft),
		    limit(t, p->limits.list[i].hard));
	if (p->seccomp.code && !p->seccomp.has_listener)
		say(t, "system calls go through a filter of %u instructions", (unsigned)p->seccomp.len);
	if (p->environment.wants_home)
		say(t, "HOME: as /etc/passwd of the container says");
	say(t, "environment: %s", words(t, p->environment.env));
	say(t, p->args ? "run %s" : "nothing can be run: no process is given%s", p->args ? words(t, p->args) : "");
	hooks(t, HOOK_POSTSTART, "poststart hook, on the host");

	heading(t, "When it has ended and is deleted");
	hooks(t, HOOK_POSTSTOP, "poststop hook, on the host");
}

const struct explanation *plan_explain(const struct plan *p, struct arena *a)
{
	struct teller t = { .p = p, .a = a, .out = ARENA_NEW(a, struct explanation) };

	t.out->v = ARENA_ARRAY(a, struct explained, HEADINGS_MAX);
	if (!p->cgroup.unit.name)
		cgroups(&t);
	namespaces(&t);
	if (p->cgroup.unit.name)
		cgroups(&t);
	root(&t);
	enter(&t);
	become(&t);
	start(&t);
	if (!t.out->v[t.out->n - 1].n)
		t.out->n--;
	return t.out;
}
