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
#include <time.h>
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
	const char *tmp = getenv("TMPDIR");

	snprintf(f->work, sizeof(f->work), "%.40s/husk-root-XXXXXX", tmp ? tmp : "/tmp");
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

static const char *made(const struct fixture *f, const char *path, bool file, char *buf)
{
	struct err e = { 0 };
	AUTO_FD int fd = file ? root_make_file(&f->root, CPATH(path), 0644, &e) :
				root_make_dir(&f->root, CPATH(path), 0755, &e);

	if (fd < 0)
		snprintf(buf, PATH_MAX, "error %d", e.num);
	else if (root_path_of(&f->root, fd, buf, PATH_MAX, &e) < 0)
		snprintf(buf, PATH_MAX, "%s", e.msg);
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
	OK(root_path_of(&f->root, fd, buf, sizeof(buf), &e) == 0 && !strcmp(buf, "/dev/x"), "it is the right one");
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

static void empty_root(const struct fixture *f)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/root", f->work);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	(void)mkdir(path, 0755);
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
	if (root_path_of(&f->root, fd, buf, sizeof(buf), &e) < 0) {
		printf("# %s: %s\n", path, e.msg);
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

static void test_random(struct fixture *f, bool with_renamer, int trees, int rounds)
{
	int bad = 0, inside = 0, refused = 0;

	for (int i = 0; i < trees; i++) {
		unsigned seed = 1 + (unsigned)i;
		pid_t pid = 0;

		close(f->root.fd);
		empty_root(f);
		f->root.fd = openat(f->dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
		plant(f, &seed);
		if (with_renamer)
			pid = start_renamer(f);
		for (int j = 0; j < rounds; j++)
			bad += one_round(f, &seed, &inside, &refused) < 0;
		if (pid)
			stop(pid);
	}
	OK(bad == 0 && out_is_empty(f), "random trees%s: %d made inside, %d refused, none outside",
	   with_renamer ? " and a renamer" : "", inside, refused);
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
	for (int i = 0; i < 300; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/a/../a/x%d/y", i);
		made(f, path, i % 2, buf);
		failed += buf[0] != '/';
		if (buf[0] != '/' && failed < 4)
			printf("# %s\n", buf);
	}
	stop(pid);
	OK(failed == 0, "300 paths through a name that is a directory and a link in turns: %d refused", failed);
	OK(out_is_empty(f), "nothing was made outside");
}

/* What cannot be made is refused at once, not after the patience for races. */
static void test_time(const struct fixture *f)
{
	struct timespec t0, t1;
	struct root proc = { open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), "/proc" };
	struct err e = { 0 };
	char buf[PATH_MAX];
	long msec;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	made(f, "/plain", true, buf);
	SAME(made(f, "/plain/x", false, buf), error(ENOTDIR), "below a file: refused");
	OK(root_make_dir(&proc, CPATH("/self/no"), 0755, &e) < 0 && e.num == ENOENT, "in procfs: refused");
	clock_gettime(CLOCK_MONOTONIC, &t1);
	msec = (t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000;
	OK(msec < 500, "soon (%ld ms)", msec);
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
	test_random(&f, false, 100, 20);
	test_random(&f, true, 10, 40);
	test_exchange(&f);
	test_time(&f);
	fixture_undo(&f);
	return tap_done();
}
