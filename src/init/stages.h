/* SPDX-License-Identifier: Apache-2.0 */
/* What the two lists of stages (create.c, join.c) have in common. In husk-init. */
#pragma once

#include "init/init.h"

/* birth.c: from the first instruction to the process that stays */
int stage_oom_score(struct init *, struct err *);
int stage_clean_state(struct init *, struct err *);
int stage_join(struct init *, struct err *);
int stage_user_ns(struct init *, struct err *);
int stage_time_ns(struct init *, struct err *);
int stage_fork(struct init *, struct err *);
int stage_session(struct init *, struct err *);
int stage_place(struct init *, struct err *);
int stage_late_place(struct init *, struct err *);

/* process.c: what a new container's process and one of exec both go through */
int stage_keyring(struct init *, struct err *);
int stage_terminal(struct init *, struct err *);
int stage_environment(struct init *, struct err *);
int stage_labels(struct init *, struct err *);
int stage_task(struct init *, struct err *);
int stage_user(struct init *, struct err *);
int stage_seccomp_early(struct init *, struct err *);
int stage_capabilities(struct init *, struct err *);
int stage_no_new_privs(struct init *, struct err *);
int stage_cwd(struct init *, struct err *);
int stage_program(struct init *, struct err *);
int stage_descriptors(struct init *, struct err *);
int stage_ready(struct init *, struct err *);
int stage_limits(struct init *, struct err *);
int stage_seccomp(struct init *, struct err *);
int stage_payload(struct init *, struct err *);
