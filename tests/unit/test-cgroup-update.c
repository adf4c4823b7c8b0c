/* SPDX-License-Identifier: Apache-2.0 */
/* `update` without a kernel: limits over limits, device rules behind rules, and the ways of v1's device cgroup. */
#include "cli/limits.c"

#include "base/arena.h"
#include "base/own.h"
#include "base/str.h"
#include "oci-spec/config.h"
#include "parts/cgroup/devices-v1.h"
#include "parts/cgroup/merge.h"
#include "unit/tap.h"

static struct oci_resources *resources(const char *json, struct arena *a)
{
	struct spec_error fault;
	void *r = NULL;

	if (json && spec_decode(&oci_resources_type, json, strlen(json), a, &r, &fault) < 0)
		printf("# %s: %s\n", fault.path, fault.message);
	return r;
}

static void merges(const char *now, const char *asked, const char *want, const char *name)
{
	AUTO(arena) a = ARENA_NONE;
	struct oci_resources then;
	const char *text;

	cgroup_merge(&then, resources(now, &a), resources(asked, &a), &a);
	text = spec_encode(&oci_resources_type, &then, &a, false);
	SAME(text, want, "%s", name);
	SAME(spec_encode(&oci_resources_type, resources(text, &a), &a, false), want, "%s: and back from the record", name);
}

static void merging(void)
{
	merges("{}", "{}", "{}", "nothing over nothing");
	merges(NULL, "{\"pids\":{\"limit\":0}}", "{\"pids\":{\"limit\":0}}", "a config without resources; pids 0 is a limit");
	merges("{\"memory\":{\"limit\":5,\"swap\":9},\"cpu\":{\"shares\":7}}", "{\"memory\":{\"limit\":6},\"cpu\":{\"quota\":1}}",
	       "{\"memory\":{\"limit\":6,\"swap\":9},\"cpu\":{\"shares\":7,\"quota\":1}}", "member by member");
	merges("{\"memory\":{\"limit\":5},\"cpu\":{\"shares\":7,\"cpus\":\"0\"},\"blockIO\":{\"weight\":10}}",
	       "{\"memory\":{\"limit\":0},\"cpu\":{\"shares\":0,\"cpus\":\"\"},\"blockIO\":{\"weight\":0}}",
	       "{\"memory\":{\"limit\":5},\"cpu\":{\"shares\":7,\"cpus\":\"0\"},\"blockIO\":{\"weight\":10}}", "what engines send for nothing");
	merges("{\"memory\":{\"limit\":5,\"swap\":9}}", "{\"memory\":{\"limit\":-1}}", "{\"memory\":{\"limit\":-1,\"swap\":-1}}",
	       "unlimited memory takes swap along");
	merges("{\"memory\":{\"limit\":5}}", "{\"memory\":{\"limit\":-1}}", "{\"memory\":{\"limit\":-1}}", "where there was a limit of it");
	merges("{\"cpu\":{\"burst\":5,\"idle\":1}}", "{\"cpu\":{\"burst\":0,\"idle\":0}}", "{\"cpu\":{\"burst\":0,\"idle\":0}}",
	       "0 is a burst, and not idle");
	merges("{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1},{\"major\":8,\"minor\":16,\"rate\":2}]}}",
	       "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":16,\"rate\":0},{\"major\":9,\"minor\":0,\"rate\":3}]}}",
	       "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1},{\"major\":8,\"minor\":16,\"rate\":0},"
	       "{\"major\":9,\"minor\":0,\"rate\":3}]}}", "devices each for itself");
	merges("{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}],\"unified\":{\"a.b\":\"1\",\"c.d\":\"2\"},"
	       "\"rdma\":{\"x\":{\"hcaHandles\":1}},\"network\":{\"classID\":1,\"priorities\":[{\"name\":\"lo\",\"priority\":1}]}}",
	       "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":0},{\"pageSize\":\"1GB\",\"limit\":3}],\"unified\":{\"c.d\":\"3\"},"
	       "\"rdma\":{\"x\":{\"hcaObjects\":2}},\"network\":{\"priorities\":[{\"name\":\"lo\",\"priority\":4}]}}",
	       "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":0},{\"pageSize\":\"1GB\",\"limit\":3}],"
	       "\"network\":{\"classID\":1,\"priorities\":[{\"name\":\"lo\",\"priority\":4}]},"
	       "\"rdma\":{\"x\":{\"hcaObjects\":2}},\"unified\":{\"a.b\":\"1\",\"c.d\":\"3\"}}", "lists by their keys");
	merges("{\"devices\":[{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"major\":1}]}",
	       "{\"devices\":[{\"allow\":true,\"type\":\"b\"}]}", "{\"devices\":[{\"allow\":true,\"type\":\"b\"}]}", "device rules replace");
}

