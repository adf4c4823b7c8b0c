/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of mount options and how a list of them adds up.  Pure, in husk, while planning.
 *
 * The words for times all speak about one field of the kernel, in which relatime is 0: every "no..." word
 * therefore goes back to relatime, as mount(8) does through the same interface.
 */
#include "parts/fs/options.h"

#include <linux/mount.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/table.h"

enum effect {
	NOTHING,        /* has no meaning any more, or only for mount(8) itself */
	ATTR,           /* the mount: BITS out of MASK */
	REC_ATTR,       /* it and all beneath it */
	SUPER,          /* a word of the superblock, passed on; MASK 0: it is the default, only takes back its opposite */
	PROP, RPROP,
	BIND, RBIND, REMOUNT, TMPCOPYUP, COPY_SYMLINK, SRC_NOFOLLOW, DEST_NOFOLLOW, IDMAP, RIDMAP,
};

struct option {
	char word[16];
	enum effect effect;
	uint64_t bits, mask;
	char opposite[12];              /* or empty */
};

#define ATIME   MOUNT_ATTR__ATIME
#define DIRTIME MOUNT_ATTR_NODIRATIME
#define USER    (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define ROW(name, what, bit, all, other)                                                                        \
	{ name, what, (bit) + FITS(name, struct option, word), (all) + FITS(other, struct option, opposite), other }
#define SET(word, what, bit)    ROW(word, what, bit, bit, "")
#define CLEAR(word, what, bit)  ROW(word, what, 0, bit, "")
#define TIME(word, what, value) ROW(word, what, value, ATIME, "")

