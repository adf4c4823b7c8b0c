/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts of an image, read by husk-init for HOME and by husk for `exec --user`; and the
 * subordinate ids of the host's users.  The image's files may be anything: only a regular file is
 * opened, without blocking, a line at a time and never more than a fixed amount of it.
 */
#include "sys/accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fd.h"

#define FILE_MAX        (8ul << 20)
#define ID_MAX          UINT64_C(4294967294)    /* (uid_t)-1 means "leave it" to the kernel */
#define FIELDS          7

struct reader {
	int fd;                 /* owned */
	size_t total;           /* read so far */
	size_t pos, len;
	char buf[4096];
	char line[1024];        /* the first part of it: what we look for is never further behind */
	const char *field[FIELDS];
};

#define READER_NONE ((struct reader){ .fd = -EBADF })

static void reader_undo(struct reader *r)
{
	own_close(&r->fd);
}

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/*
 * 1 opened, 0 no usable file.  Looked at first with O_PATH: even opening can do something when
 * it is a device (a watchdog starts), and a FIFO would block.
 */
static int open_in_root(struct reader *r, const struct root *root, const char *path, struct err *e)
{
	AUTO_FD int seen = root_find(root, CPATH(path), O_PATH, e);
	AUTO_FD int fd = -EBADF;

	if (seen < 0)
		return e->num == ENOENT || e->num == ENOTDIR || e->num == ELOOP || e->num == EACCES ? 0 : -1;
	if (!is_regular(seen))
		return 0;
	fd = root_find(root, CPATH(path), O_RDONLY | O_NONBLOCK | O_NOCTTY, e);
	if (fd < 0 || !is_regular(fd) || !fd_same(seen, fd))
		return 0;
	r->fd = TAKE_FD(fd);
	return 1;
}

/* -1 at the end, as for a file that is too long: what is behind the limit does not exist for us. */
static int next_byte(struct reader *r)
{
	ssize_t n;

	if (r->pos == r->len) {
		if (r->total >= FILE_MAX)
			return -1;
		do
			n = read(r->fd, r->buf, sizeof(r->buf));
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return -1;
		r->pos = 0;
		r->len = (size_t)n;
		r->total += (size_t)n;
	}
	return (unsigned char)r->buf[r->pos++];
}

/* The next line, taken apart at its colons; missing fields are "". False at the end of the file. */
static bool next_entry(struct reader *r)
{
	size_t len = 0, field = 0;
	int c = next_byte(r);

	if (c < 0)
		return false;
	for (size_t i = 0; i < FIELDS; i++)
		r->field[i] = "";
	r->field[0] = r->line;
	for (; c >= 0 && c != '\n'; c = next_byte(r)) {
		if (len == sizeof(r->line) - 1 || field == FIELDS)
			continue;
		r->line[len++] = c == ':' ? '\0' : (char)c;
		if (c == ':' && ++field < FIELDS)
			r->field[field] = r->line + len;
	}
	r->line[len] = '\0';
	return true;
}

/* name:password:uid:gid:comment:home:shell */
enum { PW_NAME, PW_PASSWORD, PW_UID, PW_GID, PW_COMMENT, PW_HOME };
/* name:password:gid:members */
enum { GR_NAME, GR_PASSWORD, GR_GID };

static bool has_id(const struct reader *r, int field, uint64_t id)
{
	uint64_t n;

	return num_parse(r->field[field], ID_MAX, &n) && n == id;
}

int accounts_home(const struct root *root, uid_t uid, char *home, size_t size, struct err *e)
{
	AUTO(reader) r = READER_NONE;
	int ret = open_in_root(&r, root, "/etc/passwd", e);

	if (ret <= 0)
		return ret;
	while (next_entry(&r)) {
		const char *found = r.field[PW_HOME];

		if (!has_id(&r, PW_UID, uid))
			continue;
		if (found[0] != '/' || strlen(found) >= size)
			return 0;
		snprintf(home, size, "%s", found);
		return 1;
	}
	return 0;
}