/* ---- device rules ----------------------------------------------------------------- */

static const char *rules_text(const oci_device_rule_list *l, struct arena *a)
{
	struct oci_resources r = { .devices = *l };

	return spec_encode(&oci_resources_type, &r, a, false);
}

static void adds(const char *before, const char *rule, const char *want, const char *name)
{
	AUTO(arena) a = ARENA_NONE;
	oci_device_rule_list more = {}, out;
	struct words w = { &rule, 1 };
	struct err e;

	OK(limits_rules(&more, &w, "device-rule", &a, &e) == 0, "\"%s\" is a rule", rule);
	cgroup_add_rules(&out, &resources(before, &a)->devices, &more, &a);
	SAME(rules_text(&out, &a), want, "%s", name);
}

static void adding(void)
{
#define DENY "{\"allow\":false}"
#define C1(allow, minor, access) "{\"allow\":" allow ",\"type\":\"c\",\"major\":1" minor ",\"access\":\"" access "\"}"
	adds("{\"devices\":[" DENY "]}", "allow c 1:* r", "{\"devices\":[" DENY "," C1("true", "", "r") "]}", "one more");
	adds("{\"devices\":[" DENY "," C1("true", "", "r") "]}", "deny c 1:* rw", "{\"devices\":[" DENY "," C1("false", "", "rw") "]}",
	     "what is decided anew is dropped");
	adds("{\"devices\":[" DENY "," C1("true", ",\"minor\":3", "r") "]}", "deny c 1:* r",
	     "{\"devices\":[" DENY "," C1("false", "", "r") "]}", "also by a rule about more");
	adds("{\"devices\":[" DENY "," C1("true", "", "rw") "]}", "deny c 1:3 r",
	     "{\"devices\":[" DENY "," C1("true", "", "rw") "," C1("false", ",\"minor\":3", "r") "]}", "but not by one about less");
	adds("{\"devices\":[" DENY "," C1("true", "", "rw") "]}", "allow a", "{\"devices\":[{\"allow\":true,\"type\":\"a\"}]}",
	     "everything is decided by a rule about all");
}

static void bad_rules(void)
{
	static const char *const bad[] = { "", "allow", "allow ", "c 1:3 r", "allow x 1:3 r", "allow c", "allow c 1", "allow c 1:x r",
					   "allow c 1:3 q", "allow c 1:3 ", "allow c 1:3 r w", "allow c -1:3 r", "permit c 1:3 r" };
	AUTO(arena) a = ARENA_NONE;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		oci_device_rule_list list = {};
		const char *rule = bad[i];
		struct words w = { &rule, 1 };
		struct err e;

		OK(limits_rules(&list, &w, "device-rule", &a, &e) < 0 && e.kind == ERR_USAGE, "\"%s\" is no rule", bad[i]);
	}
}

static void print_moves(struct text *t, const struct device_rules *moves, struct arena *a)
{
	for (size_t i = 0; i < moves->n; i++)
		text_addf(t, "%s%s %s", i ? "; " : "", moves->v[i].allow ? "allow" : "deny",
			  moves->v[i].type == 'a' ? "a" : devices_text(&moves->v[i], a));
}

