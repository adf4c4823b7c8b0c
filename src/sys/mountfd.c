/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts without paths: made detached, changed while nobody can reach them, and attached to an
 * object that is held open.  Used by init while it composes the root, and by the host for the
 * sources of binds; both programs.
 */
#include "sys/mountfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/calls.h"
#include "sys/fd.h"
#include "sys/procfs.h"

/* fsconfig(2) copies at most this much of a value, and says no more than "invalid argument" beyond. */
#define VALUE_MAX       255
#define OPTION_SIZE     4096

/* The file system's own words about the last failure; without a newline, "" when it has none. */
static void read_complaint(int fs, char *buf, size_t size)
{
	ssize_t n;

	/* One message per read(2), each begins with its kind: "e ", "w ", "i ". */
	while ((n = read(fs, buf, size - 1)) > 0) {
		buf[n] = '\0';
		if (n > 2 && buf[0] == 'e') {
			memmove(buf, buf + 2, (size_t)n - 1);
			buf[strcspn(buf, "\n")] = '\0';
			return;
		}
	}
	buf[0] = '\0';
}

__attribute__((format(printf, 3, 4)))
static int complain(int fs, struct err *e, const char *fmt, ...)
{
	char text[512], why[256];
	int num = errno;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	read_complaint(fs, why, sizeof(why));
	errno = num;
	return why[0] ? err_sys(e, "%s: %s", text, why) : err_sys(e, "%s", text);
}

/* "lowerdir=a:b:c" beyond the limit of one value: layer by layer (kernel 6.8). */
static int set_layers(int fs, char *layers, struct err *e)
{
	char *layer = layers;

	for (char *p = layers;; p++) {
		bool end = !*p;

		if (*p == '\\' && p[1]) {       /* "\:" is a colon of a name */
			memmove(p, p + 1, strlen(p));
			continue;
		}
		if (!end && *p != ':')
			continue;
		*p = '\0';
		if (*layer && sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", layer, 0) < 0)
			return complain(fs, e, "option \"lowerdir+=%s\"", layer);
		if (end)
			return 0;
		layer = p + 1;
	}
}

static int set_option(int fs, const char *type, const char *key, char *value, struct err *e)
{
	if (!value) {
		if (sys_fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0) < 0)
			return complain(fs, e, "option \"%s\"", key);
		return 0;
	}
	if (strlen(value) > VALUE_MAX) {
		if (strcmp(type, "overlay") == 0 && strcmp(key, "lowerdir") == 0)
			return set_layers(fs, value, e);
		return err_set(e, ERR_UNSUPPORTED, "option \"%s\": longer than the %d bytes that the kernel takes",
			       key, VALUE_MAX);
	}
	if (sys_fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0)
		return complain(fs, e, "option \"%s=%s\"", key, value);
	return 0;
}

static int set_options(int fs, const char *type, const char *data, struct err *e)
{
	for (; data && *data; data += strlen(data) + 1) {
		char buf[OPTION_SIZE], *equals;
		struct text option = TEXT(buf);

		text_add(&option, data);
		if (option.cut)
			return err_set(e, ERR_UNSUPPORTED, "option \"%.40s...\" is too long", buf);
		equals = strchr(buf, '=');
		if (equals)
			*equals = '\0';
		if (set_option(fs, type, buf, equals ? equals + 1 : NULL, e) < 0)
			return -1;
	}
	return 0;
}

