/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings of idmapped mounts: the mount's own, those in the option (crun's "idmap=uids=0-1000-10#20-2000-5;gids=...",
 * where "@" before the first number of a range says that the second one is of the container), or the container's.
 */
#include "parts/fs/idmap-words.h"

#include <sched.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

static const struct id_range *ranges(const struct oci_id_mapping *v, size_t n, struct arena *a)
{
	struct id_range *out = ARENA_ARRAY(a, struct id_range, n ? n : 1);

	for (size_t i = 0; i < n; i++)
		out[i] = (struct id_range){ v[i].container_id, v[i].host_id, v[i].size };
	return out;
}

static bool outside_of(const struct oci_id_mapping *v, size_t n, uint32_t *id)
{
	for (size_t i = 0; i < n; i++) {
		if (*id >= v[i].container_id && *id - v[i].container_id < v[i].size) {
			*id = v[i].host_id + (*id - v[i].container_id);
			return true;
		}
	}
	return false;
}

static bool parse_range(const char *text, size_t len, struct id_range *r)
{
	uint32_t *fields[] = { &r->inside, &r->outside, &r->size };
	const char *end = text + len;

	for (size_t i = 0; i < 3; i++) {
		const char *stop = i < 2 ? memchr(text, '-', (size_t)(end - text)) : end;
		uint64_t number;

		if (!stop || !num_parse_n(text, (size_t)(stop - text), UINT32_MAX, &number))
			return false;
		*fields[i] = (uint32_t)number;
		text = stop + 1;
	}
	return r->size != 0;
}

/* "0-1000-10#20-2000-5": to *OUT, *N. */
static bool parse_ranges(const char *text, size_t len, const struct oci_id_mapping *own, size_t n_own,
			 struct arena *a, const struct id_range **out, size_t *n)
{
	const char *list = arena_strndup(a, text, len), *word;
	struct id_range *v = ARENA_ARRAY(a, struct id_range, len + 1);
	size_t word_len;

	*n = 0;
	*out = v;
	while ((word = str_word(&list, "#", &word_len))) {
		bool is_relative = word_len && word[0] == '@';

		if (!parse_range(word + is_relative, word_len - is_relative, &v[*n]))
			return false;
		if (is_relative && !outside_of(own, n_own, &v[*n].outside))
			return false;
		(*n)++;
	}
	return *n > 0;
}

static int from_text(struct userns_plan *u, const char *text, const struct oci_linux *l, const char *where,
		     struct arena *a, struct err *e)
{
	const char *list = text, *word;
	size_t len;

	while ((word = str_word(&list, ";", &len))) {
		bool fine = false;

		if (len > 5 && str_starts(word, "uids="))
			fine = parse_ranges(word + 5, len - 5, l->uid_mappings.v, l->uid_mappings.n, a, &u->uids,
					    &u->n_uids);
		else if (len > 5 && str_starts(word, "gids="))
			fine = parse_ranges(word + 5, len - 5, l->gid_mappings.v, l->gid_mappings.n, a, &u->gids,
					    &u->n_gids);
		if (!fine)
			return err_set(e, ERR_SPEC, "%s.options: not a mapping: \"%s\"", where, text);
	}
	if (!u->n_uids || !u->n_gids)
		return err_set(e, ERR_SPEC, "%s.options: mapping without both uids and gids: \"%s\"", where, text);
	return 0;
}

int idmap_words(const struct userns_plan **out, const struct oci_mount *m, const struct mount_words *w,
		const struct oci_config *c, const struct fs_facts *facts, const char *where, struct arena *a,
		struct err *e)
{
	static const struct oci_linux no_linux;
	const struct oci_linux *l = c->linux_ ? c->linux_ : &no_linux;
	struct userns_plan *u;

	*out = NULL;
	if (!m->uid_mappings.n != !m->gid_mappings.n)
		return err_set(e, ERR_SPEC, "%s.%s: must come with the other mapping", where,
			       m->uid_mappings.n ? "uidMappings" : "gidMappings");
	if (!w->idmap && !w->ridmap && !m->uid_mappings.n)
		return 0;

	*out = u = ARENA_NEW(a, struct userns_plan);
	if (m->uid_mappings.n) {
		u->n_uids = m->uid_mappings.n;
		u->n_gids = m->gid_mappings.n;
		u->uids = ranges(m->uid_mappings.v, u->n_uids, a);
		u->gids = ranges(m->gid_mappings.v, u->n_gids, a);
		return 0;
	}
	if (w->idmap_text)
		return from_text(u, w->idmap_text, l, where, a, e);
	if (facts->ns_joined & CLONE_NEWUSER) {
		u->path = arena_strdup(a, facts->user_ns_path);
		return 0;
	}
	if (!(facts->ns_made & CLONE_NEWUSER) || !l->uid_mappings.n)
		return err_set(e, ERR_SPEC, "%s.options: idmap without mappings, and the container has no user namespace",
			       where);
	u->n_uids = l->uid_mappings.n;
	u->n_gids = l->gid_mappings.n;
	u->uids = ranges(l->uid_mappings.v, u->n_uids, a);
	u->gids = ranges(l->gid_mappings.v, u->n_gids, a);
	return 0;
}
