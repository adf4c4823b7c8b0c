/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roots built for real, from plans made by hand: each in a process and a mount namespace of its own, on a tmpfs that
 * vanishes with it.  Needs root; without it everything is skipped.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "init/rootfs.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/mountfd.h"
#include "unit/tap.h"

#define BASE "/tmp/"            /* the tmpfs of a test; outside of it is the host's */
#define ROOT BASE "root"
#define OUT BASE "out"          /* the canary: nothing may appear here */

struct test {
	struct rootfs_plan rootfs;
	struct mounts_plan mounts;
	struct devices_plan devices;
	struct shield_plan shield;
	struct rootfs_inputs in;
	struct rootfs built;
	struct mount_plan m[16];
	struct device_node node[4];
	struct device_link link[4];
	struct err e;
};

#define CHECK(condition) do { if (!(condition)) { \
	printf("# line %d: %s; %s, errno %d\n", __LINE__, #condition, t->e.msg, errno); return false; } } while (0)

static const struct tree_plan no_tree;

static struct mount_plan *mount_add(struct test *t, enum mount_op op, const char *type, const char *at)
{
	struct mount_plan *m = &t->m[t->mounts.n++];

	*m = (struct mount_plan){ .op = op, .where = "mounts[0]", .type = type, .source = type, .destination = CPATH(at) };
	return m;
}

static void bind_add(struct test *t, struct tree_plan *tree, const char *from, const char *at)
{
	struct mount_plan *m = mount_add(t, MOUNT_TREE, NULL, at);

	*tree = (struct tree_plan){ .where = "mounts[0]", .source = from, .number = -1, .recursive = true };
	m->source = from;
	m->tree = tree;
}

static bool is_file(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_fs(const char *path, long magic)
{
	AUTO_FD int fd = open(path, O_PATH | O_CLOEXEC);

	return fd >= 0 && fd_has_magic(fd, magic);
}

static bool is_empty(const char *path)
{
	return rmdir(path) == 0 && mkdir(path, 0755) == 0;
}

static void touch(const char *path)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, "text\n", 5) != 5)
		abort();
}

/* ---- tests: true when all is as it should be ---- */

static bool test_order(struct test *t)
{
	struct tree_plan file, dir;

	touch(BASE "file");
	mount_add(t, MOUNT_NEW, "tmpfs", "/a/b");
	bind_add(t, &file, BASE "file", "/a/b/c/file");
	bind_add(t, &dir, BASE "out", "/a/b/dir");
	CHECK(rootfs_build(&t->built, &t->in, &t->e) == 0);
	CHECK(rootfs_enter(&t->built, &t->in, &t->e) == 0);
	CHECK(is_fs("/a/b", TMPFS_MAGIC) && is_file("/a/b/c/file"));
	CHECK(access("/a/b/dir", F_OK) == 0 && access(ROOT, F_OK) < 0);
	CHECK(access("/etc/passwd", F_OK) < 0);
	return true;
}

static bool test_escape(struct test *t)
{
	struct tree_plan file;

	touch(BASE "file");
	CHECK(symlink(OUT, ROOT "/absolute") == 0 && symlink("../../../.." OUT, ROOT "/relative") == 0);
	CHECK(symlink("/proc/self/root", ROOT "/magic") == 0 && symlink("loop", ROOT "/loop") == 0);
	mount_add(t, MOUNT_NEW, "tmpfs", "/absolute/x");
	mount_add(t, MOUNT_NEW, "tmpfs", "/relative/../y");
	bind_add(t, &file, BASE "file", "/../../../" OUT "/file");
	mount_add(t, MOUNT_NEW, "tmpfs", "/magic/tmp/out/z");
	CHECK(rootfs_build(&t->built, &t->in, &t->e) == 0);
	CHECK(is_empty(OUT));
	rootfs_undo(&t->built);
	t->mounts.n = 0;
	mount_add(t, MOUNT_NEW, "tmpfs", "/loop/x");
	CHECK(rootfs_build(&t->built, &t->in, &t->e) < 0);
	CHECK(is_empty(OUT));
	return true;
}

static bool test_proc_link(struct test *t)
{
	CHECK(mkdir(ROOT "/mnt", 0755) == 0 && symlink("mnt", ROOT "/proc") == 0);
	mount_add(t, MOUNT_NEW, "proc", "/proc")->on_directory_only = true;
	CHECK(rootfs_build(&t->built, &t->in, &t->e) < 0);
	CHECK(strstr(t->e.msg, "must be a real directory"));
	return true;
}

static bool test_inside_proc(struct test *t)
{
	CHECK(symlink("/proc", ROOT "/p") == 0);
	mount_add(t, MOUNT_NEW, "proc", "/proc")->on_directory_only = true;
	mount_add(t, MOUNT_NEW, "tmpfs", "/p/sys");
	CHECK(rootfs_build(&t->built, &t->in, &t->e) < 0);
	CHECK(strstr(t->e.msg, "inside of a procfs"));
	return true;
}

