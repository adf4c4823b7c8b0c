/* SPDX-License-Identifier: Apache-2.0 */
/* Option words, and what mounts, root and shields are planned to be. Without root, without a file system. */
#include <linux/mount.h>
#include <sched.h>

#include "base/str.h"
#include "oci-spec/config.h"
#include "parts/fs/mounts.h"
#include "parts/fs/options.h"
#include "parts/fs/shield.h"
#include "unit/tap.h"

static struct arena arena = ARENA_NONE;

static const struct oci_config *config(const char *json)
{
	struct spec_error fault;
	void *out = NULL;

	if (spec_decode(&oci_config_type, json, strlen(json), &arena, &out, &fault) < 0) {
		printf("# %s: %s in %s\n", fault.path, fault.message, json);
		exit(EXIT_FAILURE);
	}
	return out;
}

#define HEAD "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\"},"

/* ---- words ---- */

struct expectation {
	const char *words;      /* with blanks between them */
	uint64_t set, clear, rec_set, rec_clear;
	unsigned long propagation;
	const char *data;       /* with blanks between them */
};

#define A(name) MOUNT_ATTR_##name
#define TIMES MOUNT_ATTR__ATIME

static const struct expectation expectations[] = {
	{ "async", 0, 0, 0, 0, 0, "" },
	{ "atime", 0, TIMES, 0, 0, 0, "" },
	{ "defaults", 0, 0, 0, 0, 0, "" },
	{ "dev", 0, A(NODEV), 0, 0, 0, "" },
	{ "diratime", 0, A(NODIRATIME), 0, 0, 0, "" },
	{ "dirsync", 0, 0, 0, 0, 0, "dirsync" },
	{ "exec", 0, A(NOEXEC), 0, 0, 0, "" },
	{ "iversion", 0, 0, 0, 0, 0, "" },
	{ "lazytime", 0, 0, 0, 0, 0, "lazytime" },
	{ "loud", 0, 0, 0, 0, 0, "" },
	{ "mand", 0, 0, 0, 0, 0, "" },
	{ "noatime", A(NOATIME), TIMES, 0, 0, 0, "" },
	{ "nodev", A(NODEV), 0, 0, 0, 0, "" },
	{ "nodiratime", A(NODIRATIME), 0, 0, 0, 0, "" },
	{ "noexec", A(NOEXEC), 0, 0, 0, 0, "" },
	{ "noiversion", 0, 0, 0, 0, 0, "" },
	{ "nolazytime", 0, 0, 0, 0, 0, "" },
	{ "nomand", 0, 0, 0, 0, 0, "" },
	{ "norelatime", 0, TIMES, 0, 0, 0, "" },
	{ "nostrictatime", 0, TIMES, 0, 0, 0, "" },
	{ "nosuid", A(NOSUID), 0, 0, 0, 0, "" },
	{ "nosymfollow", A(NOSYMFOLLOW), 0, 0, 0, 0, "" },
	{ "private", 0, 0, 0, 0, MS_PRIVATE, "" },
	{ "ratime", 0, 0, 0, TIMES, 0, "" },
	{ "rdev", 0, 0, 0, A(NODEV), 0, "" },
	{ "rdiratime", 0, 0, 0, A(NODIRATIME), 0, "" },
	{ "relatime", 0, TIMES, 0, 0, 0, "" },
	{ "rexec", 0, 0, 0, A(NOEXEC), 0, "" },
	{ "rnoatime", 0, 0, A(NOATIME), TIMES, 0, "" },
	{ "rnodev", 0, 0, A(NODEV), 0, 0, "" },
	{ "rnodiratime", 0, 0, A(NODIRATIME), 0, 0, "" },
	{ "rnoexec", 0, 0, A(NOEXEC), 0, 0, "" },
	{ "rnorelatime", 0, 0, 0, TIMES, 0, "" },
	{ "rnostrictatime", 0, 0, 0, TIMES, 0, "" },
	{ "rnosuid", 0, 0, A(NOSUID), 0, 0, "" },
	{ "rnosymfollow", 0, 0, A(NOSYMFOLLOW), 0, 0, "" },
	{ "ro", A(RDONLY), 0, 0, 0, 0, "" },
	{ "rprivate", 0, 0, 0, 0, MS_PRIVATE, "" },
	{ "rrelatime", 0, 0, 0, TIMES, 0, "" },
	{ "rro", 0, 0, A(RDONLY), 0, 0, "" },
	{ "rrw", 0, 0, 0, A(RDONLY), 0, "" },
	{ "rshared", 0, 0, 0, 0, MS_SHARED, "" },
	{ "rslave", 0, 0, 0, 0, MS_SLAVE, "" },
	{ "rstrictatime", 0, 0, A(STRICTATIME), TIMES, 0, "" },
	{ "rsuid", 0, 0, 0, A(NOSUID), 0, "" },
	{ "rsymfollow", 0, 0, 0, A(NOSYMFOLLOW), 0, "" },
	{ "runbindable", 0, 0, 0, 0, MS_UNBINDABLE, "" },
	{ "rw", 0, A(RDONLY), 0, 0, 0, "" },
	{ "shared", 0, 0, 0, 0, MS_SHARED, "" },
	{ "silent", 0, 0, 0, 0, 0, "" },
	{ "slave", 0, 0, 0, 0, MS_SLAVE, "" },
	{ "strictatime", A(STRICTATIME), TIMES, 0, 0, 0, "" },
	{ "suid", 0, A(NOSUID), 0, 0, 0, "" },
	{ "symfollow", 0, A(NOSYMFOLLOW), 0, 0, 0, "" },
	{ "sync", 0, 0, 0, 0, 0, "sync" },
	{ "unbindable", 0, 0, 0, 0, MS_UNBINDABLE, "" },
	/* The last word counts. */
	{ "ro rw", 0, A(RDONLY), 0, 0, 0, "" },
	{ "rw ro", A(RDONLY), 0, 0, 0, 0, "" },
	{ "noatime strictatime", A(STRICTATIME), TIMES, 0, 0, 0, "" },
	{ "strictatime relatime", 0, TIMES, 0, 0, 0, "" },
	{ "sync async", 0, 0, 0, 0, 0, "" },
	{ "lazytime size=1m nolazytime", 0, 0, 0, 0, 0, "size=1m" },
	{ "sync remount async", 0, 0, 0, 0, 0, "async" },
	{ "shared rslave", 0, 0, 0, 0, MS_SLAVE, "" },
	/* What only a file system may know stays in order; what only mount(8) means is dropped. */
	{ "mode=755 size=64k acl context=\"a,b\"", 0, 0, 0, 0, 0, "mode=755 size=64k acl context=a,b" },
	{ "noauto nofail _netdev x-systemd.automount comment=hi X-mount.mkdir", 0, 0, 0, 0, 0, "" },
	/* Several options in one string, as mount(8) takes them. */
	{ "size=64k,mode=700,nosuid ro,noexec", A(NOSUID) | A(NOEXEC) | A(RDONLY), 0, 0, 0, 0, "size=64k mode=700" },
	{ "ro,rslave,rw,async sync,x-a,,", 0, A(RDONLY), 0, 0, MS_SLAVE, "sync" },
	{ "ro  nosuid,,nodev", A(RDONLY) | A(NOSUID) | A(NODEV), 0, 0, 0, 0, "" },
	{ "async,remount", 0, 0, 0, 0, 0, "async" },
	{ "lowerdir=/a\\,b,xino=on context=\"a,b\",mode=1", 0, 0, 0, 0, 0, "lowerdir=/a\\,b xino=on context=a,b mode=1" },
	{ "context=\"a,b a\\", 0, 0, 0, 0, 0, "context=\"a,b a\\" },
	{ "users exec", A(NOSUID) | A(NODEV), A(NOEXEC), 0, 0, 0, "" },
};

