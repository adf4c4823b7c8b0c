/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What machine is this?  Asked once at the beginning of each command that plans, on the host.
 * Only what the caller says that the config can depend on, and no scan: a host may have thousands of mounts,
 * and engines call us several times per container.
 */
#include "sys/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"
#include "sys/fd.h"
#include "sys/mountinfo.h"
#include "sys/procfs.h"
#include "sys/root.h"
#include "sys/signals.h"

#define CGROUPS         "/sys/fs/cgroup"
#define TEXT_MAX        (16ul << 20)
#define OWN_CGROUPS_USUAL 4096
#define OWN_CGROUPS_MAX (64ul << 10)    /* fourteen hierarchies and paths of a page each */

#define FLOOR_MAJOR     5
#define FLOOR_MINOR     14

/* include/linux/proc_ns.h: the initial user namespace, in every kernel since 3.8. */
#define INITIAL_USERNS  "user:[4026531837]"

#ifndef RDTGROUP_SUPER_MAGIC
#define RDTGROUP_SUPER_MAGIC 0x7655821
#endif

static bool path_has_magic(const char *path, long magic)
{
	struct statfs st;

	return statfs(path, &st) == 0 && (uint32_t)st.f_type == (uint32_t)magic;
}

static const char *read_small(const char *path, char *buf, size_t size)
{
	struct err ignored;

	return file_read_at(AT_FDCWD, path, buf, size, &ignored) < 0 ? NULL : buf;
}

static int look_at_kernel(struct host *h, struct arena *a, struct err *e)
{
	struct utsname u;
	char *dot, *end;

	if (uname(&u) < 0)
		return err_sys(e, "uname");
	h->kernel_major = (unsigned)strtoul(u.release, &dot, 10);
	h->kernel_minor = *dot == '.' ? (unsigned)strtoul(dot + 1, &end, 10) : 0;
	if (dot == u.release || *dot != '.' || end == dot + 1)
		return err_set(e, ERR_UNSUPPORTED, "kernel \"%s\": not a version", u.release);
	if (!host_is_at_least(h, FLOOR_MAJOR, FLOOR_MINOR))
		return err_set(e, ERR_UNSUPPORTED, "kernel %s is too old: husk needs Linux %d.%d", u.release,
			       FLOOR_MAJOR, FLOOR_MINOR);
	h->machine = arena_strdup(a, u.machine);
	h->has_pidfs = host_is_at_least(h, 6, 9);
	h->has_idmap = true;
	return 0;
}

static void look_at_ourselves(struct host *h)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = { 0 };

	h->uid = geteuid();
	h->gid = getegid();
	h->can_mount_proc = true;
	if (syscall(SYS_capget, &head, caps) == 0)
		h->capabilities = (uint64_t)caps[1].permitted << 32 | caps[0].permitted;
	/* The number itself is in /proc/sys, which may be masked; the kernel answers as well. */
	h->last_cap = CAP_CHECKPOINT_RESTORE;   /* 5.9 */
	while (h->last_cap < 63 && prctl(PR_CAPBSET_READ, h->last_cap + 1, 0, 0, 0) >= 0)
		h->last_cap++;
}

/* One look into the directory instead of one for each name in it. */
static void look_at_namespaces(struct host *h)
{
	static const struct { const char *name; uint64_t bit; } kinds[] = {
		{ "cgroup", CLONE_NEWCGROUP }, { "ipc", CLONE_NEWIPC }, { "mnt", CLONE_NEWNS },
		{ "net", CLONE_NEWNET },       { "pid", CLONE_NEWPID }, { "time", 0x80 /* CLONE_NEWTIME */ },
		{ "user", CLONE_NEWUSER },     { "uts", CLONE_NEWUTS },
	};
	struct err ignored;
	AUTO_FD int dir = procfs_open_own("ns", O_RDONLY | O_DIRECTORY, &ignored);
	struct dirent64 *entry;
	_Alignas(struct dirent64) char buf[2048];
	ssize_t n = dir < 0 ? -1 : syscall(SYS_getdents64, dir, buf, sizeof(buf));

	for (char *p = buf; n > 0 && p < buf + n; p += entry->d_reclen) {
		entry = (struct dirent64 *)p;
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
			if (str_eq(entry->d_name, kinds[i].name))
				h->ns_kinds |= kinds[i].bit;
	}
}

