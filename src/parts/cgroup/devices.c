/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device rules: from the config to a list in order, and from the list to a BPF program.  Pure; runs
 * in husk while planning and for `update`.  The order of the kernel's exceptions on v1 is
 * security/device_cgroup.c; the program's context is struct bpf_cgroup_dev_ctx (linux/bpf.h).
 */
#include "parts/cgroup/devices.h"

#include <string.h>

#include "base/num.h"

#define ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

/* What every container may use, whatever its config says; the same list as runc's and crun's. */
static const struct device_rule always[] = {
	{ true, 'c', BPF_DEVCG_ACC_MKNOD, DEVICES_ANY, DEVICES_ANY },
	{ true, 'b', BPF_DEVCG_ACC_MKNOD, DEVICES_ANY, DEVICES_ANY },
	{ true, 'c', ALL, 1, 3 },               /* null */
	{ true, 'c', ALL, 1, 8 },               /* random */
	{ true, 'c', ALL, 1, 7 },               /* full */
	{ true, 'c', ALL, 5, 0 },               /* tty */
	{ true, 'c', ALL, 1, 5 },               /* zero */
	{ true, 'c', ALL, 1, 9 },               /* urandom */
	{ true, 'c', ALL, 5, 1 },               /* console */
	{ true, 'c', ALL, 136, DEVICES_ANY },   /* pts */
	{ true, 'c', ALL, 5, 2 },               /* ptmx */
	{ true, 'c', ALL, 10, 200 },            /* net/tun */
};

static int number(uint32_t *out, struct opt_i64 n, const char *what, size_t i, struct err *e)
{
	*out = DEVICES_ANY;
	if (!n.set || n.v == -1)        /* -1 is how Docker and runc say "any" */
		return 0;
	if (n.v < 0 || n.v >= DEVICES_ANY)
		return err_set(e, ERR_SPEC, "linux.resources.devices[%zu].%s: %lld is not a device number", i, what,
			       (long long)n.v);
	*out = (uint32_t)n.v;
	return 0;
}

static int access_bits(uint8_t *out, const char *access, size_t i, struct err *e)
{
	*out = 0;
	for (const char *p = access ? access : "rwm"; *p; p++)
		switch (*p) {
		case 'r': *out |= BPF_DEVCG_ACC_READ; break;
		case 'w': *out |= BPF_DEVCG_ACC_WRITE; break;
		case 'm': *out |= BPF_DEVCG_ACC_MKNOD; break;
		default:
			return err_set(e, ERR_SPEC, "linux.resources.devices[%zu].access: \"%s\" is not made of r, w and m", i,
				       access);
		}
	if (!*out)
		*out = ALL;
	return 0;
}

/* Appends the rule, or two, that IN stands for; a total one makes all before it meaningless. */
static int add_rule(struct device_rules *out, const struct oci_device_rule *in, size_t i, struct err *e)
{
	const char *type = in->type && *in->type ? in->type : "a";
	struct device_rule r = { .allow = in->allow };

	if (number(&r.major, in->major, "major", i, e) < 0 || number(&r.minor, in->minor, "minor", i, e) < 0 ||
	    access_bits(&r.access, in->access, i, e) < 0)
		return -1;
	if (!strchr("abcu", *type) || type[1])
		return err_set(e, ERR_SPEC, "linux.resources.devices[%zu].type: \"%s\" is none of a, b, c", i, type);
	r.type = *type == 'u' ? 'c' : *type;
	if (r.type != 'a') {
		out->v[out->n++] = r;
	} else if (r.major == DEVICES_ANY && r.minor == DEVICES_ANY && r.access == ALL) {
		out->v[0] = r;
		out->n = 1;
	} else {
		r.type = 'b';
		out->v[out->n++] = r;
		r.type = 'c';
		out->v[out->n++] = r;
	}
	return 0;
}