static str_list split(const char *words)
{
	str_list list = { 0, ARENA_ARRAY(&arena, const char *, 16) };
	const char *word;
	size_t len;

	while ((word = str_word(&words, " ", &len)))
		list.v[list.n++] = arena_strndup(&arena, word, len);
	return list;
}

static const char *joined(const char *data)
{
	const char *out = "";

	for (; data && *data; data += strlen(data) + 1)
		out = arena_printf(&arena, "%s%s%s", out, *out ? " " : "", data);
	return out;
}

static void test_words(void)
{
	struct err e;

	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
		const struct expectation *x = &expectations[i];
		str_list list = split(x->words);
		struct mount_words w;

		OK(options_parse(&w, &(struct oci_mount){ .options = list }, "mounts[0]", &arena, &e) == 0 && w.set == x->set && w.clear == x->clear &&
		   w.rec_set == x->rec_set && w.rec_clear == x->rec_clear && w.propagation == x->propagation,
		   "\"%s\" means what it says", x->words);
		SAME(joined(w.data), x->data, "\"%s\" tells the file system so much", x->words);
	}
	OK(options_known(0) && !options_known(10000), "the known words end");
	for (size_t i = 1; options_known(i); i++)
		if (strcmp(options_known(i - 1), options_known(i)) >= 0)
			OK(false, "\"%s\" is out of order", options_known(i));
}