static int configure(int fs, const char *type, const char *source, const char *data, bool super_rdonly,
		     struct err *e)
{
	if (source && sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return complain(fs, e, "source \"%s\"", source);
	if (super_rdonly && sys_fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
		return complain(fs, e, "option \"ro\"");
	if (set_options(fs, type, data, e) < 0)
		return -1;
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return complain(fs, e, "create");
	return 0;
}

int mountfd_new(const char *type, const char *source, const char *data, uint64_t attr, bool super_rdonly,
		struct err *e)
{
	AUTO_FD int fs = sys_fsopen(type);
	int mnt;

	if (fs < 0)
		return err_sys(e, "file system \"%s\"", type);
	if (configure(fs, type, source, data, super_rdonly, e) < 0)
		return err_in(e, "file system \"%s\"", type);
	mnt = sys_fsmount(fs, (unsigned)attr);
	if (mnt < 0) {
		complain(fs, e, "fsmount");
		return err_in(e, "file system \"%s\"", type);
	}
	return mnt;
}

int mountfd_reconfigure(int mnt, const char *data, struct err *e)
{
	AUTO_FD int fs = sys_fspick(mnt, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);

	if (fs < 0)
		return err_sys(e, "fspick");
	if (set_options(fs, "", data, e) < 0)
		return -1;
	if (sys_fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return complain(fs, e, "reconfigure");
	return 0;
}

int mountfd_clone(int dir, const char *path, bool recursive, bool nofollow, struct err *e)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int mnt;

	if (!*path)
		flags |= AT_EMPTY_PATH;
	if (recursive)
		flags |= AT_RECURSIVE;
	if (nofollow)
		flags |= AT_SYMLINK_NOFOLLOW;
	mnt = sys_open_tree(dir, path, flags);
	if (mnt < 0)
		return *path ? err_sys(e, "clone the mount at \"%s\"", path) : err_sys(e, "clone a mount");
	return mnt;
}

static int set_attributes(int mnt, const struct mount_attr *attr, bool recursive)
{
	return sys_mount_setattr(mnt, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), attr);
}

int mountfd_set(int mnt, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive, struct err *e)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear, .propagation = propagation };

	if (!set && !clear && !propagation)
		return 0;
	/* The access time is a number, not a bit: the kernel wants the whole field cleared first. */
	if ((set | clear) & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	if (set_attributes(mnt, &attr, recursive) < 0)
		return err_sys(e, "set mount attributes");
	return 0;
}

int mountfd_label(int mnt, const char *label, struct err *e)
{
	AUTO_FD int dir = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || fsetxattr(dir, "security.selinux", label, strlen(label) + 1, 0) < 0)
		return err_sys(e, "label a mount \"%s\"", label);
	return 0;
}

int mountfd_idmap(int mnt, int userns_fd, bool recursive, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)(unsigned)userns_fd };

	if (set_attributes(mnt, &attr, recursive) < 0)
		return err_sys(e, "map the ids of a mount");
	return 0;
}

