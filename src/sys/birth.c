/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first instruction of a container's process, on the host.  A copy of husk's page tables would cost
 * more than all the rest of clone3(2), and libc's clone() has no CLONE_INTO_CGROUP.
 */
#include "sys/birth.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#if !defined(__SANITIZE_ADDRESS__) && (defined(__x86_64__) || defined(__aarch64__))
#define HAS_INSTRUCTIONS 1
#else
#define HAS_INSTRUCTIONS 0
#endif

#if HAS_INSTRUCTIONS && !defined(HUSK_INIT)
#define BIRTH_BY_COPY 0
#else
#define BIRTH_BY_COPY 1
#endif

#if BIRTH_BY_COPY

pid_t birth(struct clone_args *args, void (*fn)(void *), void *arg)
{
	long pid = sys_clone3(args, sizeof(*args));

	if (pid != 0)
		return (pid_t)pid;
	fn(arg);
	_exit(127);
}

#else

/*
 * The child starts on a stack of its own, where there is nothing to return to: no C function can
 * be left by it, hence the instructions.  clone3(2) leaves all registers but the result as they were.
 */
static long clone_and_call(struct clone_args *args, size_t size, void (*fn)(void *), void *arg)
{
#if defined(__x86_64__)
	register void (*r8)(void *) __asm__("r8") = fn;
	register void *r9 __asm__("r9") = arg;
	long ret;

	__asm__ volatile(
		"syscall\n\t"
		"test %%rax, %%rax\n\t"
		"jnz 1f\n\t"
		"xor %%ebp, %%ebp\n\t"
		"mov %%r9, %%rdi\n\t"
		"call *%%r8\n\t"
		"hlt\n"
		"1:"
		: "=a"(ret)
		: "a"(SYS_clone3), "D"(args), "S"(size), "r"(r8), "r"(r9)
		: "rcx", "r11", "memory", "cc");
	return ret;
#else
	register long x8 __asm__("x8") = SYS_clone3;
	register long x0 __asm__("x0") = (long)(uintptr_t)args;
	register size_t x1 __asm__("x1") = size;
	register void (*x9)(void *) __asm__("x9") = fn;
	register void *x10 __asm__("x10") = arg;

	__asm__ volatile(
		"svc #0\n\t"
		"cbnz x0, 1f\n\t"
		"mov x29, xzr\n\t"
		"mov x0, x10\n\t"
		"blr x9\n\t"
		"brk #0\n"
		"1:"
		: "+r"(x0)
		: "r"(x8), "r"(x1), "r"(x9), "r"(x10)
		: "memory", "cc");
	return x0;
#endif
}

pid_t birth(struct clone_args *args, void (*fn)(void *), void *arg)
{
	/* Ours to lend: we sleep until the child needs it no more. */
	char stack[BIRTH_STACK] __attribute__((aligned(16)));
	struct clone_args own = *args;
	long ret;

	own.flags |= CLONE_VM | CLONE_VFORK;
	own.stack = (uintptr_t)stack;
	own.stack_size = sizeof(stack);
	ret = clone_and_call(&own, sizeof(own), fn, arg);
	if (ret < 0) {
		errno = (int)-ret;
		return -1;
	}
	return (pid_t)ret;
}

#endif

#if HAS_INSTRUCTIONS

/* No C function can be left on another stack than it was entered on; the caller never leaves FN.  0 in the child, or -errno. */
static long clone_and_leave(struct clone_args *args, size_t size, void *top, void (*fn)(void *, pid_t), void *arg)
{
#if defined(__x86_64__)
	register void (*r8)(void *, pid_t) __asm__("r8") = fn;
	register void *r9 __asm__("r9") = arg;
	register void *r10 __asm__("r10") = top;
	long ret;

	__asm__ volatile(
		"syscall\n\t"
		"test %%rax, %%rax\n\t"
		"jle 1f\n\t"
		"mov %%r10, %%rsp\n\t"
		"xor %%ebp, %%ebp\n\t"
		"mov %%r9, %%rdi\n\t"
		"mov %%eax, %%esi\n\t"
		"call *%%r8\n\t"
		"hlt\n"
		"1:"
		: "=a"(ret)
		: "a"(SYS_clone3), "D"(args), "S"(size), "r"(r8), "r"(r9), "r"(r10)
		: "rcx", "r11", "memory", "cc");
	return ret;
#else
	register long x8 __asm__("x8") = SYS_clone3;
	register long x0 __asm__("x0") = (long)(uintptr_t)args;
	register size_t x1 __asm__("x1") = size;
	register void (*x9)(void *, pid_t) __asm__("x9") = fn;
	register void *x10 __asm__("x10") = arg;
	register void *x11 __asm__("x11") = top;

	__asm__ volatile(
		"svc #0\n\t"
		"cmp x0, #0\n\t"
		"b.le 1f\n\t"
		"mov sp, x11\n\t"
		"mov x29, xzr\n\t"
		"mov w1, w0\n\t"
		"mov x0, x10\n\t"
		"blr x9\n\t"
		"brk #0\n"
		"1:"
		: "+r"(x0)
		: "r"(x8), "r"(x1), "r"(x9), "r"(x10), "r"(x11)
		: "memory", "cc");
	return x0;
#endif
}

int birth_instead(struct clone_args *args, void *stack, size_t size, void (*fn)(void *, pid_t), void *arg)
{
	uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
	long ret = clone_and_leave(args, sizeof(*args), (void *)top, fn, arg);

	if (ret < 0) {
		errno = (int)-ret;
		return -1;
	}
	return 0;
}

#else

int birth_instead(struct clone_args *args, void *stack, size_t size, void (*fn)(void *, pid_t), void *arg)
{
	struct clone_args own = *args;
	long pid;

	(void)stack, (void)size;
	own.flags &= ~(uint64_t)CLONE_VM;
	pid = sys_clone3(&own, sizeof(own));
	if (pid > 0) {
		fn(arg, (pid_t)pid);
		_exit(127);
	}
	return (int)pid;
}

#endif
