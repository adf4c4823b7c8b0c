/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "oci-spec/config.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/mount.h>

const struct spec_enum oci_namespaces = { "namespace type", (const struct spec_name[]){
	{ "pid",     CLONE_NEWPID  }, { "network", CLONE_NEWNET  }, { "mount",   CLONE_NEWNS  },
	{ "ipc",     CLONE_NEWIPC  }, { "uts",     CLONE_NEWUTS  }, { "user",    CLONE_NEWUSER },
	{ "cgroup",  CLONE_NEWCGROUP }, { "time",  0x80 },
	{} } };

/* libseccomp has no value that is not an action; SCMP_ACT_KILL is 0, so we count our own. */
const struct spec_enum oci_seccomp_actions = { "seccomp action", (const struct spec_name[]){
	{ "SCMP_ACT_KILL", 1 }, { "SCMP_ACT_KILL_THREAD", 1 + 100 }, { "SCMP_ACT_KILL_PROCESS", 2 },
	{ "SCMP_ACT_TRAP", 3 }, { "SCMP_ACT_ERRNO", 4 }, { "SCMP_ACT_TRACE", 5 },
	{ "SCMP_ACT_ALLOW", 6 }, { "SCMP_ACT_LOG", 7 }, { "SCMP_ACT_NOTIFY", 8 },
	{} } };