int mountfd_attach(int mnt, int target, struct err *e)
{
	if (sys_move_mount(mnt, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, "attach a mount");
	return 0;
}

int mountfd_attach_on(int mnt, const char *path, struct err *e)
{
	if (sys_move_mount(mnt, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) < 0)
		return err_sys(e, "attach a mount on \"%s\"", path);
	return 0;
}

int mountfd_attach_at(int mnt, int dir, const char *name, struct err *e)
{
	if (sys_move_mount(mnt, "", dir, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, "attach a mount");
	return 0;
}

/* The words of mount(2); 0 is among them, hence the sign. Read-only is one of the file system there, too. */
static long old_flags(uint64_t attr, bool super_rdonly)
{
	static const struct { uint64_t attr; long flag; } bits[] = {
		{ MOUNT_ATTR_NOSUID, MS_NOSUID }, { MOUNT_ATTR_NODEV, MS_NODEV }, { MOUNT_ATTR_NOEXEC, MS_NOEXEC },
		{ MOUNT_ATTR_STRICTATIME, MS_STRICTATIME }, { MOUNT_ATTR_NOATIME, MS_NOATIME },
		{ MOUNT_ATTR_NODIRATIME, MS_NODIRATIME },
	};
	long flags = 0;

	if (super_rdonly && attr & MOUNT_ATTR_RDONLY) {
		flags = MS_RDONLY;
		attr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	}
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		if (attr & bits[i].attr) {
			flags |= bits[i].flag;
			attr &= ~bits[i].attr;
		}
	return attr ? -1 : flags;
}

/* "a", "b=c" as "a,b=c"; a comma in one of them cannot be said. */
static bool join(struct text *t, const char *data)
{
	for (; data && *data; data += strlen(data) + 1) {
		if (strchr(data, ','))
			return false;
		text_add(t, t->len ? "," : "");
		text_add(t, data);
	}
	return !t->cut;
}

bool mountfd_new_here(const char *name, const char *type, const char *source, const char *data, uint64_t attr,
		      bool super_rdonly)
{
	char buf[OPTION_SIZE] = "";
	struct text t = TEXT(buf);
	long flags = old_flags(attr, super_rdonly);

	if (flags < 0 || !join(&t, data)) {
		errno = EINVAL;
		return false;
	}
	return sys_mount(source, name, type, (unsigned long)flags, buf) == 0;
}

bool mountfd_bind_here(const char *name, const char *source, bool recursive, uint64_t set, uint64_t clear)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear };

	if ((set | clear) & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	if (sys_mount(source, name, NULL, MS_BIND | (recursive ? MS_REC : 0), NULL) < 0)
		return false;
	if ((!set && !clear) || sys_mount_setattr(AT_FDCWD, name, recursive ? AT_RECURSIVE : 0, &attr) == 0)
		return true;
	(void)sys_umount(name, MNT_DETACH);
	errno = EIO;
	return false;
}

/* umount(2) takes paths alone: "." after fchdir(2), or the descriptor's number in our own /proc/self/fd. */
static int detach_here(int fd, const struct procfs *proc, struct err *e)
{
	AUTO_FD int links = -EBADF;
	char number[16];

	if (fd_is_dir(fd)) {
		if (fchdir(fd) < 0 || sys_umount(".", MNT_DETACH) < 0)
			return err_sys(e, "unmount");
		return 0;
	}
	links = procfs_open_file(proc, "self/fd", O_PATH | O_DIRECTORY, e);
	if (links < 0)
		return -1;
	snprintf(number, sizeof(number), "%d", fd);
	if (fchdir(links) < 0 || sys_umount(number, MNT_DETACH) < 0)
		return err_sys(e, "unmount");
	return 0;
}

int mountfd_detach_by(int fd, const struct procfs *proc, struct err *e)
{
	AUTO_FD int before = fd_open(".", O_PATH | O_DIRECTORY, 0, e);
	int ret;

	if (before < 0)
		return -1;
	ret = detach_here(fd, proc, e);
	if (fchdir(before) < 0 && ret == 0)
		return err_sys(e, "return to the working directory");
	return ret;
}

int mountfd_detach(int fd, struct err *e)
{
	AUTO(procfs) proc = PROCFS_NONE;

	if (!fd_is_dir(fd) && procfs_open_host(&proc, e) < 0)
		return -1;
	return mountfd_detach_by(fd, &proc, e);
}

int mountfd_propagation_of_root(unsigned long flags, struct err *e)
{
	if (sys_mount(NULL, "/", NULL, flags, NULL) < 0)
		return err_sys(e, "set the propagation of \"/\"");
	return 0;
}

int mountfd_is_mount(int fd, struct err *e)
{
	struct sys_mount_facts facts;

	if (sys_mount_facts(fd, "", &facts) < 0)
		return err_sys(e, "statx");
	return facts.is_root;
}

int mountfd_same_at(int dir, const char *name, int b, struct err *e)
{
	struct sys_mount_facts one, two;

	if (sys_mount_facts(dir, name, &one) < 0 || sys_mount_facts(b, "", &two) < 0)
		return err_sys(e, "statx");
	return one.id == two.id && one.device == two.device && one.inode == two.inode;
}

int mountfd_same(int a, int b, struct err *e)
{
	return mountfd_same_at(a, "", b, e);
}

int mountfd_id(int fd, uint64_t *id, struct err *e)
{
	struct sys_mount_facts facts;

	if (sys_mount_facts(fd, "", &facts) < 0)
		return err_sys(e, "statx");
	*id = facts.id;
	return 0;
}
