/* SPDX-License-Identifier: Apache-2.0 */
/* The writer; see write.h. */
#include "parts/cgroup/write.h"

#include <fcntl.h>
#include <string.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/groupfs.h"

struct writer {
	const struct cgroup *cg;
	struct write_journal *journal;
	/* The file of the last write: device rules come by the dozen. */
	int fd;
	uint8_t dir;
	const char *file;
};

static void writer_undo(struct writer *w)
{
	own_close(&w->fd);
}

static int open_for(struct writer *wr, const struct cgroup_write *w, struct err *e)
{
	if (wr->fd >= 0 && wr->dir == w->dir && str_eq(wr->file, w->file))
		return 0;
	own_close(&wr->fd);
	wr->fd = groupfs_open_file(wr->cg->dir[w->dir].fd, w->file, O_WRONLY, e);
	if (wr->fd < 0)
		return -1;
	wr->dir = w->dir;
	wr->file = w->file;
	return 0;
}

static void remember(struct writer *wr, const struct cgroup_write *w)
{
	struct write_journal *j = wr->journal;
	struct err ignored;
	char text[16384];

	if (!j || groupfs_read(wr->cg->dir[w->dir].fd, w->flags & WRITE_DEVICES ? "devices.list" : w->file, text,
			       sizeof(text), &ignored) < 0)
		return;
	if (j->n == j->room) {
		struct write_before *v = ARENA_ARRAY(j->arena, struct write_before, j->room ? 2 * j->room : 16);

		if (j->n)
			memcpy(v, j->v, j->n * sizeof(*v));
		j->v = v;
		j->room = j->room ? 2 * j->room : 16;
	}
	j->v[j->n++] = (struct write_before){ w, w->file, arena_strdup(j->arena, text) };
}

/* memory.checkBeforeUpdate: v2 would reclaim and kill until the new limit holds; refuse as v1 does. */
static int check_use(const struct writer *wr, const struct cgroup_write *w, struct err *e)
{
	const struct cgroup_dir *d = &wr->cg->dir[w->dir];
	char text[32];
	uint64_t now, limit;

	if (!num_parse(w->text, UINT64_MAX, &limit))
		return 0;
	if (groupfs_read(d->fd, d->is_v2 ? "memory.current" : "memory.usage_in_bytes", text, sizeof(text), e) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	if (num_parse(text, UINT64_MAX, &now) && now > limit)
		return err_set(e, ERR_STATE, "%s: the limit of %s bytes is below the %s bytes in use", w->path, w->text, text);
	return 0;
}

/* 1 written, 0 there is no such file, -1. The error is complete. */
static int write_one(struct writer *wr, const struct cgroup_write *w, struct err *e)
{
	const struct cgroup_dir *d = &wr->cg->dir[w->dir];

	if (w->flags & WRITE_NO_LESS && check_use(wr, w, e) < 0)
		return -1;
	if (open_for(wr, w, e) < 0) {
		if (e->num != ENOENT)
			return err_in(e, "%s", w->path);
		/* Not errno's text: engines take "no such file" for a missing command. */
		err_set(e, ERR_UNSUPPORTED, "%s: the cgroup \"%s\" has no \"%s\"%s", w->path, d->path, w->file,
			d->is_v2 ? ": the controller is missing, or a cgroup above holds processes" : "");
		e->num = ENOENT;
		return 0;
	}
	remember(wr, w);
	if (fd_write_all(wr->fd, w->text, strlen(w->text), e) < 0) {
		int num = e->num;

		err_in(e, "%s: write \"%.200s\" to \"%s\"", w->path, w->text, w->file);
		e->num = num;
		return -1;
	}
	return 1;
}

static bool is_contradiction(const struct err *e)
{
	return e->num == EINVAL || e->num == EBUSY || e->num == ERANGE;
}

/* Writes V[i] and returns how many entries were dealt with. */
static int write_some(struct writer *wr, const struct cgroup_write *v, size_t left, struct err *e)
{
	int r = write_one(wr, v, e);

	if (r == 0 && v->flags & WRITE_ELSE && left > 1)
		return 1;
	if (r == 0)
		return v->flags & WRITE_OPTIONAL ? 1 : -1;
	if (r > 0)
		return v->flags & WRITE_ELSE ? 2 : 1;
	if (v->flags & WRITE_PAIR && left > 1 && is_contradiction(e)) {
		struct err second;

		if (write_one(wr, v + 1, &second) == 1 && write_one(wr, v, e) == 1)
			return 2;
	}
	return -1;
}

int write_limits(const struct cgroup *cg, const struct cgroup_writes *list, bool late, struct write_journal *journal,
		 struct err *e)
{
	AUTO(writer) wr = { .cg = cg, .journal = journal, .fd = -EBADF };

	for (size_t i = 0; i < list->n;) {
		int done = 1;

		if (!!(list->v[i].flags & WRITE_LATE) == late)
			done = write_some(&wr, &list->v[i], list->n - i, e);
		if (done < 0)
			return -1;
		i += (size_t)done;
	}
	return 0;
}

/* The line of KEY ("8:0 ") in a keyed file, or NULL. */
static const char *line_of(const char *text, const char *write, size_t *len)
{
	size_t key = strcspn(write, " ") + 1;
	const char *line;

	while ((line = str_word(&text, "\n", len)))
		if (*len > key && memcmp(line, write, key) == 0)
			return line;
	return NULL;
}

/* Device rules of v1: the list as it was, anew. */
static void devices_back(int group, const char *list)
{
	struct err ignored;
	const char *line;
	size_t len;

	(void)groupfs_write(group, "devices.deny", "a", &ignored);
	while ((line = str_word(&list, "\n", &len))) {
		char rule[64];
		struct text t = TEXT(rule);

		text_addn(&t, line, len);
		if (len && !t.cut)
			(void)groupfs_write(group, "devices.allow", rule, &ignored);
	}
}

void write_back(const struct cgroup *cg, const struct write_journal *j)
{
	struct err ignored;

	for (size_t i = j->n; i-- > 0;) {
		const struct write_before *b = &j->v[i];
		int group = cg->dir[b->w->dir].fd;
		char text[4096];
		struct text t = TEXT(text);
		const char *line;
		size_t len;

		if (b->w->flags & WRITE_DEVICES) {
			if (i == 0 || !(j->v[i - 1].w->flags & WRITE_DEVICES))
				devices_back(group, b->text);
			continue;
		}
		if (b->w->flags & WRITE_KEYED) {
			line = line_of(b->text, b->w->text, &len);
			text_addn(&t, line ? line : b->w->undo, line ? len : strlen(b->w->undo));
		} else {
			text_addn(&t, b->text, strcspn(b->text, "\n"));
		}
		/* An empty cpuset.cpus of v2 means "the parent's"; write(2) needs a byte to say so. */
		if (!t.len)
			text_add(&t, "\n");
		if (!t.cut)
			(void)groupfs_write(group, b->file, text, &ignored);
	}
}