/* Digits alone are a number, in range or not: never a name that looks like one (CVE-2016-3697). */
static bool is_number(const char *word)
{
	return *word && !word[strspn(word, "0123456789")];
}

/* What useradd(8) allows, and a little more; refuses what could be a mistyped number or path. */
static bool is_name(const char *word)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.-@$";

	return *word && strchr(letters, *word) && !word[strspn(word, others)];
}

struct wanted {
	const char *what;       /* "user", "group" */
	const char *file;
	int id_field;
	bool by_number;
	uint64_t number;
	const char *name;
};

static int check_wanted(struct wanted *w, struct err *e)
{
	w->by_number = is_number(w->name);
	if (w->by_number ? !num_parse(w->name, ID_MAX, &w->number) : !is_name(w->name))
		return err_set(e, ERR_USAGE, "\"%s\" is not a %s", w->name, w->what);
	return 0;
}

/* Finds the entry; 1 with R at it, 0 none. */
static int find_entry(struct reader *r, const struct root *root, const struct wanted *w, struct err *e)
{
	int ret = open_in_root(r, root, w->file, e);

	if (ret <= 0)
		return ret;
	while (next_entry(r))
		if (w->by_number ? has_id(r, w->id_field, w->number) : strcmp(r->field[0], w->name) == 0)
			return 1;
	return 0;
}

static int resolve_group(const struct root *root, const char *name, gid_t *gid, struct err *e)
{
	struct wanted w = { .what = "group", .file = "/etc/group", .id_field = GR_GID, .name = name };
	AUTO(reader) r = READER_NONE;
	int found;

	if (check_wanted(&w, e) < 0)
		return -1;
	if (!w.by_number) {
		found = find_entry(&r, root, &w, e);
		if (found < 0)
			return -1;
		if (!found || !num_parse(r.field[GR_GID], ID_MAX, &w.number))
			return err_set(e, ERR_USAGE, "no group \"%s\" in %s", name, root->name);
	}
	*gid = (gid_t)w.number;
	return 0;
}

int accounts_resolve(const struct root *root, const char *spec, uid_t *uid, gid_t *gid, struct err *e)
{
	char user[256];
	const char *colon = strchr(spec, ':');
	struct wanted w = { .what = "user", .file = "/etc/passwd", .id_field = PW_UID, .name = user };
	struct text t = TEXT(user);
	AUTO(reader) r = READER_NONE;
	uint64_t primary;
	int found = 0;

	user[0] = '\0';
	text_addn(&t, spec, colon ? (size_t)(colon - spec) : strlen(spec));
	if (t.cut)
		return err_set(e, ERR_USAGE, "\"%s\" is not a user", spec);
	if (check_wanted(&w, e) < 0)
		return -1;
	/* The file is read only when the answer depends on it. */
	if (!w.by_number || !colon) {
		found = find_entry(&r, root, &w, e);
		if (found < 0)
			return -1;
		if (!w.by_number && (!found || !num_parse(r.field[PW_UID], ID_MAX, &w.number)))
			return err_set(e, ERR_USAGE, "no user \"%s\" in %s", user, root->name);
	}
	if (colon && resolve_group(root, colon + 1, gid, e) < 0)
		return -1;
	if (!colon && found && num_parse(r.field[PW_GID], ID_MAX, &primary))
		*gid = (gid_t)primary;
	*uid = (uid_t)w.number;
	return 0;
}

int accounts_subids(const char *file, uid_t uid, const char *name, unsigned *first, unsigned *count,
		    struct err *e)
{
	AUTO(reader) r = READER_NONE;
	uint64_t start, n;

	r.fd = fd_open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, e);
	if (r.fd < 0)
		return e->num == ENOENT ? 0 : -1;
	while (next_entry(&r)) {
		if (!has_id(&r, 0, uid) && !(name && strcmp(r.field[0], name) == 0))
			continue;
		if (!num_parse(r.field[1], ID_MAX, &start) || !num_parse(r.field[2], ID_MAX, &n) || !n ||
		    start + n > ID_MAX + 1)
			continue;
		*first = (unsigned)start;
		*count = (unsigned)n;
		return 1;
	}
	return 0;
}
