/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `husk features` prints: features.md and features-linux.md of the runtime-spec 1.3.
 * Lists of words are filled from the tables that decode (spec_enum_words()), so that what is
 * printed is what is accepted.
 */
#pragma once

#include "oci-spec/spec.h"

struct oci_enabled { struct opt_bool enabled; };

struct oci_cgroup_features { struct opt_bool v1, v2, systemd, systemd_user, rdma; };

struct oci_seccomp_features {
	struct opt_bool enabled;
	str_list actions, operators, archs, known_flags, supported_flags;
};

struct oci_memory_policy_features { str_list modes, flags; };
struct oci_rdt_features { struct opt_bool enabled, schemata, monitoring; };
struct oci_mount_extensions { struct oci_enabled *idmap; };

struct oci_linux_features {
	str_list namespaces, capabilities;
	struct oci_cgroup_features *cgroup;
	struct oci_seccomp_features *seccomp;
	struct oci_enabled *apparmor, *selinux;
	struct oci_memory_policy_features *memory_policy;
	struct oci_rdt_features *intel_rdt;
	struct oci_mount_extensions *mount_extensions;
	struct oci_enabled *net_devices;
};

struct oci_features {
	const char *oci_version_min, *oci_version_max;
	str_list hooks, mount_options;
	struct oci_linux_features *linux_;
	str_map annotations;
	str_list potentially_unsafe_config_annotations;
};

extern const struct spec_type oci_features_type;
