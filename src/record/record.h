/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered between two commands: <root>/<id>/, a directory of mode 0700 that holds
 * record.json, config.json (the bytes that came in), gate, the socket of `start`, and what `update` changed (updated.h).  Used by
 * husk on the host, in every command.  The directory is opened once, and its lock is an flock(2)
 * on it: who waits for the lock of a container that is deleted meanwhile finds it gone.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "record/saved.h"
#include "sys/groupfs.h"

#define RECORD_NAME_MAX 255
#define RECORD_PATH_MAX (RECORD_NAME_MAX + 32)

struct record {
	int root;                       /* <root>; -EBADF when it is the caller's */
	int at;                         /* <root>, whoever owns it */
	struct groupfs_near *near;      /* of who looks at many: where the groups of the last one were; NULL */
	bool is_volatile;               /* <root> does not outlive this boot: what it names by number is still that */
	int dir;                        /* <root>/<id>; also what the lock hangs on; -EBADF after record_peek() */
	bool is_ours;                   /* made by this process and not kept yet: undo removes it */
	bool is_locked;
	bool has_files;                 /* of those that we reserved: record.json has been written */
	bool has_next;                  /* and what will take its place */
	char id[RECORD_NAME_MAX + 1];
	struct oci_saved saved;         /* after record_load: strings in the caller's arena */
	bool is_readable;               /* record.json was there and made sense */
};

#define RECORD_NONE ((struct record){ .root = -EBADF, .at = -EBADF, .dir = -EBADF })

/* Closes; removes the directory when record_reserve() made it and record_keep() was not called. */
void record_undo(struct record *);
void record_keep(struct record *);

/*
 * "[A-Za-z0-9_+-][A-Za-z0-9_+.-]*", at most 255, not starting with '-'. ERR_USAGE otherwise.
 */
int record_check_id(const char *id, struct err *);

/* Makes <root>/<id>, locked from its first instant on, or says that the container already exists. */
int record_reserve(struct record *, const char *root, const char *id, struct err *);

/* Writes r->saved, replacing what was there in one step. The text is made in the caller's arena, which has room as a rule. */
int record_save(struct record *, struct arena *, struct err *);
/*
 * The same in two steps, for who made the record: the work, while others still see what was there before, and the moment.
 * record_save() in between changes nothing of what comes.
 */
int record_save_next(struct record *, struct arena *, struct err *);
int record_put_next(struct record *, struct err *);
/* The original bytes of config.json. */
int record_save_config(struct record *, const char *text, size_t len, struct err *);
char *record_load_config(const struct record *, struct arena *, size_t *len, struct err *);

/*
 * Opens what is there, without lock.  ERR_STATE "container does not exist" when it is not.  An
 * unreadable record is no error here (is_readable tells): delete and list must go on.
 */
int record_open(struct record *, const char *root, const char *id, struct arena *, struct err *);
/* The same, where only a readable record is of use. */
int record_load(struct record *, const char *root, const char *id, struct arena *, struct err *);
/* Without reading: for record_lock(), which reads. */
int record_find(struct record *, const char *root, const char *id, struct err *);
/*
 * Reads record.json: 1; 0 when it is missing; -1 when nobody knows, so that `delete --force` does not take it for missing.  What
 * is missing or makes no sense leaves a record that is not readable.
 */
int record_read(struct record *, struct arena *, struct err *);
/*
 * record_open() for who looks once and writes nothing there: the directory is not held, so that a later look may
 * see another container of the same name.
 */
int record_peek(struct record *, const char *root, const char *id, struct arena *, struct err *);
/* The same at one of many: ROOT is record_open_root()'s and stays the caller's, ID one of record_each(). */
int record_peek_beneath(struct record *, int root, bool is_volatile, const char *id, struct arena *, struct err *);
/* "container ... was left half made" where record.json is not readable. */
int record_check_readable(const struct record *, struct err *);
/* What to look FILE of the container up by: NAME beneath the descriptor that is returned, the record's own. */
int record_at(const struct record *, const char *file, char name[RECORD_PATH_MAX]);
/*
 * Takes the lock, waiting MSEC at most, and reads the record again (it may have changed while we
 * waited).  1 locked, 0 still held by another command, -1 error: also when the container went away.
 */
int record_lock(struct record *, int msec, struct arena *, struct err *);
/* For who made the record and let the lock go: false when another command holds it, or has removed the container. */
bool record_lock_again(struct record *);
/* Lets others go on; `run` in the foreground once the container runs. */
void record_unlock(struct record *);
/* Is another process holding the lock now?  True while `create` is at work. */
bool record_is_busy(const struct record *);

/* There is no such container, and nothing left of one. */
bool record_is_absent(const char *root, const char *id);

/* Removes exactly what we made: the files of the record and its directory. Absent is no error. */
int record_remove(struct record *, struct err *);

/* Calls EACH for every container below ROOT, in the order of their names; no root, no call. */
typedef int record_each_fn(void *self, const char *id, struct err *);
int record_each(const char *root, record_each_fn *each, void *self, struct err *);
/* The same below record_open_root()'s ROOT, which nobody has read from yet. */
int record_each_beneath(int root, record_each_fn *each, void *self, struct err *);
