/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json: what config-linux.md of the runtime-spec 1.3 describes.
 *
 * Structs and words only.  Words are numbered from 1, so that zero means "absent"; they are no
 * kernel or libseccomp numbers: the part that acts on a word translates it.
 */
#pragma once

#include "oci-spec/spec.h"

/* ---- words ------------------------------------------------------------------------ */

enum oci_ns {
	OCI_NS_PID = 1, OCI_NS_NETWORK, OCI_NS_MOUNT, OCI_NS_IPC, OCI_NS_UTS, OCI_NS_USER,
	OCI_NS_CGROUP, OCI_NS_TIME,
};

enum oci_act {
	OCI_ACT_KILL = 1,               /* the same as KILL_THREAD */
	OCI_ACT_KILL_THREAD, OCI_ACT_KILL_PROCESS, OCI_ACT_TRAP, OCI_ACT_ERRNO, OCI_ACT_TRACE,
	OCI_ACT_ALLOW, OCI_ACT_LOG, OCI_ACT_NOTIFY,
};

enum oci_cmp {
	OCI_CMP_NE = 1, OCI_CMP_LT, OCI_CMP_LE, OCI_CMP_EQ, OCI_CMP_GE, OCI_CMP_GT,
	OCI_CMP_MASKED_EQ,
};

enum oci_arch {
	OCI_ARCH_X86 = 1, OCI_ARCH_X86_64, OCI_ARCH_X32, OCI_ARCH_ARM, OCI_ARCH_AARCH64,
	OCI_ARCH_LOONGARCH64, OCI_ARCH_M68K, OCI_ARCH_MIPS, OCI_ARCH_MIPS64, OCI_ARCH_MIPS64N32,
	OCI_ARCH_MIPSEL, OCI_ARCH_MIPSEL64, OCI_ARCH_MIPSEL64N32, OCI_ARCH_PPC, OCI_ARCH_PPC64,
	OCI_ARCH_PPC64LE, OCI_ARCH_S390, OCI_ARCH_S390X, OCI_ARCH_SH, OCI_ARCH_SHEB,
	OCI_ARCH_PARISC, OCI_ARCH_PARISC64, OCI_ARCH_RISCV64,
};

enum oci_seccomp_flag {
	OCI_SECCOMP_TSYNC = 1, OCI_SECCOMP_LOG, OCI_SECCOMP_SPEC_ALLOW,
	OCI_SECCOMP_WAIT_KILLABLE_RECV,
};

/* The R... ones say the same for the whole tree; the schema lists only the others. */
enum oci_prop {
	OCI_PROP_PRIVATE = 1, OCI_PROP_SHARED, OCI_PROP_SLAVE, OCI_PROP_UNBINDABLE,
	OCI_PROP_RPRIVATE, OCI_PROP_RSHARED, OCI_PROP_RSLAVE, OCI_PROP_RUNBINDABLE,
};

enum oci_mpol {
	OCI_MPOL_DEFAULT = 1, OCI_MPOL_BIND, OCI_MPOL_INTERLEAVE, OCI_MPOL_WEIGHTED_INTERLEAVE,
	OCI_MPOL_PREFERRED, OCI_MPOL_PREFERRED_MANY, OCI_MPOL_LOCAL,
};

enum oci_mpol_flag {
	OCI_MPOL_F_NUMA_BALANCING = 1, OCI_MPOL_F_RELATIVE_NODES, OCI_MPOL_F_STATIC_NODES,
};

enum oci_pers { OCI_PERS_LINUX = 1, OCI_PERS_LINUX32 };

/* ---- objects ---------------------------------------------------------------------- */

/* Of linux and of each mount. */
struct oci_id_mapping { uint32_t container_id, host_id, size; };
typedef LIST_OF(struct oci_id_mapping) oci_id_mapping_list;

struct oci_namespace { enum oci_ns type; const char *path; };
typedef LIST_OF(struct oci_namespace) oci_namespace_list;

struct oci_device {
	const char *type, *path;
	struct opt_i64 major, minor;    /* required of all but "p" */
	struct opt_u32 file_mode, uid, gid;
};
typedef LIST_OF(struct oci_device) oci_device_list;

struct oci_net_device { const char *host_name; const char *name; };   /* host_name: the key */
typedef LIST_OF(struct oci_net_device) oci_net_device_list;

