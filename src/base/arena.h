/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is freed as a whole.  The arena of `create`, `run` and `exec` is shared: it lies
 * at one address in husk and in husk-init, which maps a memfd there, so that the plan,
 * pointers and all, needs no marshalling.  The first word of that memory is the pointer to the
 * plan.  Everything that init reads must lie here: a string literal of husk is not at the same
 * address, or not at all, in husk-init.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * Below 2^37: exists on every 64-bit architecture, and far from where the kernel places things.
 * AddressSanitizer keeps its shadow there, so its builds set another one (configure.ac).
 */
#ifndef PLAN_ADDRESS
#define PLAN_ADDRESS    0x1000000000ul
#endif
#define PLAN_MAX        (256ul << 20)

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;     /* private memory */
	bool shared;
	int fd;                         /* the memfd, once sealed; 0 or negative: none */
	size_t used, size;              /* of the shared memory */
	bool sealed;                    /* allocations come from private memory from now on */
};

#define ARENA_NONE ((struct arena){ .fd = -1 })

/* Memory of the caller's, aligned to 16, that is used up first, so that a command which needs little asks the kernel for none. */
struct arena arena_in(char *room, size_t size);

/* AUTO(arena) NAME with such memory in the scope itself. */
#define ARENA_ROOM 12288
#define ARENA_HERE(name)                                                        \
	char name##_room[ARENA_ROOM] __attribute__((aligned(16)));              \
	AUTO(arena) name = arena_in(name##_room, sizeof(name##_room))

void arena_undo(struct arena *);

/* All of a private arena's memory is free again for the same use, without the system's help. */
void arena_clear(struct arena *);

/* Turns an empty arena into a shared one. Errors: mmap(2); one per process. */
int arena_share(struct arena *, struct err *);

/*
 * Ends writing: ROOT becomes the first word, all of it is copied into a memfd that is sealed against writing, growing,
 * shrinking and further seals, and is read-only from then on here, too.
 */
int arena_seal(struct arena *, const void *root, struct err *);

/* Whether [p, p+n) lies in the shared memory. */
bool arena_shares(const struct arena *, const void *p, size_t n);

/* Zeroed, aligned for anything, never NULL: out of memory ends the process with a message. */
void *arena_alloc(struct arena *, size_t);
/* The same for a text: not aligned, so that many short ones take no more room than they have bytes. */
char *arena_chars(struct arena *, size_t);
char *arena_strndup(struct arena *, const char *, size_t);
char *arena_strdup(struct arena *, const char *);       /* NULL gives NULL */
/* S as it lies in the shared memory: itself, when it is there already. NULL gives NULL. */
const char *arena_text(struct arena *, const char *s);
void *arena_dup(struct arena *, const void *, size_t);
char *arena_printf(struct arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* P, which came from elsewhere: NULL ends the process as it does in arena_alloc(). */
void *arena_given(void *p);

#define ARENA_NEW(a, T)         ((T *)arena_alloc((a), sizeof(T)))
#define ARENA_ARRAY(a, T, n)    ((T *)arena_alloc((a), sizeof(T) * (n)))