static void shield(struct test *t)
{
	static const struct shield_path masked[] = {
		{ { "/proc/kallsyms" }, "linux.maskedPaths[0]" }, { { "/proc/sys/kernel" }, "linux.maskedPaths[1]" },
		{ { "/nowhere/at/all" }, "linux.maskedPaths[2]" }, { { "/secret" }, "linux.maskedPaths[3]" },
	};
	static const struct shield_path readonly[] = { { { "/proc/sys" }, "linux.readonlyPaths[0]" } };

	t->shield = (struct shield_plan){ .n_masked = 4, .masked = masked, .n_readonly = 1, .readonly = readonly };
	mount_add(t, MOUNT_NEW, "proc", "/proc")->on_directory_only = true;
	t->m[0].is_anchor = true;
}

static bool test_shield(struct test *t)
{
	char c;

	touch(ROOT "/secret");
	shield(t);
	CHECK(rootfs_build(&t->built, &t->in, &t->e) == 0 && t->built.anchors.n == 1);
	CHECK(rootfs_shield(&t->built, &t->in, &t->e) == 0 && rootfs_enter(&t->built, &t->in, &t->e) == 0);
	CHECK(access("/proc/sys/kernel/hostname", F_OK) < 0 && access("/proc/sys/fs", F_OK) == 0);
	CHECK(is_fs("/proc/sys/kernel", TMPFS_MAGIC) && access("/proc/sys/kernel", W_OK) < 0 && errno == EROFS);
	CHECK(open("/proc/sys/fs/file-max", O_WRONLY | O_CLOEXEC) < 0 && errno == EROFS);
	AUTO_FD int fd = open("/secret", O_RDONLY | O_CLOEXEC);
	CHECK(fd_is_device(fd, S_IFCHR, 1, 3) && read(fd, &c, 1) == 0);
	return true;
}

static bool test_moved_proc(struct test *t)
{
	shield(t);
	CHECK(rootfs_build(&t->built, &t->in, &t->e) == 0);
	CHECK(rename(ROOT "/proc", ROOT "/elsewhere") < 0 || mkdir(ROOT "/proc", 0755) == 0);
	/* Within one namespace a mount point is busy; a mount on top does the same as a rename elsewhere. */
	AUTO_FD int on = open(ROOT "/proc", O_PATH | O_CLOEXEC), mnt = mountfd_new("tmpfs", NULL, NULL, 0, false, &t->e);
	CHECK(mountfd_attach(mnt, on, &t->e) == 0);
	CHECK(rootfs_shield(&t->built, &t->in, &t->e) < 0);
	CHECK(strstr(t->e.msg, "no longer what was mounted there"));
	return true;
}

static void device(struct test *t)
{
	t->node[0] = (struct device_node){ "linux.devices[0]", CPATH("/dev/zero"), "/dev/zero", S_IFCHR | 0640,
					   makedev(1, 5), 7, 8, false };
	t->link[0] = (struct device_link){ CPATH("/dev/ptmx"), "pts/ptmx" };
	t->devices = (struct devices_plan){ .n_nodes = 1, .n_links = 1, .nodes = t->node, .links = t->link };
}

static bool test_devices(struct test *t)
{
	char target[16] = "";
	struct stat st;

	umask(077);
	device(t);
	mount_add(t, MOUNT_NEW, "tmpfs", "/dev");
	CHECK(rootfs_build(&t->built, &t->in, &t->e) == 0 && devices_apply(&t->devices, &t->built.root, &t->e) == 0);
	CHECK(rootfs_enter(&t->built, &t->in, &t->e) == 0);
	CHECK(lstat("/dev/zero", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 5));
	CHECK((st.st_mode & 07777) == 0640 && st.st_uid == 7 && st.st_gid == 8);
	CHECK(readlink("/dev/ptmx", target, 15) == 8 && strcmp(target, "pts/ptmx") == 0);
	return true;
}

static bool test_bound_devices(struct test *t)
{
	char zero = 1;

	device(t);
	t->devices.by_bind = true;
	CHECK(rootfs_build(&t->built, &t->in, &t->e) == 0);
	CHECK(rootfs_enter(&t->built, &t->in, &t->e) == 0);
	AUTO_FD int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	CHECK(fd_is_device(fd, S_IFCHR, 1, 5) && read(fd, &zero, 1) == 1 && zero == 0);
	return true;
}

