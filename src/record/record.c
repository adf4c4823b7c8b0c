/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state directory on the host.  `create` makes <root>/<id> under another name, locks it and
 * renames it into place, so that no other command ever sees it unlocked and half made; files in it
 * are replaced by rename(2).  A husk killed at any instant leaves a directory that `delete --force`
 * understands: at worst one without a record.
 */
#include "record/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"
#include "parts/notify/notify.h"
#include "record/ending.h"
#include "record/gate.h"
#include "record/leftovers.h"
#include "record/root.h"
#include "record/updated.h"
#include "record/words.h"
#include "sys/calls.h"
#include "sys/fd.h"

#define RECORD_FILE     "record.json"
#define NEXT_FILE       ".record.json.next"     /* a leftover of a husk that was killed is removed as one */
#define CONFIG_FILE     "config.json"
#define CONFIG_MAX      (16u << 20)
#define RECORD_MAX      (16u << 20)     /* annotations are copied into it */
#define USUAL_SIZE      4096
#define LISTING_SIZE    16384
#define POLL_MSEC       5

/* So many may write at the same time how a container ended, once each, while it is removed. */
#define WITNESSES       100

/* The first two are there in every case, the others seldom. */
#define USUAL_FILES     2u
static const char *const our_files[] = { CONFIG_FILE, RECORD_FILE, GATE_NAME, ANNOUNCED_FILE, UPDATED_FILE, ENDING_NAME };

int record_check_id(const char *id, struct err *e)
{
	size_t len = strlen(id);

	if (!len)
		return err_set(e, ERR_USAGE, "container id must not be empty");
	if (len > RECORD_NAME_MAX)
		return err_set(e, ERR_USAGE, "container id is longer than %d characters", RECORD_NAME_MAX);
	if (id[0] == '-' || id[0] == '.')
		return err_set(e, ERR_USAGE, "container id \"%s\" must not begin with \"%c\"", id, id[0]);
	for (const char *c = id; *c; c++) {
		bool is_word = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');

		if (!is_word && !strchr("_+-.", *c))
			return err_set(e, ERR_USAGE,
				       "container id \"%s\" has characters other than letters, digits and \"_+-.\"", id);
	}
	return 0;
}

void record_undo(struct record *r)
{
	struct err ignored;

	if (r->is_ours)
		(void)record_remove(r, &ignored);
	own_close(&r->dir);
	own_close(&r->root);
	r->at = -EBADF;
	r->is_ours = r->is_locked = false;
}

void record_keep(struct record *r)
{
	r->is_ours = false;
}

static void set_id(struct record *r, const char *id)
{
	struct text t = TEXT(r->id);

	text_add(&t, id);
}

static void make_new_dir_name(char name[32])
{
	(void)snprintf(name, 32, ".new-%ld", (long)getpid());
}

/* An empty directory under a name that no container can have; a leftover of a dead process goes first. */
static int make_new_dir(int root, char name[32], struct err *e)
{
	make_new_dir_name(name);
	if (mkdirat(root, name, 0700) == 0)
		return 0;
	if (errno == EEXIST && unlinkat(root, name, AT_REMOVEDIR) == 0 && mkdirat(root, name, 0700) == 0)
		return 0;
	return err_sys(e, "make state directory \"%s\"", name);
}

