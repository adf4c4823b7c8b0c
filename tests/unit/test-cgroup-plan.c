/* SPDX-License-Identifier: Apache-2.0 */
/* Where a container's cgroups lie, who owns them, how they are mounted: planned from a config and facts. */
#include "base/arena.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "oci-spec/config.h"
#include "parts/cgroup/cgroup.h"
#include "unit/tap.h"

static const struct host v1 = {
	.cgroups = HOST_CGROUP_HYBRID, .v1_count = 3,
	.v1 = { { "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct", "/" }, { "/sys/fs/cgroup/memory", "memory", "/own/here" },
		{ "/sys/fs/cgroup/systemd", "name=systemd", "/../outside" } },
	.v2_mount = "/sys/fs/cgroup/unified", .v2_own = "/u", .v2_controllers = "hugetlb",
};
static const struct host v2 = {
	.cgroups = HOST_CGROUP_V2, .v2_mount = "/sys/fs/cgroup", .v2_own = "/user.slice/session.scope",
	.v2_controllers = "cpu io memory pids",
};

static int plan(struct cgroup_plan *p, const struct oci_config **config, const char *json, enum cgroup_manager m,
		const struct host *host, struct arena *a, struct err *e)
{
	struct spec_error fault;
	void *c = NULL;

	if (spec_decode(&oci_config_type, json, strlen(json), a, &c, &fault) < 0)
		return err_set(e, ERR_BUG, "%s: %s", fault.path, fault.message);
	*config = c;
	return cgroup_plan(p, c, &(struct cgroup_request){ "web", m }, host, a, e);
}

static void place(const char *path, const struct host *host, const char *want, const char *name)
{
	AUTO(arena) a = ARENA_NONE;
	const struct oci_config *config;
	struct cgroup_plan p;
	struct err e = {};
	char buf[2048];
	struct text t = TEXT(buf);
	char *json = path ? arena_printf(&a, "{\"ociVersion\":\"1.0.0\",\"linux\":{\"cgroupsPath\":\"%s\"}}", path) :
		     arena_strdup(&a, "{\"ociVersion\":\"1.0.0\"}");

	buf[0] = '\0';
	if (plan(&p, &config, json, CGROUP_MANAGER_FS, host, &a, &e) < 0) {
		text_add(&t, e.kind == ERR_SPEC ? "spec: " : "other: ");
		text_addn(&t, e.msg, strcspn(e.msg, ":"));
	} else {
		for (int i = 0; i < p.n; i++)
			text_addf(&t, "%s%s:%s", i ? " " : "", p.dir[i].mount + strlen("/sys/fs/cgroup"), p.dir[i].path);
	}
	SAME(buf, want, "%s", name);
}

