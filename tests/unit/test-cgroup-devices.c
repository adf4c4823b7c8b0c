/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules: the list, and the BPF program, run by a small interpreter against a plain reading of the list. */
#include "base/arena.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "oci-spec/config.h"
#include "parts/cgroup/devices.h"
#include "unit/tap.h"

struct context { uint32_t access_type, major, minor; };

/* The instructions that the generator uses; anything else, or a jump out of the program, is -1. */
static int run(const struct device_program *p, const struct context *c)
{
	uint64_t r[11] = {};

	for (size_t pc = 0; pc < p->n; pc++) {
		const struct bpf_insn *i = &p->v[pc];
		uint64_t src = BPF_SRC(i->code) == BPF_X ? r[i->src_reg] : (uint64_t)(int64_t)i->imm;
		bool jump = false;

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			if (i->src_reg != 1 || i->off < 0 || i->off > 8)
				return -1;
			r[i->dst_reg] = ((const uint32_t *)c)[i->off / 4];
			continue;
		case BPF_ALU | BPF_MOV | BPF_X: r[i->dst_reg] = (uint32_t)src; continue;
		case BPF_ALU64 | BPF_MOV | BPF_K: r[i->dst_reg] = src; continue;
		case BPF_ALU | BPF_AND | BPF_K: r[i->dst_reg] = (uint32_t)r[i->dst_reg] & (uint32_t)src; continue;
		case BPF_ALU | BPF_RSH | BPF_K: r[i->dst_reg] = (uint32_t)r[i->dst_reg] >> src; continue;
		case BPF_JMP32 | BPF_JNE | BPF_K: jump = (uint32_t)r[i->dst_reg] != (uint32_t)src; break;
		case BPF_JMP32 | BPF_JEQ | BPF_K: jump = (uint32_t)r[i->dst_reg] == (uint32_t)src; break;
		case BPF_JMP | BPF_EXIT: return (int)r[0];
		default: return -1;
		}
		if (jump)
			pc += (size_t)i->off;
	}
	return -1;
}

/* What the specification says: for each bit, the last rule that speaks of it. */
static int reading(const struct device_rules *rules, char type, uint8_t access, uint32_t major, uint32_t minor)
{
	for (uint8_t bit = 1; bit <= 4; bit <<= 1) {
		bool allow = false;

		if (!(access & bit))
			continue;
		for (size_t i = 0; i < rules->n; i++) {
			const struct device_rule *r = &rules->v[i];

			if ((r->type == 'a' || r->type == type) && r->access & bit &&
			    (r->major == DEVICES_ANY || r->major == major) && (r->minor == DEVICES_ANY || r->minor == minor))
				allow = r->allow;
		}
		if (!allow)
			return 0;
	}
	return 1;
}

static bool agrees(const struct device_rules *rules, struct arena *a)
{
	static const uint32_t numbers[] = { 0, 1, 3, 5, 136, 200, 0x7fffffff, 0xfffffffe };
	struct device_program p;

	devices_program(&p, rules, a);
	for (int block = 0; block < 2; block++)
		for (uint8_t access = 1; access < 8; access++)
			for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
				for (size_t j = 0; j < ARRAY_SIZE(numbers); j++) {
					struct context c = {
						(uint32_t)access << 16 | (block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
						numbers[i], numbers[j] };

					if (run(&p, &c) != reading(rules, block ? 'b' : 'c', access, numbers[i], numbers[j]))
						return false;
				}
	return true;
}

/* Every list of two rules, after each of the two total ones. */
static void combinations(void)
{
	static const uint32_t majors[] = { 1, DEVICES_ANY }, minors[] = { 3, DEVICES_ANY };
	struct device_rule all[2 * 2 * 7 * 2 * 2], list[3];
	size_t n = 0, wrong = 0, tried = 0;

	for (int allow = 0; allow < 2; allow++)
		for (int block = 0; block < 2; block++)
			for (uint8_t access = 1; access < 8; access++)
				for (int i = 0; i < 2; i++)
					for (int j = 0; j < 2; j++)
						all[n++] = (struct device_rule){ allow, block ? 'b' : 'c', access, majors[i], minors[j] };
	for (int total = 0; total < 2; total++) {
		AUTO(arena) a = ARENA_NONE;

		list[0] = (struct device_rule){ total, 'a', 7, DEVICES_ANY, DEVICES_ANY };
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < n; j += 3, tried++) {
				list[1] = all[i];
				list[2] = all[j];
				wrong += !agrees(&(struct device_rules){ list, 3 }, &a);
			}
	}
	OK(wrong == 0, "%zu programs of two rules agree with a plain reading of them (%zu do not)", tried, wrong);
}

