/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The foreground of `run` and `exec`: copies between our terminal and the container's, passes
 * signals and window sizes on, reaps, and tells how the process ended.  On the host.
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"
#include "sys/process.h"

struct watch {
	pid_t pid;
	int pidfd;
	int console;                    /* master of the pty, -EBADF without one */
	int timer;                      /* a timerfd that ends our patience; 0 or negative: none */
	void (*expired)(void *self);    /* called once when it does; the watch goes on until the process has ended */
	void *self;
	int ready;                      /* where the container says READY=1; 0 or negative: nobody wants to know */
	const char *manager;            /* who wants to (parts/notify/notify.h) */
	int signals;                    /* from signals_open(), before the process could send any */
};

int watch_process(const struct watch *, struct process_end *end, struct err *);