static void test_all_of_the_specification(void)
{
	static const char *const words[] = {
		"async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "iversion", "lazytime",
		"loud", "mand", "noatime", "nodev", "nodiratime", "noexec", "noiversion", "nolazytime", "nomand",
		"norelatime", "nostrictatime", "nosuid", "nosymfollow", "private", "ratime", "rbind", "rdev",
		"rdiratime", "relatime", "remount", "rexec", "rnoatime", "rnodev", "rnodiratime", "rnoexec",
		"rnorelatime", "rnostrictatime", "rnosuid", "rnosymfollow", "ro", "rprivate", "rrelatime", "rro",
		"rrw", "rshared", "rslave", "rstrictatime", "rsuid", "rsymfollow", "runbindable", "rw", "shared",
		"silent", "slave", "strictatime", "suid", "symfollow", "sync", "tmpcopyup", "unbindable", "idmap",
		"ridmap",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		str_list list = split(words[i]);
		struct mount_words w;
		struct err e;

		OK(options_parse(&w, &(struct oci_mount){ .options = list }, "mounts[0]", &arena, &e) == 0 && !w.unknown, "\"%s\" is known", words[i]);
	}
}

/* ---- plans ---- */

static struct host host = { .capabilities = ~0ull };
static struct fs_facts facts = { .bundle = "/b", .ns_made = CLONE_NEWNS | CLONE_NEWPID };

/* The printed plan of MOUNTS (without brackets) and LINUX (its members), or the error. */
static const char *plan(const char *mounts, const char *linux_)
{
	const char *json = arena_printf(&arena, HEAD "\"mounts\":[%s],\"linux\":{%s}}", mounts, linux_);
	const struct oci_config *c = config(json);
	struct rootfs_plan root;
	struct mounts_plan out;
	struct err e;

	if (rootfs_plan(&root, c, &facts, &host, &arena, &e) < 0 ||
	    mounts_plan(&out, c, &facts, &root, &host, &arena, &e) < 0)
		return arena_strdup(&arena, e.msg);
	return mounts_print(&out, &arena);
}

#define M(dest, type, rest) "{\"destination\":\"" dest "\",\"type\":\"" type "\"" rest "}"
#define OPT(...) ",\"options\":[" #__VA_ARGS__ "]"
#define SRC(s) ",\"source\":\"" s "\""

