/* SPDX-License-Identifier: Apache-2.0 */
/* The words behind `update`'s options for lists; see limits.h. */
#include "cli/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fd.h"

static int bad(const char *option, const char *word, const char *want, struct err *e)
{
	return err_set(e, ERR_USAGE, "option --%s: \"%.200s\" is not %s", option, word, want);
}

/* LIST, with room for as many more as W has. */
static void *room(const void *list, size_t n, const struct words *w, size_t size, struct arena *a)
{
	char *v = ARENA_ARRAY(a, char, (n + w->n + 1) * size);

	if (n)
		memcpy(v, list, n * size);
	return v;
}

#define MAKE_ROOM(list, w, a) ((list)->v = room((list)->v, (list)->n, (w), sizeof(*(list)->v), (a)))

/* "LEFT=RIGHT" at its first '='; NULL: there is none, or nothing on the left. */
static const char *split(const char *word, char **left, struct arena *a)
{
	const char *equals = strchr(word, '=');

	if (!equals || equals == word)
		return NULL;
	*left = arena_strndup(a, word, (size_t)(equals - word));
	return equals + 1;
}

/* "8:0", or the path of a block device. */
static bool device(const char *name, int64_t *major_out, int64_t *minor_out)
{
	const char *colon = strchr(name, ':');
	AUTO_FD int fd = -EBADF;
	struct err ignored;
	uint64_t ma, mi;
	struct stat st;

	if (name[0] != '/') {
		if (!colon || !num_parse_n(name, (size_t)(colon - name), UINT32_MAX, &ma) || !num_parse(colon + 1, UINT32_MAX, &mi))
			return false;
		*major_out = (int64_t)ma;
		*minor_out = (int64_t)mi;
		return true;
	}
	fd = fd_open(name, O_PATH, 0, &ignored);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode))
		return false;
	*major_out = major(st.st_rdev);
	*minor_out = minor(st.st_rdev);
	return true;
}

int limits_weights(oci_weight_device_list *list, const struct words *w, const char *option, struct arena *a, struct err *e)
{
	MAKE_ROOM(list, w, a);
	for (size_t i = 0; i < w->n; i++) {
		struct oci_weight_device *d = &list->v[list->n];
		const char *text;
		char *name;
		uint64_t n;

		text = split(w->v[i], &name, a);
		if (!text || !num_parse(text, 1000, &n) || n < 10)
			return bad(option, w->v[i], "DEVICE=N with N from 10 to 1000", e);
		if (!device(name, &d->major, &d->minor))
			return bad(option, name, "a block device, or MAJOR:MINOR", e);
		d->weight.set = true;
		d->weight.v = (uint16_t)n;
		list->n++;
	}
	return 0;
}

int limits_rates(oci_throttle_device_list *list, const struct words *w, const char *option, bool is_size, struct arena *a,
		 struct err *e)
{
	MAKE_ROOM(list, w, a);
	for (size_t i = 0; i < w->n; i++) {
		struct oci_throttle_device *d = &list->v[list->n];
		const char *text;
		char *name;

		text = split(w->v[i], &name, a);
		if (!text || !(is_size ? num_parse_size(text, &d->rate) : num_parse(text, UINT64_MAX, &d->rate)))
			return bad(option, w->v[i], is_size ? "DEVICE=SIZE, like 8:0=1M" : "DEVICE=N, like 8:0=100", e);
		if (!device(name, &d->major, &d->minor))
			return bad(option, name, "a block device, or MAJOR:MINOR", e);
		list->n++;
	}
	return 0;
}

int limits_huge_pages(oci_hugepage_limit_list *list, const struct words *w, const char *option, struct arena *a, struct err *e)
{
	MAKE_ROOM(list, w, a);
	for (size_t i = 0; i < w->n; i++) {
		struct oci_hugepage_limit *h = &list->v[list->n];
		const char *text;
		char *name;

		text = split(w->v[i], &name, a);
		if (!text || !num_parse_size(text, &h->limit))
			return bad(option, w->v[i], "PAGE=SIZE, like 2MB=1G", e);
		h->page_size = name;
		list->n++;
	}
	return 0;
}

static bool part(const char *text, size_t len, struct opt_u32 *out)
{
	uint64_t n;

	if (!len)
		return true;
	if (!num_parse_n(text, len, UINT32_MAX, &n))
		return false;
	out->set = true;
	out->v = (uint32_t)n;
	return true;
}

int limits_rdma(oci_rdma_list *list, const struct words *w, const char *option, struct arena *a, struct err *e)
{
	MAKE_ROOM(list, w, a);
	for (size_t i = 0; i < w->n; i++) {
		struct oci_rdma *d = &list->v[list->n];
		const char *text, *colon;
		char *name;

		text = split(w->v[i], &name, a);
		colon = text ? strchr(text, ':') : NULL;
		if (!colon || (colon == text && !colon[1]) || !part(text, (size_t)(colon - text), &d->hca_handles) ||
		    !part(colon + 1, strlen(colon + 1), &d->hca_objects))
			return bad(option, w->v[i], "DEVICE=HANDLES:OBJECTS, like mlx5_0=10:2000", e);
		d->device = name;
		list->n++;
	}
	return 0;
}

int limits_unified(str_map *map, const struct words *w, const char *option, struct arena *a, struct err *e)
{
	MAKE_ROOM(map, w, a);
	for (size_t i = 0; i < w->n; i++) {
		size_t at = 0;
		char *name;
		const char *text = split(w->v[i], &name, a);

		if (!text)
			return bad(option, w->v[i], "FILE=TEXT, like memory.high=1000000", e);
		/* A key stands in a map once. */
		while (at < map->n && !str_eq(map->v[at].key, name))
			at++;
		map->v[at] = (struct pair){ name, text };
		map->n += at == map->n;
	}
	return 0;
}

static bool device_number(const char *text, size_t len, struct opt_i64 *out)
{
	uint64_t n;

	if (len == 1 && *text == '*')
		return true;
	if (!num_parse_n(text, len, UINT32_MAX - 1, &n))
		return false;
	out->set = true;
	out->v = (int64_t)n;
	return true;
}

/* "c 10:229 rwm", "b 8:*", "a" */
static bool device_rule(struct oci_device_rule *r, const char *text, struct arena *a)
{
	const char *rest = text, *word, *colon;
	size_t len;

	word = str_word(&rest, " ", &len);
	if (!word || len != 1 || !strchr("abc", *word))
		return false;
	r->type = arena_strndup(a, word, 1);
	word = str_word(&rest, " ", &len);
	if (!word)
		return *r->type == 'a';
	colon = memchr(word, ':', len);
	if (!colon || !device_number(word, (size_t)(colon - word), &r->major) ||
	    !device_number(colon + 1, len - (size_t)(colon + 1 - word), &r->minor))
		return false;
	word = str_word(&rest, " ", &len);
	if (!word)
		return true;
	r->access = arena_strndup(a, word, len);
	return len && strspn(r->access, "rwm") == len && !str_word(&rest, " ", &len);
}

int limits_rules(oci_device_rule_list *list, const struct words *w, const char *option, struct arena *a, struct err *e)
{
	MAKE_ROOM(list, w, a);
	for (size_t i = 0; i < w->n; i++) {
		struct oci_device_rule *r = &list->v[list->n];
		const char *text = str_after(w->v[i], "allow ");

		r->allow = text;
		if (!text)
			text = str_after(w->v[i], "deny ");
		if (!text || !device_rule(r, text, a))
			return bad(option, w->v[i], "like \"allow c 10:229 rwm\" or \"deny b 8:*\"", e);
		list->n++;
	}
	return 0;
}