int devices_rules(struct device_rules *out, const struct oci_resources *r, struct arena *a, struct err *e)
{
	size_t asked = r ? r->devices.n : 0;

	out->v = ARENA_ARRAY(a, struct device_rule, 1 + 2 * asked + ARRAY_SIZE(always));
	out->v[0] = (struct device_rule){ .type = 'a', .access = ALL, .major = DEVICES_ANY, .minor = DEVICES_ANY };
	out->n = 1;
	for (size_t i = 0; i < asked; i++)
		if (add_rule(out, &r->devices.v[i], i, e) < 0)
			return -1;
	if (devices_allow_all(out))
		return 0;
	memcpy(out->v + out->n, always, sizeof(always));
	out->n += ARRAY_SIZE(always);
	return 0;
}

bool devices_allow_all(const struct device_rules *rules)
{
	return rules->n == 1 && rules->v[0].allow;
}

const char *devices_text(const struct device_rule *r, struct arena *a)
{
	const char *major = r->major == DEVICES_ANY ? "*" : arena_printf(a, "%u", r->major);
	const char *minor = r->minor == DEVICES_ANY ? "*" : arena_printf(a, "%u", r->minor);
	char access[4], *t = access;

	if (r->access & BPF_DEVCG_ACC_READ)
		*t++ = 'r';
	if (r->access & BPF_DEVCG_ACC_WRITE)
		*t++ = 'w';
	if (r->access & BPF_DEVCG_ACC_MKNOD)
		*t++ = 'm';
	*t = '\0';
	return arena_printf(a, "%c %s:%s %s", r->type, major, minor, access);
}

/*
 * The program.  Registers: r2 type, r3 the requested bits without a verdict yet, r4 major, r5 minor,
 * r6 scratch.  The rules stand in reverse order, so that the first that matches is the last of the list:
 *
 *   deny:   if a bit without verdict is the rule's, return 0
 *   allow:  take the rule's bits off; return 1 when none is left
 *
 * and the total rule at the front of the list is the final return.
 */
struct assembler { struct bpf_insn *v; size_t n; };

static void emit(struct assembler *as, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	as->v[as->n++] = (struct bpf_insn){ .code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm };
}

static void emit_return(struct assembler *as, int verdict)
{
	emit(as, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, verdict);
	emit(as, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

#define RULE_MAX_INSNS 9

static void emit_rule(struct assembler *as, const struct device_rule *r)
{
	size_t jumps[3], n = 0;

	jumps[n++] = as->n;
	emit(as, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_2, 0, 0, r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (r->major != DEVICES_ANY) {
		jumps[n++] = as->n;
		emit(as, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_4, 0, 0, (int32_t)r->major);
	}
	if (r->minor != DEVICES_ANY) {
		jumps[n++] = as->n;
		emit(as, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, (int32_t)r->minor);
	}
	if (r->allow) {
		emit(as, BPF_ALU | BPF_AND | BPF_K, BPF_REG_3, 0, 0, ALL & ~r->access);
		emit(as, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_3, 0, 2, 0);
	} else {
		emit(as, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_3, 0, 0);
		emit(as, BPF_ALU | BPF_AND | BPF_K, BPF_REG_6, 0, 0, r->access);
		emit(as, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_6, 0, 2, 0);
	}
	emit_return(as, r->allow);
	for (size_t i = 0; i < n; i++)
		as->v[jumps[i]].off = (int16_t)(as->n - jumps[i] - 1);
}

void devices_program(struct device_program *out, const struct device_rules *rules, struct arena *a)
{
	struct assembler as = { .v = ARENA_ARRAY(a, struct bpf_insn, 6 + RULE_MAX_INSNS * rules->n + 2) };
	const uint8_t load = BPF_LDX | BPF_MEM | BPF_W;

	emit(&as, load, BPF_REG_2, BPF_REG_1, 0, 0);            /* access_type: bits << 16 | type */
	emit(&as, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	emit(&as, BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	emit(&as, BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	emit(&as, load, BPF_REG_4, BPF_REG_1, 4, 0);
	emit(&as, load, BPF_REG_5, BPF_REG_1, 8, 0);
	for (size_t i = rules->n - 1; i > 0; i--)
		emit_rule(&as, &rules->v[i]);
	emit_return(&as, rules->v[0].allow);
	*out = (struct device_program){ as.v, as.n };
}
