/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts, decided: what each entry becomes, who opens its source, where the kernel may refuse and what is done
 * then.  Pure, in husk, before anything happens.
 */
#include "parts/fs/mounts.h"

#include <linux/mount.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "parts/fs/idmap-words.h"
#include "parts/fs/options.h"

struct planner {
	const struct oci_config *config;
	const struct fs_facts *facts;
	const struct host *host;
	struct arena *arena;
	struct mount_plan *v;
	size_t n;
	const struct tree_plan **trees;
	size_t n_trees;
	const char *root;               /* where the root lies on the host */
	bool by_husk;                   /* all trees */
	bool in_user_ns;                /* init will be in one, of ours or of our caller's */
	const char *label;              /* "context=...", NULL */
	bool has_systemd_v1;
};

/* What there is of the file system types that the table below tells something about. */
struct type {
	const char *name;
	bool has_own_super_flags;       /* "ro" is also a matter of the file system: block devices, overlay */
	bool takes_label;               /* as an option; mqueue, which exists before it is mounted, as an attribute */
	uint64_t ns;                    /* needs to own this namespace when in a user namespace ... */
	const char *fallback;           /* ... and otherwise this directory of the host is bound */
};

static const struct type types[] = {
	{ "proc", false, false, CLONE_NEWPID, "/proc" },
	{ "sysfs", false, false, CLONE_NEWNET, "/sys" },
	{ "mqueue", false, false, CLONE_NEWIPC, "/dev/mqueue" },
	{ "tmpfs", false, true, 0, NULL },
	{ "devpts", false, true, 0, NULL },
	{ "cgroup", false, false, 0, NULL },
	{ "cgroup2", false, false, 0, NULL },
	{ NULL, true, true, 0, NULL },
};

static const struct type *type_of(const char *name)
{
	const struct type *t = types;

	while (t->name && !str_eq(t->name, name))
		t++;
	return t;
}

/* A list of words, each ended by a NUL, with one more. */
static const char *data_with(struct arena *a, const char *data, const char *word)
{
	size_t old = 0, len = strlen(word) + 1;
	char *all;

	for (const char *p = data; p && *p; p += strlen(p) + 1)
		old += strlen(p) + 1;
	all = arena_alloc(a, old + len + 1);
	if (old)
		memcpy(all, data, old);
	memcpy(all + old, word, len);
	return all;
}

static bool data_has(const char *data, const char *prefix)
{
	for (const char *p = data; p && *p; p += strlen(p) + 1)
		if (str_starts(p, prefix))
			return true;
	return false;
}

/* Absolute, without empty and "." components; ".." stays, it is the kernel's to resolve. */
cpath mounts_destination(const char *text, struct arena *a)
{
	char *out = arena_chars(a, strlen(text) + 2), *p = out;
	const char *word;
	size_t len;

	while ((word = str_word(&text, "/", &len))) {
		if (len == 0 || (len == 1 && word[0] == '.'))
			continue;
		*p++ = '/';
		memcpy(p, word, len);
		p += len;
	}
	if (p == out)
		*p++ = '/';
	return CPATH(out);
}

static bool is_beneath(const char *path, const char *dir)
{
	const char *rest = str_after(path, dir);

	return rest && (*rest == '/' || str_eq(dir, "/"));
}

/* "/" on "/host": in init's copy the container's own mounts lie in it, and a clone of them would escape the masks. */
static bool has_root(const struct planner *p, const struct tree_plan *t)
{
	return (p->facts->ns_made & CLONE_NEWNS) && t->recursive && t->source &&
	       (str_eq(p->root, t->source) || is_beneath(p->root, t->source));
}

/* What only the host's own mounts give, not init's copy of them. */
static bool needs_host(const struct planner *p, const struct tree_plan *t)
{
	if (!(p->facts->ns_made & CLONE_NEWNS) || !(p->host->capabilities & 1ull << 21 /* CAP_SYS_ADMIN */))
		return false;
	/* A peer: init's copy has become a slave. */
	return t->is_peer || has_root(p, t);
}

static void number(struct planner *p, struct tree_plan *t)
{
	bool by_husk = p->by_husk || t->idmap || needs_host(p, t);

	t->number = -1;
	if (by_husk) {
		t->number = (int32_t)p->n_trees;
		p->trees[p->n_trees++] = t;
	} else if (has_root(p, t)) {            /* without root, who cannot clone on the host */
		t->leaves_out_root = !str_eq(p->root, t->source);
		t->recursive = t->leaves_out_root;
	}
}