/* From one list of rules to another, and back. */
static void moves(const char *from, const char *to, const char *there, const char *back, const char *name)
{
	AUTO(arena) a = ARENA_NONE;
	struct device_rules x, y, way;
	struct device_state s = {}, t = {};
	char buf[2048];
	struct text text = TEXT(buf);
	struct err e = {};

	if (devices_rules(&x, resources(from, &a), &a, &e) < 0 || devices_rules(&y, resources(to, &a), &a, &e) < 0 ||
	    devices_v1_state(&s, &x, &a, &e) < 0 || devices_v1_state(&t, &y, &a, &e) < 0) {
		SAME(e.msg, there, "%s", name);
		return;
	}
	buf[0] = '\0';
	devices_v1_moves(&way, &s, &t, &a);
	print_moves(&text, &way, &a);
	SAME(buf, there, "%s", name);
	text = TEXT(buf);
	buf[0] = '\0';
	devices_v1_moves(&way, &t, &s, &a);
	print_moves(&text, &way, &a);
	SAME(buf, back, "%s: the way back", name);
}

static void moving(void)
{
#define R(allow, rest) "{\"allow\":" allow rest "}"
#define FUSE ",\"type\":\"c\",\"major\":10,\"minor\":229"
	moves("{}", "{}", "", "", "nothing to do");
	moves("{}", "{\"devices\":[" R("true", FUSE) "]}", "allow c 10:229 rwm", "deny c 10:229 rwm", "one more");
	moves("{\"devices\":[" R("true", FUSE ",\"access\":\"r\"") "]}", "{\"devices\":[" R("true", FUSE ",\"access\":\"w\"") "]}",
	      "allow c 10:229 w; deny c 10:229 r", "allow c 10:229 r; deny c 10:229 w", "only the bits that differ");
	moves("{\"devices\":[" R("true", FUSE) "]}", "{\"devices\":[" R("true", FUSE) "," R("false", FUSE ",\"access\":\"w\"") "]}",
	      "deny c 10:229 w", "allow c 10:229 w", "a bit less");
	moves("{\"devices\":[" R("true", "") "," R("false", FUSE) "]}", "{\"devices\":[" R("true", "") "]}", "allow c 10:229 rwm",
	      "deny c 10:229 rwm", "exceptions of those who may all");
	moves("{\"devices\":[" R("true", "") "," R("false", FUSE) "]}",
	      "{\"devices\":[" R("true", "") "," R("false", ",\"type\":\"b\",\"major\":8") "]}",
	      "allow c 10:229 rwm; deny b 8:* rwm", "allow b 8:* rwm; deny c 10:229 rwm", "others");
	moves("{\"devices\":[" R("true", "") "," R("false", ",\"type\":\"b\",\"major\":8") "]}", "{}",
	      "deny a; allow c *:* m; allow b *:* m; allow c 1:3 rwm; allow c 1:8 rwm; allow c 1:7 rwm; allow c 5:0 rwm; allow c 1:5 rwm; "
	      "allow c 1:9 rwm; allow c 5:1 rwm; allow c 136:* rwm; allow c 5:2 rwm; allow c 10:200 rwm",
	      "allow a; deny b 8:* rwm", "from all to the usual");
	moves("{}", "{\"devices\":[" R("true", ",\"type\":\"c\",\"major\":10") "," R("false", FUSE) "]}",
	      "linux.resources.devices: cgroup v1 cannot deny \"c 10:229 rwm\" after a rule that allows more with it", "",
	      "what the kernel would ignore");
}

static void parsing(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct device_state s;

	devices_v1_parse(&s, "a *:* rwm\n", &a);
	OK(s.allows && !s.n, "a group that may all");
	devices_v1_parse(&s, "", &a);
	OK(!s.allows && !s.n, "one that may nothing");
	devices_v1_parse(&s, "c *:* m\nb 8:0 rw\n", &a);
	OK(!s.allows && s.n == 2 && s.v[0].type == 'c' && s.v[0].major == DEVICES_ANY && s.v[0].access == BPF_DEVCG_ACC_MKNOD &&
	   s.v[1].type == 'b' && s.v[1].major == 8 && s.v[1].minor == 0 &&
	   s.v[1].access == (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE), "exceptions as the kernel prints them");
}

