/* SPDX-License-Identifier: Apache-2.0 */
/* The arena: private and shared memory, and what the seal promises to init. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/own.h"
#include "unit/tap.h"

static bool is_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static void test_alloc(struct arena *a, const char *kind)
{
	bool zero = true, aligned = true;
	char *last = NULL, *p;

	for (size_t n = 0; n < 3000; n += 7) {
		p = arena_alloc(a, n);
		zero = zero && is_zero(p, n);
		aligned = aligned && (uintptr_t)p % 16 == 0;
		memset(p, 0xff, n);
	}
	OK(zero && aligned, "%s: blocks are zeroed and aligned", kind);
	p = arena_alloc(a, 3 << 20);
	OK(is_zero(p, 3 << 20), "%s: also one of 3 MiB", kind);
	last = arena_strdup(a, "text");
	SAME(last, "text", "%s: strdup", kind);
	OK(!arena_strdup(a, NULL), "%s: strdup of nothing", kind);
	SAME(arena_strndup(a, "abcdef", 3), "abc", "%s: strndup cuts", kind);
	SAME(arena_strndup(a, "ab", 30), "ab", "%s: strndup stops at the end", kind);
	SAME(arena_printf(a, "%d-%s", 5, "x"), "5-x", "%s: printf", kind);
	OK(!memcmp(arena_dup(a, "a\0b", 3), "a\0b", 3), "%s: dup", kind);
	OK(arena_dup(a, NULL, 0), "%s: dup of nothing", kind);
}

static bool dies_writing(char *p)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		*p = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return !WIFEXITED(status) || WEXITSTATUS(status);
}

static void test_shared(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct err e = { 0 };
	char *text, *after, page[64] = { 0 };
	struct stat st;
	const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

	OK(!arena_shares(&a, &a, 1), "an empty arena shares nothing");
	OK(arena_share(&a, &e) == 0, "an arena becomes shared: %s", e.msg);
	{
		AUTO(arena) b = ARENA_NONE;

		OK(arena_share(&b, &e) < 0, "but only one per process");
	}
	test_alloc(&a, "shared");
	text = arena_strdup(&a, "plan");
	OK(arena_shares(&a, text, 5), "what it gives lies in it");
	OK(!arena_shares(&a, text, 1 << 20) && !arena_shares(&a, "literal", 1) && !arena_shares(&a, &a, 1),
	   "other things do not");
	OK(!arena_shares(&a, text, SIZE_MAX), "nor what overflows");
	OK(arena_seal(&a, text, &e) == 0, "it is sealed: %s", e.msg);
	SAME(text, "plan", "and what it holds is still readable at the same place");
	OK(*(char **)PLAN_ADDRESS == text, "the first word leads to it");
	OK(fcntl(a.fd, F_GETFD) == FD_CLOEXEC, "its descriptor closes on exec");
	OK(fcntl(a.fd, F_GET_SEALS) == seals, "all seals are there");
	OK(dies_writing(text), "writing is impossible through the mapping");
	OK(write(a.fd, "x", 1) < 0 && errno == EPERM, "and through the descriptor");
	OK(ftruncate(a.fd, 0) < 0 && ftruncate(a.fd, 1 << 30) < 0, "nor can it shrink or grow");
	OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, a.fd, 0) == MAP_FAILED, "nor be mapped for writing");
	OK(fstat(a.fd, &st) == 0 && st.st_size % 4096 == 0 && (size_t)st.st_size < a.used + 4096,
	   "the file is as long as the plan");
	OK(pread(a.fd, page, 16, text - (char *)PLAN_ADDRESS) == 16 && !strcmp(page, "plan"), "init reads the same");
	after = arena_strdup(&a, "later");
	OK(!arena_shares(&a, after, 1), "later allocations are private");
	OK(arena_seal(&a, text, &e) < 0 && e.kind == ERR_BUG, "sealing twice is a bug");
}

static void test_clear(void)
{
	AUTO(arena) a = ARENA_NONE;
	char *first = arena_strdup(&a, "first"), *large;

	large = arena_alloc(&a, 100000);
	memset(large, 'x', 100000);
	arena_clear(&a);
	arena_clear(&a);
	large = arena_alloc(&a, 6);
	OK(large == first && !large[0] && !large[5], "cleared memory is handed out again, zeroed");
	arena_undo(&a);
	arena_clear(&a);
	OK(!a.chunks, "an empty arena can be cleared");
}

/* As it is on a stack: full of what was there before. */
static void test_lent(void)
{
	char room[1024] __attribute__((aligned(16)));
	struct arena a;
	char *p, *q;

	memset(room, 0xff, sizeof(room));
	a = arena_in(room, sizeof(room));
	p = arena_alloc(&a, 100);
	OK(p >= room && p + 100 <= room + sizeof(room) && is_zero(p, 100), "what fits lies in the room that was lent, zeroed");
	memset(p, 0xff, 100);
	arena_clear(&a);
	p = arena_alloc(&a, 100);
	OK(p >= room && p < room + sizeof(room) && is_zero(p, 100), "after a clear the room is free again");
	q = arena_alloc(&a, 1000);
	OK((q < room || q >= room + sizeof(room)) && is_zero(q, 1000), "what does not fit lies elsewhere");
	arena_undo(&a);
	OK(room[1023] == (char)0xff, "and it is the caller's that it ends with");
	a = arena_in(room, sizeof(room));
	test_alloc(&a, "lent");
	arena_undo(&a);
}

int main(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct arena zero = { 0 };
	struct err e = { 0 };

	test_alloc(&a, "private");
	OK(arena_seal(&a, NULL, &e) < 0, "a private arena cannot be sealed");
	arena_undo(&a);
	arena_undo(&a);
	OK(arena_strdup(&a, "again"), "an arena can be used again after undo, also twice");
	test_clear();
	test_lent();
	test_shared();
	test_shared();
	OK(arena_strdup(&zero, "zero"), "a zeroed struct is an empty arena");
	arena_undo(&zero);
	{
		int in = dup(0);
		AUTO(arena) b = ARENA_NONE;

		close(0);
		OK(arena_share(&b, &e) == 0 && arena_seal(&b, NULL, &e) == 0 && b.fd > 2, "a closed stdin is not taken for it");
		dup2(in, 0);
		close(in);
	}
	return tap_done();
}