static const struct tree_plan *tree_new(struct planner *p, struct tree_plan t)
{
	struct tree_plan *out = arena_dup(p->arena, &t, sizeof(t));

	number(p, out);
	return out;
}

static const char *of_bundle(const struct planner *p, const char *path)
{
	if (path[0] == '/')
		return arena_text(p->arena, path);
	return arena_printf(p->arena, "%s/%s", p->facts->bundle, path);
}

/* lxcfs and friends put these over what the kernel shows; anything else there would lie to us and to the LSMs. */
static bool may_cover_proc(const char *path)
{
	static const char *const list[] = {
		"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime",
		"/proc/loadavg", "/proc/slabinfo", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
		"/proc/net/dev", "/proc/kallsyms",
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (str_eq(path, list[i]))
			return true;
	return false;
}

static struct mount_plan *step(struct planner *p, enum mount_op op, const char *where, cpath at)
{
	struct mount_plan *m = &p->v[p->n++];

	m->op = op;
	m->where = where;
	m->destination = at;
	m->may_cover_proc = may_cover_proc(at.s);
	return m;
}

static void take_words(struct mount_plan *m, const struct mount_words *w)
{
	m->set = w->set;
	m->clear = w->clear;
	m->rec_set = w->rec_set;
	m->rec_clear = w->rec_clear;
	m->propagation = w->propagation;
	m->propagation_recursive = w->propagation_recursive;
	m->dest_nofollow = w->dest_nofollow;
	m->copy_symlink = w->copy_symlink;
	m->source_nofollow = w->src_nofollow;
}

/* A devpts of a user namespace cannot belong to a group that is not mapped: the option is left out, as it cannot be meant. */
static bool is_mapped(const struct planner *p, uint64_t gid)
{
	const struct oci_linux *l = p->config->linux_;

	if (!(p->facts->ns_made & CLONE_NEWUSER))
		return true;
	for (size_t i = 0; i < l->gid_mappings.n; i++) {
		const struct oci_id_mapping *m = &l->gid_mappings.v[i];

		if (gid >= m->container_id && gid - m->container_id < m->size)
			return true;
	}
	return false;
}

static const char *devpts_data(const struct planner *p, const char *data)
{
	const char *out = NULL, *gid;
	uint64_t number;

	for (; data && *data; data += strlen(data) + 1) {
		gid = str_after(data, "gid=");
		if (gid && num_parse(gid, UINT32_MAX, &number) && !is_mapped(p, number))
			continue;
		out = data_with(p->arena, out, data);
	}
	return out;
}

static bool has_context(const char *data)
{
	return data_has(data, "context=") || data_has(data, "fscontext=") || data_has(data, "defcontext=") ||
	       data_has(data, "rootcontext=");
}

static const char *data_of_type(const struct planner *p, const struct type *t, const char *type,
				const struct mount_words *w)
{
	const char *data = w->data;

	if (t->has_own_super_flags && (w->set & MOUNT_ATTR_RDONLY))
		data = data_with(p->arena, data, "ro");
	if (p->label && t->takes_label && !has_context(data))
		data = data_with(p->arena, data, p->label);
	return str_eq(type, "devpts") ? devpts_data(p, data) : data;
}

static int plan_new(struct planner *p, const struct oci_mount *om, const struct mount_words *w,
		    const struct userns_plan *idmap, const char *where, cpath at, struct err *e)
{
	const struct type *t = type_of(om->type);
	struct mount_plan *m;

	if (!om->type || !*om->type)
		return err_set(e, ERR_SPEC, "%s.type: missing", where);
	if (w->tmpcopyup && !str_eq(om->type, "tmpfs"))
		return err_set(e, ERR_SPEC, "%s.options: \"tmpcopyup\" is for tmpfs, not for \"%s\"", where, om->type);
	if (str_eq(at.s, "/proc") && !str_eq(om->type, "proc"))
		return err_set(e, ERR_SPEC, "%s.destination: \"/proc\" can only be a \"proc\", not \"%s\"", where,
			       om->type);

	m = step(p, MOUNT_NEW, where, at);
	take_words(m, w);
	m->type = arena_text(p->arena, om->type);
	m->source = arena_text(p->arena, om->source);
	m->data = data_of_type(p, t, om->type, w);
	if (p->label && str_eq(om->type, "mqueue"))
		m->label = strchr(p->label, '=') + 1;
	m->is_anchor = m->on_directory_only = str_eq(om->type, "proc") || str_eq(om->type, "sysfs");
	m->tmpcopyup = w->tmpcopyup;
	m->mode_of_covered = str_eq(om->type, "tmpfs") && !data_has(m->data, "mode=");
	if (idmap)
		m->tree = tree_new(p, (struct tree_plan){ .where = where, .idmap = idmap,
							  .idmap_recursive = w->ridmap });
	if (t->fallback && p->in_user_ns && !(p->facts->ns_made & t->ns))
		m->fallback = tree_new(p, (struct tree_plan){ .where = where, .recursive = true,
							      .source = arena_strdup(p->arena, t->fallback) });
	return 0;
}

static int plan_bind(struct planner *p, const struct oci_mount *om, const struct mount_words *w,
		     const struct userns_plan *idmap, const char *where, cpath at, struct err *e)
{
	struct mount_plan *m;

	if (!om->source || !*om->source)
		return err_set(e, ERR_SPEC, "%s.source: missing", where);
	if (w->unknown)
		return err_set(e, ERR_SPEC, "%s.options[%zu]: unknown option \"%s\" for a bind mount", where,
			       w->unknown_at, w->unknown);
	if (w->tmpcopyup)
		return err_set(e, ERR_SPEC, "%s.options: \"tmpcopyup\" is for tmpfs, not for a bind mount", where);

	m = step(p, MOUNT_TREE, where, at);
	take_words(m, w);
	m->source = of_bundle(p, om->source);
	if (!m->propagation && p->config->linux_) {
		int of_root = p->config->linux_->rootfs_propagation;

		if (of_root == OCI_PROP_PRIVATE || of_root == OCI_PROP_RPRIVATE) {
			m->propagation = MS_PRIVATE;
			m->propagation_recursive = true;
		}
	}
	m->tree = tree_new(p, (struct tree_plan){
		.where = where,
		.source = m->source,
		.recursive = w->rbind || str_eq(om->type, "rbind"),
		.nofollow = w->src_nofollow || w->copy_symlink,
		.is_peer = w->propagation == MS_SHARED,
		.idmap = idmap,
		.idmap_recursive = w->ridmap,
	});
	return 0;
}

static void plan_hierarchy(struct planner *p, const struct fs_cgroup *g, const struct mount_words *w, const char *where,
			   cpath at)
{
	const struct tree_plan *source = NULL;
	struct mount_plan *m;

	if (g->source)
		source = tree_new(p, (struct tree_plan){ .where = where, .is_directory = true,
							 .source = arena_strdup(p->arena, g->source) });
	if (source && !p->facts->cgroups->own_namespace) {
		m = step(p, MOUNT_TREE, where, at);
		take_words(m, w);
		m->source = source->source;
		m->tree = source;
		return;
	}
	m = step(p, MOUNT_NEW, where, at);
	take_words(m, w);
	m->type = arena_strdup(p->arena, g->type);
	m->source = arena_strdup(p->arena, "cgroup");
	m->fallback = source;
	if (g->options) {
		const char *list = g->options, *word;
		size_t len;

		while ((word = str_word(&list, ",", &len)))
			m->data = data_with(p->arena, m->data, arena_strndup(p->arena, word, len));
	}
}

/* v1: a tmpfs that holds a directory for each hierarchy, and links for controllers that share one. */
static int plan_cgroup(struct planner *p, const struct mount_words *w, const char *where, cpath at, struct err *e)
{
	const struct fs_cgroups *groups = p->facts->cgroups;
	struct mount_words inner = *w;
	struct mount_plan *m;

	if (!groups || groups->n == 0)
		return err_set(e, ERR_UNSUPPORTED, "%s.type: this host has no cgroups to mount", where);
	inner.propagation = 0;
	if (groups->is_v2) {
		plan_hierarchy(p, &groups->v[0], w, where, at);
		return 0;
	}
	m = step(p, MOUNT_NEW, where, at);
	take_words(m, w);
	m->type = arena_strdup(p->arena, "tmpfs");
	m->source = arena_strdup(p->arena, "cgroup");
	m->data = data_with(p->arena, NULL, "mode=755");
	if (p->label)
		m->data = data_with(p->arena, m->data, p->label);
	for (size_t i = 0; i < groups->n; i++)
		plan_hierarchy(p, &groups->v[i], &inner, where,
			       CPATH(arena_printf(p->arena, "%s/%s", at.s, groups->v[i].name)));
	for (size_t i = 0; i < groups->n_links; i++) {
		m = step(p, MOUNT_LINK, where,
			 CPATH(arena_printf(p->arena, "%s/%s", at.s, groups->links[i].name)));
		m->source = arena_strdup(p->arena, groups->links[i].target);
	}
	return 0;
}

/* run.oci.systemd.force_cgroup_v1: an old systemd in the container finds its own hierarchy, whatever the host has. */
static int plan_systemd_v1(struct planner *p, const struct mount_words *w, const char *where, cpath at, struct err *e)
{
	const struct fs_cgroups *groups = p->facts->cgroups;
	struct mount_words writable = *w;

	writable.set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	writable.rec_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	for (size_t i = 0; groups && i < groups->n; i++) {
		if (!str_eq(groups->v[i].options, "none,name=systemd"))
			continue;
		plan_hierarchy(p, &groups->v[i], &writable, where, at);
		p->has_systemd_v1 = true;
		return 0;
	}
	return err_set(e, ERR_UNSUPPORTED, "annotations[\"run.oci.systemd.force_cgroup_v1\"]: the cgroup v1 hierarchy name=systemd "
		       "is not mounted on this host");
}

/* By destination, what lies beneath a directory right behind it: '/' comes before everything else. */
static int compare(const void *a, const void *b)
{
	const struct mount_plan *const *left = a, *const *right = b;
	const char *l = (*left)->destination.s, *r = (*right)->destination.s;

	while (*l && *l == *r)
		l++, r++;
	if (*l == *r)
		return *left < *right ? -1 : *left > *right;
	if (!*l || !*r)
		return *l ? 1 : -1;
	if (*l == '/' || *r == '/')
		return *l == '/' ? -1 : 1;
	return (unsigned char)*l - (unsigned char)*r;
}

/*
 * Something may have to be made in a mount after it was made: what a later mount lies on (podman run --read-only
 * --secret), devices, the console.  Such a mount becomes read-only at the end.
 */
static void put_off_readonly(struct planner *p)
{
	struct mount_plan **sorted = ARENA_ARRAY(p->arena, struct mount_plan *, p->n + 1);
	size_t put_off = 0;

	for (size_t i = 0; i < p->n; i++)
		sorted[i] = &p->v[i];
	qsort(sorted, p->n, sizeof(*sorted), compare);
	for (size_t i = 0; i < p->n && put_off < READONLY_MAX; i++) {
		struct mount_plan *m = sorted[i];
		const char *at = m->destination.s;

		if ((m->op != MOUNT_NEW && m->op != MOUNT_TREE) || !(m->set & MOUNT_ATTR_RDONLY))
			continue;
		m->readonly_last = str_eq(at, "/dev");
		for (size_t j = i + 1; j < p->n && !m->readonly_last; j++) {
			const char *other = sorted[j]->destination.s;

			if (!str_eq(other, at) && !is_beneath(other, at))
				break;
			m->readonly_last = sorted[j] > m && !str_eq(other, at);
		}
		put_off += m->readonly_last;
	}
}

/* Does a later step make something right in the directory M? Devices do in /dev. */
static bool holds_others(const struct planner *p, const struct mount_plan *m)
{
	if (str_eq(m->destination.s, "/dev"))
		return true;
	for (const struct mount_plan *other = m + 1; other < p->v + p->n; other++) {
		const char *rest = str_after(other->destination.s, m->destination.s);

		if (rest && *rest == '/')
			return true;
	}
	return false;
}

static void find_nests(struct planner *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct mount_plan *m = &p->v[i];

		m->is_nest = m->op == MOUNT_NEW && str_eq(m->type, "tmpfs") && !m->tmpcopyup && holds_others(p, m);
	}
}