/* ---- words of options ------------------------------------------------------------- */

typedef int parse_fn(struct oci_resources *, const struct words *, struct arena *, struct err *);

static int weights(struct oci_resources *r, const struct words *w, struct arena *a, struct err *e)
{
	r->block_io = ARENA_NEW(a, struct oci_block_io);
	return limits_weights(&r->block_io->weight_device, w, "o", a, e);
}

static int rates(struct oci_resources *r, const struct words *w, struct arena *a, struct err *e)
{
	r->block_io = ARENA_NEW(a, struct oci_block_io);
	return limits_rates(&r->block_io->throttle_read_bps, w, "o", true, a, e);
}

static int counts(struct oci_resources *r, const struct words *w, struct arena *a, struct err *e)
{
	r->block_io = ARENA_NEW(a, struct oci_block_io);
	return limits_rates(&r->block_io->throttle_read_iops, w, "o", false, a, e);
}

static int pages(struct oci_resources *r, const struct words *w, struct arena *a, struct err *e)
{
	return limits_huge_pages(&r->hugepage_limits, w, "o", a, e);
}

static int rdma(struct oci_resources *r, const struct words *w, struct arena *a, struct err *e)
{
	return limits_rdma(&r->rdma, w, "o", a, e);
}

static int unified(struct oci_resources *r, const struct words *w, struct arena *a, struct err *e)
{
	return limits_unified(&r->unified, w, "o", a, e);
}

/* WANT: the resources, or the message. */
static void word(parse_fn *parse, const char *text, const char *want)
{
	AUTO(arena) a = ARENA_NONE;
	struct oci_resources r = {};
	struct words w = { &text, 1 };
	struct err e = {};

	if (parse(&r, &w, &a, &e) < 0)
		SAME(e.msg, want, "\"%s\" is refused", text);
	else
		SAME(spec_encode(&oci_resources_type, &r, &a, false), want, "\"%s\"", text);
}

static void option_words(void)
{
	word(weights, "8:16=500", "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":16,\"weight\":500}]}}");
	word(weights, "8:16=5", "option --o: \"8:16=5\" is not DEVICE=N with N from 10 to 1000");
	word(weights, "sda=50", "option --o: \"sda\" is not a block device, or MAJOR:MINOR");
	word(weights, "/dev/null=50", "option --o: \"/dev/null\" is not a block device, or MAJOR:MINOR");
	word(rates, "8:0=1M", "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1048576}]}}");
	word(rates, "8:0", "option --o: \"8:0\" is not DEVICE=SIZE, like 8:0=1M");
	word(counts, "8:0=0", "{\"blockIO\":{\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":0}]}}");
	word(counts, "8:0=1M", "option --o: \"8:0=1M\" is not DEVICE=N, like 8:0=100");
	word(pages, "2MB=1G", "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1073741824}]}");
	word(pages, "2MB=x", "option --o: \"2MB=x\" is not PAGE=SIZE, like 2MB=1G");
	word(rdma, "mlx5_0=10:2000", "{\"rdma\":{\"mlx5_0\":{\"hcaHandles\":10,\"hcaObjects\":2000}}}");
	word(rdma, "mlx5_0=:2000", "{\"rdma\":{\"mlx5_0\":{\"hcaObjects\":2000}}}");
	word(rdma, "mlx5_0=10:", "{\"rdma\":{\"mlx5_0\":{\"hcaHandles\":10}}}");
	word(rdma, "mlx5_0=:", "option --o: \"mlx5_0=:\" is not DEVICE=HANDLES:OBJECTS, like mlx5_0=10:2000");
	word(unified, "io.max=8:0 rbps=1", "{\"unified\":{\"io.max\":\"8:0 rbps=1\"}}");
	word(unified, "memory.high", "option --o: \"memory.high\" is not FILE=TEXT, like memory.high=1000000");
}

int main(void)
{
	merging();
	adding();
	bad_rules();
	moving();
	parsing();
	option_words();
	return tap_done();
}
