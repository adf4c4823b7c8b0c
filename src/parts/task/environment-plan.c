/* SPDX-License-Identifier: Apache-2.0 */
/* process.env and what is added to it, as one list without doubles. Pure, in husk. */
#include "parts/task/environment.h"

#include <string.h>

#include "base/str.h"

/* The names seen so far, open addressing: process.env of a pod can have thousands of entries. */
struct names { const char **v; size_t size; };

static size_t name_len(const char *entry)
{
	return (size_t)(strchr(entry, '=') - entry);
}

/* False when the name was there already. */
static bool add_name(struct names *t, const char *entry)
{
	size_t len = name_len(entry), hash = 5381;

	for (size_t i = 0; i < len; i++)
		hash = hash * 33 + (unsigned char)entry[i];
	for (size_t i = hash % t->size; ; i = (i + 1) % t->size) {
		const char *other = t->v[i];

		if (!other) {
			t->v[i] = entry;
			return true;
		}
		if (name_len(other) == len && memcmp(other, entry, len) == 0)
			return false;
	}
}

static int check(const char *entry, enum err_kind kind, const char *path, size_t i, struct err *e)
{
	const char *eq = strchr(entry, '=');

	if (!eq || eq == entry)
		return err_set(e, kind, "%s[%zu]: \"%.200s\" is not NAME=VALUE", path, i, entry);
	return 0;
}

static bool sets(const char *const *env, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		const char *rest = str_after(env[i], name);

		if (rest && *rest == '=')
			return true;
	}
	return false;
}

/* LISTEN_*: only when process.env does not speak of them itself, as engines that do socket activation make it. */
static size_t add_listen(const char **all, size_t n, const struct environment_extra *x, struct arena *a)
{
	if (!x || !x->listen_fds || sets(all, n, "LISTEN_FDS"))
		return n;
	all[n++] = arena_printf(a, "LISTEN_FDS=%u", x->listen_fds);
	if (x->listen_names)
		all[n++] = arena_printf(a, "LISTEN_FDNAMES=%s", x->listen_names);
	return n;
}

/* Of entries with one name the last one stays, where it stands. */
static void keep_last(struct environment_plan *p, const char *const *all, size_t n, struct arena *a)
{
	struct names seen = { ARENA_ARRAY(a, const char *, 2 * n + 1), 2 * n + 1 };
	const char **out = ARENA_ARRAY(a, const char *, n + 1);
	size_t at = n;

	for (size_t i = n; i-- > 0;)
		if (add_name(&seen, all[i]))
			out[--at] = all[i];
	p->env = out + at;
	p->n = n - at;
}

int environment_plan(struct environment_plan *p, const str_list *env, const struct environment_extra *x,
		     const char *path, struct arena *a, struct err *e)
{
	size_t given = env ? env->n : 0, set = x ? x->n : 0, n = 0;
	const char **all = ARENA_ARRAY(a, const char *, given + set + 4);
	bool wants_home;

	*p = (struct environment_plan){ 0 };
	for (size_t i = 0; i < given; i++) {
		if (check(env->v[i], ERR_SPEC, path, i, e) < 0)
			return -1;
		all[n++] = arena_strdup(a, env->v[i]);
	}
	for (size_t i = 0; i < set; i++) {
		if (check(x->set[i], ERR_USAGE, "--env", i, e) < 0)
			return -1;
		all[n++] = arena_strdup(a, x->set[i]);
	}
	p->wants_listen_pid = x && x->listen_fds && !sets(all, n, "LISTEN_FDS");
	n = add_listen(all, n, x, a);
	if (x && x->notify)
		all[n++] = arena_printf(a, "NOTIFY_SOCKET=%s", x->notify);
	keep_last(p, all, n, a);
	wants_home = true;
	for (size_t i = 0; i < p->n; i++)
		if (str_starts(p->env[i], "HOME=") && p->env[i][5])
			wants_home = false;
	p->wants_home = wants_home;
	return 0;
}