static int plan_one(struct planner *p, size_t i, struct err *e)
{
	const struct oci_mount *om = &p->config->mounts.v[i];
	const char *where = arena_printf(p->arena, "mounts[%zu]", i);
	const struct userns_plan *idmap = NULL;
	struct mount_words w;
	struct mount_plan *m;
	bool has_type = om->type && *om->type && !str_eq(om->type, "none");
	cpath at;

	if (!om->destination || !*om->destination)
		return err_set(e, ERR_SPEC, "%s.destination: missing", where);
	at = mounts_destination(om->destination, p->arena);
	if (options_parse(&w, om, where, p->arena, e) < 0 ||
	    idmap_words(&idmap, om, &w, p->config, p->facts, where, p->arena, e) < 0)
		return -1;
	if (str_starts(at.s, "/proc/") && !may_cover_proc(at.s))
		return err_set(e, ERR_SPEC, "%s.destination: \"%s\" is inside of /proc", where, at.s);

	if (p->facts->systemd_v1 && str_eq(mounts_destination(p->facts->systemd_v1, p->arena).s, at.s))
		return plan_systemd_v1(p, &w, where, at, e);
	if (w.remount) {
		m = step(p, MOUNT_REMOUNT, where, at);
		take_words(m, &w);
		m->data = w.bind || w.rbind ? NULL : w.data;
		return 0;
	}
	if (w.bind || w.rbind || str_eq(om->type, "bind") || str_eq(om->type, "rbind"))
		return plan_bind(p, om, &w, idmap, where, at, e);
	if (!has_type && w.propagation) {
		m = step(p, MOUNT_PROPAGATION, where, at);
		take_words(m, &w);
		return 0;
	}
	if (str_eq(om->type, "cgroup") || (str_eq(om->type, "cgroup2") && p->facts->cgroups))
		return plan_cgroup(p, &w, where, at, e);
	return plan_new(p, om, &w, idmap, where, at, e);
}

