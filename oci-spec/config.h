/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json: what config.md of the runtime-spec 1.3 describes for every platform.
 *
 * The header reads like the chapter.  Pointers to objects are NULL, strings NULL, words 0 and
 * opt_* unset when the document does not have the member; a list that is absent has v == NULL,
 * an empty one has not.  Everything lives in the arena given to spec_decode().
 */
#pragma once

#include "oci-spec/config-linux.h"
#include "oci-spec/config-vm.h"

/* ---- words ------------------------------------------------------------------------ */

enum oci_ioprio { OCI_IOPRIO_RT = 1, OCI_IOPRIO_BE, OCI_IOPRIO_IDLE };

enum oci_sched {
	OCI_SCHED_OTHER = 1, OCI_SCHED_FIFO, OCI_SCHED_RR, OCI_SCHED_BATCH, OCI_SCHED_ISO,
	OCI_SCHED_IDLE, OCI_SCHED_DEADLINE,
};

enum oci_sched_flag {
	OCI_SCHED_FLAG_RESET_ON_FORK = 1, OCI_SCHED_FLAG_RECLAIM, OCI_SCHED_FLAG_DL_OVERRUN,
	OCI_SCHED_FLAG_KEEP_POLICY, OCI_SCHED_FLAG_KEEP_PARAMS, OCI_SCHED_FLAG_UTIL_CLAMP_MIN,
	OCI_SCHED_FLAG_UTIL_CLAMP_MAX,
};

/* ---- objects ---------------------------------------------------------------------- */

struct oci_box { uint64_t height, width; };

struct oci_user {
	uint32_t uid, gid;
	struct opt_u32 umask;
	LIST_OF(uint32_t) additional_gids;
	const char *username;
};

struct oci_capabilities { str_list bounding, permitted, effective, inheritable, ambient; };

struct oci_io_priority { enum oci_ioprio class; int32_t priority; };

struct oci_scheduler {
	enum oci_sched policy;
	int32_t nice, priority;
	LIST_OF(enum oci_sched_flag) flags;
	uint64_t runtime, deadline, period;
};

struct oci_rlimit { const char *type; uint64_t soft, hard; };
typedef LIST_OF(struct oci_rlimit) oci_rlimit_list;

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
	oci_rlimit_list rlimits;
	bool no_new_privileges;
	const char *apparmor_profile;
	struct opt_i32 oom_score_adj;
	struct oci_scheduler *scheduler;
	const char *selinux_label;
	struct oci_io_priority *io_priority;
	struct oci_cpu_affinity *exec_cpu_affinity;
};

struct oci_root { const char *path; bool readonly; };

struct oci_mount {
	const char *destination, *type, *source;
	str_list options;
	oci_id_mapping_list uid_mappings, gid_mappings;
};
typedef LIST_OF(struct oci_mount) oci_mount_list;
/* Is WORD one of the options? A string may hold several, with commas in between. */
bool oci_mount_has(const struct oci_mount *, const char *word);

struct oci_mounts { oci_mount_list list; };     /* a document of its own: an array of mounts */

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
	oci_mount_list mounts;
	struct oci_hooks *hooks;
	str_map annotations;
	struct oci_linux *linux_;        /* "linux" is a macro in gnu11 */
	struct oci_vm *vm;
};

extern const struct spec_type oci_config_type, oci_process_type, oci_mounts_type;
extern const struct spec_enum oci_io_priority_classes, oci_sched_policies, oci_sched_flags;
