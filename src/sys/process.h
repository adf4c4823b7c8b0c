/* SPDX-License-Identifier: Apache-2.0 */
/* Processes, named by descriptor. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Field 22 of /proc/PID/stat in clock ticks: with it a reused pid number is told apart. 0 and *ticks, -1 when gone. */
int process_start_time(pid_t, uint64_t *ticks, struct err *);
/* The inode number of a pidfd, unique per process on pidfs (kernel >= 6.9); 0 where it is not. */
uint64_t process_pidfd_number(int pidfd);

/* True while the process has not exited (a zombie has). */
bool process_is_alive(int pidfd);

struct process_end { bool signaled; int code; bool core; };     /* exit code, or the signal */

/* Waits for a child by its pidfd (P_PIDFD), for ever; interrupted waits go on. */
int process_wait(int pidfd, struct process_end *, struct err *);
/* Waits until it is gone, child or not, MSEC at most (-1: for ever). 1 gone, 0 still there. */
int process_wait_gone(int pidfd, int msec, struct err *);
int process_signal(int pidfd, int sig, struct err *);           /* ESRCH stays in e->num */

/* Signals by name ("KILL", "SIGKILL", "RTMIN+3", "9"); -1 when there is none. */
int signal_number(const char *);
const char *signal_name(int, char buf[16]);
