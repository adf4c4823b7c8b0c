/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: what config-linux.md of the runtime-spec describes. */
#pragma once

#include "oci-spec/spec.h"

struct oci_id_mapping;

struct oci_namespace { int type; const char *path; };

struct oci_device {
	const char *type, *path;
	int64_t major, minor;
	struct opt_u32 file_mode, uid, gid;
};

struct oci_net_device { const char *host_name; const char *name; };   /* host_name: the key */

struct oci_device_rule {
	bool allow;
	const char *type;
	struct opt_i64 major, minor;
	const char *access;
};

struct oci_memory {
	struct opt_i64 limit, reservation, swap, kernel, kernel_tcp;
	struct opt_u64 swappiness;
	struct opt_bool disable_oom_killer, use_hierarchy, check_before_update;
};

struct oci_cpu {
	struct opt_u64 shares;
	struct opt_i64 quota;
	struct opt_u64 burst, period;
	struct opt_i64 realtime_runtime;
	struct opt_u64 realtime_period;
	const char *cpus, *mems;
	struct opt_i64 idle;
};

struct oci_pids { struct opt_i64 limit; };

struct oci_weight_device { int64_t major, minor; struct opt_u32 weight, leaf_weight; };
struct oci_throttle_device { int64_t major, minor; uint64_t rate; };

struct oci_block_io {
	struct opt_u32 weight, leaf_weight;
	LIST_OF(struct oci_weight_device) weight_device;
	LIST_OF(struct oci_throttle_device) throttle_read_bps, throttle_write_bps, throttle_read_iops, throttle_write_iops;
};

struct oci_hugepage_limit { const char *page_size; uint64_t limit; };

struct oci_net_priority { const char *name; uint32_t priority; };
struct oci_network { struct opt_u32 class_id; LIST_OF(struct oci_net_priority) priorities; };

struct oci_rdma { const char *device; struct opt_u32 hca_handles, hca_objects; };   /* device: the key */

struct oci_resources {
	LIST_OF(struct oci_device_rule) devices;
	struct oci_memory *memory;
	struct oci_cpu *cpu;
	struct oci_pids *pids;
	struct oci_block_io *block_io;
	LIST_OF(struct oci_hugepage_limit) hugepage_limits;
	struct oci_network *network;
	LIST_OF(struct oci_rdma) rdma;
	str_map unified;
};

struct oci_seccomp_arg { uint32_t index; uint64_t value, value_two; int op; };

struct oci_seccomp_rule {
	str_list names;
	int action;
	struct opt_u32 errno_ret;
	LIST_OF(struct oci_seccomp_arg) args;
};

struct oci_seccomp {
	int default_action;
	struct opt_u32 default_errno_ret;
	LIST_OF(int) architectures, flags;
	const char *listener_path, *listener_metadata;
	LIST_OF(struct oci_seccomp_rule) syscalls;
};

struct oci_rdt {
	const char *clos_id;
	str_list schemata;
	const char *l3_cache_schema, *mem_bw_schema;
	bool enable_monitoring;
};

struct oci_memory_policy { int mode; const char *nodes; LIST_OF(int) flags; };
struct oci_personality { int domain; str_list flags; };
struct oci_time_offset { int64_t secs; uint32_t nanosecs; };
struct oci_time_offsets { struct oci_time_offset *boottime, *monotonic; };

struct oci_linux {
	LIST_OF(struct oci_namespace) namespaces;
	LIST_OF(struct oci_id_mapping) uid_mappings, gid_mappings;
	struct oci_time_offsets *time_offsets;
	LIST_OF(struct oci_device) devices;
	LIST_OF(struct oci_net_device) net_devices;
	const char *cgroups_path;
	struct oci_resources *resources;
	struct oci_rdt *intel_rdt;
	struct oci_memory_policy *memory_policy;
	str_map sysctl;
	struct oci_seccomp *seccomp;
	int rootfs_propagation;
	str_list masked_paths, readonly_paths;
	const char *mount_label;
	struct oci_personality *personality;
};

extern const struct spec_type oci_linux_type, oci_resources_type, oci_seccomp_type;
extern const struct spec_enum oci_namespaces, oci_seccomp_actions, oci_seccomp_operators,
	oci_seccomp_archs, oci_seccomp_flags, oci_propagations, oci_memory_modes, oci_memory_flags;
