/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of the process object that options of `exec` say: texts of the command line become what config.json would have
 * held.  ERR_USAGE on what is wrong.
 */
#pragma once

#include "base/arena.h"
#include "cli/options.h"
#include "oci-spec/config.h"

/* "nofile=1024:2048", "nofile=1024" (both), "memlock=unlimited", "RLIMIT_CORE=0" */
int process_rlimits(oci_rlimit_list *, const struct words *, struct arena *, struct err *);
/* "0027" */
int process_umask(struct opt_u32 *, const char *, struct err *);
/* "fifo:priority=10", "SCHED_BATCH:nice=5", "deadline:runtime=1000000,deadline=2000000,period=2000000,flag=reset-on-fork" */
int process_scheduler(struct oci_scheduler **, const char *, struct arena *, struct err *);
/* "be:3", "idle", "IOPRIO_CLASS_RT:0" */
int process_io_priority(struct oci_io_priority **, const char *, struct arena *, struct err *);
/* "0-3", "0:0-3" (until the command runs, and from then on) */
int process_cpu_affinity(struct oci_cpu_affinity **, const char *, struct arena *, struct err *);
int process_oom_score(struct opt_i32 *, struct opt_i64 score, struct err *);