static void test_plans(void)
{
	SAME(plan(M("/proc", "proc", SRC("proc") OPT("nosuid", "noexec", "nodev")), ""),
	     "mounts[0]: proc on /proc from proc +nosuid +nodev +noexec directory-only\n", "proc");
	SAME(plan(M("/dev", "tmpfs", SRC("t") OPT("nosuid", "strictatime", "mode=755", "size=65536k")), ""),
	     "mounts[0]: tmpfs on /dev from t +nosuid +strictatime mode=755 size=65536k\n", "tmpfs");
	SAME(plan(M("tmp/./x//", "tmpfs", OPT("tmpcopyup", "ro")), ""),
	     "mounts[0]: tmpfs on /tmp/x +ro tmpcopyup mode-of-covered\n", "a relative destination is one below /");
	SAME(plan(M("/e", "ext4", SRC("/dev/sda") OPT("ro", "acl")), ""),
	     "mounts[0]: ext4 on /e from /dev/sda +ro acl ro\n", "\"ro\" of a disk is for the file system too");
	SAME(plan(M("/h", "bind", SRC("data/h") OPT("rbind", "rprivate", "ro")), ""),
	     "mounts[0]: bind on /h +ro rprivate [/b/data/h recursive by init]\n", "a source relative to the bundle");
	SAME(plan(M("/h", "none", SRC("/h") OPT("bind", "rro", "noatime")), ""),
	     "mounts[0]: bind on /h +noatime +rro [/h by init]\n", "recursive attributes");
	SAME(plan(M("/h", "none", SRC("/h") OPT("rbind,ro,rslave")), ""),
	     "mounts[0]: bind on /h +ro rslave [/h recursive by init]\n", "options in one string");
	SAME(plan(M("/h", "bind", SRC("/h") OPT("rbind", "rshared")), ""),
	     "mounts[0]: bind on /h rshared [/h recursive peer by husk]\n", "a peer is opened by husk");
	SAME(plan(M("/h", "bind", SRC("/") OPT("rbind", "ro")) "," M("/i", "bind", SRC("/b") OPT("rbind")) ","
		  M("/j", "bind", SRC("/b/rootfs/x") OPT("rbind")) "," M("/k", "bind", SRC("/") OPT("bind")), ""),
	     "mounts[0]: bind on /h +ro [/ recursive by husk]\n" "mounts[1]: bind on /i [/b recursive by husk]\n"
	     "mounts[2]: bind on /j [/b/rootfs/x recursive by init]\n" "mounts[3]: bind on /k [/ by init]\n",
	     "what holds the root itself is cloned without what will be in it");
	host.capabilities = 0;
	SAME(plan(M("/h", "bind", SRC("/") OPT("rbind", "ro")) "," M("/i", "bind", SRC("/b/rootfs") OPT("rbind")) ","
		  M("/j", "bind", SRC("/c") OPT("rbind")), ""),
	     "mounts[0]: bind on /h +ro [/ recursive without the root by init]\n" "mounts[1]: bind on /i [/b/rootfs by init]\n"
	     "mounts[2]: bind on /j [/c recursive by init]\n", "without root init itself leaves out what will be in the root");
	host.capabilities = ~0ull;
	SAME(plan(M("/h", "bind", SRC("/h")), "\"rootfsPropagation\":\"rprivate\""),
	     "mounts[0]: bind on /h rprivate [/h by init]\n", "private root, private volumes");
	SAME(plan(M("/h/x", "tmpfs", OPT("ro")) "," M("/h", "tmpfs", OPT("ro")) "," M("/h-x", "tmpfs", OPT("ro")) ","
		  M("/h/y/z", "tmpfs", OPT("ro")) "," M("/dev", "tmpfs", OPT("ro", "mode=1")), ""),
	     "mounts[0]: tmpfs on /h/x +ro mode-of-covered\n"
	     "mounts[1]: tmpfs on /h +ro ro-at-last mode-of-covered\n"
	     "mounts[2]: tmpfs on /h-x +ro mode-of-covered\n" "mounts[3]: tmpfs on /h/y/z +ro mode-of-covered\n"
	     "mounts[4]: tmpfs on /dev +ro mode=1 ro-at-last\n", "read-only at last, where more is to come");
	SAME(plan(M("/h", "none", OPT("rslave")), ""), "mounts[0]: propagation on /h rslave\n", "only propagation");
	SAME(plan(M("/h", "tmpfs", OPT("remount", "ro", "size=1k")), ""), "mounts[0]: remount on /h +ro size=1k\n",
	     "a remount");
	SAME(plan(M("/h", "tmpfs", OPT("remount", "bind", "ro", "noexec")), ""),
	     "mounts[0]: remount on /h +ro +noexec\n", "a remount of a bind mount");
}

