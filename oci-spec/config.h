/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: what config.md of the runtime-spec describes for every platform. */
#pragma once

#include "oci-spec/config-linux.h"

struct oci_box { uint64_t height, width; };

struct oci_user {
	uint32_t uid, gid;
	struct opt_u32 umask;
	LIST_OF(uint32_t) additional_gids;
	const char *username;
};

struct oci_capabilities { str_list bounding, permitted, effective, inheritable, ambient; };

struct oci_io_priority { int class; int32_t priority; };

struct oci_scheduler {
	int policy;
	int32_t nice, priority;
	LIST_OF(int) flags;
	uint64_t runtime, deadline, period;
};

struct oci_rlimit { const char *type; uint64_t soft, hard; };

struct oci_cpu_affinity { const char *initial, *final; };

struct oci_process {
	bool terminal;
	struct oci_box *console_size;
	struct oci_user *user;
	str_list args;
	const char *command_line;
	str_list env;
	const char *cwd;
	struct oci_capabilities *capabilities;
	LIST_OF(struct oci_rlimit) rlimits;
	bool no_new_privileges;
	const char *apparmor_profile;
	struct opt_i32 oom_score_adj;
	struct oci_scheduler *scheduler;
	const char *selinux_label;
	struct oci_io_priority *io_priority;
	struct oci_cpu_affinity *exec_cpu_affinity;
};

struct oci_root { const char *path; bool readonly; };

struct oci_id_mapping { uint32_t container_id, host_id, size; };

struct oci_mount {
	const char *destination, *type, *source;
	str_list options;
	LIST_OF(struct oci_id_mapping) uid_mappings, gid_mappings;
};

struct oci_hook { const char *path; str_list args, env; struct opt_i32 timeout; };
typedef LIST_OF(struct oci_hook) oci_hook_list;

struct oci_hooks {
	oci_hook_list prestart, create_runtime, create_container, start_container, poststart, poststop;
};

struct oci_config {
	const char *oci_version;
	struct oci_process *process;
	struct oci_root *root;
	const char *hostname, *domainname;
	LIST_OF(struct oci_mount) mounts;
	struct oci_hooks *hooks;
	str_map annotations;
	struct oci_linux *linux_;
};

extern const struct spec_type oci_config_type, oci_process_type, oci_id_mapping_type;
extern const struct spec_enum oci_io_priority_classes, oci_sched_policies, oci_sched_flags;
