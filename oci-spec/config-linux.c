/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of config-linux.h: which member of the document is which member of which struct.
 * Read by the decoder, the encoder and `husk features`; nothing here runs.
 */
#include "oci-spec/config-linux.h"

/* ---- words ------------------------------------------------------------------------ */

const struct spec_enum oci_namespaces = { "namespace type", (const struct spec_name[]){
	WORD("pid", OCI_NS_PID),
	WORD("network", OCI_NS_NETWORK),
	WORD("mount", OCI_NS_MOUNT),
	WORD("ipc", OCI_NS_IPC),
	WORD("uts", OCI_NS_UTS),
	WORD("user", OCI_NS_USER),
	WORD("cgroup", OCI_NS_CGROUP),
	WORD("time", OCI_NS_TIME),
	{} } };

const struct spec_enum oci_seccomp_actions = { "seccomp action", (const struct spec_name[]){
	WORD("SCMP_ACT_KILL", OCI_ACT_KILL),
	WORD("SCMP_ACT_KILL_THREAD", OCI_ACT_KILL_THREAD),
	WORD("SCMP_ACT_KILL_PROCESS", OCI_ACT_KILL_PROCESS),
	WORD("SCMP_ACT_TRAP", OCI_ACT_TRAP),
	WORD("SCMP_ACT_ERRNO", OCI_ACT_ERRNO),
	WORD("SCMP_ACT_TRACE", OCI_ACT_TRACE),
	WORD("SCMP_ACT_ALLOW", OCI_ACT_ALLOW),
	WORD("SCMP_ACT_LOG", OCI_ACT_LOG),
	WORD("SCMP_ACT_NOTIFY", OCI_ACT_NOTIFY),
	{} } };

const struct spec_enum oci_seccomp_operators = { "seccomp operator", (const struct spec_name[]){
	WORD("SCMP_CMP_NE", OCI_CMP_NE),
	WORD("SCMP_CMP_LT", OCI_CMP_LT),
	WORD("SCMP_CMP_LE", OCI_CMP_LE),
	WORD("SCMP_CMP_EQ", OCI_CMP_EQ),
	WORD("SCMP_CMP_GE", OCI_CMP_GE),
	WORD("SCMP_CMP_GT", OCI_CMP_GT),
	WORD("SCMP_CMP_MASKED_EQ", OCI_CMP_MASKED_EQ),
	{} } };

const struct spec_enum oci_seccomp_archs = { "seccomp architecture", (const struct spec_name[]){
	WORD("SCMP_ARCH_X86", OCI_ARCH_X86),
	WORD("SCMP_ARCH_X86_64", OCI_ARCH_X86_64),
	WORD("SCMP_ARCH_X32", OCI_ARCH_X32),
	WORD("SCMP_ARCH_ARM", OCI_ARCH_ARM),
	WORD("SCMP_ARCH_AARCH64", OCI_ARCH_AARCH64),
	WORD("SCMP_ARCH_LOONGARCH64", OCI_ARCH_LOONGARCH64),
	WORD("SCMP_ARCH_M68K", OCI_ARCH_M68K),
	WORD("SCMP_ARCH_MIPS", OCI_ARCH_MIPS),
	WORD("SCMP_ARCH_MIPS64", OCI_ARCH_MIPS64),
	WORD("SCMP_ARCH_MIPS64N32", OCI_ARCH_MIPS64N32),
	WORD("SCMP_ARCH_MIPSEL", OCI_ARCH_MIPSEL),
	WORD("SCMP_ARCH_MIPSEL64", OCI_ARCH_MIPSEL64),
	WORD("SCMP_ARCH_MIPSEL64N32", OCI_ARCH_MIPSEL64N32),
	WORD("SCMP_ARCH_PPC", OCI_ARCH_PPC),
	WORD("SCMP_ARCH_PPC64", OCI_ARCH_PPC64),
	WORD("SCMP_ARCH_PPC64LE", OCI_ARCH_PPC64LE),
	WORD("SCMP_ARCH_S390", OCI_ARCH_S390),
	WORD("SCMP_ARCH_S390X", OCI_ARCH_S390X),
	WORD("SCMP_ARCH_SH", OCI_ARCH_SH),
	WORD("SCMP_ARCH_SHEB", OCI_ARCH_SHEB),
	WORD("SCMP_ARCH_PARISC", OCI_ARCH_PARISC),
	WORD("SCMP_ARCH_PARISC64", OCI_ARCH_PARISC64),
	WORD("SCMP_ARCH_RISCV64", OCI_ARCH_RISCV64),
	{} } };