static void test_label(void)
{
	host.has_selinux = true;
	SAME(plan(M("/t", "tmpfs", OPT("mode=1")), "\"mountLabel\":\"a:b:c:s0:c1,c2\""),
	     "mounts[0]: tmpfs on /t mode=1 context=a:b:c:s0:c1,c2\n", "a label");
	facts.context_type = "rootcontext";
	SAME(plan(M("/t", "tmpfs", OPT("mode=1")), "\"mountLabel\":\"a:b:c:s0:c1,c2\""),
	     "mounts[0]: tmpfs on /t mode=1 rootcontext=a:b:c:s0:c1,c2\n", "a label by another option");
	SAME(plan(M("/t", "tmpfs", OPT("mode=1", "fscontext=x")), "\"mountLabel\":\"a:b:c:s0\""),
	     "mounts[0]: tmpfs on /t mode=1 fscontext=x\n", "the mount's own option comes first");
	facts.context_type = NULL;
	host.has_selinux = false;
}

static void test_errors(void)
{
	SAME(plan(M("", "tmpfs", ""), ""), "mounts[0].destination: missing", "no destination");
	SAME(plan(M("/a", "", ""), ""), "mounts[0].type: missing", "no type");
	SAME(plan(M("/a", "bind", OPT("bind")), ""), "mounts[0].source: missing", "no source");
	SAME(plan(M("/a", "bind", SRC("/x") OPT("bind", "ro", "foo")), ""),
	     "mounts[0].options[2]: unknown option \"foo\" for a bind mount", "no such option");
	SAME(plan(M("/a", "bind", SRC("/x") OPT("rbind", "ro,nosuid,foo,bar=1")), ""),
	     "mounts[0].options[1]: unknown option \"foo\" for a bind mount", "no such option among several");
	SAME(plan(M("/a", "tmpfs", OPT("ro", "nosuid,=a")), ""), "mounts[0].options[1]: not an option: \"=a\"", "a value alone");
	SAME(plan(M("/a", "proc", OPT("tmpcopyup")), ""),
	     "mounts[0].options: \"tmpcopyup\" is for tmpfs, not for \"proc\"", "copy up of proc");
	SAME(plan(M("/proc", "tmpfs", ""), ""), "mounts[0].destination: \"/proc\" can only be a \"proc\", not \"tmpfs\"",
	     "something else on /proc");
	SAME(plan(M("/t", "tmpfs", "") "," M("/proc/self/attr", "bind", SRC("/x") OPT("bind")), ""),
	     "mounts[1].destination: \"/proc/self/attr\" is inside of /proc", "something inside of /proc");
	SAME(plan(M("/proc/meminfo", "bind", SRC("/x") OPT("bind")), ""),
	     "mounts[0]: bind on /proc/meminfo [/x by init]\n", "lxcfs may cover meminfo");
	SAME(plan(M("/c", "cgroup", ""), ""), "mounts[0].type: this host has no cgroups to mount", "no cgroups");
	SAME(plan(M("/t", "tmpfs", ""), "\"mountLabel\":\"a:b:c:s0:c1,c2\""),
	     "linux.mountLabel: SELinux is not enabled on this host", "a label without SELinux");
}

#define IDS "\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":10}]"
#define GIDS "\"gidMappings\":[{\"containerID\":0,\"hostID\":2000,\"size\":10}]"