/* In alphabetical order, for `husk features`. */
static const struct option options[] = {
	ROW("_netdev", NOTHING, 0, 0, ""),
	ROW("async", SUPER, 0, 0, "sync"),
	TIME("atime", ATTR, MOUNT_ATTR_RELATIME),
	ROW("auto", NOTHING, 0, 0, ""),
	ROW("bind", BIND, 0, 0, ""),
	ROW("copy-symlink", COPY_SYMLINK, 0, 0, ""),
	ROW("defaults", NOTHING, 0, 0, ""),
	ROW("dest-nofollow", DEST_NOFOLLOW, 0, 0, ""),
	CLEAR("dev", ATTR, MOUNT_ATTR_NODEV),
	CLEAR("diratime", ATTR, DIRTIME),
	ROW("dirsync", SUPER, 1, 1, ""),
	CLEAR("exec", ATTR, MOUNT_ATTR_NOEXEC),
	ROW("group", ATTR, USER, USER, ""),
	ROW("idmap", IDMAP, 0, 0, ""),
	/* Since 5.x every file system that can count versions does; mount(2) has no way to ask for it by fsconfig(2). */
	ROW("iversion", NOTHING, 0, 0, ""),
	ROW("lazytime", SUPER, 1, 1, "nolazytime"),
	ROW("loud", NOTHING, 0, 0, ""),
	/* Mandatory locks went away in 5.15. */
	ROW("mand", NOTHING, 0, 0, ""),
	TIME("noatime", ATTR, MOUNT_ATTR_NOATIME),
	ROW("noauto", NOTHING, 0, 0, ""),
	SET("nodev", ATTR, MOUNT_ATTR_NODEV),
	SET("nodiratime", ATTR, DIRTIME),
	SET("noexec", ATTR, MOUNT_ATTR_NOEXEC),
	ROW("nofail", NOTHING, 0, 0, ""),
	ROW("noiversion", NOTHING, 0, 0, ""),
	ROW("nolazytime", SUPER, 0, 0, "lazytime"),
	ROW("nomand", NOTHING, 0, 0, ""),
	TIME("norelatime", ATTR, MOUNT_ATTR_RELATIME),
	TIME("nostrictatime", ATTR, MOUNT_ATTR_RELATIME),
	SET("nosuid", ATTR, MOUNT_ATTR_NOSUID),
	SET("nosymfollow", ATTR, MOUNT_ATTR_NOSYMFOLLOW),
	ROW("nouser", NOTHING, 0, 0, ""),
	ROW("owner", ATTR, USER, USER, ""),
	ROW("private", PROP, MS_PRIVATE, 0, ""),
	TIME("ratime", REC_ATTR, MOUNT_ATTR_RELATIME),
	ROW("rbind", RBIND, 0, 0, ""),
	CLEAR("rdev", REC_ATTR, MOUNT_ATTR_NODEV),
	CLEAR("rdiratime", REC_ATTR, DIRTIME),
	TIME("relatime", ATTR, MOUNT_ATTR_RELATIME),
	ROW("remount", REMOUNT, 0, 0, ""),
	CLEAR("rexec", REC_ATTR, MOUNT_ATTR_NOEXEC),
	ROW("ridmap", RIDMAP, 0, 0, ""),
	TIME("rnoatime", REC_ATTR, MOUNT_ATTR_NOATIME),
	SET("rnodev", REC_ATTR, MOUNT_ATTR_NODEV),
	SET("rnodiratime", REC_ATTR, DIRTIME),
	SET("rnoexec", REC_ATTR, MOUNT_ATTR_NOEXEC),
	TIME("rnorelatime", REC_ATTR, MOUNT_ATTR_RELATIME),
	TIME("rnostrictatime", REC_ATTR, MOUNT_ATTR_RELATIME),
	SET("rnosuid", REC_ATTR, MOUNT_ATTR_NOSUID),
	SET("rnosymfollow", REC_ATTR, MOUNT_ATTR_NOSYMFOLLOW),
	SET("ro", ATTR, MOUNT_ATTR_RDONLY),
	ROW("rprivate", RPROP, MS_PRIVATE, 0, ""),
	TIME("rrelatime", REC_ATTR, MOUNT_ATTR_RELATIME),
	SET("rro", REC_ATTR, MOUNT_ATTR_RDONLY),
	CLEAR("rrw", REC_ATTR, MOUNT_ATTR_RDONLY),
	ROW("rshared", RPROP, MS_SHARED, 0, ""),
	ROW("rslave", RPROP, MS_SLAVE, 0, ""),
	TIME("rstrictatime", REC_ATTR, MOUNT_ATTR_STRICTATIME),
	CLEAR("rsuid", REC_ATTR, MOUNT_ATTR_NOSUID),
	CLEAR("rsymfollow", REC_ATTR, MOUNT_ATTR_NOSYMFOLLOW),
	ROW("runbindable", RPROP, MS_UNBINDABLE, 0, ""),
	CLEAR("rw", ATTR, MOUNT_ATTR_RDONLY),
	ROW("shared", PROP, MS_SHARED, 0, ""),
	ROW("silent", NOTHING, 0, 0, ""),
	ROW("slave", PROP, MS_SLAVE, 0, ""),
	ROW("src-nofollow", SRC_NOFOLLOW, 0, 0, ""),
	TIME("strictatime", ATTR, MOUNT_ATTR_STRICTATIME),
	CLEAR("suid", ATTR, MOUNT_ATTR_NOSUID),
	CLEAR("symfollow", ATTR, MOUNT_ATTR_NOSYMFOLLOW),
	ROW("sync", SUPER, 1, 1, "async"),
	ROW("tmpcopyup", TMPCOPYUP, 0, 0, ""),
	ROW("unbindable", PROP, MS_UNBINDABLE, 0, ""),
	ROW("user", ATTR, USER | MOUNT_ATTR_NOEXEC, USER | MOUNT_ATTR_NOEXEC, ""),
	ROW("users", ATTR, USER | MOUNT_ATTR_NOEXEC, USER | MOUNT_ATTR_NOEXEC, ""),
};

const char *options_known(size_t n)
{
	return n < ARRAY_SIZE(options) ? options[n].word : NULL;
}

static const struct option *find(const char *word)
{
	size_t lo = 0, hi = ARRAY_SIZE(options);

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int order = strcmp(word, options[mid].word);

		if (order == 0)
			return &options[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static void change(uint64_t *set, uint64_t *clear, const struct option *o)
{
	*set = (*set & ~o->mask) | o->bits;
	/* The kernel wants the whole field of the times cleared before one of them is set. */
	*clear = (*clear & ~o->bits) | (o->mask & (~o->bits | ATIME));
}

/* Words for the file system, gathered before they are joined. */
struct words { const char **v; size_t n; };

static void take_back(struct words *w, const char *word)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++)
		if (!str_eq(w->v[i], word))
			w->v[kept++] = w->v[i];
	w->n = kept;
}

