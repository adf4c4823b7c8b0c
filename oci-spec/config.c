/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of config.h: what stands in config.json for every platform. */
#include "oci-spec/config.h"

#include <string.h>

const struct spec_enum oci_io_priority_classes = { "I/O priority class", (const struct spec_name[]){
	WORD("IOPRIO_CLASS_RT", OCI_IOPRIO_RT),
	WORD("IOPRIO_CLASS_BE", OCI_IOPRIO_BE),
	WORD("IOPRIO_CLASS_IDLE", OCI_IOPRIO_IDLE),
	{} } };

const struct spec_enum oci_sched_policies = { "scheduler policy", (const struct spec_name[]){
	WORD("SCHED_OTHER", OCI_SCHED_OTHER),
	WORD("SCHED_FIFO", OCI_SCHED_FIFO),
	WORD("SCHED_RR", OCI_SCHED_RR),
	WORD("SCHED_BATCH", OCI_SCHED_BATCH),
	WORD("SCHED_ISO", OCI_SCHED_ISO),
	WORD("SCHED_IDLE", OCI_SCHED_IDLE),
	WORD("SCHED_DEADLINE", OCI_SCHED_DEADLINE),
	{} } };

const struct spec_enum oci_sched_flags = { "scheduler flag", (const struct spec_name[]){
	WORD("SCHED_FLAG_RESET_ON_FORK", OCI_SCHED_FLAG_RESET_ON_FORK),
	WORD("SCHED_FLAG_RECLAIM", OCI_SCHED_FLAG_RECLAIM),
	WORD("SCHED_FLAG_DL_OVERRUN", OCI_SCHED_FLAG_DL_OVERRUN),
	WORD("SCHED_FLAG_KEEP_POLICY", OCI_SCHED_FLAG_KEEP_POLICY),
	WORD("SCHED_FLAG_KEEP_PARAMS", OCI_SCHED_FLAG_KEEP_PARAMS),
	WORD("SCHED_FLAG_UTIL_CLAMP_MIN", OCI_SCHED_FLAG_UTIL_CLAMP_MIN),
	WORD("SCHED_FLAG_UTIL_CLAMP_MAX", OCI_SCHED_FLAG_UTIL_CLAMP_MAX),
	{} } };

SPEC_TYPE(box, "consoleSize",
	VALUE (box, height, "height", REQUIRED),
	VALUE (box, width,  "width",  REQUIRED));

SPEC_TYPE(user, "user",
	VALUE (user, uid,             "uid", REQUIRED),
	VALUE (user, gid,             "gid", REQUIRED),
	VALUE (user, umask,           "umask"),
	LIST  (user, additional_gids, "additionalGids"),
	VALUE (user, username,        "username"));

SPEC_TYPE(capabilities, "capabilities",
	LIST (capabilities, bounding,    "bounding"),
	LIST (capabilities, permitted,   "permitted"),
	LIST (capabilities, effective,   "effective"),
	LIST (capabilities, inheritable, "inheritable"),
	LIST (capabilities, ambient,     "ambient"));

SPEC_TYPE(io_priority, "ioPriority",
	CHOICE (io_priority, class,    "class", oci_io_priority_classes, REQUIRED),
	VALUE  (io_priority, priority, "priority", REQUIRED));

SPEC_TYPE(scheduler, "scheduler",
	CHOICE      (scheduler, policy,   "policy", oci_sched_policies, REQUIRED),
	VALUE       (scheduler, nice,     "nice"),
	VALUE       (scheduler, priority, "priority"),
	LIST_CHOICE (scheduler, flags,    "flags", oci_sched_flags),
	VALUE       (scheduler, runtime,  "runtime"),
	VALUE       (scheduler, deadline, "deadline"),
	VALUE       (scheduler, period,   "period"));

SPEC_TYPE(rlimit, "rlimit",
	VALUE (rlimit, type, "type", REQUIRED),
	VALUE (rlimit, soft, "soft", REQUIRED),
	VALUE (rlimit, hard, "hard", REQUIRED));

SPEC_TYPE(cpu_affinity, "execCPUAffinity",
	VALUE (cpu_affinity, initial, "initial"),
	VALUE (cpu_affinity, final,   "final"));

SPEC_TYPE(process, "process",
	VALUE       (process, terminal,          "terminal"),
	OBJECT      (process, console_size,      "consoleSize", box),
	OBJECT      (process, user,              "user", user),
	LIST        (process, args,              "args"),
	VALUE       (process, command_line,      "commandLine"),
	LIST        (process, env,               "env"),
	VALUE       (process, cwd,               "cwd", REQUIRED),
	OBJECT      (process, capabilities,      "capabilities", capabilities),
	LIST_OBJECT (process, rlimits,           "rlimits", rlimit),
	VALUE       (process, no_new_privileges, "noNewPrivileges"),
	VALUE       (process, apparmor_profile,  "apparmorProfile"),
	VALUE       (process, oom_score_adj,     "oomScoreAdj"),
	OBJECT      (process, scheduler,         "scheduler", scheduler),
	VALUE       (process, selinux_label,     "selinuxLabel"),
	OBJECT      (process, io_priority,       "ioPriority", io_priority),
	OBJECT      (process, exec_cpu_affinity, "execCPUAffinity", cpu_affinity));

SPEC_TYPE(root, "root",
	VALUE (root, path,     "path", REQUIRED),
	VALUE (root, readonly, "readonly"));

SPEC_TYPE(mount, "mount",
	VALUE       (mount, destination,  "destination", REQUIRED),
	VALUE       (mount, type,         "type"),
	VALUE       (mount, source,       "source"),
	LIST        (mount, options,      "options"),
	LIST_OBJECT (mount, uid_mappings, "uidMappings", id_mapping),
	LIST_OBJECT (mount, gid_mappings, "gidMappings", id_mapping));

SPEC_TYPE(mounts, "mounts",
	LIST_OBJECT (mounts, list, SPEC_ITSELF, mount));

SPEC_TYPE(hook, "hook",
	VALUE (hook, path,    "path", REQUIRED),
	LIST  (hook, args,    "args"),
	LIST  (hook, env,     "env"),
	VALUE (hook, timeout, "timeout"));

bool oci_mount_has(const struct oci_mount *m, const char *word)
{
	for (size_t i = 0; i < m->options.n; i++) {
		for (const char *p = m->options.v[i]; *p; p += *p == ',') {
			size_t len = strcspn(p, ",");

			if (len == strlen(word) && memcmp(p, word, len) == 0)
				return true;
			p += len;
		}
	}
	return false;
}

SPEC_TYPE(hooks, "hooks",
	LIST_OBJECT (hooks, prestart,         "prestart", hook),
	LIST_OBJECT (hooks, create_runtime,   "createRuntime", hook),
	LIST_OBJECT (hooks, create_container, "createContainer", hook),
	LIST_OBJECT (hooks, start_container,  "startContainer", hook),
	LIST_OBJECT (hooks, poststart,        "poststart", hook),
	LIST_OBJECT (hooks, poststop,         "poststop", hook));

SPEC_TYPE(config, "config.json",
	VALUE       (config, oci_version, "ociVersion", REQUIRED),
	OBJECT      (config, process,     "process", process),
	OBJECT      (config, root,        "root", root),
	VALUE       (config, hostname,    "hostname"),
	VALUE       (config, domainname,  "domainname"),
	LIST_OBJECT (config, mounts,      "mounts", mount),
	OBJECT      (config, hooks,       "hooks", hooks),
	VALUE       (config, annotations, "annotations"),
	OBJECT      (config, linux_,      "linux", linux),
	OBJECT      (config, vm,          "vm", vm));