static void test_idmaps(void)
{
	SAME(plan(M("/a", "bind", SRC("/x") OPT("rbind", "ridmap") "," IDS "," GIDS), ""),
	     "mounts[0]: bind on /a [/x recursive by husk] uid 0:1000:10 gid 0:2000:10 ridmap\n", "own mappings");
	SAME(plan(M("/a", "tmpfs", OPT("mode=1") "," IDS "," GIDS), ""),
	     "mounts[0]: tmpfs on /a mode=1 [user namespace by husk] uid 0:1000:10 gid 0:2000:10\n",
	     "an idmapped tmpfs");
	SAME(plan(M("/a", "bind", SRC("/x") OPT("bind", "idmap=uids=0-5-10#10-20-1;gids=1-2-3")), ""),
	     "mounts[0]: bind on /a [/x by husk] uid 0:5:10 uid 10:20:1 gid 1:2:3\n", "mappings in the option");
	SAME(plan(M("/a", "bind", SRC("/x") OPT("bind", "idmap=uids=0-5")), ""),
	     "mounts[0].options: not a mapping: \"uids=0-5\"", "half a range");
	SAME(plan(M("/a", "bind", SRC("/x") OPT("bind", "idmap")), ""),
	     "mounts[0].options: idmap without mappings, and the container has no user namespace", "nothing to map by");
	SAME(plan(M("/a", "bind", SRC("/x") "," IDS), ""), "mounts[0].uidMappings: must come with the other mapping",
	     "only one mapping");
	facts.ns_made |= CLONE_NEWUSER;
	SAME(plan(M("/a", "bind", SRC("/x") OPT("bind", "idmap=uids=0-@1-1;gids=0-0-1")), IDS "," GIDS),
	     "mounts[0].options: not a mapping: \"uids=0-@1-1;gids=0-0-1\"", "@ stands before a range");
	SAME(plan(M("/a", "bind", SRC("/x") OPT("bind", "idmap=uids=@0-1-1;gids=@0-0-1")), IDS "," GIDS),
	     "mounts[0]: bind on /a [/x by husk] uid 0:1001:1 gid 0:2000:1\n", "ids of the container");
	SAME(plan(M("/a", "bind", SRC("/x") OPT("bind", "idmap")), IDS "," GIDS),
	     "mounts[0]: bind on /a [/x by husk] uid 0:1000:10 gid 0:2000:10\n", "the container's mappings");
	SAME(plan(M("/a", "bind", SRC("/x") OPT("bind")), IDS "," GIDS), "mounts[0]: bind on /a [/x by husk]\n",
	     "a user namespace: husk opens all");
	SAME(plan(M("/sys", "sysfs", OPT("ro")), IDS "," GIDS),
	     "mounts[0]: sysfs on /sys +ro directory-only [or /sys recursive by husk]\n", "the host's sysfs instead");
	SAME(plan(M("/dev/pts", "devpts", OPT("newinstance", "gid=5", "mode=620")), IDS "," GIDS),
	     "mounts[0]: devpts on /dev/pts newinstance gid=5 mode=620\n", "a mapped group of terminals");
	SAME(plan(M("/dev/pts", "devpts", OPT("newinstance", "gid=50", "mode=620")), IDS "," GIDS),
	     "mounts[0]: devpts on /dev/pts newinstance mode=620\n", "a group that is not mapped");
	facts.ns_made &= ~(uint64_t)CLONE_NEWUSER;
}