static void add(struct mount_words *out, struct words *data, const struct option *o)
{
	switch (o->effect) {
	case NOTHING:
		break;
	case ATTR:
		change(&out->set, &out->clear, o);
		break;
	case REC_ATTR:
		change(&out->rec_set, &out->rec_clear, o);
		break;
	case SUPER:
		take_back(data, o->word);
		if (*o->opposite)
			take_back(data, o->opposite);
		if (o->mask || out->remount)
			data->v[data->n++] = o->word;
		break;
	case PROP:
	case RPROP:
		out->propagation = (unsigned long)o->bits;
		out->propagation_recursive = o->effect == RPROP;
		break;
	case BIND:
		out->bind = true;
		break;
	case RBIND:
		out->rbind = true;
		break;
	case REMOUNT:
		out->remount = true;
		break;
	case TMPCOPYUP:
		out->tmpcopyup = true;
		break;
	case COPY_SYMLINK:
		out->copy_symlink = true;
		break;
	case SRC_NOFOLLOW:
		out->src_nofollow = true;
		break;
	case DEST_NOFOLLOW:
		out->dest_nofollow = true;
		break;
	case IDMAP:
		out->idmap = true;
		break;
	case RIDMAP:
		out->ridmap = true;
		break;
	}
}

static const char *join(const struct words *w, struct arena *a)
{
	size_t size = 1;
	char *all, *p;

	if (w->n == 0)
		return NULL;
	for (size_t i = 0; i < w->n; i++)
		size += strlen(w->v[i]) + 1;
	all = p = arena_alloc(a, size);
	for (size_t i = 0; i < w->n; i++) {
		size_t len = strlen(w->v[i]) + 1;

		memcpy(p, w->v[i], len);
		p += len;
	}
	return all;
}

/* Of mount(8) alone: remarks to itself and to others. */
static bool is_remark(const char *word)
{
	return str_starts(word, "x-") || str_starts(word, "X-") || str_starts(word, "comment=");
}

/*
 * A string may hold several options, as on mount(8)'s command line: runc and crun hand it to mount(2) as it is, where
 * the kernel takes it apart.  Between quotes (SELinux) and behind a backslash (overlay) commas belong to a value.
 */
static const char *next_option(const char **list, struct arena *a)
{
	const char *word = *list, *end = word;
	bool is_quoted = false;

	for (; *end && (*end != ',' || is_quoted); end++) {
		is_quoted ^= *end == '"';
		if (*end == '\\' && end[1])
			end++;
	}
	*list = *end ? end + 1 : NULL;
	return *end ? arena_strndup(a, word, (size_t)(end - word)) : word;
}

/* context="u:r:t:s0:c1,c2": SELinux would take the quotes for a part of the label, when it is given the value alone. */
static const char *unquoted(const char *word, struct arena *a)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? strlen(equals) : 0;

	if (len < 3 || equals[1] != '"' || equals[len - 1] != '"' ||
	    !memmem(word, (size_t)(equals - word), "context", 7))
		return word;
	return arena_printf(a, "%.*s=%.*s", (int)(equals - word), word, (int)len - 3, equals + 2);
}

/* WORD is one of the options in the string that mounts[].options has at INDEX. */
static int take(struct mount_words *out, struct words *data, const char *word, size_t index, const char *where, struct arena *a,
		struct err *e)
{
	const struct option *o = find(word);
	const char *value;

	if (o) {
		add(out, data, o);
	} else if ((value = str_after(word, "idmap=")) || (value = str_after(word, "ridmap="))) {
		out->idmap_text = value;
		if (word[0] == 'r')
			out->ridmap = true;
		else
			out->idmap = true;
	} else if (word[0] == '=') {
		return err_set(e, ERR_SPEC, "%s.options[%zu]: not an option: \"%s\"", where, index, word);
	} else if (!is_remark(word)) {
		data->v[data->n++] = unquoted(word, a);
		if (!out->unknown) {
			out->unknown = word;
			out->unknown_at = index;
		}
	}
	return 0;
}

static size_t most_options(const str_list *list)
{
	size_t n = list->n;

	for (size_t i = 0; i < list->n; i++)
		for (const char *p = list->v[i]; *p; p++)
			n += *p == ',';
	return n;
}

int options_parse(struct mount_words *out, const struct oci_mount *m, const char *where, struct arena *a, struct err *e)
{
	const str_list *list = &m->options;
	struct words data = { ARENA_ARRAY(a, const char *, most_options(list) + 1), 0 };

	*out = (struct mount_words){ .remount = oci_mount_has(m, "remount") };
	for (size_t i = 0; i < list->n; i++) {
		const char *rest = list->v[i], *word;

		while (rest) {
			word = next_option(&rest, a);
			if (*word && take(out, &data, word, i, where, a, e) < 0)
				return -1;
		}
	}
	out->data = join(&data, a);
	return 0;
}
