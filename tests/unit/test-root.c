/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver of container paths against a hostile tree: nothing is ever found or made outside. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/root.h"
#include "unit/tap.h"

/* WORK/root is the root file system, WORK/out the canary beside it. */
struct fixture {
	char work[64];
	int dir;
	struct root root;
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static void fixture_undo(struct fixture *f)
{
	close(f->dir);
	close(f->root.fd);
	nftw(f->work, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void fixture_make(struct fixture *f)
{
	/* In memory where that is possible: thousands of small files. */
	snprintf(f->work, sizeof(f->work), "%s/husk-root-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(f->work))
		abort();
	f->dir = open(f->work, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(f->dir, "root", 0755) < 0 || mkdirat(f->dir, "out", 0755) < 0)
		abort();
	f->root = (struct root){ openat(f->dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC), "rootfs" };
}

static void make_dir(const struct fixture *f, const char *name)
{
	if (mkdirat(f->root.fd, name, 0755) < 0)
		abort();
}

static void make_link(const struct fixture *f, const char *target, const char *name)
{
	if (symlinkat(target, f->root.fd, name) < 0)
		abort();
}

static bool out_is_empty(const struct fixture *f)
{
	struct stat st;

	return fstatat(f->dir, "out", &st, 0) == 0 && st.st_nlink == 2 && unlinkat(f->dir, "out", AT_REMOVEDIR) == 0 &&
	       mkdirat(f->dir, "out", 0755) == 0;
}

/* Where FD is, seen from the root; false when that is outside. */
static bool path_of(const struct root *r, int fd, char *buf)
{
	char link[64], base[PATH_MAX], path[PATH_MAX];
	ssize_t n, m;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", r->fd);
	n = readlink(link, base, sizeof(base));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	m = readlink(link, path, sizeof(path) - 1);
	if (n < 0 || m < n || memcmp(base, path, (size_t)n) || (m > n && path[n] != '/'))
		return false;
	path[m] = '\0';
	snprintf(buf, PATH_MAX, "%s", m == n ? "/" : path + n);
	return true;
}

static const char *made(const struct fixture *f, const char *path, bool file, char *buf)
{
	struct err e = { 0 };
	AUTO_FD int fd = file ? root_make_file(&f->root, CPATH(path), 0644, &e) :
				root_make_dir(&f->root, CPATH(path), 0755, &e);

	if (fd < 0)
		snprintf(buf, PATH_MAX, "error %d", e.num);
	else if (!path_of(&f->root, fd, buf))
		snprintf(buf, PATH_MAX, "outside");
	return buf;
}

/* Not by its text, which is not the same with every libc. */
static const char *error(int num)
{
	static char buf[32];

	snprintf(buf, sizeof(buf), "error %d", num);
	return buf;
}

static void test_make_dir(const struct fixture *f)
{
	char buf[PATH_MAX];

	SAME(made(f, "/a/b/c", false, buf), "/a/b/c", "a directory is made with its parents");
	SAME(made(f, "a/b/c/", false, buf), "/a/b/c", "a relative path and a trailing slash mean the same");
	SAME(made(f, "/a/./b//d/.", false, buf), "/a/b/d", "dots and double slashes do not matter");
	SAME(made(f, "/", false, buf), "/", "the root itself is a directory");
	SAME(made(f, "", false, buf), "/", "and so is nothing");
	SAME(made(f, "../../../a/up", false, buf), "/a/up", ".. stops at the root");
	SAME(made(f, "/a/../z", false, buf), "/z", ".. inside is resolved");
	make_link(f, "/a/b", "abs");
	SAME(made(f, "/abs/new", false, buf), "/a/b/new", "an absolute link leads to inside the root");
	make_link(f, "../../../../out", "rel");
	SAME(made(f, "/rel/new", false, buf), "/out/new", "a relative link cannot climb out");
	make_link(f, "/nowhere/deep", "dangling");
	SAME(made(f, "/dangling", false, buf), "/nowhere/deep", "the target of a dangling link is made");
	make_link(f, "gone/../gone2/x", "dangling2");
	SAME(made(f, "/a/../dangling2/y", false, buf), "/gone2/x/y", "also a relative one, with rest and ..");
	make_link(f, "loop2", "loop1");
	make_link(f, "loop1", "loop2");
	SAME(made(f, "/loop1/x", false, buf),
	     error(ELOOP), "a loop is an error");
	make_link(f, "self", "self");
	SAME(made(f, "/self", false, buf), error(ELOOP), "a link to itself is an error");
	make_link(f, "/proc/self/root/tmp", "magic");
	SAME(made(f, "/magic/x", false, buf), "/proc/self/root/tmp/x", "a path of the host's means nothing");
	OK(out_is_empty(f), "nothing was made outside");
}

static void test_make_file(const struct fixture *f)
{
	char buf[PATH_MAX];
	struct stat st;

	SAME(made(f, "/f/g/file", true, buf), "/f/g/file", "a file is made with its parents");
	SAME(made(f, "/f/g/file", true, buf), "/f/g/file", "an existing one is taken");
	SAME(made(f, "/f/g/file/", true, buf), "/f/g/file", "a trailing slash does not matter");
	SAME(made(f, "/f/g", true, buf), error(EISDIR), "a directory is not a file");
	SAME(made(f, "/f/g/file", false, buf), error(ENOTDIR),
	     "a file is not a directory");
	SAME(made(f, "/f/g/file/x", true, buf), error(ENOTDIR),
	     "nothing can be made below a file");
	make_link(f, "/run/resolv/stub", "resolv.conf");
	SAME(made(f, "/resolv.conf", true, buf), "/run/resolv/stub", "a dangling link to a file is followed");
	make_link(f, "../../../../../out/pwned", "evil");
	SAME(made(f, "/evil", true, buf), "/out/pwned", "but only inside the root");
	SAME(made(f, "/", true, buf), error(EISDIR), "the root is not a file");
	umask(077);
	made(f, "/mode/file", true, buf);
	umask(022);
	OK(fstatat(f->root.fd, "mode", &st, 0) == 0 && (st.st_mode & 07777) == 0755,
	   "the caller's umask does not change the mode of parents");
	OK(fstatat(f->root.fd, "mode/file", &st, 0) == 0 && (st.st_mode & 07777) == 0644, "nor that of the file");
	OK(out_is_empty(f), "nothing was made outside");
}

static void test_long(const struct fixture *f)
{
	char path[2 * PATH_MAX], buf[PATH_MAX];

	memset(path, 'n', 256);
	path[256] = '\0';
	SAME(made(f, path, false, buf), error(ENAMETOOLONG), "a component of 256 bytes is an error");
	path[255] = '\0';
	made(f, path, false, buf);
	OK(buf[0] == '/' && strlen(buf) == 256, "one of 255 is none");
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 2 ? 'y' : '/';
	path[sizeof(path) - 1] = '\0';
	SAME(made(f, path, false, buf), error(ENAMETOOLONG), "a path longer than PATH_MAX is an error");
}

static void test_parent(const struct fixture *f)
{
	struct err e = { 0 };
	char name[256], buf[PATH_MAX];
	AUTO_FD int fd = root_make_parent(&f->root, CPATH("/dev/x/null/"), name, &e);

	OK(fd >= 0, "the parent of a path is made");
	SAME(name, "null", "and its last component given");
	OK(path_of(&f->root, fd, buf) && !strcmp(buf, "/dev/x"), "it is the right one");
	OK(root_make_parent(&f->root, CPATH("/dev/.."), name, &e) < 0, ".. as last component is refused");
	OK(root_make_parent(&f->root, CPATH("/"), name, &e) < 0, "the root has no parent");

	OK(root_symlink_at(fd, "fd", "/proc/self/fd", &e) == 0, "a link is made");
	OK(root_symlink_at(fd, "fd", "/proc/self/fd", &e) < 0 && e.num == EEXIST, "but never in place of something");
	OK(root_symlink_at(fd, "a/b", "x", &e) < 0 && e.kind == ERR_BUG, "and only of one component");
	if (geteuid() == 0) {
		struct stat st;

		umask(077);
		OK(root_mknod_at(fd, "null", S_IFCHR | 0666, makedev(1, 3), &e) == 0, "a device is made: %s", e.msg);
		umask(022);
		OK(fstatat(fd, "null", &st, 0) == 0 && st.st_mode == (S_IFCHR | 0666), "with its mode whatever the umask");
	} else {
		SKIP("needs root", "a device is made");
	}
}

static void test_find(const struct fixture *f)
{
	struct err e = { 0 };
	int fd;

	OK(root_find(&f->root, CPATH("/not/there"), O_PATH, &e) < 0 && e.num == ENOENT && !e.msg[0],
	   "what is not there is an answer without a message");
	OK(root_open(&f->root, CPATH("/not/there"), O_PATH, &e) < 0, "for open it is an error");
	SAME(e.msg, "open \"/not/there\" in rootfs: no such file or directory", "with a text");
	make_dir(f, "found");
	fd = root_find(&f->root, CPATH("/found"), O_PATH, &e);
	OK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC, "what is there is opened, close-on-exec");
	close(fd);
	make_link(f, "found", "lnk");
	fd = root_open(&f->root, CPATH("lnk"), O_PATH | O_NOFOLLOW, &e);
	{
		struct stat st;

		OK(fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode), "a last link itself with O_NOFOLLOW");
	}
	close(fd);
}

/* ---- random trees and a renamer ------------------------------------------------------------ */

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static const char *const names[] = { "a", "b", "c", "d" };

static void random_path(unsigned *seed, char *buf, size_t size)
{
	static const char *const words[] = { "a", "b", "c", "d", "..", ".", "new", "" };
	size_t used = 0;
	unsigned n = 1 + next_random(seed) % 6;

	buf[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s",
					 i || next_random(seed) % 2 ? "/" : "", words[next_random(seed) % 8]);
}

static void empty_root(const struct fixture *f)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/root", f->work);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	(void)mkdir(path, 0755);
}

/* A tree of directories, files and links to anywhere, also to the canary by absolute and relative paths. */
static void plant(const struct fixture *f, unsigned *seed)
{
	char path[256], target[320];
	struct err e;

	for (int i = 0; i < 24; i++) {
		const char *name = names[next_random(seed) % 4];
		unsigned what = next_random(seed) % 8;
		AUTO_FD int dir = -EBADF;

		random_path(seed, path, sizeof(path));
		dir = root_find(&f->root, CPATH(path), O_PATH | O_DIRECTORY, &e);
		if (dir < 0)
			continue;
		random_path(seed, target, sizeof(target));
		if (what == 6)
			snprintf(target, sizeof(target), "%s/out", f->work);
		if (what == 7)
			snprintf(target, sizeof(target), "../../../../out");
		if (what < 2)
			(void)mkdirat(dir, name, 0755);
		else if (what == 2)
			(void)mknodat(dir, name, S_IFREG | 0644, 0);
		else
			(void)!symlinkat(*target ? target : "/", dir, name);
	}
}

/*
 * A second resolver, slow and simple, to compare with: it looks at one component at a time and
 * never makes anything.  WHERE becomes the path, without links, that must come out.
 */
struct model {
	char at[64][256];       /* the components so far */
	int depth;
	int missing;            /* at[missing] and what follows does not exist yet; -1: all does */
	int links;
	bool through_link;
	bool left_missing;      /* ".." out of something that does not exist: the resolver makes it first */
};

/* The type of at[depth-1]: an S_IF* or 0 when it is missing. */
static mode_t model_type(const struct fixture *f, const struct model *m, char *target, size_t size)
{
	int dir = openat(f->root.fd, ".", O_PATH | O_CLOEXEC), next;
	struct stat st = { 0 };
	ssize_t n;

	for (int i = 0; i < m->depth - 1 && dir >= 0; i++) {
		next = openat(dir, m->at[i], O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
		close(dir);
		dir = next;
	}
	if (dir < 0 || fstatat(dir, m->at[m->depth - 1], &st, AT_SYMLINK_NOFOLLOW) < 0)
		st.st_mode = 0;
	n = S_ISLNK(st.st_mode) ? readlinkat(dir, m->at[m->depth - 1], target, size - 1) : -1;
	target[n < 0 ? 0 : n] = '\0';
	if (dir >= 0)
		close(dir);
	return st.st_mode & S_IFMT;
}

static bool only_dots(const char *s)
{
	return !s[strspn(s, "/.")] && !strstr(s, "..");
}

/* 0 or the errno that is right. */
static int model_resolve(const struct fixture *f, const char *path, bool file, struct model *m, char *where)
{
	static char todo[65536], rest[65536];
	char target[4096], *word, *p = todo;
	bool is_file = false;
	size_t used = 0;

	*m = (struct model){ .missing = -1 };
	snprintf(todo, sizeof(todo), "%s", path);
	while (*(word = p + strspn(p, "/"))) {
		size_t len = strcspn(word, "/");
		mode_t type;

		p = word + len;
		if (len == 1 && *word == '.')
			continue;
		if (is_file)
			return ENOTDIR;
		if (len == 2 && word[0] == '.' && word[1] == '.') {
			m->depth -= m->depth > 0;
			m->left_missing = m->left_missing || m->missing >= 0;
			if (m->missing >= m->depth)
				m->missing = -1;
			continue;
		}
		snprintf(m->at[m->depth++], 256, "%.*s", (int)len, word);
		type = m->missing < 0 ? model_type(f, m, target, sizeof(target)) : 0;
		if (type == 0) {
			if (m->missing < 0)
				m->missing = m->depth - 1;
			is_file = file && only_dots(p);
		} else if (type == S_IFLNK) {
			if (++m->links > 40)
				return ELOOP;
			m->through_link = true;
			m->depth = target[0] == '/' ? 0 : m->depth - 1;
			snprintf(rest, sizeof(rest), "%s/%s", target, p);
			memcpy(todo, rest, sizeof(todo));
			p = todo;
		} else {
			is_file = type != S_IFDIR;
		}
	}
	where[0] = '\0';
	for (int i = 0; i < m->depth; i++)
		used += (size_t)snprintf(where + used, PATH_MAX - used, "/%s", m->at[i]);
	if (!m->depth)
		snprintf(where, PATH_MAX, "/");
	return is_file == file ? 0 : file ? EISDIR : ENOTDIR;
}

static void test_model(struct fixture *f, int trees, int rounds)
{
	static struct model m;
	int same = 0, wrong = 0, errors = 0;

	for (int i = 0; i < trees; i++) {
		unsigned seed = 1000 + (unsigned)i;

		close(f->root.fd);
		empty_root(f);
		f->root.fd = openat(f->dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
		plant(f, &seed);
		for (int j = 0; j < rounds; j++) {
			char path[256], got[PATH_MAX], want[PATH_MAX];
			bool file = next_random(&seed) % 2;
			int num;

			random_path(&seed, path, sizeof(path));
			num = model_resolve(f, path, file, &m, want);
			if (num)
				snprintf(want, sizeof(want), "%s", error(num));
			made(f, path, file, got);
			/* "file/." as the target of a link: the kernel refuses it, the model does not care. */
			if (!strcmp(got, want) || (m.through_link && !strcmp(got, error(ENOTDIR))) ||
			    (m.left_missing && !strcmp(got, error(EISDIR))) ||
			    (!strcmp(got, error(ELOOP)) && m.links > 20)) {
				same++;
				errors += got[0] != '/';
				continue;
			}
			if (wrong++ < 3)
				printf("# tree %d: %s \"%s\": %s, the model says %s\n", i, file ? "file" : "dir", path, got, want);
		}
	}
	OK(!wrong, "a second resolver agrees: %d times, %d of them errors, %d not", same, errors, wrong);
	OK(out_is_empty(f), "nothing was made outside");
}

/* Exchanges names in the root until it is killed. */
static pid_t start_renamer(const struct fixture *f)
{
	pid_t pid = fork();
	unsigned seed = 7;

	if (pid)
		return pid;
	for (;;) {
		const char *one = names[next_random(&seed) % 4], *other = names[next_random(&seed) % 4];

		syscall(SYS_renameat2, f->root.fd, one, f->root.fd, other, 2u /* RENAME_EXCHANGE */);
	}
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int one_round(const struct fixture *f, unsigned *seed, int *inside, int *refused)
{
	char path[256], buf[PATH_MAX];
	struct err e = { 0 };
	bool file = next_random(seed) % 2;
	int fd;

	random_path(seed, path, sizeof(path));
	fd = file ? root_make_file(&f->root, CPATH(path), 0644, &e) : root_make_dir(&f->root, CPATH(path), 0755, &e);
	if (fd < 0) {
		++*refused;
		return 0;
	}
	++*inside;
	if (!path_of(&f->root, fd, buf)) {
		printf("# %s: %s\n", path, e.msg);
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

static void test_random(struct fixture *f, int trees, int rounds)
{
	int bad = 0, inside = 0, refused = 0;

	for (int i = 0; i < trees; i++) {
		unsigned seed = 1 + (unsigned)i;
		pid_t pid;

		close(f->root.fd);
		empty_root(f);
		f->root.fd = openat(f->dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
		plant(f, &seed);
		pid = start_renamer(f);
		for (int j = 0; j < rounds; j++)
			bad += one_round(f, &seed, &inside, &refused) < 0;
		stop(pid);
	}
	OK(bad == 0 && out_is_empty(f), "random trees and a renamer: %d made inside, %d refused, none outside", inside,
	   refused);
}

/* Benign renames, as a busy volume has them, must not make us refuse. */
static void test_exchange(struct fixture *f)
{
	int failed = 0;
	char buf[PATH_MAX];
	pid_t pid;

	close(f->root.fd);
	empty_root(f);
	f->root.fd = openat(f->dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	make_dir(f, "a");
	make_link(f, "../../../../out", "b");
	pid = start_renamer(f);
	for (int i = 0; i < 100; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/a/../a/x%d/y", i);
		made(f, path, i % 2, buf);
		failed += buf[0] != '/';
		if (buf[0] != '/' && failed < 4)
			printf("# %s\n", buf);
	}
	stop(pid);
	OK(failed == 0, "100 paths through a name that is a directory and a link in turns: %d refused", failed);
	OK(out_is_empty(f), "nothing was made outside");
}

static void test_refused(const struct fixture *f)
{
	struct root proc = { open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), "/proc" };
	struct err e = { 0 };
	char buf[PATH_MAX];

	made(f, "/plain", true, buf);
	SAME(made(f, "/plain/x", false, buf), error(ENOTDIR), "below a file: refused");
	OK(root_make_dir(&proc, CPATH("/self/no"), 0755, &e) < 0 && e.num == ENOENT, "in procfs: refused");
	close(proc.fd);
}

int main(void)
{
	struct fixture f;

	umask(022);
	fixture_make(&f);
	test_make_dir(&f);
	test_make_file(&f);
	test_long(&f);
	test_parent(&f);
	test_find(&f);
	test_model(&f, 100, 20);
	test_random(&f, 8, 25);
	test_exchange(&f);
	test_refused(&f);
	fixture_undo(&f);
	return tap_done();
}
