/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd is asked for: names, slices, limits as properties, annotations in GVariant's text format. */
#include "base/own.h"
#include "base/str.h"
#include "oci-spec/config.h"
#include "parts/cgroup/unit.h"
#include "unit/tap.h"

static const struct host system_host = { .cgroups = HOST_CGROUP_V2, .v2_mount = "/sys/fs/cgroup", .v2_own = "/system.slice/x.service" };
static const struct host user_host = {
	.cgroups = HOST_CGROUP_V2, .v2_mount = "/sys/fs/cgroup", .is_rootless = true, .uid = 7,
	.v2_own = "/user.slice/user-1000.slice/session-3.scope",
};
static const struct host other_user_host = { .cgroups = HOST_CGROUP_V2, .is_rootless = true, .uid = 7, .v2_own = "/" };

static const struct oci_config *config(const char *json, struct arena *a)
{
	struct spec_error why;
	void *c = NULL;

	if (spec_decode(&oci_config_type, json, strlen(json), a, &c, &why) < 0)
		printf("Bail out! %s: %s\n", why.path, why.message);
	return c;
}

static void place(const char *path, const struct host *host, const char *want)
{
	AUTO(arena) a = ARENA_NONE;
	struct cgroup_unit u;
	struct err e = {};
	const char *json = path ? arena_printf(&a, "{\"ociVersion\":\"1.0.0\",\"linux\":{\"cgroupsPath\":\"%s\"}}", path) :
			   "{\"ociVersion\":\"1.0.0\"}";

	if (unit_plan(&u, config(json, &a), "web", host, &a, &e) < 0)
		SAME(e.msg, want, "%s is refused", path);
	else
		SAME(u.cgroup, want, "%s lies in %s", path ? path : "no path", want);
}

static const char *joined(const struct unit_words *w, struct arena *a)
{
	const char *all = "";

	for (size_t i = 0; i < w->n; i++)
		all = arena_printf(a, "%s%s%s", all, i ? " " : "", w->v[i]);
	return all;
}

static void limits(const char *resources, bool is_v2, const char *want)
{
	AUTO(arena) a = ARENA_NONE;
	struct unit_words w = { .arena = &a };
	const char *json = arena_printf(&a, "{\"ociVersion\":\"1.0.0\",\"linux\":{\"resources\":%s}}", resources);

	unit_limits(&w, config(json, &a)->linux_->resources, is_v2);
	SAME(joined(&w, &a), want, "%s on %s", resources, is_v2 ? "v2" : "v1");
}

static void property(const char *name, const char *text, const char *want)
{
	AUTO(arena) a = ARENA_NONE;
	struct unit_words w = { .arena = &a };
	struct err e = {};

	if (unit_property(&w, name, text, "p", &e) < 0)
		SAME(e.msg, want, "%s=%s is refused", name, text);
	else
		SAME(joined(&w, &a), want, "%s=%s", name, text);
}

static void places(void)
{
	place(NULL, &system_host, "/system.slice/husk-web.scope");
	place("system.slice:docker:3f", &system_host, "/system.slice/docker-3f.scope");
	place("::3f", &system_host, "/system.slice/3f.scope");
	place("a-b-c.slice:cri:x", &system_host, "/a.slice/a-b.slice/a-b-c.slice/cri-x.scope");
	place("-.slice:p:x", &system_host, "/p-x.scope");
	place("user.slice:libpod:9", &user_host, "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-9.scope");
	place(":libpod:9", &other_user_host, "/user.slice/user-7.slice/user@7.service/user.slice/libpod-9.scope");
	place("/docker/3f", &system_host,
	      "linux.cgroupsPath: \"/docker/3f\" is not of the form slice:prefix:name, which the systemd cgroup manager needs");
	place("a.slice:b", &system_host,
	      "linux.cgroupsPath: \"a.slice:b\" is not of the form slice:prefix:name, which the systemd cgroup manager needs");
	place("a.slice:b:c:d", &system_host,
	      "linux.cgroupsPath: \"a.slice:b:c:d\" is not of the form slice:prefix:name, which the systemd cgroup manager needs");
	place("a:b:c", &system_host, "linux.cgroupsPath: \"a\" is not the name of a slice");
	place("a--b.slice:b:c", &system_host, "linux.cgroupsPath: \"a--b.slice\" is not the name of a slice");
	place(".slice:b:c", &system_host, "linux.cgroupsPath: \".slice\" is not the name of a slice");
	place("../x.slice:b:c", &system_host, "linux.cgroupsPath: \"../x.slice\" is not the name of a slice");
	place("x.slice:../b:c", &system_host, "linux.cgroupsPath: \"../b-c.scope\" is not the name of a unit");
	place("x.slice:b:c.slice", &system_host, "linux.cgroupsPath: a container is a scope, not a slice: \"c.slice\"");
}

