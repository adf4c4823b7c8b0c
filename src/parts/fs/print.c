/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of the mounts as text: for golden files. Runs in husk's tests; people get plan/explain.h. */
#include "parts/fs/mounts.h"

#include <linux/mount.h>
#include <string.h>

#include "base/table.h"

static const struct name_value attributes[] = {
	NAMED("ro", MOUNT_ATTR_RDONLY),
	NAMED("nosuid", MOUNT_ATTR_NOSUID),
	NAMED("nodev", MOUNT_ATTR_NODEV),
	NAMED("noexec", MOUNT_ATTR_NOEXEC),
	NAMED("noatime", MOUNT_ATTR_NOATIME),
	NAMED("strictatime", MOUNT_ATTR_STRICTATIME),
	NAMED("nodiratime", MOUNT_ATTR_NODIRATIME),
	NAMED("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW),
	{}
};

static const struct name_value propagations[] = {
	NAMED("private", MS_PRIVATE),
	NAMED("shared", MS_SHARED),
	NAMED("slave", MS_SLAVE),
	NAMED("unbindable", MS_UNBINDABLE),
	{}
};

static const char *add(struct arena *a, const char *line, const char *what, const char *word)
{
	return arena_printf(a, "%s %s%s", line, what, word);
}

static const char *add_bits(struct arena *a, const char *line, const char *sign, uint64_t bits)
{
	for (const struct name_value *v = attributes; *v->name; v++)
		if (bits & v->value)
			line = add(a, line, sign, v->name);
	return line;
}

/* The times are one field, cleared before it is set: relatime is what remains when it is only cleared. */
static const char *add_change(struct arena *a, const char *line, const char *r, uint64_t set, uint64_t clear)
{
	line = add_bits(a, line, *r ? "+r" : "+", set);
	if ((clear & MOUNT_ATTR__ATIME) && !(set & MOUNT_ATTR__ATIME))
		line = add(a, line, *r ? "+r" : "+", "relatime");
	return add_bits(a, line, *r ? "-r" : "-", clear & ~(uint64_t)MOUNT_ATTR__ATIME);
}

static const char *add_data(struct arena *a, const char *line, const char *data)
{
	for (; data && *data; data += strlen(data) + 1)
		line = add(a, line, "", data);
	return line;
}

static const char *add_tree(struct arena *a, const char *line, const char *as, const struct tree_plan *t)
{
	if (!t)
		return line;
	line = arena_printf(a, "%s [%s%s%s%s%s%s by %s]", line, as, t->source ? t->source : "user namespace",
			    t->recursive ? " recursive" : "", t->nofollow ? " nofollow" : "",
			    t->is_peer ? " peer" : "", t->leaves_out_root ? " without the root" : "",
			    t->number < 0 ? "init" : "husk");
	if (t->idmap && t->idmap->path)
		line = add(a, line, "ids of ", t->idmap->path);
	for (size_t i = 0; t->idmap && i < t->idmap->n_uids; i++)
		line = arena_printf(a, "%s uid %u:%u:%u", line, t->idmap->uids[i].inside, t->idmap->uids[i].outside,
				    t->idmap->uids[i].size);
	for (size_t i = 0; t->idmap && i < t->idmap->n_gids; i++)
		line = arena_printf(a, "%s gid %u:%u:%u", line, t->idmap->gids[i].inside, t->idmap->gids[i].outside,
				    t->idmap->gids[i].size);
	return t->idmap_recursive ? add(a, line, "", "ridmap") : line;
}

static const char *kind(const struct mount_plan *m)
{
	switch (m->op) {
	case MOUNT_NEW:
		return m->type;
	case MOUNT_TREE:
		return "bind";
	case MOUNT_REMOUNT:
		return "remount";
	case MOUNT_PROPAGATION:
		return "propagation";
	case MOUNT_LINK:
		return "link";
	}
	return "?";
}

static const char *print_one(const struct mount_plan *m, struct arena *a)
{
	const char *line = arena_printf(a, "%s: %s on %s", m->where, kind(m), m->destination.s);
	static const struct { size_t at; const char *word; } flags[] = {
		{ offsetof(struct mount_plan, on_directory_only), "directory-only" },
		{ offsetof(struct mount_plan, readonly_last), "ro-at-last" },
		{ offsetof(struct mount_plan, tmpcopyup), "tmpcopyup" },
		{ offsetof(struct mount_plan, mode_of_covered), "mode-of-covered" },
		{ offsetof(struct mount_plan, copy_symlink), "copy-symlink" },
		{ offsetof(struct mount_plan, source_nofollow), "src-nofollow" },
		{ offsetof(struct mount_plan, dest_nofollow), "dest-nofollow" },
	};

	if (m->source && m->op != MOUNT_TREE)
		line = add(a, line, "from ", m->source);
	line = add_change(a, line, "", m->set, m->clear);
	line = add_change(a, line, "r", m->rec_set, m->rec_clear);
	if (m->propagation)
		line = add(a, line, m->propagation_recursive ? "r" : "", table_name(propagations, m->propagation));
	line = add_data(a, line, m->data);
	if (m->label)
		line = add(a, line, "label=", m->label);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (*(const bool *)((const char *)m + flags[i].at))
			line = add(a, line, "", flags[i].word);
	line = add_tree(a, line, "", m->tree);
	return add_tree(a, line, "or ", m->fallback);
}

char *mounts_print(const struct mounts_plan *p, struct arena *a)
{
	char *all, *at;
	size_t size = 1, len;
	const char **lines = ARENA_ARRAY(a, const char *, p->n + 1);

	for (size_t i = 0; i < p->n; i++) {
		lines[i] = print_one(&p->v[i], a);
		size += strlen(lines[i]) + 1;
	}
	at = all = arena_alloc(a, size);
	for (size_t i = 0; i < p->n; i++) {
		len = strlen(lines[i]);
		memcpy(at, lines[i], len);
		at[len] = '\n';
		at += len + 1;
	}
	return all;
}