static bool test_hostile_dev(struct test *t)
{
	device(t);
	CHECK(symlink(OUT, ROOT "/dev") == 0);
	CHECK(rootfs_build(&t->built, &t->in, &t->e) == 0 && is_empty(OUT));
	CHECK(faccessat(t->built.root.fd, "tmp/out/zero", F_OK, 0) == 0);
	rootfs_undo(&t->built);
	CHECK(unlink(ROOT "/dev") == 0 && mkdir(ROOT "/dev", 0755) == 0);
	touch(ROOT "/dev/zero");
	CHECK(rootfs_build(&t->built, &t->in, &t->e) < 0 && strstr(t->e.msg, "is not that device"));
	CHECK(unlink(ROOT "/dev/zero") == 0 && symlink(OUT "/victim", ROOT "/dev/zero") == 0);
	rootfs_undo(&t->built);
	CHECK(rootfs_build(&t->built, &t->in, &t->e) < 0 && is_empty(OUT));
	t->devices.by_bind = true;
	rootfs_undo(&t->built);
	CHECK(rootfs_build(&t->built, &t->in, &t->e) < 0 && is_empty(OUT));
	return true;
}

static bool test_readonly(struct test *t)
{
	t->rootfs.readonly = true;
	mount_add(t, MOUNT_NEW, "tmpfs", "/w");
	CHECK(rootfs_build(&t->built, &t->in, &t->e) == 0 && rootfs_enter(&t->built, &t->in, &t->e) == 0);
	CHECK(mkdir("/x", 0755) < 0 && errno == EROFS && mkdir("/w/x", 0755) == 0);
	return true;
}

static bool test_readonly_last(struct test *t)
{
	struct mount_plan *m = mount_add(t, MOUNT_NEW, "tmpfs", "/a");

	m->set = MOUNT_ATTR_RDONLY;
	m->readonly_last = true;
	mount_add(t, MOUNT_NEW, "tmpfs", "/a/b/c");
	CHECK(rootfs_build(&t->built, &t->in, &t->e) == 0 && rootfs_shield(&t->built, &t->in, &t->e) == 0);
	CHECK(rootfs_enter(&t->built, &t->in, &t->e) == 0);
	CHECK(mkdir("/a/x", 0755) < 0 && errno == EROFS && mkdir("/a/b/c/x", 0755) == 0);
	return true;
}

static bool test_copyup(struct test *t)
{
	struct mount_plan *m = mount_add(t, MOUNT_NEW, "tmpfs", "/c");
	char target[8] = "";
	struct stat st;

	CHECK(mkdir(ROOT "/c", 0700) == 0 && mkdir(ROOT "/c/d", 0755) == 0 && mkdir(ROOT "/c/d/e", 0711) == 0);
	touch(ROOT "/c/d/file");
	CHECK(chown(ROOT "/c/d/file", 5, 6) == 0 && chmod(ROOT "/c/d/file", 04755) == 0);
	CHECK(symlink("/abs", ROOT "/c/l") == 0 && mknod(ROOT "/c/p", S_IFIFO | 0600, 0) == 0);
	CHECK(mkdir(ROOT "/t", 01777) == 0 && chmod(ROOT "/t", 01777) == 0);
	m->tmpcopyup = m->mode_of_covered = true;
	m->set = MOUNT_ATTR_RDONLY;
	mount_add(t, MOUNT_NEW, "tmpfs", "/t")->mode_of_covered = true;
	CHECK(rootfs_build(&t->built, &t->in, &t->e) == 0 && rootfs_enter(&t->built, &t->in, &t->e) == 0);
	CHECK(is_fs("/c", TMPFS_MAGIC) && mkdir("/c/x", 0755) < 0 && errno == EROFS);
	CHECK(stat("/c", &st) == 0 && (st.st_mode & 07777) == 0700 && stat("/t", &st) == 0);
	CHECK((st.st_mode & 07777) == 01777 && stat("/c/d/e", &st) == 0 && (st.st_mode & 07777) == 0711);
	CHECK(stat("/c/d/file", &st) == 0 && (st.st_mode & 07777) == 04755 && st.st_uid == 5 && st.st_size == 5);
	CHECK(readlink("/c/l", target, 7) == 4 && lstat("/c/p", &st) == 0 && S_ISFIFO(st.st_mode));
	return true;
}

static bool test_over_root(struct test *t)
{
	mount_add(t, MOUNT_NEW, "tmpfs", "/");
	mount_add(t, MOUNT_NEW, "tmpfs", "/inner");
	touch(ROOT "/hidden");
	CHECK(rootfs_build(&t->built, &t->in, &t->e) == 0 && rootfs_enter(&t->built, &t->in, &t->e) == 0);
	CHECK(access("/hidden", F_OK) < 0 && is_fs("/", TMPFS_MAGIC) && access("/inner", F_OK) == 0);
	CHECK(access("/..", F_OK) == 0 && access("/../etc/passwd", F_OK) < 0);
	return true;
}

