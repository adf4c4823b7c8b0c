/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan as text, in the order of the specification, what is not planned left out.  For developers, in
 * the golden tests: a change of what will be done shows as a change of this text.
 */
#include "plan/print.h"

#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

struct out { FILE *f; struct arena *a; };

__attribute__((format(printf, 2, 3)))
static void line(const struct out *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(o->f, fmt, ap);
	va_end(ap);
	fputc('\n', o->f);
}

/* As JSON would quote it, so that blanks and line ends are seen. */
static void quoted(const struct out *o, const char *s)
{
	fputc('"', o->f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(o->f, "\\%c", *s);
		else if ((unsigned char)*s < ' ')
			fprintf(o->f, "\\x%02x", (unsigned char)*s);
		else
			fputc(*s, o->f);
	}
	fputc('"', o->f);
}

static void strings(const struct out *o, const char *what, const char *const *v)
{
	if (!v || !*v)
		return;
	fputs(what, o->f);
	for (; *v; v++) {
		fputc(' ', o->f);
		quoted(o, *v);
	}
	fputc('\n', o->f);
}

/* TEXT, indented below a heading. */
static void block(const struct out *o, const char *heading, const char *text)
{
	if (!text || !*text)
		return;
	line(o, "%s:", heading);
	while (*text) {
		size_t n = strcspn(text, "\n");

		line(o, "  %.*s", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void kinds(const struct out *o, const char *what, uint64_t bits)
{
	static const struct { uint64_t bit; const char *name; } names[] = {
		{ CLONE_NEWPID, "pid" }, { CLONE_NEWNET, "network" }, { CLONE_NEWNS, "mount" },
		{ CLONE_NEWIPC, "ipc" }, { CLONE_NEWUTS, "uts" }, { CLONE_NEWUSER, "user" },
		{ CLONE_NEWCGROUP, "cgroup" }, { CLONE_NEWTIME, "time" },
	};

	if (!bits)
		return;
	fputs(what, o->f);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (bits & names[i].bit)
			fprintf(o->f, " %s", names[i].name);
	fputc('\n', o->f);
}

static void print_namespaces(const struct out *o, const struct plan *p)
{
	kinds(o, "make namespaces:", p->ns.make);
	kinds(o, "join namespaces:", p->ns.join);
	for (int i = 0; i < p->ns.n_joins; i++)
		line(o, "  %s: %s", p->ns.joins[i].where, p->ns.joins[i].path);
	if (p->ns.needs_bridge)
		line(o, "by a bridge process");
	block(o, "time offsets", p->ns.time_offsets);
	if (p->idmap.is_set) {
		block(o, "uid map", p->idmap.uid_map);
		block(o, "gid map", p->idmap.gid_map);
		line(o, "ids are mapped by %s%s", p->idmap.by_helper ? "newuidmap" : "husk",
		     p->idmap.denies_setgroups ? ", setgroups denied" : "");
	}
}

static void print_rootfs(const struct out *o, const struct plan *p)
{
	static const char *const entries[] = {
		[ROOTFS_PIVOT] = "pivot_root", [ROOTFS_COVER] = "cover", [ROOTFS_CHROOT] = "chroot",
	};

	if (p->is_exec)
		return;
	line(o, "root: %s%s by %s, propagation %#lx then %#lx", p->rootfs.tree.source,
	     p->rootfs.readonly ? " read-only" : "", entries[p->rootfs.entry], p->rootfs.propagation,
	     p->rootfs.propagation_last);
	block(o, "mounts", mounts_print(&p->mounts, o->a));
	block(o, "devices", devices_print(&p->devices, o->a));
	for (size_t i = 0; i < p->shield.n_masked; i++)
		line(o, "mask: %s", p->shield.masked[i].path.s);
	for (size_t i = 0; i < p->shield.n_readonly; i++)
		line(o, "read-only: %s", p->shield.readonly[i].path.s);
}

static void print_cgroup(const struct out *o, const struct plan *p)
{
	const struct cgroup_plan *c = &p->cgroup;

	if (p->is_exec)
		return;
	line(o, "cgroup manager: %s", cgroup_manager_name(c->manager));
	for (int i = 0; i < c->n; i++)
		line(o, "  %s: %s/%s", c->dir[i].is_v2 ? "unified" : c->dir[i].controllers, c->dir[i].mount,
		     c->dir[i].path);
	if (c->unit.name) {
		line(o, "  unit %s of %s systemd: %s", c->unit.name, c->unit.is_user ? "the user's" : "the system's", c->unit.cgroup);
		for (const char *l = unit_print(&c->unit, o->a); *l; l += strcspn(l, "\n"), l += *l == '\n')
			line(o, "    %.*s", (int)strcspn(l, "\n"), l);
	}
	for (size_t i = 0; i < c->writes.n; i++) {
		const struct cgroup_write *w = &c->writes.v[i];

		line(o, "  %s = %s (%s%s)", w->file, w->text, w->path ? w->path : "-",
		     w->flags & WRITE_OPTIONAL ? ", optional" : "");
	}
	if (c->devices.n)
		line(o, "  device program");
	if (c->inner)
		line(o, "  process in %s", c->inner);
	if (c->delegate)
		line(o, "  given to user %u", c->owner);
}

static void print_kernel(const struct out *o, const struct plan *p)
{
	if (p->net.has_loopback)
		line(o, "bring up lo");
	for (size_t i = 0; i < p->net.n; i++)
		line(o, "network device: %s as %s", p->net.devices[i].host_name, p->net.devices[i].name);
	if (p->rdt.is_set) {
		line(o, "resctrl: %s class \"%s\"%s%s%s%s", p->rdt.mount, p->rdt.clos, p->rdt.may_make ? " made" : "",
		     p->rdt.is_ours ? " ours" : "", p->rdt.monitor ? " monitored as " : "",
		     p->rdt.monitor ? p->rdt.monitor : "");
		for (size_t i = 0; i < p->rdt.n; i++)
			line(o, "  %s", p->rdt.schemata[i]);
	}
	for (size_t i = 0; i < p->kernel.n; i++)
		line(o, "sysctl: %s = %s", p->kernel.sysctls[i].file, p->kernel.sysctls[i].value);
	if (p->kernel.hostname)
		line(o, "hostname: %s", p->kernel.hostname);
	if (p->kernel.domainname)
		line(o, "domainname: %s", p->kernel.domainname);
	if (p->kernel.has_personality)
		line(o, "personality: %#lx", p->kernel.personality);
	if (p->memory.is_set)
		line(o, "memory policy: %#x, first nodes %#lx", (unsigned)p->memory.mode,
		     p->memory.nodes ? p->memory.nodes[0] : 0);
}

static void capabilities(const struct out *o, const char *what, uint64_t set)
{
	if (!set)
		return;
	fprintf(o->f, "%s capabilities:", what);
	for (unsigned i = 0; i < 64; i++) {
		const char *name = caps_name(i);

		if (!(set >> i & 1))
			continue;
		if (name)
			fprintf(o->f, " %s", name);
		else
			fprintf(o->f, " %u", i);
	}
	fputc('\n', o->f);
}

static void print_guards(const struct out *o, const struct plan *p)
{
	capabilities(o, "bounding", p->caps.bounding);
	capabilities(o, "permitted", p->caps.permitted);
	capabilities(o, "effective", p->caps.effective);
	capabilities(o, "inheritable", p->caps.inheritable);
	capabilities(o, "ambient", p->caps.ambient);
	if (p->no_new_privileges)
		line(o, "no new privileges");
	if (p->seccomp.code)
		line(o, "seccomp filter, flags %#x%s", p->seccomp.flags, p->seccomp.has_listener ? ", with listener" : "");
	if (p->lsm.apparmor)
		line(o, "apparmor: %s", p->lsm.apparmor);
	if (p->lsm.selinux)
		line(o, "selinux: %s", p->lsm.selinux);
	if (p->keyring.name)
		line(o, "keyring: %s%s", p->keyring.name, p->keyring.is_optional ? " (optional)" : "");
}

static void print_task(const struct out *o, const struct plan *p)
{
	line(o, "user: %u:%u umask %04o", p->user.uid, p->user.gid, (unsigned)p->user.umask);
	if (p->user.keeps_groups)
		line(o, "groups: kept");
	for (size_t i = 0; !p->user.keeps_groups && i < p->user.ngroups; i++)
		line(o, "group: %u", p->user.groups[i]);
	for (size_t i = 0; i < p->limits.n; i++)
		line(o, "%s: %" PRIu64 ":%" PRIu64, limits_name(p->limits.list[i].resource), p->limits.list[i].soft,
		     p->limits.list[i].hard);
	if (p->limits.has_oom_score)
		line(o, "oom score: %d", p->limits.oom_score);
	if (p->schedule.has_scheduler)
		line(o, "scheduler: policy %u flags %#" PRIx64 " nice %d priority %u %" PRIu64 "/%" PRIu64 "/%" PRIu64,
		     p->schedule.policy, p->schedule.flags, p->schedule.nice, p->schedule.priority,
		     p->schedule.runtime, p->schedule.deadline, p->schedule.period);
	if (p->schedule.has_io_priority)
		line(o, "i/o priority: %#x", (unsigned)p->schedule.io_priority);
	if (p->schedule.initial)
		line(o, "initial CPUs: %#lx", p->schedule.initial[0]);
	if (p->schedule.final)
		line(o, "final CPUs: %#lx", p->schedule.final[0]);
	if (p->stdio.terminal)
		line(o, "terminal %ux%u", p->stdio.columns, p->stdio.rows);
	if (p->stdio.preserved)
		line(o, "preserved descriptors: %u", p->stdio.preserved);
	strings(o, "environment:", p->environment.env);
	if (p->environment.wants_home)
		line(o, "HOME is looked up");
	if (p->environment.wants_listen_pid)
		line(o, "LISTEN_PID is set");
	line(o, "working directory: %s", p->cwd.s);
	if (p->args)
		strings(o, "run:", p->args);
	else
		line(o, "run: nothing");
}

static void print_hooks(const struct out *o, const struct plan *p)
{
	for (enum hook_kind k = 0; k < HOOK_KINDS; k++) {
		const struct hook_list *l = &p->hooks.kind[k];

		for (size_t i = 0; i < l->n; i++) {
			line(o, "%s hook: %s, timeout %u", hook_kind_name(k), l->v[i].path, l->v[i].timeout);
			strings(o, "  args:", (const char *const *)l->v[i].argv);
			strings(o, "  env:", (const char *const *)l->v[i].envp);
		}
	}
	if (p->hooks.creating_head)
		line(o, "state for hooks inside: %s<pid>%s", p->hooks.creating_head, p->hooks.tail);
	if (p->notify.host)
		line(o, "notify: %s from %s", p->notify.host, p->notify.socket);
}

char *plan_print(const struct plan *p, struct arena *a)
{
	AUTO_FREE char *text = NULL;
	size_t n;
	struct out o = { .f = open_memstream(&text, &n), .a = a };

	if (!o.f)
		return arena_strdup(a, "");
	print_namespaces(&o, p);
	print_rootfs(&o, p);
	print_cgroup(&o, p);
	print_kernel(&o, p);
	print_guards(&o, p);
	print_task(&o, p);
	print_hooks(&o, p);
	fclose(o.f);
	return arena_strdup(a, text);
}
