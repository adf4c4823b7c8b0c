/* SPDX-License-Identifier: Apache-2.0 */
/* The state object of runtime.md, with the members that engines read beyond it: rootfs, created, owner; and "exit" of our own. */
#include "life/state.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>

#include "base/own.h"
#include "base/str.h"
#include "life/describe.h"
#include "record/root.h"

struct oci_view {
	const char *oci_version, *id;
	struct opt_i32 pid;             /* 0 is said, too */
	const char *status, *bundle, *rootfs, *created;
	str_map annotations;
	const char *owner;
	const struct oci_ending *exit;
};

SPEC_TYPE(view, "state",
	VALUE (view, oci_version, "ociVersion"),
	VALUE (view, id,          "id"),
	VALUE (view, pid,         "pid"),
	VALUE (view, status,      "status"),
	VALUE (view, bundle,      "bundle"),
	VALUE (view, rootfs,      "rootfs"),
	VALUE (view, created,     "created"),
	VALUE (view, annotations, "annotations"),
	VALUE (view, owner,       "owner"),
	OBJECT (view, exit,       "exit", ending));

static char *encode(const struct life_state *s, struct arena *a, bool pretty)
{
	struct oci_view view = {
		.oci_version = life_spec_version(), .id = s->id, .pid = { .set = true, .v = s->pid }, .status = status_word(s->status),
		.bundle = s->bundle, .rootfs = s->rootfs, .created = s->created, .annotations = s->annotations,
		.owner = s->owner, .exit = s->ending,
	};

	return spec_encode(&oci_view_type, &view, a, pretty);
}

char *life_state_json(const struct life_state *s, struct arena *a)
{
	return encode(s, a, true);
}

char *life_line_json(const struct life_state *s, struct arena *a)
{
	return encode(s, a, false);
}

/* The name in the host's /etc/passwd, read directly: no NSS module is loaded for a column of a table. */
const char *life_user_name(uint32_t uid, struct arena *a)
{
	const char *name = NULL;
	struct passwd *entry;
	FILE *f;

	if (uid == 0)
		return "root";
	f = fopen("/etc/passwd", "re");
	while (f && !name && (entry = fgetpwent(f)))
		if (entry->pw_uid == uid)
			name = arena_strdup(a, entry->pw_name);
	if (f)
		(void)fclose(f);
	return name ? name : arena_printf(a, "#%u", uid);
}

/* All but the owner; the id is R's. */
static void look(const struct record *r, struct life_state *s, struct arena *a)
{
	enum status status = status_of(r, NULL);
	struct oci_ending ending;

	*s = (struct life_state){
		.id = r->id, .status = status, .bundle = "", .rootfs = "", .owner = "",
		.created = "1970-01-01T00:00:00Z",
	};
	if (!r->is_readable)
		return;
	s->pid = status == STATUS_STOPPED ? 0 : r->saved.pid;
	s->bundle = r->saved.bundle;
	s->rootfs = r->saved.rootfs ? r->saved.rootfs : "";
	s->created = r->saved.created;
	s->annotations = r->saved.annotations;
	if (status == STATUS_STOPPED && ending_find(&ending, r, a))
		s->ending = arena_dup(a, &ending, sizeof(ending));
}

int life_look(const struct target *target, struct life_state *s, struct arena *a, struct err *e)
{
	AUTO(record) r = RECORD_NONE;

	if (record_peek(&r, target->root, target->id, a, e) < 0)
		return err_in(e, "state of \"%s\"", target->id);
	look(&r, s, a);
	s->id = arena_strdup(a, r.id);
	if (r.is_readable)
		s->owner = life_user_name(r.saved.uid, a);
	return 0;
}

struct collecting {
	int root;
	bool is_volatile;
	struct life_list *list;
	struct arena *arena, *scratch;
	size_t room;
	struct groupfs_near near;
	const char *owner;              /* the last one, whose name the next ones have as a rule */
	uint32_t uid;
};

static const char *owner_of(struct collecting *c, const struct record *r)
{
	if (!r->is_readable)
		return "";
	if (!c->owner || c->uid != r->saved.uid)
		c->owner = life_user_name(r->saved.uid, c->arena);
	c->uid = r->saved.uid;
	return c->owner;
}

static void add(struct collecting *c, const struct life_state *s)
{
	struct life_list *l = c->list;

	if (l->n == c->room) {
		struct life_state *v = ARENA_ARRAY(c->arena, struct life_state, c->room * 2 + 16);

		for (size_t i = 0; i < l->n; i++)
			v[i] = l->v[i];
		l->v = v;
		c->room = c->room * 2 + 16;
	}
	l->v[l->n++] = *s;
}

/* Out of the record and the scratch memory, which the next container needs. */
static void settle(struct life_state *s, struct arena *a)
{
	struct pair *pairs = ARENA_ARRAY(a, struct pair, s->annotations.n);
	struct oci_ending ending;

	s->id = arena_strdup(a, s->id);
	s->bundle = arena_strdup(a, s->bundle);
	s->rootfs = arena_strdup(a, s->rootfs);
	s->created = arena_strdup(a, s->created);
	for (size_t i = 0; i < s->annotations.n; i++)
		pairs[i] = (struct pair){
			.key = arena_strdup(a, s->annotations.v[i].key), .value = arena_strdup(a, s->annotations.v[i].value),
		};
	s->annotations.v = pairs;
	if (s->ending) {
		ending = *s->ending;
		ending.time = arena_strdup(a, ending.time);
		s->ending = arena_dup(a, &ending, sizeof(ending));
	}
}

static int collect(void *self, const char *id, struct err *e)
{
	struct collecting *c = self;
	AUTO(record) r = RECORD_NONE;
	struct err vanished;
	struct life_state s;

	(void)e;
	/* It may have been deleted since the directory was read. */
	arena_clear(c->scratch);
	r.near = &c->near;
	if (record_peek_beneath(&r, c->root, c->is_volatile, id, c->scratch, &vanished) < 0)
		return 0;
	look(&r, &s, c->scratch);
	settle(&s, c->arena);
	s.owner = owner_of(c, &r);
	add(c, &s);
	return 0;
}

int life_list(const char *root, struct life_list *list, struct arena *a, struct err *e)
{
	AUTO_FD int fd = record_open_root(root, false, e);
	ARENA_HERE(scratch);
	struct collecting c = { .root = fd, .list = list, .arena = a, .scratch = &scratch, .near = GROUPFS_NEAR_NONE };
	int result;

	*list = (struct life_list){};
	if (fd < 0)
		return e->num == ENOENT ? 0 : -1;
	c.is_volatile = record_root_is_volatile(fd);
	result = record_each_beneath(fd, collect, &c, e);
	groupfs_near_undo(&c.near);
	return result;
}