const struct spec_enum oci_seccomp_operators = { "seccomp operator", (const struct spec_name[]){
	{ "SCMP_CMP_NE", SCMP_CMP_NE }, { "SCMP_CMP_LT", SCMP_CMP_LT }, { "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ }, { "SCMP_CMP_GE", SCMP_CMP_GE }, { "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	{} } };

const struct spec_enum oci_seccomp_archs = { "seccomp architecture", (const struct spec_name[]){
	{ "SCMP_ARCH_X86", SCMP_ARCH_X86 }, { "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64 },
	{ "SCMP_ARCH_X32", SCMP_ARCH_X32 }, { "SCMP_ARCH_ARM", SCMP_ARCH_ARM },
	{ "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64 }, { "SCMP_ARCH_MIPS", SCMP_ARCH_MIPS },
	{ "SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64 }, { "SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32 },
	{ "SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL }, { "SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64 },
	{ "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32 }, { "SCMP_ARCH_PPC", SCMP_ARCH_PPC },
	{ "SCMP_ARCH_PPC64", SCMP_ARCH_PPC64 }, { "SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE },
	{ "SCMP_ARCH_S390", SCMP_ARCH_S390 }, { "SCMP_ARCH_S390X", SCMP_ARCH_S390X },
	{ "SCMP_ARCH_PARISC", SCMP_ARCH_PARISC }, { "SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64 },
	{ "SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64 },
	{} } };

const struct spec_enum oci_seccomp_flags = { "seccomp flag", (const struct spec_name[]){
	{ "SECCOMP_FILTER_FLAG_TSYNC", 1 }, { "SECCOMP_FILTER_FLAG_LOG", 2 },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", 4 }, { "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 32 },
	{} } };

const struct spec_enum oci_propagations = { "mount propagation", (const struct spec_name[]){
	{ "private", MS_PRIVATE }, { "shared", MS_SHARED }, { "slave", MS_SLAVE }, { "unbindable", MS_UNBINDABLE },
	{ "rprivate", MS_PRIVATE | MS_REC }, { "rshared", MS_SHARED | MS_REC }, { "rslave", MS_SLAVE | MS_REC },
	{ "runbindable", MS_UNBINDABLE | MS_REC },
	{} } };

const struct spec_enum oci_memory_modes = { "memory policy mode", (const struct spec_name[]){
	{ "MPOL_DEFAULT", 100 }, { "MPOL_PREFERRED", 1 }, { "MPOL_BIND", 2 }, { "MPOL_INTERLEAVE", 3 },
	{ "MPOL_LOCAL", 4 }, { "MPOL_PREFERRED_MANY", 5 }, { "MPOL_WEIGHTED_INTERLEAVE", 6 },
	{} } };

const struct spec_enum oci_memory_flags = { "memory policy flag", (const struct spec_name[]){
	{ "MPOL_F_STATIC_NODES", 1 << 15 }, { "MPOL_F_RELATIVE_NODES", 1 << 14 }, { "MPOL_F_NUMA_BALANCING", 1 << 13 },
	{} } };

static const struct spec_enum personality_domains = { "personality domain", (const struct spec_name[]){
	{ "LINUX", 100 }, { "LINUX32", 8 },
	{} } };

SPEC_TYPE(namespace, "namespace",
	CHOICE (namespace, type, "type", oci_namespaces, REQUIRED),
	VALUE  (namespace, path, "path"));

SPEC_TYPE(device, "device",
	VALUE (device, type,      "type", REQUIRED),
	VALUE (device, path,      "path", REQUIRED),
	VALUE (device, major,     "major"),
	VALUE (device, minor,     "minor"),
	VALUE (device, file_mode, "fileMode"),
	VALUE (device, uid,       "uid"),
	VALUE (device, gid,       "gid"));

SPEC_TYPE(net_device, "netDevice",
	VALUE (net_device, name, "name"));

SPEC_TYPE(device_rule, "device rule",
	VALUE (device_rule, allow,  "allow", REQUIRED),
	VALUE (device_rule, type,   "type"),
	VALUE (device_rule, major,  "major"),
	VALUE (device_rule, minor,  "minor"),
	VALUE (device_rule, access, "access"));

SPEC_TYPE(memory, "memory",
	VALUE (memory, limit,               "limit"),
	VALUE (memory, reservation,         "reservation"),
	VALUE (memory, swap,                "swap"),
	VALUE (memory, kernel,              "kernel"),
	VALUE (memory, kernel_tcp,          "kernelTCP"),
	VALUE (memory, swappiness,          "swappiness"),
	VALUE (memory, disable_oom_killer,  "disableOOMKiller"),
	VALUE (memory, use_hierarchy,       "useHierarchy"),
	VALUE (memory, check_before_update, "checkBeforeUpdate"));

SPEC_TYPE(cpu, "cpu",
	VALUE (cpu, shares,           "shares"),
	VALUE (cpu, quota,            "quota"),
	VALUE (cpu, burst,            "burst"),
	VALUE (cpu, period,           "period"),
	VALUE (cpu, realtime_runtime, "realtimeRuntime"),
	VALUE (cpu, realtime_period,  "realtimePeriod"),
	VALUE (cpu, cpus,             "cpus"),
	VALUE (cpu, mems,             "mems"),
	VALUE (cpu, idle,             "idle"));

SPEC_TYPE(pids, "pids",
	VALUE (pids, limit, "limit"));

SPEC_TYPE(weight_device, "weightDevice",
	VALUE (weight_device, major,       "major", REQUIRED),
	VALUE (weight_device, minor,       "minor", REQUIRED),
	VALUE (weight_device, weight,      "weight"),
	VALUE (weight_device, leaf_weight, "leafWeight"));

SPEC_TYPE(throttle_device, "throttleDevice",
	VALUE (throttle_device, major, "major", REQUIRED),
	VALUE (throttle_device, minor, "minor", REQUIRED),
	VALUE (throttle_device, rate,  "rate"));

SPEC_TYPE(block_io, "blockIO",
	VALUE       (block_io, weight,              "weight"),
	VALUE       (block_io, leaf_weight,         "leafWeight"),
	LIST_OBJECT (block_io, weight_device,       "weightDevice", weight_device),
	LIST_OBJECT (block_io, throttle_read_bps,   "throttleReadBpsDevice", throttle_device),
	LIST_OBJECT (block_io, throttle_write_bps,  "throttleWriteBpsDevice", throttle_device),
	LIST_OBJECT (block_io, throttle_read_iops,  "throttleReadIOPSDevice", throttle_device),
	LIST_OBJECT (block_io, throttle_write_iops, "throttleWriteIOPSDevice", throttle_device));

SPEC_TYPE(hugepage_limit, "hugepageLimit",
	VALUE (hugepage_limit, page_size, "pageSize", REQUIRED),
	VALUE (hugepage_limit, limit,     "limit", REQUIRED));

SPEC_TYPE(net_priority, "network priority",
	VALUE (net_priority, name,     "name", REQUIRED),
	VALUE (net_priority, priority, "priority", REQUIRED));

SPEC_TYPE(network, "network",
	VALUE       (network, class_id,   "classID"),
	LIST_OBJECT (network, priorities, "priorities", net_priority));

SPEC_TYPE(rdma, "rdma",
	VALUE (rdma, hca_handles, "hcaHandles"),
	VALUE (rdma, hca_objects, "hcaObjects"));

SPEC_TYPE(resources, "resources",
	LIST_OBJECT (resources, devices,         "devices", device_rule),
	OBJECT      (resources, memory,          "memory", memory),
	OBJECT      (resources, cpu,             "cpu", cpu),
	OBJECT      (resources, pids,            "pids", pids),
	OBJECT      (resources, block_io,        "blockIO", block_io),
	LIST_OBJECT (resources, hugepage_limits, "hugepageLimits", hugepage_limit),
	OBJECT      (resources, network,         "network", network),
	DICT_OBJECT (resources, rdma,            "rdma", rdma),
	VALUE       (resources, unified,         "unified"));

SPEC_TYPE(seccomp_arg, "seccomp argument",
	VALUE  (seccomp_arg, index,     "index", REQUIRED),
	VALUE  (seccomp_arg, value,     "value", REQUIRED),
	VALUE  (seccomp_arg, value_two, "valueTwo"),
	CHOICE (seccomp_arg, op,        "op", oci_seccomp_operators, REQUIRED));

SPEC_TYPE(seccomp_rule, "seccomp rule",
	LIST        (seccomp_rule, names,     "names", REQUIRED),
	CHOICE      (seccomp_rule, action,    "action", oci_seccomp_actions, REQUIRED),
	VALUE       (seccomp_rule, errno_ret, "errnoRet"),
	LIST_OBJECT (seccomp_rule, args,      "args", seccomp_arg));

SPEC_TYPE(seccomp, "seccomp",
	CHOICE      (seccomp, default_action,    "defaultAction", oci_seccomp_actions, REQUIRED),
	VALUE       (seccomp, default_errno_ret, "defaultErrnoRet"),
	LIST_CHOICE (seccomp, architectures,     "architectures", oci_seccomp_archs),
	LIST_CHOICE (seccomp, flags,             "flags", oci_seccomp_flags),
	VALUE       (seccomp, listener_path,     "listenerPath"),
	VALUE       (seccomp, listener_metadata, "listenerMetadata"),
	LIST_OBJECT (seccomp, syscalls,          "syscalls", seccomp_rule));

SPEC_TYPE(rdt, "intelRdt",
	VALUE (rdt, clos_id,           "closID"),
	LIST  (rdt, schemata,          "schemata"),
	VALUE (rdt, l3_cache_schema,   "l3CacheSchema"),
	VALUE (rdt, mem_bw_schema,     "memBwSchema"),
	VALUE (rdt, enable_monitoring, "enableMonitoring"));

SPEC_TYPE(memory_policy, "memoryPolicy",
	CHOICE      (memory_policy, mode,  "mode", oci_memory_modes),
	VALUE       (memory_policy, nodes, "nodes"),
	LIST_CHOICE (memory_policy, flags, "flags", oci_memory_flags));

SPEC_TYPE(personality, "personality",
	CHOICE (personality, domain, "domain", personality_domains),
	LIST   (personality, flags,  "flags"));

SPEC_TYPE(time_offset, "time offset",
	VALUE (time_offset, secs,     "secs"),
	VALUE (time_offset, nanosecs, "nanosecs"));

SPEC_TYPE(time_offsets, "timeOffsets",
	OBJECT (time_offsets, boottime,  "boottime", time_offset),
	OBJECT (time_offsets, monotonic, "monotonic", time_offset));

SPEC_TYPE(linux, "linux",
	LIST_OBJECT (linux, namespaces,         "namespaces", namespace),
	LIST_OBJECT (linux, uid_mappings,       "uidMappings", id_mapping),
	LIST_OBJECT (linux, gid_mappings,       "gidMappings", id_mapping),
	OBJECT      (linux, time_offsets,       "timeOffsets", time_offsets),
	LIST_OBJECT (linux, devices,            "devices", device),
	DICT_OBJECT (linux, net_devices,        "netDevices", net_device),
	VALUE       (linux, cgroups_path,       "cgroupsPath"),
	OBJECT      (linux, resources,          "resources", resources),
	OBJECT      (linux, intel_rdt,          "intelRdt", rdt),
	OBJECT      (linux, memory_policy,      "memoryPolicy", memory_policy),
	VALUE       (linux, sysctl,             "sysctl"),
	OBJECT      (linux, seccomp,            "seccomp", seccomp),
	CHOICE      (linux, rootfs_propagation, "rootfsPropagation", oci_propagations),
	LIST        (linux, masked_paths,       "maskedPaths"),
	LIST        (linux, readonly_paths,     "readonlyPaths"),
	VALUE       (linux, mount_label,        "mountLabel"),
	OBJECT      (linux, personality,        "personality", personality));
