/* SPDX-License-Identifier: Apache-2.0 */
/* One row per annotation; pure, in husk, before anything happens.  husk(8) says for users what each of them does. */
#include "plan/annotations.h"

#include <stddef.h>

#include "base/num.h"
#include "base/str.h"
#include "parts/cgroup/cgroup.h"

struct kind {
	const char *key;
	size_t at;                      /* in struct annotations: a bool or a text, as CHECK says */
	int (*check)(const struct kind *, const char *value, struct annotations *, struct err *);
};

static int wrong(const struct kind *k, enum err_kind kind, const char *why, const char *value, struct err *e)
{
	return err_set(e, kind, "annotations[\"%s\"]: \"%.200s\" %s", k->key, value, why);
}

static int is_switch(const struct kind *k, const char *value, struct annotations *out, struct err *e)
{
	bool *flag = (bool *)(void *)((char *)out + k->at);

	if (str_eq(value, "1") || str_eq(value, "true"))
		*flag = true;
	else if (!str_eq(value, "0") && !str_eq(value, "false"))
		return wrong(k, ERR_SPEC, "is neither 1 nor 0", value, e);
	return 0;
}

static int is_text(const struct kind *k, const char *value, struct annotations *out, struct err *e)
{
	if (!*value)
		return wrong(k, ERR_SPEC, "is empty", value, e);
	*(const char **)(void *)((char *)out + k->at) = value;
	return 0;
}

static int is_path(const struct kind *k, const char *value, struct annotations *out, struct err *e)
{
	if (value[0] != '/')
		return wrong(k, ERR_SPEC, "is not an absolute path", value, e);
	return is_text(k, value, out, e);
}

/* Checked here for every command; the hook part takes it out of the config itself, in start and delete as well. */
static int is_hook_file(const struct kind *k, const char *value, struct annotations *out, struct err *e)
{
	(void)out;
	return value[0] == '/' ? 0 : wrong(k, ERR_SPEC, "is not an absolute path", value, e);
}

/* It ends in the options of mounts: nothing but one of these words. */
static int is_context_type(const struct kind *k, const char *value, struct annotations *out, struct err *e)
{
	static const char *const words[] = { "context", "fscontext", "defcontext", "rootcontext" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(value, words[i]))
			return is_text(k, value, out, e);
	return wrong(k, ERR_SPEC, "is neither context, fscontext, defcontext nor rootcontext", value, e);
}

static int is_subgroup(const struct kind *k, const char *value, struct annotations *out, struct err *e)
{
	if (*value && !cgroup_is_path(value))
		return wrong(k, ERR_SPEC, "is no path beneath a cgroup", value, e);
	*(const char **)(void *)((char *)out + k->at) = *value ? value : NULL;
	return 0;
}

static int is_not_done(const struct kind *k, const char *value, struct annotations *out, struct err *e)
{
	(void)out;
	return wrong(k, ERR_UNSUPPORTED, "asks for what husk does not do", value, e);
}

static int is_no_handler(const struct kind *k, const char *value, struct annotations *out, struct err *e)
{
	(void)out;
	return wrong(k, ERR_UNSUPPORTED, "is no handler of husk, which has none but its own", value, e);
}

#define AT(member) offsetof(struct annotations, member)

/* In alphabetical order, as `husk features` lists them. */
static const struct kind kinds[] = {
	{ "run.oci.delegate-cgroup", AT(delegated), is_subgroup },
	{ "run.oci.handler", 0, is_no_handler },
	{ "run.oci.hooks.stderr", 0, is_hook_file },
	{ "run.oci.hooks.stdout", 0, is_hook_file },
	{ "run.oci.keep_original_groups", AT(keeps_groups), is_switch },
	{ "run.oci.mount_context_type", AT(context_type), is_context_type },
	{ "run.oci.pidfd_receiver", AT(pidfd_receiver), is_path },
	{ "run.oci.seccomp.plugins", 0, is_not_done },          /* a process of husk's would have to stay with the container */
	{ "run.oci.seccomp.receiver", AT(seccomp_receiver), is_path },
	{ "run.oci.seccomp_bpf_data", AT(seccomp_program), is_text },
	{ "run.oci.seccomp_fail_unknown_syscall", AT(strict_seccomp), is_switch },
	{ "run.oci.systemd.force_cgroup_v1", AT(systemd_v1), is_path },
	{ "run.oci.systemd.subgroup", AT(subgroup), is_subgroup },
};

int annotations_read(struct annotations *out, const str_map *map, struct err *e)
{
	*out = (struct annotations){ 0 };
	for (size_t i = 0; i < map->n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
			if (str_eq(map->v[i].key, kinds[k].key) && kinds[k].check(&kinds[k], map->v[i].value, out, e) < 0)
				return -1;
	return 0;
}

/* The refused ones do nothing; strictness takes nothing from anybody, and cgroups beneath the container's own keep its limits. */
static bool is_unsafe(const struct kind *k)
{
	return k->check != is_not_done && k->check != is_no_handler && k->check != is_subgroup && k->at != AT(strict_seccomp);
}

const char *annotations_unsafe(size_t n)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		if (is_unsafe(&kinds[k]) && n-- == 0)
			return kinds[k].key;
	switch (n) {
	case 0: return "org.systemd.property."; /* read by the systemd manager: any property of the unit */
	case 1: return "org.criu.config";       /* read by checkpoint and restore: any option of CRIU, programs to call among them */
	}
	return NULL;
}