/* By the namespace itself: a map of everything to itself looks like the initial one. */
static void look_at_userns(struct host *h)
{
	char user[64] = "";
	struct err ignored;

	h->in_userns = root_read_link_at(AT_FDCWD, "/proc/self/ns/user", user, sizeof(user), &ignored) > 0 &&
		       strcmp(user, INITIAL_USERNS) != 0;
	h->is_rootless = h->uid != 0 || h->in_userns;
}

static int look_at_signals(struct host *h, struct err *e)
{
	char text[4096];
	const char *line;

	h->ignored_signals = SIGNALS_ALL;
	if (procfs_read_own("status", text, sizeof(text), e) < 0)
		return -1;
	line = strstr(text, "\nSigIgn:\t");
	if (!line)
		return 0;
	errno = 0;
	h->ignored_signals = strtoull(line + strlen("\nSigIgn:\t"), NULL, 16);
	if (errno)
		h->ignored_signals = SIGNALS_ALL;
	return 0;
}

static void look_at_guards(struct host *h)
{
	char text[4096];
	struct err ignored;

	/* Without a policy everybody is "kernel", as libselinux reads it too. */
	h->has_selinux = path_has_magic("/sys/fs/selinux", SELINUX_MAGIC) &&
			 procfs_read_own("attr/current", text, sizeof(text), &ignored) > 0 &&
			 strcmp(text, "kernel") != 0;
	h->has_apparmor = read_small("/sys/module/apparmor/parameters/enabled", text, sizeof(text)) &&
			  text[0] == 'Y';
	h->has_seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

static void look_at_rdt(struct host *h, struct arena *a)
{
	h->has_rdt = access("/sys/fs/resctrl", F_OK) == 0;
	if (h->has_rdt && path_has_magic("/sys/fs/resctrl", RDTGROUP_SUPER_MAGIC))
		h->rdt_mount = arena_strdup(a, "/sys/fs/resctrl");
}

static void look_at_cpus(struct host *h)
{
	char text[4096];

	h->cpus = 1;
	if (read_small("/sys/devices/system/cpu/possible", text, sizeof(text))) {
		char *end = text + strcspn(text, "\n"), *last;
		uint64_t n;

		*end = '\0';
		last = text + strlen(text);
		while (last > text && last[-1] >= '0' && last[-1] <= '9')
			last--;
		if (num_parse(last, 1u << 20, &n))
			h->cpus = (unsigned)n + 1;
	}
}

/* ---- cgroups ------------------------------------------------------------------------------ */

struct cgroup_look {
	struct host *host;
	struct arena *arena;
	const char *mounts;             /* text of mountinfo, read when it is first needed */
};

static const char *mounts_of(struct cgroup_look *l)
{
	struct err ignored;
	AUTO_FD int fd = -EBADF;

	if (l->mounts)
		return l->mounts;
	fd = procfs_open_own("mountinfo", O_RDONLY, &ignored);
	if (fd >= 0)
		l->mounts = fd_read_all(fd, TEXT_MAX, l->arena, NULL, &ignored);
	if (!l->mounts)
		l->mounts = "";
	return l->mounts;
}

/* Whether every controller of LIST ("cpu,cpuacct") is among OPTIONS ("rw,cpu,cpuacct"). */
static bool has_all(const char *options, const char *list)
{
	const char *word, *option;
	size_t len, olen;

	while ((word = str_word(&list, ",", &len))) {
		const char *rest = options;

		while ((option = str_word(&rest, ",", &olen)))
			if (olen == len && memcmp(option, word, len) == 0)
				break;
		if (!option)
			return false;
	}
	return true;
}

/*
 * The mount of a v1 hierarchy (LIST of its controllers) or of v2 (LIST NULL), from mountinfo; the
 * last one is on top.  TARGET may be given to ask for that very mount.
 */
static bool find_mount(struct cgroup_look *l, const char *list, const char *target, struct mountinfo *found)
{
	const char *text = mounts_of(l);
	struct mountinfo m;
	bool any = false;

	while (mountinfo_next(&text, &m, l->arena)) {
		if (!str_eq(m.type, list ? "cgroup" : "cgroup2") || (target && !str_eq(m.target, target)) ||
		    (list && !has_all(m.options, list)))
			continue;
		*found = m;
		any = true;
	}
	return any;
}

/* PATH below the cgroup that is the mount's root: "/docker/x/y" is "/y" where "/docker/x" is mounted. */
static const char *below(const char *path, const char *root)
{
	const char *rest = str_after(path, str_eq(root, "/") ? "" : root);

	return rest && (*rest == '/' || !*rest) ? (*rest ? rest : "/") : NULL;
}

static bool is_group(const char *mount, const char *path, const char *file)
{
	char probe[4096];

	snprintf(probe, sizeof(probe), "%s%s/%s", mount, path, file);
	return access(probe, F_OK) == 0;
}

/*
 * Our cgroup as seen from the mount, where it is not at PATH: inside another container the mount's root is not the hierarchy's,
 * and the path that /proc/self/cgroup gives does not exist below it.
 */
static const char *own_below(struct cgroup_look *l, const char *mount, const char *list, const char *path)
{
	struct mountinfo m;
	const char *rest = NULL;

	if (find_mount(l, list, mount, &m))
		rest = below(path, m.root);
	return rest ? rest : path;
}

/* Our cgroup in the v1 hierarchy that is mounted there; NULL: none is. */
static const char *own_at(struct cgroup_look *l, const char *mount, const char *list, const char *path)
{
	/* Which says both at once: no other file system has "tasks" there. */
	if (!str_eq(path, "/") && is_group(mount, path, "tasks"))
		return path;
	if (!path_has_magic(mount, CGROUP_SUPER_MAGIC))
		return NULL;
	return str_eq(path, "/") ? path : own_below(l, mount, list, path);
}

/*
 * "cpu,cpuacct" is at /sys/fs/cgroup/cpu,cpuacct, "name=systemd" at .../systemd. MOUNT, and our cgroup below it; NULL when it
 * is not there.
 */
static const char *at_usual_place(struct cgroup_look *l, const char *list, const char *path, char *mount, size_t size)
{
	const char *name = str_after(list, "name="), *own;
	char link[256];
	ssize_t n;

	snprintf(mount, size, CGROUPS "/%s", name ? name : list);
	own = own_at(l, mount, list, path);
	if (own)
		return own;
	/* "cpuacct" may be a link to "cpu,cpuacct", which the kernel lists as "cpu,cpuacct" or the other way round. */
	snprintf(mount, size, CGROUPS "/%.*s", (int)strcspn(list, ","), list);
	n = readlink(mount, link, sizeof(link) - 1);
	if (n <= 0 || memchr(link, '/', (size_t)n))
		return NULL;
	link[n] = '\0';
	snprintf(mount, size, CGROUPS "/%s", link);
	return own_at(l, mount, list, path);
}

static void add_v1(struct cgroup_look *l, const char *list, const char *path)
{
	struct host *h = l->host;
	char mount[512];
	const char *own;
	struct mountinfo m;

	if (h->v1_count == HOST_V1_MAX || !*list)
		return;
	own = at_usual_place(l, list, path, mount, sizeof(mount));
	if (own) {
		h->v1[h->v1_count++] = (struct host_v1){ arena_strdup(l->arena, mount), list, own };
	} else if (find_mount(l, list, NULL, &m)) {
		const char *rest = below(path, m.root);

		h->v1[h->v1_count++] = (struct host_v1){ m.target, list, rest ? rest : path };
	}
}

static void set_v2(struct cgroup_look *l, const char *mount, const char *path)
{
	struct host *h = l->host;
	char file[512], text[1024];

	h->v2_mount = arena_strdup(l->arena, mount);
	h->v2_own = str_eq(path, "/") || is_group(mount, path, "cgroup.procs") ? path : own_below(l, mount, NULL, path);
	snprintf(file, sizeof(file), "%s/cgroup.controllers", mount);
	if (!read_small(file, text, sizeof(text)))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	h->v2_controllers = arena_strdup(l->arena, text);
}

/* Seldom more than a page; the kernel writes it anew for who asks again. */
static char *own_cgroups(struct arena *a)
{
	char *text = arena_chars(a, OWN_CGROUPS_USUAL);
	struct err ignored;
	ssize_t n = procfs_read_own("cgroup", text, OWN_CGROUPS_USUAL, &ignored);

	if (n == OWN_CGROUPS_USUAL - 1) {
		text = arena_chars(a, OWN_CGROUPS_MAX);
		n = procfs_read_own("cgroup", text, OWN_CGROUPS_MAX, &ignored);
	}
	return n > 0 ? text : NULL;
}

/* Lines "ID:CONTROLLERS:PATH", the newest hierarchy first; v2 is "0::PATH" (cgroups(7)). */
static void look_at_cgroups(struct cgroup_look *l)
{
	struct host *h = l->host;
	bool pure = path_has_magic(CGROUPS, CGROUP2_SUPER_MAGIC);
	char *text = own_cgroups(l->arena), *end;

	end = text ? text + strlen(text) : NULL;

	/* From the end, so that v1[] has the order in which the hierarchies were mounted. */
	while (end && end > text) {
		char *line, *list, *path;

		*--end = '\0';                  /* the newline */
		line = memrchr(text, '\n', (size_t)(end - text));
		end = line ? line + 1 : text;
		list = strchr(end, ':');
		path = list ? strchr(list + 1, ':') : NULL;
		if (!path)
			continue;
		*list++ = *path++ = '\0';
		if (*list && !pure)
			add_v1(l, list, path);
		else if (!*list && pure)
			set_v2(l, CGROUPS, path);
		else if (!*list && path_has_magic(CGROUPS "/unified", CGROUP2_SUPER_MAGIC))
			set_v2(l, CGROUPS "/unified", path);
	}
	if (h->v1_count)
		h->cgroups = h->v2_mount ? HOST_CGROUP_HYBRID : HOST_CGROUP_V1;
	else
		h->cgroups = h->v2_mount ? HOST_CGROUP_V2 : HOST_CGROUP_NONE;
}

bool host_has_v1_alone(void)
{
	return path_has_magic(CGROUPS, TMPFS_MAGIC) && !path_has_magic(CGROUPS "/unified", CGROUP2_SUPER_MAGIC);
}

int host_look_for(struct host *h, unsigned facts, struct arena *a, struct err *e)
{
	TRACE("look at the host");

	*h = (struct host){ .ns_kinds = facts & HOST_NAMESPACES ? 0 : UINT64_MAX };
	if (look_at_kernel(h, a, e) < 0 || look_at_signals(h, e) < 0)
		return err_in(e, "this host");
	look_at_ourselves(h);
	look_at_userns(h);
	if (facts & HOST_NAMESPACES)
		look_at_namespaces(h);
	if (facts & HOST_GUARDS)
		look_at_guards(h);
	if (facts & HOST_RDT)
		look_at_rdt(h, a);
	if (facts & HOST_CPUS)
		look_at_cpus(h);
	if (facts & HOST_CGROUPS)
		look_at_cgroups(&(struct cgroup_look){ .host = h, .arena = a });
	return 0;
}

int host_look(struct host *h, struct arena *a, struct err *e)
{
	return host_look_for(h, HOST_ALL, a, e);
}

bool host_is_at_least(const struct host *h, unsigned major, unsigned minor)
{
	return h->kernel_major > major || (h->kernel_major == major && h->kernel_minor >= minor);
}

const struct host_v1 *host_v1_with(const struct host *h, const char *controller)
{
	for (int i = 0; i < h->v1_count; i++)
		if (has_all(h->v1[i].controllers, controller))
			return &h->v1[i];
	return NULL;
}
