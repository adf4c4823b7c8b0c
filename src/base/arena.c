/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is freed as a whole: in husk only, from the first read of config.json until the
 * command ends.  A shared arena grows at the end of one mapping, so nothing that was handed out moves; the memfd that
 * husk-init maps at the same address is made of it in one go, since a page of such a file costs more than one of memory.
 */
#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"

#define ALIGN           16ul
#define CHUNK           (32ul << 10)
#define SHARED_STEP     (256ul << 10)   /* pages that nobody touches cost nothing */
#define ROOT_ROOM       ALIGN           /* the pointer to the plan */

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	bool is_lent;                   /* by the caller, as it was: not zeroed */
	char data[] __attribute__((aligned(ALIGN)));
};

static char *shared_memory(void)
{
	return (char *)PLAN_ADDRESS;
}

static bool is_shared(const struct arena *a)
{
	return a->shared;
}

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* Nothing sensible can be done without memory, and no caller could be tested against it. */
__attribute__((noreturn, cold))
static void give_up(const char *why)
{
	log_error("%s", why);
	dprintf(STDERR_FILENO, "husk: %s\n", why);
	_exit(EXIT_FAILURE);
}

void arena_undo(struct arena *a)
{
	int saved = errno;

	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		if (!a->chunks->is_lent)
			free(a->chunks);
		a->chunks = next;
	}
	if (is_shared(a)) {
		munmap(shared_memory(), a->size);
		if (a->fd > 0)
			close(a->fd);
	}
	*a = ARENA_NONE;
	errno = saved;
}

struct arena arena_in(char *room, size_t size)
{
	struct arena_chunk *c = (struct arena_chunk *)(void *)room;

	*c = (struct arena_chunk){ .size = (size - sizeof(*c)) / ALIGN * ALIGN, .is_lent = true };
	return (struct arena){ .chunks = c, .fd = -1 };
}

void arena_clear(struct arena *a)
{
	struct arena_chunk *keep = a->chunks;

	if (!keep)
		return;
	while (keep->next) {
		struct arena_chunk *next = keep->next;

		keep->next = next->next;
		if (!next->is_lent)
			free(next);
	}
	if (!keep->is_lent)
		memset(keep->data, 0, keep->used);
	keep->used = 0;
}

/* N more bytes behind what is there. */
static int grow(struct arena *a, size_t n)
{
	void *p = mmap(shared_memory() + a->size, n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	a->size += n;
	return 0;
}

int arena_share(struct arena *a, struct err *e)
{
	if (grow(a, SHARED_STEP) < 0)
		return err_sys(e, "map the memory of the plan at %#lx", PLAN_ADDRESS);
	a->shared = true;
	a->used = ROOT_ROOM;
	a->sealed = false;
	return 0;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* 0 marks "none" (a zeroed struct is an empty arena), and stdin may have been closed. */
static int open_file(struct err *e)
{
	int fd = memfd_create("husk-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING), higher;

	if (fd == 0) {
		higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		close(fd);
		fd = higher;
	}
	return fd < 0 ? err_sys(e, "memfd_create") : fd;
}

int arena_seal(struct arena *a, const void *root, struct err *e)
{
	TRACE("seal plan");
	size_t size = round_up(a->used, (size_t)sysconf(_SC_PAGESIZE));
	AUTO_FD int fd = -EBADF;

	if (!is_shared(a) || a->sealed)
		return err_set(e, ERR_BUG, "seal: not an open shared arena");
	memcpy(shared_memory(), &root, sizeof(root));
	fd = open_file(e);
	if (fd < 0)
		return -1;
	if (write_all(fd, shared_memory(), size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0 ||
	    mprotect(shared_memory(), size, PROT_READ) < 0)
		return err_sys(e, "seal the memory of the plan");
	a->fd = TAKE_FD(fd);
	a->sealed = true;
	return 0;
}

bool arena_shares(const struct arena *a, const void *p, size_t n)
{
	uintptr_t at = (uintptr_t)p;

	return is_shared(a) && at >= PLAN_ADDRESS && at - PLAN_ADDRESS <= a->used &&
	       n <= a->used - (at - PLAN_ADDRESS);
}

static void *alloc_shared(struct arena *a, size_t n, size_t align)
{
	void *p;

	a->used = round_up(a->used, align);
	if (n > PLAN_MAX - a->used)
		give_up("the plan of this container does not fit into 256 MiB");
	if (n > a->size - a->used) {
		size_t size = round_up(a->used + n, SHARED_STEP);

		size = MAX(size, a->size * 2);
		size = MIN(size, PLAN_MAX);
		if (grow(a, size - a->size) < 0)
			give_up("out of memory");
	}
	p = shared_memory() + a->used;
	a->used += n;
	return p;
}

static void *alloc_private(struct arena *a, size_t n, size_t align)
{
	struct arena_chunk *c = a->chunks;
	void *p;

	/* Sizes of chunks are multiples of ALIGN, so this stays within. */
	if (c)
		c->used = round_up(c->used, align);
	if (!c || n > c->size - c->used) {
		size_t size = MAX(round_up(n, ALIGN), CHUNK);

		/* A large block that comes first brings the room for the small ones after it: one mapping for both. */
		if (!a->chunks && n > CHUNK / 4)
			size += CHUNK;
		c = calloc(1, sizeof(*c) + size);
		if (!c)
			give_up("out of memory");
		c->size = size;
		/* A large block goes behind the current one, whose rest is still good for small ones. */
		if (a->chunks && n > CHUNK / 4) {
			c->next = a->chunks->next;
			a->chunks->next = c;
		} else {
			c->next = a->chunks;
			a->chunks = c;
		}
	}
	p = c->data + c->used;
	c->used += n;
	return c->is_lent ? memset(p, 0, n) : p;
}

static void *alloc(struct arena *a, size_t n, size_t align)
{
	if (n > PTRDIFF_MAX - 2 * CHUNK)
		give_up("out of memory");
	n = n ? n : 1;
	return is_shared(a) && !a->sealed ? alloc_shared(a, n, align) : alloc_private(a, n, align);
}

void *arena_alloc(struct arena *a, size_t n)
{
	return alloc(a, n, ALIGN);
}

char *arena_chars(struct arena *a, size_t n)
{
	return alloc(a, n, 1);
}

void *arena_dup(struct arena *a, const void *p, size_t n)
{
	void *copy = arena_alloc(a, n);

	if (n)
		memcpy(copy, p, n);
	return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t max)
{
	size_t n = strnlen(s, max);
	return str_copy(arena_chars(a, n + 1), s, n);
}

const char *arena_text(struct arena *a, const char *s)
{
	return s && arena_shares(a, s, 1) ? s : arena_strdup(a, s);
}

void *arena_given(void *p)
{
	if (!p)
		give_up("out of memory");
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	size_t n = s ? strlen(s) + 1 : 0;

	return s ? str_copy(arena_chars(a, n), s, n) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char most[128];         /* long enough for most texts, which are so formatted only once */
	char *s;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(most, sizeof(most), fmt, ap);
	va_end(ap);
	if (n < 0)
		give_up("cannot format a text");
	s = arena_chars(a, (size_t)n + 1);
	if ((size_t)n < sizeof(most))
		memcpy(s, most, (size_t)n);
	else
		vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}
