/* SPDX-License-Identifier: Apache-2.0 */
/* A child that shares the caller's memory until it executes another program: vfork(2) with all that clone3(2) can do. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "sys/calls.h"

#define BIRTH_STACK     (64 << 10)

/*
 * Runs FN(ARG) in a new process, made with ARGS; FN must execute a program or _exit(2), and must not
 * return.  The caller sleeps until then.  CLONE_VM, CLONE_VFORK and the stack are added here; where they cannot be had
 * (an architecture without the few instructions below, a sanitizer) the child is a plain copy, so FN
 * must report by a descriptor, not by memory.  Returns the pid, or -1 with errno.
 */
pid_t birth(struct clone_args *args, void (*fn)(void *), void *arg);

/*
 * The other way round: the child goes on where the caller was, and the caller itself runs FN(ARG, pid of the child), which ends
 * with _exit(2).  It runs on STACK, so with CLONE_VM in ARGS both may share one memory without a copy: FN must write nothing there
 * but ARG and its stack, and of what libc keeps (errno) only for failures after which the child has no future.  Returns 0 in the
 * child; -1 with errno when there is none.  Where the instructions for it are missing the child is a plain copy.
 */
int birth_instead(struct clone_args *args, void *stack, size_t size, void (*fn)(void *, pid_t), void *arg);
