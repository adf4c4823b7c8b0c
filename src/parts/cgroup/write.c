/* SPDX-License-Identifier: Apache-2.0 */
/* The writer; see write.h. */
#include "parts/cgroup/write.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/groupfs.h"

#define ROW_MAX 4

struct writer {
	const struct cgroup *cg;
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

static void verify(const struct writer *wr, const struct cgroup_write *w)
{
	struct err ignored;
	char text[32];
	uint64_t is, wanted;

	if (groupfs_read(wr->cg->dir[w->dir].fd, w->file, text, sizeof(text), &ignored) < 0)
		return;
	/* The kernel rounds to pages. */
	if (num_parse_n(text, strcspn(text, "\n"), UINT64_MAX, &is) && num_parse(w->text, UINT64_MAX, &wanted) && is > wanted)
		log_warning("%s: has no effect: this kernel does not keep the limit in \"%s\"", w->path, w->file);
}

/* v1: the kernel gave back what it could, and it was not enough. */
static void hint_use(const struct writer *wr, const struct cgroup_write *w, struct err *e)
{
	struct err ignored;
	char text[32];

	if (groupfs_read(wr->cg->dir[w->dir].fd, "memory.usage_in_bytes", text, sizeof(text), &ignored) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	err_hint(e, "%s bytes are in use", text);
}

/* Why a file is missing. */
static const char *why_missing(const struct cgroup_dir *d, const char *file)
{
	size_t n = strcspn(file, ".");
	struct err ignored;
	char text[1024];

	if (d->is_v2 && !str_starts(file, "cgroup.") &&
	    (groupfs_read(d->fd, "cgroup.controllers", text, sizeof(text), &ignored) < 0 || !str_has_word(text, " \n", file, n)))
		return ": the controller is missing, or a cgroup above holds processes";
	return str_starts(file, "hugetlb.") ? ": this host has no huge pages of that size" : "";
}

/* A value that the kernel does not take is the mistake of the one who said it, as one that we do not take. */
static enum err_kind kind_of_refusal(const struct cgroup_write *w, int num)
{
	/* No such device; of other files that the group is gone. */
	if (num == ENODEV && w->flags & WRITE_KEYED)
		return ERR_SPEC;
	if (num == EBUSY)
		return ERR_STATE;
	return num == EINVAL || num == ERANGE ? ERR_SPEC : ERR_SYSTEM;
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
			why_missing(d, w->file));
		e->num = ENOENT;
		return 0;
	}
	if (fd_write_all(wr->fd, w->text, strlen(w->text), e) < 0) {
		int num = e->num;

		if (num == EBUSY && str_starts(w->file, "memory."))
			hint_use(wr, w, e);
		err_in(e, "%s: write \"%.200s\" to \"%s\"", w->path, w->text, w->file);
		e->num = num;
		e->kind = kind_of_refusal(w, num);
		return -1;
	}
	if (w->flags & WRITE_VERIFY)
		verify(wr, w);
	return 1;
}

static bool is_contradiction(const struct err *e)
{
	return e->num == EINVAL || e->num == EBUSY || e->num == ERANGE;
}

/*
 * Writes that must fit each other at every moment, like a limit of memory and one of memory and swap together, stand in a row,
 * all but the last one marked: in which order they go is seen when the kernel refuses.  How many entries were dealt with.
 */
static int write_row(struct writer *wr, const struct cgroup_write *v, size_t n, struct err *e)
{
	bool is_done[ROW_MAX] = {};

	for (size_t left = n, before; left;) {
		bool is_refused = false;

		before = left;
		for (size_t i = 0; i < n; i++) {
			struct err this;
			int r = is_done[i] ? 1 : write_one(wr, &v[i], &this);

			if (r > 0 || (r == 0 && v[i].flags & WRITE_OPTIONAL)) {
				left -= !is_done[i];
				is_done[i] = true;
				continue;
			}
			if (!is_refused || !is_contradiction(&this))
				*e = this;
			is_refused = true;
			if (!is_contradiction(&this))
				return -1;
		}
		if (left == before)
			return -1;
	}
	return (int)n;
}

static size_t row_length(const struct cgroup_write *v, size_t left)
{
	size_t n = 1;

	while (n < left && n < ROW_MAX && v[n - 1].flags & WRITE_PAIR)
		n++;
	return n;
}

/* Writes V[0], and what belongs to it; returns how many entries were dealt with. */
static int write_some(struct writer *wr, const struct cgroup_write *v, size_t left, struct err *e)
{
	int r;

	if (v->flags & WRITE_PAIR)
		return write_row(wr, v, row_length(v, left), e);
	r = write_one(wr, v, e);
	if (r == 0)
		return v->flags & (WRITE_ELSE | WRITE_OPTIONAL) ? 1 : -1;
	if (r > 0)
		return v->flags & WRITE_ELSE ? 2 : 1;
	return -1;
}

int write_limits(const struct cgroup *cg, const struct cgroup_writes *list, bool late, struct err *e)
{
	AUTO(writer) wr = { .cg = cg, .fd = -EBADF };

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