const struct spec_enum oci_seccomp_flags = { "seccomp flag", (const struct spec_name[]){
	WORD("SECCOMP_FILTER_FLAG_TSYNC", OCI_SECCOMP_TSYNC),
	WORD("SECCOMP_FILTER_FLAG_LOG", OCI_SECCOMP_LOG),
	WORD("SECCOMP_FILTER_FLAG_SPEC_ALLOW", OCI_SECCOMP_SPEC_ALLOW),
	WORD("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", OCI_SECCOMP_WAIT_KILLABLE_RECV),
	{} } };

const struct spec_enum oci_propagations = { "mount propagation", (const struct spec_name[]){
	WORD("private", OCI_PROP_PRIVATE),
	WORD("shared", OCI_PROP_SHARED),
	WORD("slave", OCI_PROP_SLAVE),
	WORD("unbindable", OCI_PROP_UNBINDABLE),
	WORD("rprivate", OCI_PROP_RPRIVATE),
	WORD("rshared", OCI_PROP_RSHARED),
	WORD("rslave", OCI_PROP_RSLAVE),
	WORD("runbindable", OCI_PROP_RUNBINDABLE),
	{} } };

const struct spec_enum oci_memory_modes = { "memory policy mode", (const struct spec_name[]){
	WORD("MPOL_DEFAULT", OCI_MPOL_DEFAULT),
	WORD("MPOL_BIND", OCI_MPOL_BIND),
	WORD("MPOL_INTERLEAVE", OCI_MPOL_INTERLEAVE),
	WORD("MPOL_WEIGHTED_INTERLEAVE", OCI_MPOL_WEIGHTED_INTERLEAVE),
	WORD("MPOL_PREFERRED", OCI_MPOL_PREFERRED),
	WORD("MPOL_PREFERRED_MANY", OCI_MPOL_PREFERRED_MANY),
	WORD("MPOL_LOCAL", OCI_MPOL_LOCAL),
	{} } };

const struct spec_enum oci_memory_flags = { "memory policy flag", (const struct spec_name[]){
	WORD("MPOL_F_NUMA_BALANCING", OCI_MPOL_F_NUMA_BALANCING),
	WORD("MPOL_F_RELATIVE_NODES", OCI_MPOL_F_RELATIVE_NODES),
	WORD("MPOL_F_STATIC_NODES", OCI_MPOL_F_STATIC_NODES),
	{} } };

const struct spec_enum oci_personality_domains = { "personality domain", (const struct spec_name[]){
	WORD("LINUX", OCI_PERS_LINUX),
	WORD("LINUX32", OCI_PERS_LINUX32),
	{} } };

/* ---- objects ---------------------------------------------------------------------- */

SPEC_TYPE(id_mapping, "id mapping",
	VALUE (id_mapping, container_id, "containerID", REQUIRED),
	VALUE (id_mapping, host_id,      "hostID", REQUIRED),
	VALUE (id_mapping, size,         "size", REQUIRED));

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
	VALUE (throttle_device, rate,  "rate", REQUIRED));

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
	CHOICE      (memory_policy, mode,  "mode", oci_memory_modes, REQUIRED),
	VALUE       (memory_policy, nodes, "nodes"),
	LIST_CHOICE (memory_policy, flags, "flags", oci_memory_flags));

SPEC_TYPE(personality, "personality",
	CHOICE (personality, domain, "domain", oci_personality_domains, REQUIRED),
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

const struct oci_namespace *oci_namespace_of(const struct oci_linux *l, enum oci_ns type)
{
	for (size_t i = 0; l && i < l->namespaces.n; i++)
		if (l->namespaces.v[i].type == type)
			return &l->namespaces.v[i];
	return NULL;
}
