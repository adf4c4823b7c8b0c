/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of features.h. */
#include "oci-spec/features.h"

SPEC_TYPE(enabled, "feature",
	VALUE (enabled, enabled, "enabled"));

SPEC_TYPE(cgroup_features, "cgroup",
	VALUE (cgroup_features, v1,           "v1"),
	VALUE (cgroup_features, v2,           "v2"),
	VALUE (cgroup_features, systemd,      "systemd"),
	VALUE (cgroup_features, systemd_user, "systemdUser"),
	VALUE (cgroup_features, rdma,         "rdma"));

SPEC_TYPE(seccomp_features, "seccomp",
	VALUE (seccomp_features, enabled,         "enabled"),
	LIST  (seccomp_features, actions,         "actions"),
	LIST  (seccomp_features, operators,       "operators"),
	LIST  (seccomp_features, archs,           "archs"),
	LIST  (seccomp_features, known_flags,     "knownFlags"),
	LIST  (seccomp_features, supported_flags, "supportedFlags"));

SPEC_TYPE(memory_policy_features, "memoryPolicy",
	LIST (memory_policy_features, modes, "modes"),
	LIST (memory_policy_features, flags, "flags"));

SPEC_TYPE(rdt_features, "intelRdt",
	VALUE (rdt_features, enabled,    "enabled"),
	VALUE (rdt_features, schemata,   "schemata"),
	VALUE (rdt_features, monitoring, "monitoring"));

SPEC_TYPE(mount_extensions, "mountExtensions",
	OBJECT (mount_extensions, idmap, "idmap", enabled));

SPEC_TYPE(linux_features, "linux",
	LIST   (linux_features, namespaces,       "namespaces"),
	LIST   (linux_features, capabilities,     "capabilities"),
	OBJECT (linux_features, cgroup,           "cgroup", cgroup_features),
	OBJECT (linux_features, seccomp,          "seccomp", seccomp_features),
	OBJECT (linux_features, apparmor,         "apparmor", enabled),
	OBJECT (linux_features, selinux,          "selinux", enabled),
	OBJECT (linux_features, memory_policy,    "memoryPolicy", memory_policy_features),
	OBJECT (linux_features, intel_rdt,        "intelRdt", rdt_features),
	OBJECT (linux_features, mount_extensions, "mountExtensions", mount_extensions),
	OBJECT (linux_features, net_devices,      "netDevices", enabled));

SPEC_TYPE(features, "features",
	VALUE  (features, oci_version_min, "ociVersionMin", REQUIRED),
	VALUE  (features, oci_version_max, "ociVersionMax", REQUIRED),
	LIST   (features, hooks,           "hooks"),
	LIST   (features, mount_options,   "mountOptions"),
	OBJECT (features, linux_,          "linux", linux_features),
	VALUE  (features, annotations,     "annotations"),
	LIST   (features, potentially_unsafe_config_annotations, "potentiallyUnsafeConfigAnnotations"));
