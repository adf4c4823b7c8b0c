/* SPDX-License-Identifier: Apache-2.0 */
/* Processes, named by descriptor. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Field 22 of /proc/PID/stat in clock ticks: with it a reused pid number is told apart. 0 and *ticks, -1 when gone. */
int process_start_time(pid_t, uint64_t *ticks, struct err *);
/* 0: it has none that we can see, or it is gone. */
pid_t process_parent(pid_t);
/* On its way out, of which no pidfd tells: the first process of a PID namespace waits there for all others. */
bool process_is_ending(pid_t);
/* The inode number of a pidfd, unique per process on pidfs (kernel >= 6.9); 0 where it is not. */
uint64_t process_pidfd_number(int pidfd);
/* Has it this number?  For one that was asked in this boot, on a 64-bit machine: elsewhere the kernel counts further than it tells. */
bool process_pidfd_is(int pidfd, uint64_t number);

/* True while the process has not exited (a zombie has). */
bool process_is_alive(int pidfd);

struct process_end { bool signaled; int code; bool core; };     /* exit code, or the signal */

/* As a shell says it: the exit code, or 128+N for signal N. */
static inline int process_end_code(const struct process_end *end)
{
	return end->signaled ? 128 + end->code : end->code;
}

/*
 * How a process that is nobody's child of ours ended.  1 and *end; 0 when it has not ended, or when nobody can tell any
 * more.  PIDFD must have been opened while it lived or was a zombie; PID is its number.  The kernel tells of a zombie
 * in /proc, and of one that was waited for by PIDFD_GET_INFO (Linux 6.15).
 */
int process_how_ended(int pidfd, pid_t, struct process_end *end);

/* Waits for a child by its pidfd (P_PIDFD), for ever; interrupted waits go on. */
int process_wait(int pidfd, struct process_end *, struct err *);
/* Waits until it is gone, child or not, MSEC at most (-1: for ever). 1 gone, 0 still there. */
int process_wait_gone(int pidfd, int msec, struct err *);
int process_signal(int pidfd, int sig, struct err *);           /* ESRCH stays in e->num */

/* Signals by name ("KILL", "SIGKILL", "RTMIN+3", "9"); -1 when there is none. */
int signal_number(const char *);
const char *signal_name(int, char buf[16]);