int mounts_plan(struct mounts_plan *out, const struct oci_config *c, const struct fs_facts *facts,
		const struct rootfs_plan *root, const struct host *host, struct arena *a, struct err *e)
{
	const struct fs_cgroups *groups = facts->cgroups;
	/* An entry of type cgroup becomes one step for each hierarchy and link, and a tmpfs. */
	size_t each = groups ? groups->n + groups->n_links + 1 : 1, entries = c->mounts.n, most = 0, trees = 1;
	struct planner p = {
		.config = c, .facts = facts, .host = host, .arena = a,
		.root = root->tree.source,
		.by_husk = trees_are_by_husk(facts, host),
		.in_user_ns = host->in_userns || ((facts->ns_made | facts->ns_joined) & CLONE_NEWUSER),
	};

	*out = (struct mounts_plan){ 0 };
	for (size_t i = 0; i < entries; i++) {
		bool is_cgroup = c->mounts.v[i].type && str_starts(c->mounts.v[i].type, "cgroup");

		most += is_cgroup ? each : 1;
		trees += is_cgroup ? each : 2;
	}
	p.v = ARENA_ARRAY(a, struct mount_plan, most + 1);
	p.trees = ARENA_ARRAY(a, const struct tree_plan *, trees);
	if (root->tree.number == 0)
		p.trees[p.n_trees++] = arena_dup(a, &root->tree, sizeof(root->tree));
	if (c->linux_ && c->linux_->mount_label && *c->linux_->mount_label) {
		if (!host->has_selinux)
			return err_set(e, ERR_UNSUPPORTED, "linux.mountLabel: SELinux is not enabled on this host");
		p.label = arena_printf(a, "%s=%s", facts->context_type ? facts->context_type : "context",
				       c->linux_->mount_label);
	}
	for (size_t i = 0; i < entries; i++)
		if (plan_one(&p, i, e) < 0)
			return -1;
	if (facts->systemd_v1 && !p.has_systemd_v1)
		return err_set(e, ERR_SPEC, "annotations[\"run.oci.systemd.force_cgroup_v1\"]: nothing is mounted on \"%s\"",
			       facts->systemd_v1);
	put_off_readonly(&p);
	find_nests(&p);
	out->n = p.n;
	out->v = p.v;
	for (size_t i = 0; i < p.n; i++)
		out->copies |= p.v[i].tmpcopyup;
	out->n_trees = p.n_trees;
	out->trees = p.trees;
	return 0;
}