static void delegation(const char *ns, const char *mount, const char *mappings, const struct host *host, int want,
		       const char *name)
{
	AUTO(arena) a = ARENA_NONE;
	const struct oci_config *config;
	struct cgroup_plan p = {};
	struct err e = {};
	char *json = arena_printf(&a, "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":{\"uid\":7,"
				  "\"gid\":7}},\"mounts\":[%s],\"linux\":{\"namespaces\":[%s]%s}}", mount, ns, mappings);
	int r = plan(&p, &config, json, CGROUP_MANAGER_FS, host, &a, &e);

	OK(r == 0 && (p.delegate ? (int)p.owner : -1) == want, "%s", name);
	if (r < 0)
		printf("# %s\n", e.msg);
}

static void mounts(const char *ns, const struct host *host, enum cgroup_manager m, const char *want, const char *name)
{
	AUTO(arena) a = ARENA_NONE;
	const struct oci_config *config;
	struct cgroup_plan p;
	struct cgroup_mounts cm;
	struct err e = {};
	char buf[2048];
	struct text t = TEXT(buf);
	char *json = arena_printf(&a, "{\"ociVersion\":\"1.0.0\",\"linux\":{\"cgroupsPath\":\"/a/b\",\"namespaces\":[%s]}}", ns);

	buf[0] = '\0';
	if (plan(&p, &config, json, m, host, &a, &e) < 0 || cgroup_mounts(&cm, &p, config, host, &a, &e) < 0) {
		text_add(&t, e.msg);
	} else {
		text_add(&t, cm.own_namespace ? "new:" : "bind:");
		for (int i = 0; i < cm.n; i++)
			text_addf(&t, " %s[%s %s %s]", cm.v[i].name, cm.v[i].type, cm.v[i].options ? cm.v[i].options : "-",
				  cm.v[i].source);
		for (int i = 0; i < cm.n_links; i++)
			text_addf(&t, " %s->%s", cm.link[i].name, cm.link[i].target);
	}
	SAME(buf, want, "%s", name);
}

#define NS "{\"type\":\"cgroup\"}"
#define RW "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\",\"options\":[\"nosuid\"]}"
#define RO "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\",\"options\":[\"ro\"]}"
#define MAP ",\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":10}]"

static void refusals(void)
{
	static const char *const bad[] = { "/../../x", "a//b", "/a/b/", "/a/../b", "./a", "/", "a/\\nb", "/a/.", "a:b:c", ":b:c" };
	AUTO(arena) a = ARENA_NONE;
	char *longest = arena_alloc(&a, 5001);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		place(bad[i], &v2, "spec: linux.cgroupsPath", bad[i]);
	memset(longest, 'x', 300);
	place(longest, &v2, "spec: linux.cgroupsPath", "a component of 300 characters");
	for (int i = 0; i < 5000; i++)
		longest[i] = i % 2 ? '/' : 'x';
	longest[4999] = '\0';
	place(longest, &v2, "spec: linux.cgroupsPath", "a path of 4999 characters");
}

int main(void)
{
	place("/docker/3f", &v1, "/cpu,cpuacct:docker/3f /memory:docker/3f /systemd:docker/3f /unified:docker/3f",
	      "an absolute path lies beneath each mount");
	place("/docker/3f", &v2, ":docker/3f", "and beneath that of v2");
	place("x/y", &v1, "/cpu,cpuacct:x/y /memory:own/here/x/y /systemd:x/y /unified:u/x/y",
	      "a relative one beneath our own cgroup, one outside of our namespace counting as the root");
	place("x/y", &v2, ":user.slice/x/y", "on v2 beside it");
	place(NULL, &v1, "/cpu,cpuacct:web /memory:own/here/web /systemd:web /unified:u/web", "none: the id, as a relative one");
	place("", &v2, ":user.slice/web", "an empty one is none");
	place("/a:b:c", &v2, ":a:b:c", "colons are letters in an absolute path");
	refusals();

	delegation(NS, RW, "", &v2, 7, "v2, new namespace, writable: given to the user");
	delegation(NS, RW, MAP ",\"x\":1", &v2, 100007, "as the host knows him");
	delegation(NS, RO, "", &v2, -1, "not when mounted read-only");
	delegation(NS, "", "", &v2, -1, "not when not mounted");
	delegation("", RW, "", &v2, -1, "not without a cgroup namespace");
	delegation("{\"type\":\"cgroup\",\"path\":\"/x\"}", RW, "", &v2, -1, "not when it is joined");
	delegation(NS, RW, "", &v1, -1, "not on v1");

	mounts("", &v2, CGROUP_MANAGER_FS, "bind: [cgroup2 - /sys/fs/cgroup/a/b]", "v2 without a namespace: our group is bound");
	mounts(NS, &v2, CGROUP_MANAGER_FS, "new: [cgroup2 - /sys/fs/cgroup/a/b]", "v2 with one: mounted anew");
	mounts(NS, &v1, CGROUP_MANAGER_FS, "new: cpu,cpuacct[cgroup cpu,cpuacct /sys/fs/cgroup/cpu,cpuacct/a/b] "
	       "memory[cgroup memory /sys/fs/cgroup/memory/a/b] systemd[cgroup none,name=systemd /sys/fs/cgroup/systemd/a/b] "
	       "unified[cgroup2 - /sys/fs/cgroup/unified/a/b] cpu->cpu,cpuacct cpuacct->cpu,cpuacct", "v1: a directory each, and links");
	mounts("", &v2, CGROUP_MANAGER_NONE, "bind: [cgroup2 - /sys/fs/cgroup]", "disabled: the host's");
	return tap_done();
}