static void all_limits(void)
{
	limits("{}", true, "");
	limits("{\"memory\":{\"limit\":1000,\"reservation\":500,\"swap\":1500}}", true,
	       "MemoryMax t 1000 MemoryLow t 500 MemorySwapMax t 500");
	limits("{\"memory\":{\"limit\":-1,\"swap\":-1}}", true, "MemoryMax t 18446744073709551615 MemorySwapMax t 18446744073709551615");
	limits("{\"memory\":{\"limit\":1000,\"reservation\":500,\"swap\":1500}}", false, "MemoryLimit t 1000");
	limits("{\"cpu\":{\"shares\":1024,\"quota\":50000,\"period\":100000}}", true,
	       "CPUWeight t 100 CPUQuotaPerSecUSec t 500000 ?CPUQuotaPeriodUSec t 100000");
	limits("{\"cpu\":{\"shares\":1024,\"quota\":-1}}", false,
	       "CPUShares t 1024 CPUQuotaPerSecUSec t 18446744073709551615 ?CPUQuotaPeriodUSec t 100000");
	limits("{\"cpu\":{\"quota\":12345,\"period\":100000}}", true,
	       "CPUQuotaPerSecUSec t 130000 ?CPUQuotaPeriodUSec t 100000");
	limits("{\"cpu\":{\"cpus\":\"0-2,9\",\"mems\":\"0\"}}", true, "?AllowedCPUs ay 2 7 2 ?AllowedMemoryNodes ay 1 1");
	limits("{\"cpu\":{\"idle\":1,\"shares\":512}}", true, "?CPUWeight t 0");
	limits("{\"pids\":{\"limit\":33},\"blockIO\":{\"weight\":500}}", true, "IOWeight t 4950 TasksMax t 33");
	limits("{\"pids\":{\"limit\":-1},\"blockIO\":{\"weight\":500}}", false, "BlockIOWeight t 500 TasksMax t 18446744073709551615");
	limits("{\"pids\":{\"limit\":0}}", true, "TasksMax t 1");
	limits("{\"unified\":{\"memory.high\":\"max\",\"cpu.max\":\"20000 100000\",\"pids.max\":\"9\",\"cpu.weight.nice\":\"1\"}}", true,
	       "MemoryHigh t 18446744073709551615 CPUQuotaPerSecUSec t 200000 ?CPUQuotaPeriodUSec t 100000 TasksMax t 9");
}

/* From the limits THEN back to NOW, where FILE had TEXT. */
static void back(const char *now, const char *then, const char *file, const char *text, const char *want)
{
	AUTO(arena) a = ARENA_NONE;
	struct unit_words is = { .arena = &a }, was = { .arena = &a }, files = { .arena = &a };
	const char *frame = "{\"ociVersion\":\"1.0.0\",\"linux\":{\"resources\":%s}}";

	unit_limits(&was, config(arena_printf(&a, frame, now), &a)->linux_->resources, true);
	unit_limits(&is, config(arena_printf(&a, frame, then), &a)->linux_->resources, true);
	unit_file(&files, file, text);
	unit_back(&was, &is, &files);
	SAME(joined(&was, &a), want, "%s back to %s, %s was \"%s\"", then, now, file, text);
}

static void all_ways_back(void)
{
	const char *pids = "{\"pids\":{\"limit\":33}}";

	back(pids, pids, "pids.max", "99", "TasksMax t 33");
	back("{}", pids, "pids.max", "99", "TasksMax t 99");
	back("{}", pids, "pids.max", "max", "TasksMax t 18446744073709551615");
	back("{}", pids, "cpu.weight", "100", "TasksMax t 18446744073709551615");
	back(pids, "{\"memory\":{\"limit\":1000,\"reservation\":500},\"pids\":{\"limit\":44}}", "memory.max", "max",
	     "TasksMax t 33 MemoryMax t 18446744073709551615 MemoryLow t 0");
	back("{}", "{\"cpu\":{\"cpus\":\"0-9\",\"idle\":1}}", "cpuset.cpus", "\n", "?CPUWeight t 18446744073709551615 ?AllowedCPUs ay 0");
	back("{}", "{\"cpu\":{\"cpus\":\"0\",\"idle\":1}}", "cpuset.cpus", "1", "?CPUWeight t 18446744073709551615 ?AllowedCPUs ay 1 2");
}

static void properties(void)
{
	property("CollectMode", "'inactive'", "CollectMode s inactive");
	property("Description", "\"it's \\\"so\\\"\"", "Description s it's \"so\"");
	property("TasksAccounting", "false", "TasksAccounting b false");
	property("CPUWeight", "uint64 200", "CPUWeight t 200");
	property("CPUWeight", "@t 200", "CPUWeight t 200");
	property("Nice", "-5", "Nice i -5");
	property("TimeoutStopSec", "uint64 7", "TimeoutStopUSec t 7000000");
	property("TimeoutStopUSec", "uint64 7", "TimeoutStopUSec t 7");
	property("After", "['a.service', 'b.service']", "After as 2 a.service b.service");
	property("After", "@as []", "After as 0");
	property("DeviceAllow", "[('/dev/null', 'rwm')]", "DeviceAllow a(ss) 1 /dev/null rwm");
	property("AllowedCPUs", "[byte 1, 2]", "AllowedCPUs ay 2 1 2");
	property("After", "[]", "p: an empty list needs its type in front, like @as, before at \"\"");
	property("After", "['a', true]", "p: another type than was said, before at \"]\"");
	property("After", "['a'", "p: no \",\" at \"\"");
	property("After", "'a", "p: the string does not end at \"\"");
	property("CPUWeight", "uint16 70000", "p: not a number of its type at \"70000\"");
	property("CPUWeight", "uint64 'a'", "p: another type than was said, before at \"\"");
	property("CPUWeight", "", "p: no value at \"\"");
	property("CPUWeight", "1 2", "p: something behind the value at \"2\"");
	property("TimeoutStopSec", "'7'", "p: not a number of seconds");
	property("TimeoutStopSec", "-7", "p: not a number of seconds");
	property("PIDs", "@au [1]", "p: this property is not for annotations");
	property("a/b", "1", "p: not the name of a property");
	property("", "1", "p: not the name of a property");
}

int main(void)
{
	places();
	all_limits();
	all_ways_back();
	properties();
	return tap_done();
}