struct oci_device_rule {
	bool allow;
	const char *type;
	struct opt_i64 major, minor;
	const char *access;
};
typedef LIST_OF(struct oci_device_rule) oci_device_rule_list;

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

struct oci_weight_device { int64_t major, minor; struct opt_u16 weight, leaf_weight; };
typedef LIST_OF(struct oci_weight_device) oci_weight_device_list;
struct oci_throttle_device { int64_t major, minor; uint64_t rate; };
typedef LIST_OF(struct oci_throttle_device) oci_throttle_device_list;

struct oci_block_io {
	struct opt_u16 weight, leaf_weight;
	oci_weight_device_list weight_device;
	oci_throttle_device_list throttle_read_bps, throttle_write_bps;
	oci_throttle_device_list throttle_read_iops, throttle_write_iops;
};

struct oci_hugepage_limit { const char *page_size; uint64_t limit; };
typedef LIST_OF(struct oci_hugepage_limit) oci_hugepage_limit_list;

struct oci_net_priority { const char *name; uint32_t priority; };
typedef LIST_OF(struct oci_net_priority) oci_net_priority_list;
struct oci_network { struct opt_u32 class_id; oci_net_priority_list priorities; };

struct oci_rdma { const char *device; struct opt_u32 hca_handles, hca_objects; };   /* device: the key */
typedef LIST_OF(struct oci_rdma) oci_rdma_list;

struct oci_resources {
	oci_device_rule_list devices;
	struct oci_memory *memory;
	struct oci_cpu *cpu;
	struct oci_pids *pids;
	struct oci_block_io *block_io;
	oci_hugepage_limit_list hugepage_limits;
	struct oci_network *network;
	oci_rdma_list rdma;
	str_map unified;
};

struct oci_seccomp_arg { uint32_t index; uint64_t value, value_two; enum oci_cmp op; };
typedef LIST_OF(struct oci_seccomp_arg) oci_seccomp_arg_list;

struct oci_seccomp_rule {
	str_list names;
	enum oci_act action;
	struct opt_u32 errno_ret;
	oci_seccomp_arg_list args;
};
typedef LIST_OF(struct oci_seccomp_rule) oci_seccomp_rule_list;

struct oci_seccomp {
	enum oci_act default_action;
	struct opt_u32 default_errno_ret;
	LIST_OF(enum oci_arch) architectures;
	LIST_OF(enum oci_seccomp_flag) flags;
	const char *listener_path, *listener_metadata;
	oci_seccomp_rule_list syscalls;
};

struct oci_rdt {
	const char *clos_id;
	str_list schemata;
	const char *l3_cache_schema, *mem_bw_schema;
	bool enable_monitoring;
};

struct oci_memory_policy {
	enum oci_mpol mode;
	const char *nodes;
	LIST_OF(enum oci_mpol_flag) flags;
};

struct oci_personality { enum oci_pers domain; str_list flags; };
struct oci_time_offset { int64_t secs; uint32_t nanosecs; };
struct oci_time_offsets { struct oci_time_offset *boottime, *monotonic; };

struct oci_linux {
	oci_namespace_list namespaces;
	oci_id_mapping_list uid_mappings, gid_mappings;
	struct oci_time_offsets *time_offsets;
	oci_device_list devices;
	oci_net_device_list net_devices;
	const char *cgroups_path;
	struct oci_resources *resources;
	struct oci_rdt *intel_rdt;
	struct oci_memory_policy *memory_policy;
	str_map sysctl;
	struct oci_seccomp *seccomp;
	enum oci_prop rootfs_propagation;
	str_list masked_paths, readonly_paths;
	const char *mount_label;
	struct oci_personality *personality;
};

/* L may be NULL. NULL: none of that type. */
const struct oci_namespace *oci_namespace_of(const struct oci_linux *l, enum oci_ns type);

extern const struct spec_type oci_linux_type, oci_resources_type, oci_rdt_type, oci_seccomp_type, oci_id_mapping_type;
extern const struct spec_enum oci_namespaces, oci_seccomp_actions, oci_seccomp_operators,
	oci_seccomp_archs, oci_seccomp_flags, oci_propagations, oci_memory_modes, oci_memory_flags,
	oci_personality_domains;
