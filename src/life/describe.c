/* SPDX-License-Identifier: Apache-2.0 */
/* `features`: the tables that decode and plan, printed. */
#include "life/describe.h"

#include <linux/capability.h>

#include "base/num.h"
#include "life/commit.h"
#include "oci-spec/config.h"
#include "oci-spec/features.h"
#include "parts/fs/options.h"
#include "parts/guard/caps.h"
#include "parts/hook/hooks.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#include "plan/annotations.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

#define SPEC_VERSION    "1.3.0"
#define SPEC_VERSION_MIN "1.0.0"

const char *life_version(void)
{
	return PACKAGE_VERSION;
}

const char *life_commit(void)
{
	return HUSK_COMMIT;
}

const char *life_spec_version(void)
{
	return SPEC_VERSION;
}

static str_list hook_words(struct arena *a)
{
	str_list list = { .v = ARENA_ARRAY(a, const char *, HOOK_KINDS) };

	for (int kind = 0; kind < HOOK_KINDS; kind++)
		list.v[list.n++] = hook_kind_name((enum hook_kind)kind);
	return list;
}

static str_list capability_words(struct arena *a)
{
	str_list list = { .v = ARENA_ARRAY(a, const char *, CAP_LAST_CAP + 1) };
	const char *name;

	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
		if ((name = caps_name(cap)))
			list.v[list.n++] = name;
	return list;
}

static str_list mount_words(struct arena *a)
{
	str_list list = {};
	size_t n = 0;

	while (options_known(n))
		n++;
	list.v = ARENA_ARRAY(a, const char *, n + 1);
	for (list.n = 0; list.n < n; list.n++)
		list.v[list.n] = options_known(list.n);
	return list;
}

static struct oci_enabled *enabled(bool is, struct arena *a)
{
	struct oci_enabled *e = ARENA_NEW(a, struct oci_enabled);

	e->enabled = (struct opt_bool){ .set = true, .v = is };
	return e;
}

#define YES ((struct opt_bool){ .set = true, .v = true })
#define NO  ((struct opt_bool){ .set = true, .v = false })

static struct oci_linux_features *linux_features(struct arena *a)
{
	struct oci_linux_features *l = ARENA_NEW(a, struct oci_linux_features);

	l->namespaces = spec_enum_words(&oci_namespaces, a);
	l->capabilities = capability_words(a);
	l->cgroup = ARENA_NEW(a, struct oci_cgroup_features);
	*l->cgroup = (struct oci_cgroup_features){ .v1 = YES, .v2 = YES, .systemd = NO, .systemd_user = NO, .rdma = YES };
	l->seccomp = ARENA_NEW(a, struct oci_seccomp_features);
	*l->seccomp = (struct oci_seccomp_features){
		.enabled = YES,
		.actions = spec_enum_words(&oci_seccomp_actions, a),
		.operators = spec_enum_words(&oci_seccomp_operators, a),
		.archs = spec_enum_words(&oci_seccomp_archs, a),
		.known_flags = spec_enum_words(&oci_seccomp_flags, a),
		.supported_flags = spec_enum_words(&oci_seccomp_flags, a),
	};
	l->apparmor = enabled(true, a);
	l->selinux = enabled(true, a);
	l->memory_policy = ARENA_NEW(a, struct oci_memory_policy_features);
	l->memory_policy->modes = spec_enum_words(&oci_memory_modes, a);
	l->memory_policy->flags = spec_enum_words(&oci_memory_flags, a);
	l->intel_rdt = ARENA_NEW(a, struct oci_rdt_features);
	*l->intel_rdt = (struct oci_rdt_features){ .enabled = YES, .schemata = YES, .monitoring = YES };
	l->mount_extensions = ARENA_NEW(a, struct oci_mount_extensions);
	l->mount_extensions->idmap = enabled(true, a);
	l->net_devices = enabled(true, a);
	return l;
}

char *life_features(struct arena *a, struct err *e)
{
	static const struct pair about[] = { { "husk.version", PACKAGE_VERSION }, { "husk.commit", HUSK_COMMIT },
					     { "husk.checkpoint.enabled", "true" } };
	const char **unsafe;
	size_t n = 0;
	struct oci_features f = {
		.oci_version_min = SPEC_VERSION_MIN, .oci_version_max = SPEC_VERSION,
		.hooks = hook_words(a), .mount_options = mount_words(a), .linux_ = linux_features(a),
	};

	(void)e;
	f.annotations.n = ARRAY_SIZE(about);
	f.annotations.v = arena_dup(a, about, sizeof(about));
	while (annotations_unsafe(n))
		n++;
	unsafe = ARENA_ARRAY(a, const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		unsafe[i] = annotations_unsafe(i);
	f.potentially_unsafe_config_annotations.n = n;
	f.potentially_unsafe_config_annotations.v = unsafe;
	return spec_encode(&oci_features_type, &f, a, true);
}
