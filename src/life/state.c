/* SPDX-License-Identifier: Apache-2.0 */
/* The state object of runtime.md, with the members that engines read beyond it: rootfs, created, owner; and "exit" of our own. */
#include "life/state.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>

#include "base/own.h"
#include "base/str.h"
#include "life/describe.h"

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

char *life_hook_json(const struct life_state *s, struct arena *a)
{
	return encode(s, a, false);
}

/* The name in the host's /etc/passwd, read directly: no NSS module is loaded for a column of a table. */
static const char *owner_name(uint32_t uid, struct arena *a)
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

static void look(const struct record *r, struct life_state *s, struct arena *a)
{
	enum status status = status_of(r, NULL);
	struct oci_ending ending;

	*s = (struct life_state){
		.id = arena_strdup(a, r->id), .status = status, .bundle = "", .rootfs = "", .owner = "",
		.created = "1970-01-01T00:00:00Z",
	};
	if (!r->is_readable)
		return;
	s->pid = status == STATUS_STOPPED ? 0 : r->saved.pid;
	s->bundle = r->saved.bundle;
	s->rootfs = r->saved.rootfs ? r->saved.rootfs : "";
	s->created = r->saved.created;
	s->annotations = r->saved.annotations;
	s->owner = owner_name(r->saved.uid, a);
	if (status == STATUS_STOPPED && ending_find(&ending, r, a))
		s->ending = arena_dup(a, &ending, sizeof(ending));
}

int life_look(const struct target *target, struct life_state *s, struct arena *a, struct err *e)
{
	AUTO(record) r = RECORD_NONE;

	if (record_open(&r, target->root, target->id, a, e) < 0)
		return -1;
	look(&r, s, a);
	return 0;
}

struct collecting { const char *root; struct life_list *list; struct arena *arena; size_t room; };

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

static int collect(void *self, const char *id, struct err *e)
{
	struct collecting *c = self;
	struct target target = { .root = c->root, .id = id };
	struct life_state s;

	(void)e;
	/* It may have been deleted since the directory was read. */
	if (life_look(&target, &s, c->arena, &(struct err){}) == 0)
		add(c, &s);
	return 0;
}

int life_list(const char *root, struct life_list *list, struct arena *a, struct err *e)
{
	struct collecting c = { .root = root, .list = list, .arena = a };

	*list = (struct life_list){};
	return record_each(root, collect, &c, e);
}

char *life_list_json(const struct life_list *list, struct arena *a)
{
	AUTO_FREE char *buffer = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&buffer, &size);

	if (!f)
		return arena_strdup(a, "[]");
	(void)fputc('[', f);
	for (size_t i = 0; i < list->n; i++)
		(void)fprintf(f, "%s%s", i ? "," : "", encode(&list->v[i], a, false));
	(void)fputc(']', f);
	(void)fclose(f);
	return arena_strdup(a, buffer);
}