static const char *rules_of(const char *json, struct device_rules *rules, struct arena *a)
{
	struct spec_error fault;
	struct err e = {};
	void *r = NULL;
	static char buf[4096];
	struct text t = TEXT(buf);

	if (spec_decode(&oci_resources_type, json, strlen(json), a, &r, &fault) < 0)
		return "does not decode";
	if (devices_rules(rules, r, a, &e) < 0)
		return arena_strdup(a, e.msg);
	for (size_t i = 0; i < rules->n; i++)
		text_addf(&t, "%s%s %s", i ? ", " : "", rules->v[i].allow ? "allow" : "deny", devices_text(&rules->v[i], a));
	return buf;
}

#define DEFAULTS "allow c *:* m, allow b *:* m, allow c 1:3 rwm, allow c 1:8 rwm, allow c 1:7 rwm, allow c 5:0 rwm, " \
	"allow c 1:5 rwm, allow c 1:9 rwm, allow c 5:1 rwm, allow c 136:* rwm, allow c 5:2 rwm, allow c 10:200 rwm"

static void lists(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct device_rules rules;

	SAME(rules_of("{}", &rules, &a), "deny a *:* rwm, " DEFAULTS, "no rules: only what every container has");
	OK(agrees(&rules, &a), "its program agrees");
	SAME(rules_of("{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,"
		      "\"access\":\"rw\"},{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":0,\"access\":\"r\"}]}", &rules, &a),
	     "deny a *:* rwm, allow c 10:229 rw, allow b 8:0 r, " DEFAULTS, "the example of the specification");
	OK(agrees(&rules, &a), "its program agrees");
	SAME(rules_of("{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}]}", &rules, &a), "allow a *:* rwm", "privileged");
	OK(devices_allow_all(&rules), "is known to need no program");
	SAME(rules_of("{\"devices\":[{\"allow\":true,\"type\":\"b\"},{\"allow\":false}]}", &rules, &a), "deny a *:* rwm, " DEFAULTS,
	     "a total rule wipes those before it");
	SAME(rules_of("{\"devices\":[{\"allow\":true,\"major\":1,\"minor\":3,\"access\":\"r\"}]}", &rules, &a),
	     "deny a *:* rwm, allow b 1:3 r, allow c 1:3 r, " DEFAULTS, "type \"a\" with numbers is b and c, not everything");
	SAME(rules_of("{\"devices\":[{\"allow\":true,\"type\":\"a\",\"access\":\"r\"}]}", &rules, &a),
	     "deny a *:* rwm, allow b *:* r, allow c *:* r, " DEFAULTS, "type \"a\" with less than rwm too");
	SAME(rules_of("{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":-1,\"minor\":-1,\"access\":\"\"}]}", &rules, &a),
	     "deny a *:* rwm, allow c *:* rwm, " DEFAULTS, "-1 is any, no access is all");
	SAME(rules_of("{\"devices\":[{\"allow\":true,\"type\":\"p\"}]}", &rules, &a),
	     "linux.resources.devices[0].type: \"p\" is none of a, b, c", "a wrong type");
	SAME(rules_of("{\"devices\":[{\"allow\":true,\"type\":\"c\",\"access\":\"rx\"}]}", &rules, &a),
	     "linux.resources.devices[0].access: \"rx\" is not made of r, w and m", "wrong access");
	SAME(rules_of("{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":-2}]}", &rules, &a),
	     "linux.resources.devices[0].major: -2 is not a device number", "a wrong number");
}

int main(void)
{
	lists();
	combinations();
	return tap_done();
}
