/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of what init does, for errors, traces and post-mortems on both sides.  The order in which they run stands in
 * init/main.c, init/create.c, init/join.c and init/hotplug.c.
 */
#pragma once

#define STAGES(STAGE)                                   \
	STAGE(START,        "start")                    \
	STAGE(PLAN,         "await plan")               \
	STAGE(OOM_SCORE,    "oom score")                \
	STAGE(CLEAN_STATE,  "clean state")              \
	STAGE(JOIN,         "join namespaces")          \
	STAGE(USER_NS,      "user namespace")           \
	STAGE(TIME_NS,      "time namespace")           \
	STAGE(FORK,         "final process")            \
	STAGE(NAMESPACES,   "new namespaces")           \
	STAGE(SESSION,      "session")                  \
	STAGE(PLACE,        "place")                    \
	STAGE(CGROUP_NS,    "cgroup namespace")         \
	STAGE(KEYRING,      "session keyring")          \
	STAGE(NETWORK,      "network")                  \
	STAGE(ROOT_FS,      "root file system")         \
	STAGE(MOUNTS,       "mounts")                   \
	STAGE(KERNEL,       "kernel settings")          \
	STAGE(RUNTIME_HOOKS, "createRuntime hooks")     \
	STAGE(CREATE_HOOKS, "createContainer hooks")    \
	STAGE(TERMINAL,     "terminal")                 \
	STAGE(SHIELD,       "shield paths")             \
	STAGE(ENTER_ROOT,   "enter root")               \
	STAGE(HOST_NAME,    "host name")                \
	STAGE(LATE_PLACE,   "late place")               \
	STAGE(ENVIRONMENT,  "environment")              \
	STAGE(LABELS,       "labels")                   \
	STAGE(TASK,         "task settings")            \
	STAGE(USER,         "user")                     \
	STAGE(CAPABILITIES, "capabilities")             \
	STAGE(SECCOMP_EARLY, "seccomp with listener")   \
	STAGE(NO_NEW_PRIVS, "no new privileges")        \
	STAGE(CWD,          "working directory")        \
	STAGE(PROGRAM,      "find program")             \
	STAGE(DESCRIPTORS,  "descriptors")              \
	STAGE(READY,        "ready")                    \
	STAGE(GATE,         "gate")                     \
	STAGE(START_HOOKS,  "startContainer hooks")     \
	STAGE(LIMITS,       "limits")                   \
	STAGE(SECCOMP,      "seccomp")                  \
	STAGE(PAYLOAD,      "payload")

#define STAGE(name, text) STAGE_##name,
enum stage_id { STAGES(STAGE) STAGE_MAX };
#undef STAGE

/* Text of a stage; "unknown stage" for a number that is none. Both programs (defined in handshake.c). */
const char *stage_name(int);