static void test_cgroups(void)
{
	static const struct fs_cgroup v[] = {
		{ "cpu,cpuacct", "cgroup", "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/g" },
		{ "systemd", "cgroup", "none,name=systemd", "/sys/fs/cgroup/systemd/g" },
	};
	static const struct fs_cgroup v2[] = { { "", "cgroup2", NULL, "/sys/fs/cgroup/g" } };
	static const struct fs_cgroup_link links[] = { { "cpu", "cpu,cpuacct" } };
	struct fs_cgroups groups = { .n = 2, .n_links = 1, .v = v, .links = links };

	facts.cgroups = &groups;
	SAME(plan(M("/sys/fs/cgroup", "cgroup", OPT("ro", "nosuid")), ""),
	     "mounts[0]: tmpfs on /sys/fs/cgroup from cgroup +ro +nosuid mode=755 ro-at-last\n"
	     "mounts[0]: bind on /sys/fs/cgroup/cpu,cpuacct +ro +nosuid [/sys/fs/cgroup/cpu,cpuacct/g by init]\n"
	     "mounts[0]: bind on /sys/fs/cgroup/systemd +ro +nosuid [/sys/fs/cgroup/systemd/g by init]\n"
	     "mounts[0]: link on /sys/fs/cgroup/cpu from cpu,cpuacct\n", "hierarchies bound");
	groups.own_namespace = true;
	SAME(plan(M("/c", "cgroup", ""), ""),
	     "mounts[0]: tmpfs on /c from cgroup mode=755\n"
	     "mounts[0]: cgroup on /c/cpu,cpuacct from cgroup cpu cpuacct [or /sys/fs/cgroup/cpu,cpuacct/g by init]\n"
	     "mounts[0]: cgroup on /c/systemd from cgroup none name=systemd [or /sys/fs/cgroup/systemd/g by init]\n"
	     "mounts[0]: link on /c/cpu from cpu,cpuacct\n", "hierarchies mounted");
	groups = (struct fs_cgroups){ .is_v2 = true, .own_namespace = true, .n = 1, .v = v2 };
	SAME(plan(M("/c", "cgroup", OPT("rw")), ""), "mounts[0]: cgroup2 on /c from cgroup -ro [or /sys/fs/cgroup/g by init]\n",
	     "the unified hierarchy");
	facts.cgroups = NULL;
}

static void test_trees(void)
{
	const struct oci_config *c = config(HEAD "\"mounts\":[" M("/a", "bind", SRC("/x") OPT("bind")) "]}");
	struct fs_facts joined = { .bundle = "/b", .ns_joined = CLONE_NEWNS };
	struct rootfs_plan root;
	struct mounts_plan out;
	struct err e;

	OK(rootfs_plan(&root, c, &facts, &host, &arena, &e) == 0 &&
	   mounts_plan(&out, c, &facts, &root, &host, &arena, &e) == 0 && out.n_trees == 0,
	   "the common container needs nobody to open trees for it");
	SAME(root.tree.source, "/b/rootfs", "the root is relative to the bundle");
	OK(root.entry == ROOTFS_PIVOT && root.propagation == MS_SLAVE, "it is entered by pivot_root");
	OK(rootfs_plan(&root, c, &joined, &host, &arena, &e) == 0 &&
	   mounts_plan(&out, c, &joined, &root, &host, &arena, &e) == 0 && out.n_trees == 2 &&
	   out.trees[0]->number == 0 && out.trees[1]->number == 1 && out.v[0].tree == out.trees[1],
	   "in a mount namespace of others all trees are of the host, in order");
	OK(root.entry == ROOTFS_CHROOT && !root.has_mount_ns, "and nothing of it is changed");
}

static void test_shield(void)
{
	struct shield_plan out;
	struct fs_facts none = { .bundle = "/b" };
	struct err e;

	OK(shield_plan(&out, config(HEAD "\"linux\":{\"maskedPaths\":[\"/a\"],\"readonlyPaths\":[\"/b\",\"/c\"]}}"), &facts,
		       &host, &arena, &e) == 0 && out.n_masked == 1 && out.n_readonly == 2, "paths are taken over");
	OK(shield_plan(&out, config(HEAD "\"linux\":{\"maskedPaths\":[\"/a\",\"b\"]}}"), &facts, &host, &arena, &e) < 0,
	   "relative paths are refused");
	SAME(e.msg, "linux.maskedPaths[1]: not an absolute path: \"b\"", "by name");
	OK(shield_plan(&out, config(HEAD "\"linux\":{\"readonlyPaths\":[\"/a\"]}}"), &none, &host, &arena, &e) < 0,
	   "the host's own mounts are not shielded");
}

int main(void)
{
	test_words();
	test_all_of_the_specification();
	test_plans();
	test_label();
	test_errors();
	test_idmaps();
	test_cgroups();
	test_trees();
	test_shield();
	return tap_done();
}