static int place_new_dir(struct record *r, const char *temporary, struct err *e)
{
	r->dir = fd_open_at(r->root, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (r->dir < 0)
		return -1;
	if (flock(r->dir, LOCK_EX | LOCK_NB) < 0)
		return err_sys(e, "lock state directory");
	if (sys_rename_new(r->root, temporary, r->id) < 0) {
		if (errno == EEXIST)
			return err_set(e, ERR_STATE, WORDS_EXISTS), err_hint(e, "husk delete removes it");
		return err_sys(e, "make state directory \"%s\"", r->id);
	}
	return 0;
}

int record_reserve(struct record *r, const char *root, const char *id, struct err *e)
{
	TRACE("reserve");
	char temporary[32];

	if (record_check_id(id, e) < 0)
		return -1;
	r->root = r->at = record_open_root(root, true, e);
	if (r->root < 0)
		return -1;
	set_id(r, id);
	if (make_new_dir(r->root, temporary, e) < 0)
		return -1;
	if (place_new_dir(r, temporary, e) < 0) {
		(void)unlinkat(r->root, temporary, AT_REMOVEDIR);
		return -1;
	}
	r->is_ours = r->is_locked = true;
	return 0;
}

/*
 * In a directory that we have just made, a file is written in place: who reads half of it knows from the lock that
 * the container is being made, and a record without its end is as good as none.
 */
static int write_file(const struct record *r, const char *name, const char *text, size_t len, struct err *e)
{
	AUTO_FD int fd = -EBADF;

	if (!r->is_ours || r->has_files)
		return file_replace_at(r->dir, name, text, len, 0600, e);
	fd = fd_open_at(r->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, e);
	return fd < 0 ? -1 : fd_write_all(fd, text, len, e);
}

static const char *text_of(struct record *r, struct arena *scratch)
{
	r->saved.version = SAVED_VERSION;
	r->saved.id = r->id;
	return saved_write(&r->saved, scratch);
}

int record_save_next(struct record *r, struct arena *scratch, struct err *e)
{
	TRACE("save record");
	const char *text = text_of(r, scratch);
	AUTO_FD int fd = fd_open_at(r->dir, NEXT_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, e);

	if (fd < 0 || fd_write_all(fd, text, strlen(text), e) < 0)
		return err_in(e, "save the record");
	r->has_next = true;
	return 0;
}

int record_put_next(struct record *r, struct err *e)
{
	if (renameat(r->dir, NEXT_FILE, r->dir, RECORD_FILE) < 0)
		return err_sys(e, "save the record: rename");
	r->has_next = false;
	r->is_readable = r->has_files = true;
	return 0;
}

int record_save(struct record *r, struct arena *scratch, struct err *e)
{
	TRACE("save record");
	const char *text = text_of(r, scratch);

	if (write_file(r, RECORD_FILE, text, strlen(text), e) < 0)
		return err_in(e, "save the record");
	r->is_readable = r->has_files = true;
	return 0;
}

int record_save_config(struct record *r, const char *text, size_t len, struct err *e)
{
	TRACE("save configuration");
	if (write_file(r, CONFIG_FILE, text, len, e) < 0)
		return err_in(e, "save the configuration");
	return 0;
}

int record_at(const struct record *r, const char *file, char name[RECORD_PATH_MAX])
{
	struct text t = { .s = name, .size = RECORD_PATH_MAX };

	if (r->dir < 0) {
		text_add(&t, r->id);
		text_add(&t, "/");
	}
	text_add(&t, file);
	return r->dir >= 0 ? r->dir : r->at;
}

static int open_file(const struct record *r, const char *file, struct err *e)
{
	char name[RECORD_PATH_MAX];
	int dir = record_at(r, file, name);

	return fd_open_at(dir, name, O_RDONLY | O_NOFOLLOW, 0, e);
}

char *record_load_config(const struct record *r, struct arena *a, size_t *len, struct err *e)
{
	TRACE("load configuration");
	AUTO_FD int fd = open_file(r, CONFIG_FILE, e);
	char *text = fd < 0 ? NULL : fd_read_all(fd, CONFIG_MAX, a, len, e);

	if (!text)
		(void)err_in(e, "the container's saved configuration");
	return text;
}

static int absent(struct err *e)
{
	return err_set(e, ERR_STATE, WORDS_ABSENT);
}

/* All of a file that is ours, in BUF as a rule, as it is seldom longer: it ends where a read gives less than was asked for. */
static const char *read_usual(int fd, char buf[USUAL_SIZE], size_t max, struct arena *a, size_t *len, struct err *e)
{
	ssize_t n = read(fd, buf, USUAL_SIZE);

	if (n >= 0 && n < (ssize_t)USUAL_SIZE) {
		*len = (size_t)n;
		return buf;
	}
	if (lseek(fd, 0, SEEK_SET) < 0) {
		err_sys(e, "lseek");
		return NULL;
	}
	return fd_read_all(fd, max, a, len, e);
}

/* For want of descriptors, say: another time it may be there.  Anything but a file in its place is none of ours. */
static bool is_for_now(const struct err *e)
{
	return e->num && e->num != ENOENT && e->num != ENOTDIR && e->num != ELOOP && e->num != EISDIR && e->num != ENXIO;
}

int record_read(struct record *r, struct arena *a, struct err *e)
{
	AUTO_FD int fd = open_file(r, RECORD_FILE, e);
	const struct oci_saved *saved;
	struct spec_error why;
	char buf[USUAL_SIZE];
	const char *text;
	size_t len = 0;

	r->is_readable = false;
	memset(&r->saved, 0, sizeof(r->saved));
	if (fd < 0)
		return is_for_now(e) ? err_in(e, "record of \"%s\"", r->id) : 0;
	text = read_usual(fd, buf, RECORD_MAX, a, &len, e);
	if (!text)
		return is_for_now(e) ? err_in(e, "record of \"%s\"", r->id) : 1;
	saved = saved_read(text, len, a, &why);
	if (!saved) {
		log_debug("record of \"%s\": %s: %s", r->id, why.path, why.message);
		return 1;
	}
	if (!str_eq(saved->id, r->id) || saved->pid < 0)
		return 1;
	r->saved = *saved;
	r->is_readable = true;
	return 1;
}

static int open_dir(const struct record *r, struct err *e)
{
	int fd = fd_open_at(r->at, r->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);

	return fd < 0 && e->num == ENOENT ? absent(e) : fd;
}

int record_peek_beneath(struct record *r, int root, bool is_volatile, const char *id, struct arena *a, struct err *e)
{
	TRACE("open record");
	int found;

	r->at = root;
	r->is_volatile = is_volatile;
	set_id(r, id);
	found = record_read(r, a, e);
	if (found == 0) {
		/* Is there no container, or only no record of it? */
		AUTO_FD int dir = open_dir(r, e);

		return dir < 0 ? -1 : 0;
	}
	return found < 0 ? -1 : 0;
}

static int find_root(struct record *r, const char *root, const char *id, struct err *e)
{
	if (record_check_id(id, e) < 0)
		return -1;
	r->root = r->at = record_open_root(root, false, e);
	if (r->root < 0)
		return e->num == ENOENT ? absent(e) : -1;
	r->is_volatile = record_root_is_volatile(r->root);
	return 0;
}

int record_peek(struct record *r, const char *root, const char *id, struct arena *a, struct err *e)
{
	return find_root(r, root, id, e) < 0 ? -1 : record_peek_beneath(r, r->root, r->is_volatile, id, a, e);
}

int record_find(struct record *r, const char *root, const char *id, struct err *e)
{
	if (find_root(r, root, id, e) < 0)
		return -1;
	set_id(r, id);
	r->dir = open_dir(r, e);
	return r->dir < 0 ? -1 : 0;
}

int record_open(struct record *r, const char *root, const char *id, struct arena *a, struct err *e)
{
	TRACE("open record");
	return record_find(r, root, id, e) < 0 || record_read(r, a, e) < 0 ? -1 : 0;
}

int record_check_readable(const struct record *r, struct err *e)
{
	if (r->is_readable)
		return 0;
	if (record_is_busy(r))
		return err_set(e, ERR_STATE, WORDS_NOT_RUNNING ": another command is making or removing it");
	return err_set(e, ERR_STATE, "container \"%s\" was left half made: its record cannot be read", r->id),
	       err_hint(e, "delete --force removes it");
}

int record_load(struct record *r, const char *root, const char *id, struct arena *a, struct err *e)
{
	return record_open(r, root, id, a, e) < 0 ? -1 : record_check_readable(r, e);
}

bool record_is_busy(const struct record *r)
{
	struct err ignored;
	AUTO_FD int own = r->dir < 0 ? open_dir(r, &ignored) : -EBADF;
	int dir = own >= 0 ? own : r->dir;

	if (r->is_locked)
		return false;
	if (flock(dir, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	(void)flock(dir, LOCK_UN);
	return false;
}

static bool is_linked(const struct record *r)
{
	struct stat st;

	return fstat(r->dir, &st) == 0 && st.st_nlink > 0;
}

int record_lock(struct record *r, int msec, struct arena *a, struct err *e)
{
	TRACE("lock");
	for (int waited = 0; flock(r->dir, LOCK_EX | LOCK_NB) < 0; waited += POLL_MSEC) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "lock container \"%s\"", r->id);
		if (waited >= msec)
			return 0;
		(void)poll(NULL, 0, POLL_MSEC);
	}
	r->is_locked = true;
	if (!is_linked(r))
		return absent(e);
	return record_read(r, a, e) < 0 ? -1 : 1;
}

bool record_lock_again(struct record *r)
{
	r->is_locked = flock(r->dir, LOCK_EX | LOCK_NB) == 0;
	return r->is_locked && is_linked(r);
}

bool record_is_absent(const char *root, const char *id)
{
	struct err e;
	struct stat st;
	AUTO_FD int fd = record_open_root(root, false, &e);

	if (fd < 0)
		return e.num == ENOENT;
	return fstatat(fd, id, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

void record_unlock(struct record *r)
{
	if (r->is_locked)
		(void)flock(r->dir, LOCK_UN);
	r->is_locked = false;
}

/* Temporary files of a replacement that was interrupted: named after what they should have become. */
static void remove_leftovers(int dir)
{
	int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!d) {
		if (copy >= 0)
			close(copy);
		return;
	}
	rewinddir(d);
	while ((entry = readdir(d)))
		if (entry->d_name[0] == '.' && strlen(entry->d_name) > 2)
			(void)unlinkat(dir, entry->d_name, 0);
	closedir(d);
}

static int remove_files(const struct record *r, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (unlinkat(r->dir, our_files[i], 0) < 0 && errno != ENOENT)
			return err_sys(e, "remove \"%s\" of container \"%s\"", our_files[i], r->id);
	return 0;
}

int record_remove(struct record *r, struct err *e)
{
	TRACE("remove record");
	struct stat st;

	/* Removed by another command meanwhile: what has the name now may be somebody else's container. */
	if (fstat(r->dir, &st) < 0 || st.st_nlink == 0)
		return 0;
	/* A directory with 2 links has no other one in it (where the file system counts at all). */
	if (st.st_nlink != 2 && leftovers_remove(r->dir, NOTIFY_DIR, e) < 0)
		return err_in(e, "container \"%s\"", r->id);
	if (remove_files(r, USUAL_FILES, e) < 0)
		return -1;
	for (int i = 0; unlinkat(r->root, r->id, AT_REMOVEDIR) < 0 && errno != ENOENT; i++) {
		if ((errno != ENOTEMPTY && errno != EEXIST) || i == WITNESSES)
			return err_sys(e, "remove the state directory of \"%s\"", r->id);
		/* The other files, a replacement that was interrupted, what a witness of the end (without a lock) writes just now. */
		remove_leftovers(r->dir);
		if (remove_files(r, ARRAY_SIZE(our_files), e) < 0)
			return -1;
	}
	return 0;
}

static bool is_container(const struct dirent64 *entry)
{
	struct err ignored;

	return entry->d_type != DT_REG && record_check_id(entry->d_name, &ignored) == 0;
}

struct ids { const char **v; size_t n, room; };

static void ids_add(struct ids *ids, const char *id, struct arena *a)
{
	if (ids->n == ids->room) {
		const char **v = ARENA_ARRAY(a, const char *, ids->room * 2 + 64);

		if (ids->n)
			memcpy(v, ids->v, ids->n * sizeof(*v));
		ids->v = v;
		ids->room = ids->room * 2 + 64;
	}
	ids->v[ids->n++] = arena_strdup(a, id);
}

/* Two sorted halves of V, [from, middle) and [middle, to), into one in OUT. */
static void merge(const char **out, const char *const *v, size_t from, size_t middle, size_t to)
{
	for (size_t a = from, b = middle, i = from; i < to; i++)
		out[i] = b == to || (a < middle && strcmp(v[a], v[b]) <= 0) ? v[a++] : v[b++];
}

/* By merging: qsort(3) of musl compares more than twice as often. */
static void sort(struct ids *ids, struct arena *a)
{
	const char **other = ARENA_ARRAY(a, const char *, ids->n);

	for (size_t half = 1; half < ids->n; half *= 2) {
		const char **v = ids->v;

		for (size_t from = 0; from < ids->n; from += 2 * half)
			merge(other, v, from, MIN(from + half, ids->n), MIN(from + 2 * half, ids->n));
		ids->v = other;
		other = v;
	}
}

/* All of them at one moment, sorted: what EACH does to the directory does not change what is visited. */
static int read_ids(int root, struct ids *ids, struct arena *a, struct err *e)
{
	char buf[LISTING_SIZE] __attribute__((aligned(16)));
	const struct dirent64 *entry;
	ssize_t n;

	while ((n = sys_getdents(root, buf, LISTING_SIZE)) > 0)
		for (const char *p = buf; p < buf + n; p += entry->d_reclen) {
			entry = (const struct dirent64 *)(const void *)p;
			if (is_container(entry))
				ids_add(ids, entry->d_name, a);
		}
	if (n < 0)
		return err_sys(e, "read the state directory");
	sort(ids, a);
	return 0;
}

int record_each_beneath(int root, record_each_fn *each, void *self, struct err *e)
{
	ARENA_HERE(mem);
	struct ids ids = {};
	int result = read_ids(root, &ids, &mem, e);

	for (size_t i = 0; result == 0 && i < ids.n; i++)
		result = each(self, ids.v[i], e);
	return result;
}

int record_each(const char *root, record_each_fn *each, void *self, struct err *e)
{
	AUTO_FD int fd = record_open_root(root, false, e);

	if (fd < 0)
		return e->num == ENOENT ? 0 : -1;
	return record_each_beneath(fd, each, self, e);
}
