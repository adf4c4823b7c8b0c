/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a v1 devices cgroup and the ways between them; see devices-v1.h. Pure, in husk. */
#include "parts/cgroup/devices-v1.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"

static struct device_rule *find(const struct device_state *s, const struct device_rule *r)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].type == r->type && s->v[i].major == r->major && s->v[i].minor == r->minor)
			return &s->v[i];
	return NULL;
}

static bool numbers_meet(uint32_t a, uint32_t b)
{
	return a == b || a == DEVICES_ANY || b == DEVICES_ANY;
}

/* Is there an exception that R would have to split? */
static bool must_split(const struct device_state *s, const struct device_rule *r)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct device_rule *x = &s->v[i];

		if (x->type == r->type && (x->access & r->access) && numbers_meet(x->major, r->major) &&
		    numbers_meet(x->minor, r->minor) && (x->major != r->major || x->minor != r->minor))
			return true;
	}
	return false;
}

int devices_v1_state(struct device_state *s, const struct device_rules *rules, struct arena *a, struct err *e)
{
	*s = (struct device_state){ .allows = rules->v[0].allow, .v = ARENA_ARRAY(a, struct device_rule, rules->n) };
	for (size_t i = 1; i < rules->n; i++) {
		const struct device_rule *r = &rules->v[i];
		struct device_rule *x = find(s, r);

		if (r->allow == s->allows) {
			/* Making nodes of any number is allowed last to everyone; who was denied one before stays so, as at create. */
			bool is_general = r->allow && r->major == DEVICES_ANY && r->minor == DEVICES_ANY;

			if (!is_general && must_split(s, r))
				return err_set(e, ERR_UNSUPPORTED, "linux.resources.devices: cgroup v1 cannot %s \"%s\" after a rule "
					       "that %s more with it", r->allow ? "allow" : "deny", devices_text(r, a),
					       r->allow ? "denies" : "allows");
			if (x)
				x->access &= (uint8_t)~r->access;
		} else if (x) {
			x->access |= r->access;
		} else {
			s->v[s->n++] = *r;
		}
	}
	return 0;
}

static bool number(const char *text, size_t len, uint32_t *out)
{
	uint64_t n;

	*out = DEVICES_ANY;
	if (len == 1 && *text == '*')
		return true;
	if (!num_parse_n(text, len, DEVICES_ANY - 1, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}

/* "c 1:3 rwm" */
static bool line(struct device_rule *r, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len), *space;

	if (len < 7 || !colon || text[1] != ' ' || !(space = memchr(colon, ' ', len - (size_t)(colon - text))))
		return false;
	*r = (struct device_rule){ .type = *text };
	for (const char *p = space; p < text + len; p++)
		r->access |= *p == 'r' ? BPF_DEVCG_ACC_READ : *p == 'w' ? BPF_DEVCG_ACC_WRITE : *p == 'm' ? BPF_DEVCG_ACC_MKNOD : 0;
	return number(text + 2, (size_t)(colon - text - 2), &r->major) &&
	       number(colon + 1, (size_t)(space - colon - 1), &r->minor);
}

void devices_v1_parse(struct device_state *s, const char *list, struct arena *a)
{
	size_t lines = 1, len;
	const char *text;

	for (const char *p = list; *p; p++)
		lines += *p == '\n';
	*s = (struct device_state){ .allows = *list == 'a', .v = ARENA_ARRAY(a, struct device_rule, lines) };
	while (!s->allows && (text = str_word(&list, "\n", &len)))
		s->n += line(&s->v[s->n], text, len);
}

/* Exceptions of X that Y does not have, as rules that make (MAKE) or end them in a group whose default is X's. */
static void missing(struct device_rules *out, const struct device_state *x, const struct device_state *y, bool allow)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct device_rule *have = y ? find(y, &x->v[i]) : NULL;
		struct device_rule r = x->v[i];

		r.allow = allow;
		if (have)
			r.access &= (uint8_t)~have->access;
		if (r.access)
			out->v[out->n++] = r;
	}
}

void devices_v1_moves(struct device_rules *out, const struct device_state *from, const struct device_state *to,
		      struct arena *a)
{
	bool turns = from->allows != to->allows;

	*out = (struct device_rules){ ARENA_ARRAY(a, struct device_rule, from->n + to->n + 1), 0 };
	if (turns) {
		out->v[out->n++] = (struct device_rule){ .allow = to->allows, .type = 'a', .major = DEVICES_ANY, .minor = DEVICES_ANY,
							 .access = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE };
		missing(out, to, NULL, !to->allows);
		return;
	}
	/* First what is allowed more, then what is allowed no more. */
	missing(out, to->allows ? from : to, to->allows ? to : from, true);
	missing(out, to->allows ? to : from, to->allows ? from : to, false);
}
