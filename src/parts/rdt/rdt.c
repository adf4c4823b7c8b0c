/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes, fills, enters and removes resctrl groups: on the host, in create, delete and update.  Every name
 * is one component and is used relative to a descriptor of the mount.
 */
#include "parts/rdt/rdt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/fd.h"

#define SCHEMATA_MAX 65536

/* The directory of the class; "" is the mount itself. */
static int open_clos(const struct rdt_plan *p, struct err *e)
{
	AUTO_FD int mount = fd_open(p->mount, O_PATH | O_DIRECTORY, 0, e);
	int fd;

	if (mount < 0)
		return -1;
	if (!*p->clos)
		return TAKE_FD(mount);
	fd = fd_open_at(mount, p->clos, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (fd < 0 && e->num == ENOENT) {
		/* Not errno's text: engines take "no such file" for a missing command. */
		err_set(e, ERR_STATE, "there is no class \"%s\"", p->clos);
		e->num = ENOENT;
	}
	return fd;
}

/* 1 made, 0 was there, -1. */
static int make_group(int dir, const char *name, const char *what, struct err *e)
{
	if (mkdirat(dir, name, 0755) == 0)
		return 1;
	if (errno == EEXIST)
		return 0;
	/* The hardware has a fixed number of classes and monitoring ids. */
	if (errno == ENOSPC)
		return err_set(e, ERR_SYSTEM, "make the resctrl %s \"%s\": all that the processor has are in use", what, name);
	return err_sys(e, "make the resctrl %s \"%s\"", what, name);
}

/* "L3:0=ff;1=c0" with blanks and leading zeros taken away, which the kernel pads with; it reads hexadecimal digits of either case. */
static void squeeze(struct text *t, const char *line, size_t len)
{
	bool is_value = false;

	for (size_t i = 0; i < len; i++) {
		char before = t->len ? t->s[t->len - 1] : '\0', c = line[i];

		if (line[i] == ' ' || line[i] == '\t')
			continue;
		if (line[i] == '0' && before == '=' && i + 1 < len && line[i + 1] != ';')
			continue;
		is_value = c == '=' || (is_value && c != ';');
		if (is_value && c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		text_addn(t, &c, 1);
	}
}

/* Is every domain of LINE in the class's schemata with the same value? */
static bool has_line(const char *schemata, const char *want)
{
	char line[4096];
	size_t len, name = strcspn(want, ":");

	for (const char *l = schemata; (l = str_word(&schemata, "\n", &len)) != NULL;) {
		struct text t = TEXT(line);

		squeeze(&t, l, len);
		if (t.cut || strncmp(line, want, name + 1) != 0)
			continue;
		for (const char *rest = want + name + 1, *part; (part = str_word(&rest, ";", &len)) != NULL;) {
			const char *all = line + name + 1, *have;
			size_t have_len;
			bool found = false;

			while (!found && (have = str_word(&all, ";", &have_len)) != NULL)
				found = have_len == len && memcmp(have, part, len) == 0;
			if (!found && len)
				return false;
		}
		return true;
	}
	return false;
}

/* An existing class must say what is asked for: it has other users. */
static int compare(const struct rdt_plan *p, int clos, struct err *e)
{
	char have[SCHEMATA_MAX], want[4096];

	if (file_read_at(clos, "schemata", have, sizeof(have), e) < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++) {
		struct text t = TEXT(want);

		squeeze(&t, p->schemata[i], strlen(p->schemata[i]));
		if (t.cut || !has_line(have, want))
			return err_set(e, ERR_STATE, "linux.intelRdt: class \"%s\" exists with other schemata than \"%.200s\"",
				       p->clos, p->schemata[i]);
	}
	return 0;
}

/* The kernel refuses with EINVAL, and says why in a file of its own. */
static void hint_why(const struct rdt_plan *p, struct err *e)
{
	struct err ignored;
	AUTO_FD int mount = fd_open(p->mount, O_PATH | O_DIRECTORY, 0, &ignored);
	char why[256];

	if (mount < 0 || file_read_at(mount, "info/last_cmd_status", why, sizeof(why), &ignored) < 0)
		return;
	why[strcspn(why, "\n")] = '\0';
	if (*why && !str_eq(why, "ok"))
		err_hint(e, "the kernel says: %s", why);
}

static int write_lines(const struct rdt_plan *p, int clos, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		char buf[4096];
		struct text t = TEXT(buf);

		text_addf(&t, "%s\n", p->schemata[i]);
		if (t.cut)
			return err_set(e, ERR_SPEC, "linux.intelRdt: line %zu of the schemata is too long", i);
		if (file_write_at(clos, "schemata", buf, e) < 0) {
			err_in(e, "linux.intelRdt: \"%.200s\"", p->schemata[i]);
			hint_why(p, e);
			return -1;
		}
	}
	return 0;
}

static int make_monitor(struct rdt *r, int clos, struct err *e)
{
	AUTO_FD int groups = -EBADF;
	int made;

	if (!r->plan->monitor)
		return 0;
	groups = fd_open_at(clos, "mon_groups", O_PATH | O_DIRECTORY, 0, e);
	if (groups < 0)
		return -1;
	made = make_group(groups, r->plan->monitor, "monitoring group", e);
	r->made_monitor = made > 0;
	return made < 0 ? -1 : 0;
}

bool rdt_class_exists(const struct rdt_plan *p)
{
	AUTO_FD int clos = -EBADF;
	struct err ignored;

	if (!p->is_set)
		return false;
	clos = open_clos(p, &ignored);
	return clos >= 0;
}

int rdt_make(struct rdt *r, const struct rdt_plan *p, struct err *e)
{
	AUTO_FD int mount = -EBADF, clos = -EBADF;

	*r = (struct rdt){ .plan = p };
	if (!p->is_set)
		return 0;
	mount = fd_open(p->mount, O_PATH | O_DIRECTORY, 0, e);
	if (mount < 0)
		return -1;
	if (p->may_make && *p->clos) {
		int made = make_group(mount, p->clos, "class", e);

		if (made < 0)
			return err_in(e, "linux.intelRdt");
		r->made_clos = made > 0;
	}
	clos = open_clos(p, e);
	if (clos < 0)
		return err_in(e, "linux.intelRdt.closID");
	/* Without schemata, none is looked at (config-linux.md). */
	if (p->n && (r->made_clos || p->is_ours ? write_lines(p, clos, e) : compare(p, clos, e)) < 0)
		return -1;
	if (make_monitor(r, clos, e) < 0)
		return err_in(e, "linux.intelRdt.enableMonitoring");
	return 0;
}

static int enter(int dir, pid_t pid, struct err *e)
{
	char buf[16];
	struct text t = TEXT(buf);

	text_addf(&t, "%d", (int)pid);
	return file_write_at(dir, "tasks", buf, e);
}

int rdt_enter(const struct rdt *r, pid_t pid, struct err *e)
{
	AUTO_FD int clos = -EBADF, groups = -EBADF, monitor = -EBADF;

	if (!r->plan || !r->plan->is_set)
		return 0;
	clos = open_clos(r->plan, e);
	if (clos < 0 || enter(clos, pid, e) < 0)
		return err_in(e, "linux.intelRdt");
	if (!r->plan->monitor)
		return 0;
	groups = fd_open_at(clos, "mon_groups", O_PATH | O_DIRECTORY, 0, e);
	if (groups < 0)
		return err_in(e, "linux.intelRdt.enableMonitoring");
	monitor = fd_open_at(groups, r->plan->monitor, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (monitor < 0 || enter(monitor, pid, e) < 0)
		return err_in(e, "linux.intelRdt.enableMonitoring");
	return 0;
}

void rdt_keep(struct rdt *r)
{
	r->kept = true;
}

static int remove_group(int dir, const char *name, struct err *e)
{
	if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(e, "remove the resctrl group \"%s\"", name);
	return 0;
}

static int remove_all(const struct rdt_plan *p, bool with_monitor, bool with_clos, struct err *e)
{
	AUTO_FD int mount = -EBADF, clos = -EBADF, groups = -EBADF;

	mount = fd_open(p->mount, O_PATH | O_DIRECTORY, 0, e);
	if (mount < 0)
		return e->num == ENOENT ? 0 : -1;
	clos = open_clos(p, e);
	if (clos < 0)
		return e->num == ENOENT ? 0 : -1;
	if (with_monitor && p->monitor) {
		groups = fd_open_at(clos, "mon_groups", O_PATH | O_DIRECTORY, 0, e);
		if (groups >= 0 && remove_group(groups, p->monitor, e) < 0)
			return -1;
	}
	return with_clos && *p->clos ? remove_group(mount, p->clos, e) : 0;
}

void rdt_undo(struct rdt *r)
{
	struct err ignored = { 0 };

	if (r->plan && r->plan->is_set && !r->kept)
		(void)remove_all(r->plan, r->made_monitor, r->made_clos, &ignored);
	*r = RDT_NONE;
}

int rdt_remove(const struct rdt_plan *p, bool class_stays, struct err *e)
{
	return p->is_set ? remove_all(p, true, p->is_ours && !class_stays, e) : 0;
}

int rdt_before(const struct rdt_plan *p, str_list *before, struct arena *a, struct err *e)
{
	AUTO_FD int clos = -EBADF;
	char have[SCHEMATA_MAX];
	const char *rest = have, *line;
	size_t len;

	*before = (str_list){};
	if (!p->is_set)
		return 0;
	clos = open_clos(p, e);
	if (clos < 0 || file_read_at(clos, "schemata", have, sizeof(have), e) < 0)
		return err_in(e, "linux.intelRdt");
	before->v = ARENA_ARRAY(a, const char *, strlen(have) / 2 + 1);
	while ((line = str_word(&rest, "\n", &len))) {
		size_t blank = strspn(line, " ");

		if (len > blank)
			before->v[before->n++] = arena_strndup(a, line + blank, len - blank);
	}
	return 0;
}

int rdt_update(const struct rdt_plan *p, struct err *e)
{
	AUTO_FD int clos = -EBADF;

	if (!p->is_set)
		return 0;
	clos = open_clos(p, e);
	return clos < 0 ? -1 : write_lines(p, clos, e);
}

void rdt_put_back(const struct rdt_plan *p, const str_list *before)
{
	struct rdt_plan old = *p;
	struct err ignored;

	old.schemata = before->v;
	/* One at a time: a line that the kernel refuses keeps none of the others. */
	old.n = 1;
	for (size_t i = 0; i < before->n; i++, old.schemata++)
		(void)rdt_update(&old, &ignored);
}