static bool test_no_pivot(struct test *t)
{
	t->rootfs.entry = ROOTFS_COVER;
	touch(ROOT "/here");
	CHECK(rootfs_build(&t->built, &t->in, &t->e) == 0 && rootfs_enter(&t->built, &t->in, &t->e) == 0);
	CHECK(is_file("/here") && access("/etc/passwd", F_OK) < 0);
	/* The classic way out of a chroot. */
	CHECK(mkdir("/sub", 0755) == 0 && chroot("/sub") == 0);
	for (int i = 0; i < 64; i++)
		CHECK(chdir("..") == 0);
	CHECK(access("etc/passwd", F_OK) < 0);
	return true;
}

/* ---- very many bind mounts, opened by somebody else ---- */

#define MANY 2000

static struct many {
	struct tree_plan tree[MANY];
	struct mount_plan mount[MANY];
	char path[MANY][16];
	unsigned asked;
} many;

static int open_many(void *context, unsigned first, int fds[TREES_CHUNK], int *n, struct err *e)
{
	many.asked++;
	(void)context;
	for (*n = 0; *n < TREES_CHUNK && first + (unsigned)*n < MANY; (*n)++) {
		fds[*n] = mountfd_clone(AT_FDCWD, OUT, false, false, e);
		if (fds[*n] < 0)
			return -1;
	}
	return 0;
}

static bool test_many(struct test *t)
{
	const struct rlimit limit = { 40, 40 };

	for (int i = 0; i < MANY; i++) {
		snprintf(many.path[i], sizeof(many.path[i]), "/m/%d", i);
		many.tree[i] = (struct tree_plan){ .where = "mounts[0]", .source = OUT, .number = i };
		many.mount[i] = (struct mount_plan){ .op = MOUNT_TREE, .where = "mounts[0]", .source = OUT,
						     .destination = CPATH(many.path[i]), .tree = &many.tree[i] };
	}
	t->mounts = (struct mounts_plan){ .n = MANY, .v = many.mount, .n_trees = MANY };
	t->in.ask = open_many;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK(rootfs_build(&t->built, &t->in, &t->e) == 0 && many.asked == MANY / TREES_CHUNK);
	CHECK(rootfs_enter(&t->built, &t->in, &t->e) == 0 && access("/m/1999", F_OK) == 0);
	return true;
}

/* ---- running them ---- */

static bool prepare(struct test *t)
{
	AUTO_FD int mnt = -EBADF, base = -EBADF;

	CHECK(sys_unshare(CLONE_NEWNS) == 0 && mountfd_propagation_of_root(MS_REC | MS_PRIVATE, &t->e) == 0);
	mnt = mountfd_new("tmpfs", NULL, "mode=755\0", 0, false, &t->e);
	base = open(BASE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(mountfd_attach(mnt, base, &t->e) == 0 && mkdir(ROOT, 0755) == 0 && mkdir(OUT, 0755) == 0);

	t->built = ROOTFS_NONE;
	t->rootfs = (struct rootfs_plan){ .tree = no_tree, .entry = ROOTFS_PIVOT, .has_mount_ns = true,
					  .propagation = MS_SLAVE };
	t->rootfs.tree = (struct tree_plan){ .where = "root.path", .source = ROOT, .number = -1, .recursive = true };
	t->mounts.v = t->m;
	t->in = (struct rootfs_inputs){ &t->rootfs, &t->mounts, &t->devices, &t->shield, NULL, NULL };
	return true;
}

static void run(bool (*test)(struct test *), const char *name)
{
	static struct test t;
	int status = -1;
	pid_t pid;

	if (geteuid() != 0) {
		SKIP("needs root", "%s", name);
		return;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		bool good = prepare(&t) && test(&t);

		fflush(stdout);
		_exit(!good);
	}
	OK(waitpid(pid, &status, 0) == pid && status == 0, "%s", name);
}

int main(void)
{
	run(test_order, "mounts are made in order, with what they need to lie on");
	run(test_escape, "no destination leads out of the root");
	run(test_proc_link, "proc is not mounted through a link");
	run(test_inside_proc, "nothing is mounted inside of proc, by whatever name");
	run(test_shield, "masked paths are empty, read-only paths are read-only");
	run(test_moved_proc, "a proc that is no longer in its place is refused");
	run(test_devices, "devices have type, number, mode and owner, whatever the umask");
	run(test_bound_devices, "devices can be bound from the host");
	run(test_hostile_dev, "nothing in the image's /dev is trusted");
	run(test_readonly, "a read-only root, with a writable mount in it");
	run(test_readonly_last, "a read-only mount with another one in it");
	run(test_copyup, "a tmpfs with what it hides");
	run(test_over_root, "a mount over the root is the root");
	run(test_no_pivot, "without pivot_root there is no way back either");
	run(test_many, "2000 bind mounts with 40 descriptors");
	return tap_done();
}
